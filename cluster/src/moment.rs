//! The time, as an argument.

/// A moment, as the wall clock and a clock that never goes backwards show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Milliseconds since 1970: for stamps, and for what other nodes must agree on.
    pub wall_ms: u64,
    /// Milliseconds since some moment: for timers.
    pub elapsed_ms: u64,
}
