//! What goes to many connections: as far as a turn has time for it, and on in later ones.
//!
//! A fan-out has the receivers of the moment at which it was asked for. It reaches them in the order of their slots,
//! and whatever else is sent to one of them goes behind it: [`Core::reach`] comes before. The client that asked
//! for it is not read until it has reached all of them, so that nobody adds to it faster than it gets done.

use std::collections::{HashSet, VecDeque};

use super::budget::{SLICE_BYTES, STEP_BYTES, Step};
use super::core::Core;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::push::Push;
use crate::router::Application;

/// What is sent at once, in bytes, a write counted as [`STEP_BYTES`]: a small room's worth.
const AT_ONCE_BYTES: usize = 64 * STEP_BYTES;
/// Unfinished fan-outs that mail has brought, at which no more of it is delivered. Those of clients hold back the
/// clients that asked for them.
const MAX_BY_MAIL: usize = 256;
/// Unfinished fan-outs that are many: from here on a client adds few of them in a turn.
const MANY: usize = 256;
/// Bytes of pushes and lists of receivers that unfinished fan-outs hold at most. Clients that leave once they have
/// asked for some are not held back by them.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What it takes to note a receiver, or to look whether a fan-out has it among its own, in bytes.
const RECEIVER_BYTES: usize = 32;
/// Milliseconds between two complaints that there was no room.
const COMPLAINT_MS: u64 = 1000;

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
    /// Those that no client has asked for.
    by_mail: usize,
    /// What all of them hold.
    bytes: usize,
    /// Pushes that were dropped and not yet complained of, one for each receiver.
    dropped: u64,
    complained_at: Option<Moment>,
}

impl FanOuts {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn are_many(&self) -> bool {
        self.list.len() >= MANY
    }

    /// Whether mail has brought so many that no more is to be delivered.
    pub(super) fn hold_back_mail(&self) -> bool {
        self.by_mail >= MAX_BY_MAIL
    }

    fn has_room_for(&self, fan_out: &FanOut) -> bool {
        self.bytes.saturating_add(fan_out.bytes()) <= MAX_BYTES
    }

    fn push(&mut self, fan_out: FanOut) {
        self.bytes += fan_out.bytes();
        self.by_mail += usize::from(fan_out.by.is_none());
        self.list.push_back(fan_out);
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
        let (by_mail, bytes) = (&mut self.by_mail, &mut self.bytes);
        self.list.retain(|fan_out| {
            let is_finished = fan_out.is_finished();
            if is_finished {
                *by_mail -= usize::from(fan_out.by.is_none());
                *bytes -= fan_out.bytes();
            }
            !is_finished
        });
        if self.next >= self.list.len() {
            self.next = 0;
        }
    }
}

impl FanOut {
    /// What it holds.
    fn bytes(&self) -> usize {
        size_of_val(self.to.as_slice()) + self.push.frame().len()
    }

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
            let is_left = left.binary_search_by_key(&id.order(), |other| other.order()).is_ok();
            is_left && self.reached.insert(id)
        };
        while !self.reached.is_empty() && self.receiver().is_some_and(|first| self.reached.remove(&first)) {
            self.next += 1;
        }
        takes
    }
}

impl<S: Application> Core<S> {
    /// Sends a push to many connections: at once, or when there is time for it.
    pub(super) fn fan_out_to(&mut self, by: Option<ConnectionId>, mut to: Vec<ConnectionId>, push: Push) {
        // Mostly it is in this order already.
        to.sort_unstable_by_key(|id| id.order());
        to.dedup();
        self.turn.charge(to.len() * RECEIVER_BYTES);
        let cost = to.len().saturating_mul(push.frame().len() + STEP_BYTES);
        if cost <= AT_ONCE_BYTES && self.turn.allows(Step::FanOut, usize::MAX) {
            for id in to {
                self.reach(id);
                self.send_now(id, &push);
            }
        } else if !to.is_empty() {
            self.queue_fan_out(FanOut { by, to, next: 0, reached: HashSet::new(), push });
        }
    }

    /// Has a fan-out go on when there is time, if there is room for it.
    fn queue_fan_out(&mut self, fan_out: FanOut) {
        if !self.fan_outs.has_room_for(&fan_out) {
            return self.drop_fan_out(fan_out.to.len());
        }
        for &id in &fan_out.to {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.standing.set_awaited(true);
            }
        }
        if let Some(entry) = fan_out.by.and_then(|by| self.slots.get_mut(by)) {
            entry.standing.set_owes(true);
        }
        self.fan_outs.push(fan_out);
    }

    /// Counts a push to so many that there is no room for.
    #[cold]
    fn drop_fan_out(&mut self, receivers: usize) {
        self.lent.tools.totals.send_errors += receivers as u64;
        self.fan_outs.dropped += receivers as u64;
        if self.fan_outs.complained_at.is_none_or(|at| self.now.since(at) >= COMPLAINT_MS) {
            self.fan_outs.complained_at = Some(self.now);
            let dropped = std::mem::take(&mut self.fan_outs.dropped);
            log::error!("too much waits to be sent to many: {dropped} messages were dropped");
        }
    }

    /// Whether a connection has asked for a fan-out that is not finished.
    #[inline]
    pub(super) fn owes(&mut self, id: ConnectionId) -> bool {
        !self.fan_outs.is_empty() && self.owes_one(id)
    }

    #[cold]
    fn owes_one(&mut self, id: ConnectionId) -> bool {
        let Some(entry) = self.slots.get_mut(id).filter(|entry| entry.standing.owes()) else { return false };
        let owes = self.fan_outs.owes(id);
        entry.standing.set_owes(owes);
        owes
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
            let bytes = self.reach_late(id) + STEP_BYTES;
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
        if self.fan_outs.is_empty() { 0 } else { self.reach_awaited(id) }
    }

    #[cold]
    fn reach_awaited(&mut self, id: ConnectionId) -> usize {
        let is_awaited = self.slots.get(id).is_some_and(|entry| entry.standing.is_awaited());
        if is_awaited { self.reach_late(id) } else { 0 }
    }

    #[cold]
    fn reach_late(&mut self, id: ConnectionId) -> usize {
        if let Some(entry) = self.slots.get_mut(id) {
            entry.standing.set_awaited(false);
        }
        let (mut bytes, count) = (0, self.fan_outs.list.len());
        for at in 0..count {
            let Some(push) = self.fan_outs.take_push(at, id) else { continue };
            let len = push.frame().len();
            if self.gathered(id) + len > SLICE_BYTES {
                // What its socket takes of it does not count as if it waited.
                self.write_gathered_for(id);
            }
            self.send_now(id, &push);
            bytes += len;
        }
        self.fan_outs.drop_finished();
        self.turn.charge(bytes + count * RECEIVER_BYTES);
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
    fn what_clients_have_asked_for_holds_back_no_mail_and_all_is_bounded() {
        let by_mail = || FanOut { by: None, ..fan_out(0, &[1]) };
        let many = u32::try_from(MANY).unwrap();
        let mut fan_outs = FanOuts::default();
        (0..many).for_each(|client| fan_outs.push(fan_out(client, &[1])));
        assert!(fan_outs.are_many() && !fan_outs.hold_back_mail());
        (1..MAX_BY_MAIL).for_each(|_| fan_outs.push(by_mail()));
        assert!(!fan_outs.hold_back_mail());
        fan_outs.push(by_mail());
        assert!(fan_outs.hold_back_mail());
        // They are large, and lists of receivers count like what is sent to them.
        let to = vec![id(1); MAX_BYTES / 2 / size_of::<ConnectionId>() - 100_000];
        let large = || FanOut { to: to.clone(), ..by_mail() };
        assert!(fan_outs.has_room_for(&large()));
        fan_outs.push(large());
        fan_outs.push(large());
        assert!(fan_outs.has_room_for(&by_mail()) && !fan_outs.has_room_for(&large()));
        for fan_out in &mut fan_outs.list {
            fan_out.next = fan_out.to.len();
        }
        fan_outs.drop_finished();
        assert!(fan_outs.is_empty() && fan_outs.has_room_for(&large()) && !fan_outs.hold_back_mail());
    }

    #[test]
    fn clients_take_turns_and_owe_until_all_are_reached() {
        let mut fan_outs = FanOuts::default();
        [fan_out(8, &[1, 2]), fan_out(8, &[1, 2]), fan_out(9, &[2, 3])]
            .into_iter()
            .for_each(|fan_out| fan_outs.push(fan_out));
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
        assert_eq!((fan_outs.bytes, fan_outs.by_mail), (0, 0));
    }
}
