//! The log lines of a bus that NATS can cause, limited.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::Time as _;
use crate::line_limit::LineLimit;
use crate::system_clock::SystemClock;

/// Which lines may be written.
#[derive(Default)]
pub(super) struct Lines(Mutex<LineLimit>);

impl Lines {
    /// Whether a line of this sort may be written now. If not it counts as left out.
    pub(super) fn allows(&self, sort: &'static str) -> bool {
        self.limit().allows(sort, SystemClock.now().elapsed_ms)
    }

    /// Writes how many lines were left out, at most once a second.
    pub(super) fn tell(&self) {
        self.limit().tell(SystemClock.now().elapsed_ms);
    }

    fn limit(&self) -> MutexGuard<'_, LineLimit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
