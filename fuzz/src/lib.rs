//! Shared parts of the fuzz targets: arrivals in pieces, traces of a decoder, a second inflater, a limit on
//! memory.

mod arrival;
mod inflaters;
mod memory;
mod trace;

pub use arrival::{Arrival, arrivals};
pub use inflaters::Inflaters;
pub use memory::{MAX_BYTES, bounded};
pub use trace::Trace;
