//! Serves a connection: handles its kept or new input, as much as one turn allows.

use super::active::Active;
use super::budget::Step;
use super::core::Core;
use super::effects::conclude;
use super::input::Input;
use super::read::{ReadInto, Received};
use super::ready::Queue;
use super::share::Share;
use crate::id::ConnectionId;
use crate::metrics::TlsResult;
use crate::router::Application;
use crate::upgrade::Refusal;

/// Whether a connection goes on being served in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Serving {
    GoesOn,
    /// It has nothing more for now, or has used up its share.
    IsOver,
}

/// Serves quiet connections that earlier turns had no time for.
#[inline]
pub(super) fn serve_quiet<S: Application>(core: &mut Core<S>, input: &mut Input) {
    if core.connections.schedule().waiting(Queue::Quiet) > 0 {
        serve_ready(core, input, Queue::Quiet, Step::Quiet);
    }
}

/// Serves connections that have more work than one turn allows, in turn.
#[inline]
pub(super) fn serve_busy<S: Application>(core: &mut Core<S>, input: &mut Input) {
    if core.connections.schedule().waiting(Queue::Busy) > 0 {
        serve_ready(core, input, Queue::Busy, Step::Busy);
    }
}

/// Serves the connections now waiting in a queue, once each, until the step's time is up.
#[inline(never)]
fn serve_ready<S: Application>(core: &mut Core<S>, input: &mut Input, queue: Queue, step: Step) {
    for done in 0..core.connections.schedule().waiting(queue) {
        if !core.lent.budget.allows(step, done) {
            return;
        }
        serve_next(core, input, queue);
    }
}

fn serve_next<S: Application>(core: &mut Core<S>, input: &mut Input, queue: Queue) {
    let Some((id, since)) = core.connections.schedule_mut().pop_ready(queue) else { return };
    let Some(active) = core.activate(id) else { return };
    let standing = &mut active.entry.standing;
    if standing.was_served() {
        return active.schedule.push_ready(id, queue, since);
    }
    standing.set_ready(false);
    standing.set_busy(false);
    standing.set_served(true);
    active.schedule.note_served(id);
    // What it reads may have come when it began to wait for its turn.
    active.lent.env.tools.meter.set_arrived(Some(since));
    serve(core, input, id, Share::WHOLE);
    core.lent.env.tools.meter.set_arrived(None);
}

/// Lets a connection handle its input, and carries out the consequences.
pub(super) fn serve<S: Application>(core: &mut Core<S>, input: &mut Input, id: ConnectionId, share: Share) {
    let Some(mut active) = core.activate(id) else { return };
    active.serve(input, share);
    conclude(core, id);
}

impl<S: Application> Active<'_, S> {
    /// Writes what waits for the connection, and lets it handle its input, unless it has to wait.
    pub(super) fn serve(&mut self, input: &mut Input, mut share: Share) {
        self.reach();
        self.write_segments();
        if self.entry.writable && !self.entry.conn.outbox.is_empty() {
            self.write_outbox();
        }
        self.begin_output();
        self.compress_slice(&mut share);
        if !self.owes() {
            while self.serve_once(input, &mut share) == Serving::GoesOn {}
        } else if !self.waits_for_others() {
            self.postpone_as_busy();
        }
        self.end_share(&share);
        self.queue_output();
    }

    /// Gives the connection its kept input, or the bytes of one read.
    fn serve_once(&mut self, input: &mut Input, share: &mut Share) -> Serving {
        let (entry, settings) = (&mut *self.entry, &self.lent.env.settings);
        let resumes = entry.conn.can_resume(settings);
        let reads = entry.readable && entry.conn.wants_read(settings);
        if !resumes && !reads {
            return Serving::IsOver;
        }
        let is_handshaking = entry.socket.is_handshaking();
        if share.is_used_up() || (is_handshaking && !input.may_handshake()) {
            // The end of its share queues it with other connections that have work left.
            return Serving::IsOver;
        }
        if resumes {
            return self.resume(share);
        }
        let (read, into) = entry.read(input.buffer());
        if is_handshaking && self.entry.socket.has_stepped() {
            // Bytes that do not complete a handshake step cost nothing. A step costs the same if it fails, or
            // if something behind it does.
            input.count_handshake();
            self.lent.budget.read_clock();
            let entry = &mut *self.entry;
            let is_over = read.is_ok() && !entry.socket.is_handshaking();
            if is_over {
                self.lent.env.tools.meter.tls_handshake(TlsResult::Complete);
            }
            if is_over && let Some(name) = entry.socket.take_server_name() {
                entry.conn.set_server_name(name);
            }
            if is_over && self.lent.is_draining() {
                // Bytes that came with the end of the handshake are discarded, like all that follow.
                self.refuse(Refusal::Unavailable);
                return Serving::GoesOn;
            }
        }
        let tools = &mut self.lent.env.tools;
        match self.entry.note_read(read, &mut tools.log, tools.now) {
            Received::Bytes(len) => self.take_read(len, into, input.buffer(), share),
            Received::Nothing => Serving::IsOver,
            Received::Interrupted => Serving::GoesOn,
            Received::NotTls => self.answer_not_tls(),
        }
    }

    /// Handles the bytes of one read.
    fn take_read(&mut self, len: usize, into: ReadInto, buffer: &mut [u8], share: &mut Share) -> Serving {
        let work = len.saturating_add(self.entry.socket.take_overhead());
        share.take_bytes(work);
        self.lent.budget.charge(work);
        if len == 0 {
            return self.hear_part(share);
        }
        self.entry.conn.record.count_received(len);
        self.lent.env.tools.meter.bytes_received(len, self.entry.socket.is_plain());
        self.lent.env.tools.meter.lose_mark();
        if into == ReadInto::Message {
            self.entry.conn.handle_received(len, &self.lent.env);
            self.feed(&mut [], share);
            return Serving::GoesOn;
        }
        self.entry.conn.note_read(len);
        let bytes = buffer.get_mut(..len).unwrap_or_default();
        let used = self.feed(bytes, share);
        match bytes.get(used..) {
            Some(rest) if !rest.is_empty() => {
                self.entry.conn.keep(rest);
                self.entry.conn.note_arrival(self.lent.env.tools.meter.arrived());
            }
            // Frames that are only skipped take longer than their bytes count.
            _ if self.entry.conn.is_closing() => self.end_slice(share),
            // Most reads: they bring everything that the socket had, and all of it is taken.
            _ if !self.entry.readable => return Serving::IsOver,
            _ => {}
        }
        Serving::GoesOn
    }

    /// Gives the connection its kept input.
    fn resume(&mut self, share: &mut Share) -> Serving {
        let Some(mut inbox) = self.entry.conn.take_inbox() else {
            // A message is being inflated, and nothing came behind it.
            self.feed(&mut [], share);
            return Serving::GoesOn;
        };
        // It came earlier than what this turn has read.
        self.lent.env.tools.meter.set_arrived(Some(inbox.arrived()));
        let most = if self.entry.conn.is_closing() { self.entry.conn.read_size() } else { usize::MAX };
        let rest = inbox.rest_mut();
        let used = self.feed(rest.split_at_mut(most.min(rest.len())).0, share);
        self.lent.env.tools.meter.set_arrived(None);
        self.entry.conn.put_inbox(inbox, used);
        if self.entry.conn.is_closing() {
            self.end_slice(share);
        }
        if used > 0 { Serving::GoesOn } else { Serving::IsOver }
    }

    /// Handles an incomplete TLS record: a client that is still sending one when the connection closes is not
    /// silent.
    fn hear_part(&mut self, share: &mut Share) -> Serving {
        if self.entry.conn.is_closing() {
            self.feed(&mut [], share);
        }
        Serving::IsOver
    }

    /// Answers a client that speaks plain HTTP where TLS is required.
    #[cold]
    fn answer_not_tls(&mut self) -> Serving {
        self.lent.env.tools.meter.tls_handshake(TlsResult::Http);
        self.call(|entry, env| entry.conn.handle_not_tls(env));
        Serving::GoesOn
    }
}
