//! A tick, as the application is told of it.

use std::time::Duration;

/// A tick of the application, at a point of the grid of [`Config::tick`](crate::Config::tick).
///
/// Point `n` is `n` periods after the grid began, however late earlier ticks were. If a point cannot be met
/// before the next one has come, it is skipped: there is never more than one tick in a turn, and none is made
/// up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tick {
    /// The number of its point, from 1. All workers of a server share one grid.
    pub number: u64,
    /// How many points have been skipped since the last tick of this worker.
    pub missed: u64,
    /// How long after its point the tick was called. About a millisecond is usual, since a poll waits for
    /// whole milliseconds; it is never early.
    pub late: Duration,
}
