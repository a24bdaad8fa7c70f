//! What the fuzz targets share: how bytes arrive, what a decoder makes of them, and what memory it takes.

mod arrival;
mod memory;
mod trace;

pub use arrival::{Arrival, arrivals};
pub use memory::{MAX_BYTES, bounded};
pub use trace::Trace;
