//! What goes to many connections: as far as a turn has time for it, and on in later ones.
//!
//! A fan-out has the receivers of the moment at which it was asked for. It reaches them in the order of their slots,
//! and whatever else is sent to one of them goes behind it: [`Core::reach`] comes before. The client that asked
//! for it is not read until it has reached all of them, so that nobody adds to it faster than it gets done.

use super::budget::{SLICE_BYTES, STEP_BYTES, Step};
use super::core::Core;
use super::fan_outs::FanOut;
use crate::id::ConnectionId;
use crate::push::Push;
use crate::router::Application;

/// What is sent at once, in bytes, a write counted as [`STEP_BYTES`]: a small room's worth.
const AT_ONCE_BYTES: usize = 64 * STEP_BYTES;
/// What one receiver is sent at once where fan-outs go on, in bytes: then the turn may have no time left.
const RECEIVER_SLICE_BYTES: usize = 4 * SLICE_BYTES;
/// What it takes to note a receiver, and to find again what it is to be sent, in bytes.
const RECEIVER_BYTES: usize = 32;

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
            self.begin_fan_out(FanOut { by, to, push });
        }
    }

    /// Has a fan-out go on when there is time, if there is room for it.
    fn begin_fan_out(&mut self, mut fan_out: FanOut) {
        if !self.fan_outs.has_room_for(&fan_out) {
            return self.drop_fan_out(fan_out.to.len());
        }
        // One that has left is no receiver, and whoever has its slot now is none either.
        fan_out.to.retain(|&id| {
            let receiver = self.slots.get_mut(id);
            receiver.map(|entry| entry.standing.set_awaited(true)).is_some()
        });
        if fan_out.to.is_empty() {
            return;
        }
        let asker = fan_out.by.and_then(|by| self.slots.get_mut(by));
        let is_here = asker.map(|entry| entry.standing.set_owes(true)).is_some();
        self.fan_outs.begin(fan_out, is_here);
    }

    /// Counts a push to so many that there is no room for.
    #[cold]
    fn drop_fan_out(&mut self, receivers: usize) {
        self.lent.tools.totals.send_errors += receivers as u64;
        if let Some(dropped) = self.fan_outs.drop_for(receivers as u64, self.now) {
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
            && let Some(id) = self.next_receiver()
        {
            let bytes = self.reach_late(id, RECEIVER_SLICE_BYTES) + STEP_BYTES;
            self.turn.charge(STEP_BYTES);
            // What it does however late it is counts in bytes, too.
            (done, slice) = (done + bytes.div_ceil(SLICE_BYTES), slice + bytes);
            if slice >= SLICE_BYTES {
                self.fan_outs.pass_turn();
                slice = 0;
            }
        }
        self.fan_outs.pass_turn();
    }

    fn next_receiver(&mut self) -> Option<ConnectionId> {
        let slots = &self.slots;
        self.fan_outs.next_receiver(|id| slots.get(id).is_some_and(|entry| entry.standing.is_awaited()))
    }

    /// Sends a connection its part of all fan-outs that have not reached it, so that what it is sent next comes
    /// behind.
    #[inline]
    pub(super) fn reach(&mut self, id: ConnectionId) {
        if !self.fan_outs.is_empty() && self.slots.get(id).is_some_and(|entry| entry.standing.is_awaited()) {
            self.reach_late(id, usize::MAX);
        }
    }

    /// The same, of one that some have not reached, until it was sent `most` bytes. How many bytes that were.
    #[cold]
    fn reach_late(&mut self, id: ConnectionId, most: usize) -> usize {
        self.set_awaited(id, false);
        let mut bytes = 0;
        while let Some(push) = self.fan_outs.take_push(id) {
            let len = push.frame().len();
            if self.gathered(id) + len > SLICE_BYTES {
                // What its socket takes of it does not count as if it waited.
                self.write_gathered_for(id);
            }
            self.send_now(id, &push);
            bytes += len;
            self.turn.charge(len + RECEIVER_BYTES);
            if bytes >= most {
                let is_awaited = self.fan_outs.has_push_for(id);
                self.set_awaited(id, is_awaited);
                break;
            }
        }
        bytes
    }

    fn set_awaited(&mut self, id: ConnectionId, is_awaited: bool) {
        if let Some(entry) = self.slots.get_mut(id) {
            entry.standing.set_awaited(is_awaited);
        }
    }

    /// A connection has ended: nothing reaches it any more, and what it has asked for goes on without it.
    #[cold]
    pub(super) fn leave_fan_outs(&mut self, id: ConnectionId) {
        self.fan_outs.leave(id);
        while self.fan_outs.take_push(id).is_some() {
            self.turn.charge(RECEIVER_BYTES);
        }
    }
}
