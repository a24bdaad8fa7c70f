//! The clock of a run: nanoseconds since it began.

use std::time::{Duration, Instant};

/// A clock that begins at 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a client has no reactor whose clock it could read")]
    pub(super) fn start() -> Self {
        Clock(Instant::now())
    }

    /// Nanoseconds since the start.
    pub(super) fn now(self) -> u64 {
        nanos(self.0.elapsed())
    }
}

/// A duration in nanoseconds.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
