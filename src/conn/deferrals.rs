//! The deferred requests of a connection that are unanswered.

use crate::config::MAX_TICKETS;
use crate::moment::Moment;
use crate::router::Deferral;

/// A deferred request that waits for its answer.
#[derive(Debug)]
pub(super) struct Deferred {
    pub(super) deferral: Deferral,
    /// Later packets may pass it.
    pub(super) is_unordered: bool,
    /// When it is refused.
    pub(super) deadline: Moment,
}

/// The unanswered requests of one connection, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Deferrals {
    list: Vec<Deferred>,
    /// Whether the next packet has to wait.
    holds_back: bool,
}

impl Deferrals {
    pub(super) fn add(&mut self, deferred: Deferred) {
        debug_assert!(self.list.len() < MAX_TICKETS, "no packet is handled beside so many");
        self.list.push(deferred);
        self.update();
    }

    /// Takes the request with this number, if it waits.
    pub(super) fn take(&mut self, seq: u64) -> Option<Deferred> {
        let at = self.list.iter().position(|deferred| deferred.deferral.seq == seq)?;
        Some(self.remove(at))
    }

    /// Takes a request whose deadline has passed. One whose answer is on its way has no deadline any more.
    pub(super) fn take_late(&mut self, now: Moment) -> Option<Deferred> {
        for deferred in self.list.iter_mut().filter(|deferred| deferred.deadline <= now) {
            deferred.deadline = Moment::NEVER;
            if deferred.deferral.awaited.expire() {
                let seq = deferred.deferral.seq;
                return self.take(seq);
            }
        }
        None
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Moment {
        self.list.iter().map(|deferred| deferred.deadline).min().unwrap_or(Moment::NEVER)
    }

    /// Whether the connection's next packet has to wait: an ordered request is unanswered, or too many are.
    pub(super) fn holds_back(&self) -> bool {
        self.holds_back
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Deferred> {
        self.list.iter()
    }

    fn remove(&mut self, at: usize) -> Deferred {
        let deferred = self.list.remove(at);
        self.update();
        deferred
    }

    fn update(&mut self) {
        self.holds_back =
            self.list.len() >= MAX_TICKETS || self.list.iter().any(|deferred| !deferred.is_unordered);
    }
}
