//! The time, as an argument.

use crate::clock::clock_at;

/// A moment, as the wall clock and a clock that never goes backwards show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Milliseconds since 1970: for stamps, and for what other nodes must agree on.
    pub wall_ms: u64,
    /// The part of the next millisecond that has passed, in 65,536ths.
    pub wall_fraction: u16,
    /// Milliseconds since some moment: for timers.
    pub elapsed_ms: u64,
}

impl Moment {
    /// The wall clock as a time of the cluster's clock.
    pub(crate) fn clock(self) -> u64 {
        clock_at(self.wall_ms) | u64::from(self.wall_fraction)
    }
}
