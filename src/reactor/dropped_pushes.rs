//! Counts pushes that were dropped since too much waits to be sent to many, and says when to log them.

use crate::moment::Moment;

/// Milliseconds between two log lines.
const LOG_EVERY_MS: u64 = 1000;

/// Dropped pushes that are not logged yet, counted for each receiver.
#[derive(Debug, Default)]
pub(super) struct DroppedPushes {
    count: u64,
    logged_at: Option<Moment>,
}

impl DroppedPushes {
    /// Counts a push to this many receivers. Returns how many to log now, if any.
    pub(super) fn count(&mut self, receivers: u64, now: Moment) -> Option<u64> {
        self.count += receivers;
        let is_due = self.logged_at.is_none_or(|at| now.since(at) >= LOG_EVERY_MS);
        is_due.then(|| {
            self.logged_at = Some(now);
            std::mem::take(&mut self.count)
        })
    }
}
