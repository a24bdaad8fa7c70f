//! Points in time until which the referee waits.

use std::time::{Duration, Instant};

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn after(wait: Duration) -> Self {
        Deadline(now() + wait)
    }

    /// The time that is left; `None` if there is none.
    pub(super) fn left(self) -> Option<Duration> {
        Some(self.0.saturating_duration_since(now())).filter(|left| !left.is_zero())
    }
}

#[expect(clippy::disallowed_methods, reason = "the referee has no reactor whose clock it could read")]
pub(super) fn now() -> Instant {
    Instant::now()
}
