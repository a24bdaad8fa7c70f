//! Clients that are only told why they cannot come in, in the order in which they came.

use std::collections::VecDeque;

use crate::id::ConnectionId;

/// Clients that are being refused at one time, unless the server drains. One more ends the first of them, which has had
/// the longest time to read its answer.
pub(super) const MAX_REFUSED: usize = 8192;

/// Those of them whose request is read first, since it may be a health check. One more has the first of them answered,
/// which has had the longest time to send it.
pub(super) const MAX_HEARD: usize = 1024;

/// The clients of one reactor that are being refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: usize,
    /// Some of them may have ended.
    order: VecDeque<ConnectionId>,
    /// Those whose request is read first. Some of them may have ended, or been answered.
    heard: VecDeque<ConnectionId>,
}

impl Refusals {
    /// Notes one more. If there may be too many now: the first of them, which may have ended already.
    pub(super) fn begin(&mut self, id: ConnectionId) -> Option<ConnectionId> {
        let first = if self.order.len() < MAX_REFUSED { None } else { self.order.pop_front() };
        self.order.push_back(id);
        self.count += 1;
        first
    }

    /// The request of one of them is read first.
    pub(super) fn hear(&mut self, id: ConnectionId) {
        self.heard.push_back(id);
    }

    /// One that is heard and should be answered now, since there are too many. It may have been already.
    pub(super) fn unheard(&mut self) -> Option<ConnectionId> {
        if self.heard.len() > MAX_HEARD { self.heard.pop_front() } else { None }
    }

    /// One of them has ended.
    pub(super) fn end(&mut self) {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            self.order = VecDeque::new();
            self.heard = VecDeque::new();
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_makes_room_for_one_too_many() {
        let id = |number| ConnectionId::from_u64(number as u64);
        let mut refusals = Refusals::default();
        for number in 0..MAX_REFUSED {
            assert_eq!(refusals.begin(id(number)), None);
        }
        assert_eq!(refusals.begin(id(MAX_REFUSED)), Some(id(0)));
        assert_eq!(refusals.begin(id(MAX_REFUSED + 1)), Some(id(1)));
        for _ in 0..MAX_REFUSED + 2 {
            refusals.end();
        }
        assert_eq!(refusals.count(), 0);
        assert_eq!(refusals.begin(id(0)), None, "nothing is left of those that have ended");
    }

    #[test]
    fn the_first_one_that_is_heard_makes_room_for_one_too_many() {
        let id = |number| ConnectionId::from_u64(number as u64);
        let mut refusals = Refusals::default();
        for number in 0..MAX_HEARD + 2 {
            refusals.begin(id(number));
            refusals.hear(id(number));
        }
        assert_eq!([0; 3].map(|_| refusals.unheard()), [Some(id(0)), Some(id(1)), None]);
        (0..MAX_HEARD + 2).for_each(|_| refusals.end());
        refusals.hear(id(0));
        assert_eq!(refusals.heard.len(), 1, "nothing is left of those that have ended");
    }
}
