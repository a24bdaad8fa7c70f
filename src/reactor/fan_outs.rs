//! Unfinished fan-outs: pushes to many connections that have not reached all receivers.
//!
//! Each receiver has a queue of the pushes that it has not been sent yet, so the cost of a fan-out does not
//! depend on the number of others.

use std::collections::VecDeque;

use slab::Slab;

use super::begun::{Begun, FanOut};
use super::debts::Debts;
use super::dropped_pushes::DroppedPushes;
use super::push_queues::PushQueues;
use super::push_row::PushRow;
use super::requester::Requester;
use super::standing::Mark;
use crate::id::ConnectionId;

/// With this many unfinished fan-outs from mail and timers, no more mail is delivered. A fan-out that a
/// client requested holds back that client instead.
const MAX_BY_MAIL: usize = 256;
/// With this many unfinished fan-outs, a client may add only a few per turn.
const MANY: usize = 256;
/// With this many unfinished fan-outs of clients that have left, no client is accepted: clients that request
/// a fan-out and leave are held back when they reconnect.
const MAX_DEPARTED: usize = 256;
/// The most bytes of pushes and receiver lists that unfinished fan-outs may hold. It bounds
/// those of ticks, and clients that request fan-outs and leave, since neither is held back.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Consecutive fan-outs of one requester, in that order.
#[derive(Debug)]
pub(super) struct Group {
    by: Requester,
    keys: VecDeque<u32>,
}

/// All unfinished fan-outs.
#[derive(Debug, Default)]
pub(super) struct FanOuts {
    begun: Slab<Begun>,
    /// For each receiver, the fan-outs that have not reached it.
    waiting: PushQueues,
    /// The groups of fan-outs; the first has its turn.
    groups: VecDeque<Group>,
    /// The key of the one that began last, until it begins to leave.
    newest: Option<u32>,
    /// Who has requested those of clients, on other workers too.
    pub(super) debts: Debts,
    unfinished: usize,
    /// The first has begun since the last turn of fan-outs, by input or mail.
    are_new: bool,
    by_mail: usize,
    /// Bytes held by all of them.
    bytes: usize,
    pub(super) dropped: DroppedPushes,
}

impl FanOuts {
    /// Whether no fan-out is unfinished.
    pub(super) fn is_empty(&self) -> bool {
        self.unfinished == 0
    }

    pub(super) fn len(&self) -> usize {
        self.unfinished
    }

    /// Whether the first has begun since this was last asked, by input or mail.
    pub(super) fn were_new(&mut self) -> bool {
        std::mem::take(&mut self.are_new)
    }

    /// Whether there are so many that a client may add only a few per turn.
    pub(super) fn are_many(&self) -> bool {
        self.unfinished >= MANY
    }

    /// Whether too many from mail are unfinished to deliver more mail.
    pub(super) fn hold_back_mail(&self) -> bool {
        self.by_mail >= MAX_BY_MAIL
    }

    /// Whether too many of departed clients are unfinished to accept more clients.
    pub(super) fn hold_back_accepts(&self) -> bool {
        self.debts.departed() >= MAX_DEPARTED
    }

    /// Whether there is capacity for one more.
    pub(super) fn has_capacity_for(&self, fan_out: &FanOut) -> bool {
        self.bytes.saturating_add(fan_out.bytes()) <= MAX_BYTES
    }

    /// Begins a fan-out to at least one receiver. `is_here` says whether the client that requested it is
    /// still connected.
    pub(super) fn begin(&mut self, fan_out: FanOut, is_here: bool) {
        let by = fan_out.by;
        self.bytes += fan_out.bytes();
        // Nobody joins what the application asks for by itself, once it has asked for all.
        self.are_new |= self.is_empty() && by != Requester::Application;
        self.count(by, is_here);
        let vacant = self.begun.vacant_entry();
        // Memory runs out long before the keys do.
        let key = u32::try_from(vacant.key()).unwrap_or(u32::MAX);
        for id in fan_out.to.iter() {
            self.waiting.push(id.slot(), key);
        }
        vacant.insert(Begun::new(fan_out));
        self.newest = Some(key);
        match self.groups.back_mut() {
            Some(group) if group.by == by => group.keys.push_back(key),
            _ => self.groups.push_back(Group { by, keys: [key].into() }),
        }
    }

    /// Appends a fan-out to the newest one, if that goes to the same receivers and has not begun to leave.
    /// Then they leave together. Whom only one of them leaves out is no obstacle. `mark` marks a connection,
    /// if it is there. Returns the fan-out if it has to begin by itself.
    pub(super) fn join_newest(
        &mut self,
        fan_out: FanOut,
        mark: &mut impl FnMut(ConnectionId, Mark) -> bool,
    ) -> Result<(), FanOut> {
        let Some(key) = self.newest_for(fan_out.by) else { return Err(fan_out) };
        let begun = self.begun.get_mut(key as usize).filter(|begun| begun.may_take(&fan_out));
        let (Some(begun), by) = (begun, fan_out.by) else { return Err(fan_out) };
        self.bytes += begun.take(fan_out, |id| {
            let is_there = mark(id, Mark::Awaited);
            if is_there {
                self.waiting.push(id.slot(), key);
            }
            is_there
        })?;
        let is_here = by.client().is_some_and(|by| mark(by, Mark::Owes));
        self.count(by, is_here);
        Ok(())
    }

    /// The key of the newest fan-out, unless it leaves, or waits behind others of another requester.
    fn newest_for(&self, by: Requester) -> Option<u32> {
        let group = self.groups.back()?;
        // Groups take turns, so the last one can be older than others, whose pushes come first.
        let is_newest = self.newest.is_some() && self.newest.as_ref() == group.keys.back();
        self.newest.filter(|_| is_newest && (group.by == by || group.keys.len() == 1))
    }

    /// Counts a fan-out for its requester.
    fn count(&mut self, by: Requester, is_here: bool) {
        self.unfinished += 1;
        match by {
            Requester::Client(by) => self.debts.begin(by, is_here),
            Requester::Mail => self.by_mail += 1,
            Requester::Publisher | Requester::Application => {}
        }
    }

    /// The next receiver for which `is_waiting` holds, in the fan-out whose turn it is.
    pub(super) fn next_receiver(
        &mut self,
        is_waiting: impl Fn(ConnectionId) -> bool,
    ) -> Option<ConnectionId> {
        loop {
            let group = self.groups.front_mut()?;
            let Some(&key) = group.keys.front() else {
                self.groups.pop_front();
                continue;
            };
            let next = self.begun.get_mut(key as usize)?.next_receiver(&is_waiting);
            if next.is_some() {
                return next;
            }
            group.keys.pop_front();
            self.begun.remove(key as usize);
        }
    }

    /// Passes the turn to the next group, if there is one.
    pub(super) fn pass_turn(&mut self) {
        if self.groups.len() > 1 {
            self.groups.rotate_left(1);
        }
    }

    /// Whether a connection has pushes left to be sent.
    pub(super) fn has_push_for(&self, id: ConnectionId) -> bool {
        self.waiting.has(id.slot())
    }

    /// Forgets what is left of fan-outs once all are finished. Other output can have finished them before
    /// their turn came, and no turn would come any more.
    fn forget_finished(&mut self) {
        self.groups.clear();
        self.begun.clear();
        self.are_new = false;
    }

    /// Takes the next pushes for a connection, which were requested in a row and begin to leave.
    pub(super) fn take_row(&mut self, id: ConnectionId) -> Option<PushRow> {
        let key = self.waiting.pop(id.slot())?;
        // Nobody joins it any more.
        self.newest.take_if(|newest| *newest == key);
        let row = self.begun.get_mut(key as usize)?.reach(id);
        self.finish(key);
        Some(row)
    }

    /// The same ahead of others: more pushes may join those that they wait for.
    pub(super) fn take_row_ahead(&mut self, id: ConnectionId) -> Option<PushRow> {
        let key = self.waiting.pop(id.slot())?;
        let begun = self.begun.get_mut(key as usize)?;
        let row = begun.reach(id);
        let may_go_on = self.newest != Some(key) || begun.keep_at_rest(id);
        self.newest = self.newest.filter(|_| may_go_on);
        self.finish(key);
        Some(row)
    }

    /// Releases a fan-out that has reached all of its receivers.
    fn finish(&mut self, key: u32) {
        let finished = self.begun.get_mut(key as usize).filter(|begun| begun.is_finished());
        let Some((bytes, requests)) = finished.map(Begun::release) else { return };
        self.bytes -= bytes;
        self.unfinished -= requests.len();
        for request in requests {
            match request.by {
                Requester::Client(by) => self.debts.finish(by),
                Requester::Mail => self.by_mail -= 1,
                Requester::Publisher | Requester::Application => {}
            }
        }
        if self.is_empty() {
            self.forget_finished();
        }
    }
}

#[cfg(test)]
mod tests;
