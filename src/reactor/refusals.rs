//! Clients that are being refused, oldest first.

use std::collections::VecDeque;

use crate::id::ConnectionId;

/// The most clients that may be in refusal at a time, unless the server drains. One more ends the oldest,
/// which has had the longest time to read its answer.
pub(super) const MAX_REFUSED: usize = 8192;

/// The most refused clients whose request is read first, since it may be a health check. One more makes the
/// oldest get its answer: it has had the longest time to send its request.
pub(super) const MAX_HEARD: usize = 1024;

/// The clients of one reactor that are being refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: usize,
    /// In order of arrival. Some may have ended.
    order: VecDeque<ConnectionId>,
    /// Clients whose request is read first. Some may have ended, or been answered.
    heard: VecDeque<ConnectionId>,
}

impl Refusals {
    /// Adds a client.
    pub(super) fn begin(&mut self, id: ConnectionId) {
        self.order.push_back(id);
        self.count += 1;
    }

    /// Takes the oldest if there may be too many. It may have ended already.
    pub(super) fn pop_excess(&mut self) -> Option<ConnectionId> {
        if self.order.len() > MAX_REFUSED { self.order.pop_front() } else { None }
    }

    /// Records that a client's request is read first.
    pub(super) fn hear(&mut self, id: ConnectionId) {
        self.heard.push_back(id);
    }

    /// Takes the oldest client whose request is awaited, if there are too many. It may have been answered
    /// already.
    pub(super) fn pop_unheard(&mut self) -> Option<ConnectionId> {
        if self.heard.len() > MAX_HEARD { self.heard.pop_front() } else { None }
    }

    /// Records that a client has ended.
    pub(super) fn end(&mut self) {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            self.order = VecDeque::new();
            self.heard = VecDeque::new();
        }
    }

    /// The number of clients that are being refused.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_ends_the_first() {
        let id = |number| ConnectionId::from_u64(number as u64);
        let mut refusals = Refusals::default();
        for number in 0..MAX_REFUSED {
            refusals.begin(id(number));
            assert_eq!(refusals.pop_excess(), None);
        }
        for number in 0..2 {
            refusals.begin(id(MAX_REFUSED + number));
            assert_eq!([0; 2].map(|_| refusals.pop_excess()), [Some(id(number)), None]);
        }
        for _ in 0..MAX_REFUSED + 2 {
            refusals.end();
        }
        assert_eq!(refusals.count(), 0);
        refusals.begin(id(0));
        assert_eq!(refusals.order.len(), 1, "nothing is left of those that have ended");
    }

    #[test]
    fn one_too_many_to_hear_has_the_first_answered() {
        let id = |number| ConnectionId::from_u64(number as u64);
        let mut refusals = Refusals::default();
        for number in 0..MAX_HEARD + 2 {
            refusals.begin(id(number));
            refusals.hear(id(number));
        }
        assert_eq!([0; 3].map(|_| refusals.pop_unheard()), [Some(id(0)), Some(id(1)), None]);
        (0..MAX_HEARD + 2).for_each(|_| refusals.end());
        refusals.hear(id(0));
        assert_eq!(refusals.heard.len(), 1, "nothing is left of those that have ended");
    }
}
