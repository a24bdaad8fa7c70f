//! What goes to many connections: as far as a turn has time for it, and on in later ones.
//!
//! A fan-out has the receivers of the moment at which it was asked for. It reaches them in the order of their slots,
//! and whatever else is sent to one of them goes behind it: [`Core::reach`] comes before. The client that asked
//! for it is not read until it has reached all of them, so that nobody adds to it faster than it gets done.

use std::collections::{HashSet, VecDeque};

use super::budget::{SLICE_BYTES, STEP_BYTES, Step};
use super::core::Core;
use crate::id::ConnectionId;
use crate::push::Push;
use crate::router::Application;

/// What is sent at once, in bytes, a write counted as [`STEP_BYTES`]: a small room's worth.
const AT_ONCE_BYTES: usize = 64 * STEP_BYTES;
/// Unfinished fan-outs at which no mail is delivered, which could bring more of them.
const MAX_UNFINISHED: usize = 256;

/// One push to many.
#[derive(Debug)]
struct FanOut {
    /// The connection whose request led to it; none if no client's did.
    by: Option<ConnectionId>,
    /// In the order of their slots.
    to: Vec<ConnectionId>,
    /// The first of them that it has not reached in its turn.
    next: usize,
    /// Those behind that one that it has reached already, since something else was sent to them.
    reached: HashSet<ConnectionId>,
    push: Push,
}

/// All that have not reached everybody, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct FanOuts {
    list: VecDeque<FanOut>,
    /// Whose turn it is.
    next: usize,
}

impl FanOuts {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_UNFINISHED
    }

    #[cfg(feature = "sim")]
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether a connection has asked for one that is not finished.
    pub(super) fn owes(&self, id: ConnectionId) -> bool {
        self.list.iter().any(|fan_out| fan_out.by == Some(id))
    }

    /// The next receiver of the fan-out whose turn it is.
    fn next_receiver(&self) -> Option<ConnectionId> {
        self.list.get(self.next).and_then(FanOut::receiver)
    }

    /// Passes the turn to the next one that another client has asked for, if there is one.
    fn pass_turn(&mut self) {
        let by = self.list.get(self.next).and_then(|fan_out| fan_out.by);
        let count = self.list.len();
        let others = (1..count).map(|step| (self.next + step) % count);
        let another = others.into_iter().find(|&at| self.list.get(at).is_some_and(|other| other.by != by));
        self.next = another.unwrap_or(self.next);
    }

    /// The push of the fan-out at `at`, if it has still to reach this connection; from now on it has.
    fn take_push(&mut self, at: usize, id: ConnectionId) -> Option<Push> {
        let fan_out = self.list.get_mut(at)?;
        fan_out.take(id).then(|| fan_out.push.clone())
    }

    /// Drops what has reached everybody.
    fn drop_finished(&mut self) {
        let before = self.list.iter().take(self.next).filter(|fan_out| fan_out.is_finished()).count();
        self.next -= before;
        self.list.retain(|fan_out| !fan_out.is_finished());
        if self.next >= self.list.len() {
            self.next = 0;
        }
    }
}

impl FanOut {
    fn is_finished(&self) -> bool {
        self.next >= self.to.len()
    }

    fn receiver(&self) -> Option<ConnectionId> {
        self.to.get(self.next).copied()
    }

    /// Whether it has still to reach this connection; from now on it has.
    fn take(&mut self, id: ConnectionId) -> bool {
        // Most of them come in their order.
        let takes = if self.receiver() == Some(id) {
            self.next += 1;
            true
        } else {
            let left = self.to.get(self.next..).unwrap_or_default();
            let is_left = left.binary_search_by_key(&order(id), |&other| order(other)).is_ok();
            is_left && self.reached.insert(id)
        };
        while !self.reached.is_empty() && self.receiver().is_some_and(|first| self.reached.remove(&first)) {
            self.next += 1;
        }
        takes
    }
}

/// As connections lie in memory, and their sockets in the system's.
fn order(id: ConnectionId) -> (usize, u64) {
    (id.slot(), id.to_u64())
}

impl<S: Application> Core<S> {
    /// Sends a push to many connections: at once, or when there is time for it.
    pub(super) fn fan_out_to(&mut self, by: Option<ConnectionId>, mut to: Vec<ConnectionId>, push: Push) {
        to.sort_unstable_by_key(|&id| order(id));
        to.dedup();
        let cost = to.len().saturating_mul(push.frame().len() + STEP_BYTES);
        if cost <= AT_ONCE_BYTES && self.turn.allows(Step::FanOut, usize::MAX) {
            for id in to {
                self.reach(id);
                self.send_now(id, &push);
            }
        } else if !to.is_empty() {
            self.fan_outs.list.push_back(FanOut { by, to, next: 0, reached: HashSet::new(), push });
        }
    }

    /// Lets fan-outs go on, those of each client in turn, as long as there is time. A receiver is given all
    /// that waits for it at once.
    #[inline]
    pub(super) fn fan_out(&mut self) {
        if !self.fan_outs.is_empty() {
            self.go_on_with_fan_outs();
        }
    }

    #[cold]
    fn go_on_with_fan_outs(&mut self) {
        let (mut done, mut slice) = (0, 0);
        while self.turn.allows(Step::FanOut, done)
            && let Some(id) = self.fan_outs.next_receiver()
        {
            let bytes = self.reach(id) + STEP_BYTES;
            self.turn.charge(STEP_BYTES);
            (done, slice) = (done + 1, slice + bytes);
            if slice >= SLICE_BYTES {
                self.fan_outs.pass_turn();
                slice = 0;
            }
        }
        self.fan_outs.pass_turn();
    }

    /// Sends a connection its part of all fan-outs that have not reached it, so that what it is sent next comes
    /// behind. How many bytes that were.
    #[inline]
    pub(super) fn reach(&mut self, id: ConnectionId) -> usize {
        if self.fan_outs.is_empty() { 0 } else { self.reach_late(id) }
    }

    #[cold]
    fn reach_late(&mut self, id: ConnectionId) -> usize {
        let mut bytes = 0;
        for at in 0..self.fan_outs.list.len() {
            if let Some(push) = self.fan_outs.take_push(at, id) {
                self.send_now(id, &push);
                bytes += push.frame().len();
            }
        }
        self.fan_outs.drop_finished();
        self.turn.charge(bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(slot: u32) -> ConnectionId {
        ConnectionId::new(0, slot, 1)
    }

    fn fan_out(by: u32, to: &[u32]) -> FanOut {
        let to = to.iter().map(|&slot| id(slot)).collect();
        FanOut { by: Some(id(by)), to, next: 0, reached: HashSet::new(), push: Push::new(1210, b"hello") }
    }

    #[test]
    fn each_receiver_is_reached_once_in_whatever_order() {
        for order in [[1, 3, 5, 7], [7, 5, 3, 1], [3, 1, 7, 5]] {
            let mut fan_out = fan_out(0, &[1, 3, 5, 7]);
            for (at, &slot) in order.iter().enumerate() {
                assert!(!fan_out.is_finished(), "before receiver {at} of {order:?}");
                assert!(!fan_out.take(id(2)), "no receiver");
                assert!(fan_out.take(id(slot)) && !fan_out.take(id(slot)), "{slot} of {order:?}");
                assert!(!fan_out.take(ConnectionId::new(0, slot, 2)), "a later life of the slot");
            }
            assert!(fan_out.is_finished() && fan_out.reached.is_empty());
        }
    }

    #[test]
    fn clients_take_turns_and_owe_until_all_are_reached() {
        let mut fan_outs = FanOuts::default();
        fan_outs.list.extend([fan_out(8, &[1, 2]), fan_out(8, &[1, 2]), fan_out(9, &[2, 3])]);
        let mut seen = vec![];
        while let Some(next) = fan_outs.next_receiver() {
            let owes = (fan_outs.owes(id(8)), fan_outs.owes(id(9)));
            let count = (0..fan_outs.list.len()).filter(|&at| fan_outs.take_push(at, next).is_some()).count();
            seen.push((next.slot(), count, owes));
            fan_outs.drop_finished();
            fan_outs.pass_turn();
        }
        let expected = [(1, 2, (true, true)), (2, 3, (true, true)), (3, 1, (false, true))];
        assert_eq!(seen, expected);
        assert!(fan_outs.is_empty() && !fan_outs.owes(id(9)));
    }
}
