//! How many publishes may be unfinished: each holds a permit until it has reached all its subscribers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::PublishError;
use super::limits::{MAX_UNFINISHED, MAX_UNFINISHED_BYTES};

/// Bytes that a publish holds beside its push and its receivers: its mail, and what the workers remember of
/// it.
const OWN_BYTES: usize = 256;
/// Bytes that each receiver of a publish takes until it is reached.
const RECEIVER_BYTES: usize = 16;

/// With this many unfinished small publishes, a client waits until other workers have sent its own.
const FEW_SMALL: usize = 256;

/// How much of the limits a publish may use up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quota {
    /// Three quarters: publishes of clients and of calls by mail, so that they leave the application
    /// something.
    #[default]
    Guest,
    /// All: publishes that the application makes by itself, in a tick, between turns, when a drain begins, or
    /// on a thread of its own.
    Application,
}

impl Quota {
    fn of(self, limit: usize) -> usize {
        match self {
            Quota::Guest => limit / 4 * 3,
            Quota::Application => limit,
        }
    }
}

/// The unfinished publishes of a server.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    publishes: AtomicUsize,
    /// Those that are sent at once: their number has no limit.
    small: AtomicUsize,
    bytes: AtomicUsize,
}

/// The right of one publish to wait, on any worker. Dropped when it has reached everybody.
#[derive(Debug)]
pub(crate) struct Permit {
    of: Arc<Unfinished>,
    is_small: bool,
    bytes: usize,
}

impl Permit {
    /// Counts a publish of `frame_bytes` to this many receivers. `is_small` says that it is sent at once, as
    /// soon as the call that made it has returned; it counts with its bytes only.
    pub(super) fn new(
        of: &Arc<Unfinished>,
        frame_bytes: usize,
        receivers: usize,
        is_small: bool,
        quota: Quota,
    ) -> Result<Self, PublishError> {
        let bytes = receivers.saturating_mul(RECEIVER_BYTES).saturating_add(frame_bytes + OWN_BYTES);
        let (count, most) = of.count(is_small);
        take(count, 1, quota.of(most)).ok_or(PublishError::TooMany)?;
        if take(&of.bytes, bytes, quota.of(MAX_UNFINISHED_BYTES)).is_none() {
            count.fetch_sub(1, Ordering::AcqRel);
            return Err(PublishError::TooMuchData);
        }
        Ok(Permit { of: of.clone(), is_small, bytes })
    }

    /// Whether the client that made the publish waits until other workers have sent it: it is large, or many
    /// small ones are unfinished.
    pub(crate) fn holds_back(&self) -> bool {
        !self.is_small || self.of.small.load(Ordering::Acquire) > FEW_SMALL
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.of.count(self.is_small).0.fetch_sub(1, Ordering::AcqRel);
        self.of.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Unfinished {
    /// The count of publishes of this kind, and its limit.
    fn count(&self, is_small: bool) -> (&AtomicUsize, usize) {
        if is_small { (&self.small, usize::MAX) } else { (&self.publishes, MAX_UNFINISHED) }
    }

    /// The number of unfinished publishes to many, and the bytes of all.
    pub(super) fn counted(&self) -> (usize, usize) {
        (self.publishes.load(Ordering::Acquire), self.bytes.load(Ordering::Acquire))
    }
}

/// Adds to a count, unless it would pass its limit.
fn take(count: &AtomicUsize, more: usize, limit: usize) -> Option<usize> {
    let add = |count: usize| count.checked_add(more).filter(|count| *count <= limit);
    count.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_and_their_bytes_are_bounded_and_counted_back() {
        let of = Arc::new(Unfinished::default());
        let permit =
            |bytes, receivers, is_small| Permit::new(&of, bytes, receivers, is_small, Quota::Application);
        let many: Vec<_> = (0..MAX_UNFINISHED).map(|_| permit(100, 100, false).unwrap()).collect();
        assert_eq!(permit(100, 100, false).unwrap_err(), PublishError::TooMany);
        let small = permit(100, 2, true).expect("it counts with its bytes only");
        let each = 100 + 100 * RECEIVER_BYTES + OWN_BYTES;
        assert_eq!(
            of.counted(),
            (MAX_UNFINISHED, MAX_UNFINISHED * each + 100 + 2 * RECEIVER_BYTES + OWN_BYTES)
        );
        drop((many, small));
        assert_eq!(of.counted(), (0, 0));
        let most = MAX_UNFINISHED_BYTES - OWN_BYTES;
        assert_eq!(permit(most + 1, 0, false).unwrap_err(), PublishError::TooMuchData);
        assert_eq!(permit(1, usize::MAX, false).unwrap_err(), PublishError::TooMuchData);
        assert_eq!(of.counted(), (0, 0), "a refused one is not counted");
        let all = permit(most, 0, false).unwrap();
        assert_eq!(permit(0, 0, true).unwrap_err(), PublishError::TooMuchData);
        drop(all);
        assert_eq!(of.counted(), (0, 0));
    }

    #[test]
    fn clients_leave_the_application_a_quarter() {
        let of = Arc::new(Unfinished::default());
        let permit = |bytes, quota| Permit::new(&of, bytes, 0, false, quota);
        let guests: Vec<_> = (0..MAX_UNFINISHED).map_while(|_| permit(1, Quota::Guest).ok()).collect();
        assert_eq!(guests.len(), MAX_UNFINISHED * 3 / 4);
        let own: Vec<_> = (0..MAX_UNFINISHED).map_while(|_| permit(1, Quota::Application).ok()).collect();
        assert_eq!(own.len(), MAX_UNFINISHED / 4);
        drop((guests, own));
        let most = MAX_UNFINISHED_BYTES * 3 / 4 - OWN_BYTES;
        assert_eq!(permit(most + 1, Quota::Guest).unwrap_err(), PublishError::TooMuchData);
        let guest = permit(most, Quota::Guest).unwrap();
        let rest = MAX_UNFINISHED_BYTES / 4 - OWN_BYTES;
        assert!(permit(0, Quota::Guest).is_err() && permit(rest, Quota::Application).is_ok());
        drop(guest);
        assert_eq!(of.counted(), (0, 0));
    }
}
