//! The connection in hand: looked up once, together with everything that work on it touches.

use super::count::recount;
use super::entry::Entry;
use super::lent::Lent;
use super::ready::Queue;
use super::schedule::Schedule;
use crate::cause::Cause;
use crate::conn::Env;
use crate::router::Application;

/// One connection in hand. Work on it can reach no other connection.
pub(super) struct Active<'a, S: Application> {
    pub(super) entry: &'a mut Entry,
    pub(super) schedule: &'a mut Schedule,
    pub(super) lent: &'a mut Lent<S>,
}

impl<S: Application> Active<'_, S> {
    /// The same connection for one call that is rarely made. So what most connections need of it can stay in
    /// registers.
    #[inline(always)]
    pub(super) fn reborrow(&mut self) -> Active<'_, S> {
        Active { entry: self.entry, schedule: self.schedule, lent: self.lent }
    }

    /// From here on, the write buffer holds only the output of this connection.
    #[inline]
    pub(super) fn begin_output(&mut self) {
        self.lent.env.tools.write_buffer.begin();
    }

    /// Calls the connection. It may take no frames during that call.
    pub(super) fn call<R>(&mut self, call: impl FnOnce(&mut Entry, &mut Env<S>) -> R) -> R {
        self.lent.env.frames_left = 0;
        call(self.entry, &mut self.lent.env)
    }

    /// Acts on what has happened to the connection: ends it, moves its timer forward, or queues remaining
    /// work. If the connection has segments, this waits until they are written.
    pub(super) fn update_state(&mut self) {
        if let Some(ring) = self.entry.segments {
            return self.lent.output.update_later(ring);
        }
        let (entry, now) = (&mut *self.entry, self.lent.now());
        if entry.dead {
            return;
        }
        if self.lent.env.tools.meter.is_on() {
            recount(entry, &self.lent.env);
        }
        let is_end = entry.socket.has_flushed() && entry.conn.handle_flushed(now);
        let cause = entry.conn.cause();
        if is_end && cause.is_none() {
            entry.socket.shutdown_write();
        } else if is_end || cause == Some(Cause::PeerGone) {
            // The shutdown comes with the end of the socket.
            entry.socket.say_goodbye();
        }
        if cause.is_some() {
            entry.dead = true;
            return self.schedule.push_dead(entry.id());
        }
        if entry.conn.take_rearm() {
            let settings = &self.lent.env.settings;
            self.schedule.arm_no_later(entry.id().slot(), entry.conn.next_deadline(settings));
            if entry.conn.is_closing() {
                // Nothing that is published from now on could reach it.
                self.lent.leave_topics(entry.id());
            }
        }
        let settings = &self.lent.env.settings;
        let has_input =
            entry.conn.can_resume(settings) || (entry.readable && entry.conn.wants_read(settings));
        let has_output = entry.has_output() || entry.conn.has_job();
        if has_output || (has_input && !self.waits_for_others()) {
            self.postpone();
        }
    }

    /// Puts the connection on one of the ready queues, unless it is on one already.
    pub(super) fn postpone(&mut self) {
        let entry = &mut *self.entry;
        if !entry.standing.is_ready() {
            entry.standing.set_ready(true);
            // A slice that is compressed or inflated takes as long as a share.
            let is_busy = entry.is_busy() || entry.conn.has_job() || entry.conn.inflates();
            let since = self.lent.env.tools.meter.arrived();
            self.schedule.push_ready(entry.id(), Queue::of(is_busy), since);
        }
    }

    /// Queues the connection behind the quiet ones.
    pub(super) fn postpone_as_busy(&mut self) {
        self.entry.standing.set_busy(true);
        self.postpone();
    }
}
