//! What the fuzz targets share: how bytes arrive, what a decoder and an inflater make of them, and what memory it
//! takes.

mod arrival;
mod inflaters;
mod memory;
mod trace;

pub use arrival::{Arrival, arrivals};
pub use inflaters::Inflaters;
pub use memory::{MAX_BYTES, bounded};
pub use trace::Trace;
