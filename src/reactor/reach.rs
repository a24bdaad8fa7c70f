//! Sends fan-outs, and later pushes, to one connection in the order in which they were sent.

use bytes::Bytes;

use super::active::Active;
use super::budget::{SLICE_BYTES, STEP_BYTES};
use super::push_row::PushRow;
use super::write::{Written, write_frames};
use crate::push::Push;
use crate::router::Application;

/// The cost of recording a receiver and finding its pushes again, in bytes of work.
pub(super) const RECEIVER_BYTES: usize = 32;

impl<S: Application> Active<'_, S> {
    /// Sends the connection its part of all unfinished fan-outs, so that later output follows them.
    #[inline]
    pub(super) fn reach(&mut self) {
        if self.entry.standing.is_awaited() {
            self.reborrow().reach_all();
        }
    }

    #[cold]
    fn reach_all(&mut self) {
        self.entry.standing.set_awaited(false);
        while let Some(row) = self.lent.fan_outs.take_row_ahead(self.entry.id()) {
            self.gather_row(&row);
        }
    }

    /// Sends the connection its part of fan-outs, up to about `most` bytes, and writes it at once, with all
    /// else that the connection is sent. Returns the number of bytes sent.
    pub(super) fn reach_now(&mut self, most: usize) -> usize {
        let id = self.entry.id();
        self.entry.standing.set_awaited(false);
        let Some(mut row) = self.lent.fan_outs.take_row(id) else { return 0 };
        if self.entry.segments.is_none() && !self.lent.fan_outs.has_push_for(id) && self.write_row(&row) {
            // Most receivers.
            return row.len();
        }
        let mut bytes = 0;
        loop {
            self.gather_row(&row);
            bytes += row.len();
            if bytes >= most {
                self.entry.standing.set_awaited(self.lent.fan_outs.has_push_for(id));
                break;
            }
            let Some(next) = self.lent.fan_outs.take_row(id) else { break };
            row = next;
        }
        self.lent.budget.charge(STEP_BYTES);
        self.write_segments();
        bytes
    }

    /// Writes a row from the memory that all receivers share, if nothing else waits for the connection.
    /// Nothing has happened if this returns false.
    fn write_row(&mut self, row: &PushRow) -> bool {
        if !self.may_gather() || !self.admits_row(row, 0) {
            return false;
        }
        self.lent.budget.charge(RECEIVER_BYTES);
        // The clock is read only after some writes.
        self.lent.budget.count_write(row.len());
        let (env, budget, frames) = (&self.lent.env, &mut self.lent.budget, row.frames());
        if write_frames(self.entry, env, budget, frames, Some(frames)) != Written::All {
            self.update_state();
        }
        true
    }

    /// Sends the connection a row, to leave with its other output.
    fn gather_row(&mut self, row: &PushRow) {
        let len = row.len();
        if self.lent.output.bytes(self.entry.segments) + len > SLICE_BYTES {
            // Bytes that the socket takes now do not count as waiting.
            self.write_segments();
        }
        self.send_row(row);
        self.lent.budget.charge(len + RECEIVER_BYTES);
    }

    /// Sends a push, after any fan-outs that have not reached the connection.
    pub(super) fn send(&mut self, push: &Push) {
        self.reach();
        self.send_behind(push);
    }

    /// Sends pushes in a row to a connection that all earlier fan-outs have reached. If it is admitted all of
    /// them, they become one segment.
    fn send_row(&mut self, row: &PushRow) {
        let mut rest = row.pushes();
        if self.may_gather() {
            self.begin_output();
            let waiting = self.lent.output.bytes(self.entry.segments);
            if self.admits_row(row, waiting) {
                return self.queue_frames(row.frames());
            }
            let mut len = 0;
            while let Some((push, behind)) = rest.split_first()
                && self.call(|entry, env| entry.conn.admits(push, waiting + len, env))
            {
                (len, rest) = (len + push.frame().len(), behind);
            }
            if len > 0 {
                self.queue_frames(&row.frames().slice(..len));
            }
            let Some((_refused, behind)) = rest.split_first() else { return };
            self.queue_output();
            rest = behind;
        }
        rest.iter().for_each(|push| self.send_behind(push));
    }

    /// Whether the connection is admitted a whole row, behind so many `waiting` bytes, without a look at each
    /// push.
    fn admits_row(&mut self, row: &PushRow, waiting: usize) -> bool {
        self.call(|entry, env| entry.conn.admits_row(row.pushes(), row.len(), waiting, env))
    }

    /// Sends a push to a connection that all earlier fan-outs have reached.
    fn send_behind(&mut self, push: &Push) {
        self.begin_output();
        let waiting = self.lent.output.bytes(self.entry.segments);
        if !self.call(|entry, env| entry.conn.admits(push, waiting, env)) {
            return self.queue_output();
        }
        self.queue_frames(push.frame());
    }

    /// Whether the next frames would be a segment.
    fn may_gather(&self) -> bool {
        self.entry.writable && self.entry.conn.outbox.is_empty() && self.lent.output.has_capacity()
    }

    /// Queues frames that other connections share, as a segment or in the outbox.
    fn queue_frames(&mut self, frames: &Bytes) {
        if self.may_gather() {
            let (id, segments) = (self.entry.id(), &mut self.entry.segments);
            self.lent.budget.expect_write(frames.len(), segments.is_none());
            return self.lent.output.push_shared(id, segments, frames.clone());
        }
        self.write_segments();
        self.entry.conn.outbox.push_shared(frames.clone());
        self.queue_output();
    }

    /// Whether the connection has asked for a fan-out that is not finished.
    #[inline]
    pub(super) fn owes(&mut self) -> bool {
        self.entry.standing.owes() && self.reborrow().check_owes()
    }

    /// Whether only other workers go on with what the connection has asked for. Their mail has it served
    /// then.
    #[inline]
    pub(super) fn waits_for_others(&mut self) -> bool {
        self.owes() && self.lent.fan_outs.is_empty()
    }

    #[cold]
    fn check_owes(&mut self) -> bool {
        let owes = self.lent.fan_outs.debts.owes(self.entry.id());
        self.entry.standing.set_owes(owes);
        owes
    }
}
