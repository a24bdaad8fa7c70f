//! Reading: from a socket to its connection, as much as one turn may.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::budget::{STEP_BYTES, Share, Step};
use super::core::Core;
use super::slots::Entry;
use super::sys::read::Read;
use crate::conn::{Draining, Progress};
use crate::id::ConnectionId;
use crate::router::Application;
use crate::upgrade::Refusal;

/// Pushes to many at which a connection's share ends with the slice: so many in a row leave in one write to each
/// receiver, and what a receiver is owed is short. Where many wait already one is enough.
const PUSHES_IN_A_ROW: u32 = 16;
/// Reads in one turn that may do the cryptography of a TLS handshake: each can take a signature, which costs as
/// much as thousands of packets.
const TURN_HANDSHAKES: u32 = 4;

impl<S: Application> Core<S> {
    /// A turn begins, now that the poll has returned.
    pub(super) fn begin_turn(&mut self, polled: Instant) {
        self.lent.tools.now = self.now;
        self.handshakes_left = TURN_HANDSHAKES;
        self.turn.begin(polled);
        while let Some(id) = self.served.pop() {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.standing.set_served(false);
            }
        }
    }

    /// Serves connections that say little, and had no time left for them before.
    #[inline]
    pub(super) fn serve_quiet(&mut self) {
        if !self.ready.is_empty() {
            self.serve_ready(false, Step::Quiet);
        }
    }

    /// Serves connections that have more to do than one turn lets them, in turn.
    #[inline]
    pub(super) fn serve_busy(&mut self) {
        if !self.ready.is_empty() {
            self.serve_ready(true, Step::Busy);
        }
    }

    /// Serves those that wait now, once each, for as long as the step may go on.
    fn serve_ready(&mut self, is_busy: bool, step: Step) {
        for done in 0..self.ready.waiting(is_busy) {
            if !self.turn.allows(step, done) {
                return;
            }
            let Some(id) = self.ready.pop(is_busy) else { return };
            let Some(entry) = self.slots.get_mut(id) else { continue };
            if entry.standing.was_served() {
                self.ready.push(id, is_busy);
                continue;
            }
            entry.standing.set_ready(false);
            entry.standing.set_busy(false);
            entry.standing.set_served(true);
            self.served.push(id);
            self.serve(id, Share::WHOLE);
        }
    }

    /// Lets a connection go on with what has come, and carries out what it leads to.
    pub(super) fn serve(&mut self, id: ConnectionId, mut share: Share) {
        if self.owes(id) {
            return self.postpone_busy(id);
        }
        self.reach(id);
        self.write_gathered_for(id);
        if self.slots.get(id).is_some_and(|entry| entry.writable && !entry.conn.outbox.is_empty()) {
            self.write_outbox(id);
        }
        let start = self.lent.tools.out.len();
        self.go_on_compressing(id, start, &mut share);
        let mut buffer = std::mem::take(&mut self.read_buffer);
        while self.serve_once(id, start, &mut buffer, &mut share) {}
        self.read_buffer = buffer;
        self.settle_share(id, start, &share);
        self.apply_effects(Some(id));
    }

    /// Has a connection wait behind those that say little.
    pub(super) fn postpone_busy(&mut self, id: ConnectionId) {
        if let Some(entry) = self.slots.get_mut(id) {
            entry.standing.set_busy(true);
            self.postpone(id);
        }
    }

    /// Sees to what a connection gathered in its share of the turn, and to what follows.
    pub(super) fn settle_share(&mut self, id: ConnectionId, start: usize, share: &Share) {
        self.turn.charge(STEP_BYTES);
        if share.is_used_up() {
            self.mark_busy(id);
        }
        self.settle(id, start);
    }

    /// A connection has used up its share: from the next turn on it comes behind those that have not.
    #[cold]
    fn mark_busy(&mut self, id: ConnectionId) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        entry.standing.set_busy(true);
        if !entry.standing.was_served() {
            entry.standing.set_served(true);
            self.served.push(id);
        }
    }

    /// Gives a connection what it kept, or else what one read brings. False if that is all for now.
    fn serve_once(&mut self, id: ConnectionId, start: usize, buffer: &mut [u8], share: &mut Share) -> bool {
        let settings = &self.lent.settings;
        let Some(entry) = self.slots.get_mut(id) else { return false };
        let resumes = entry.conn.can_resume(settings);
        let reads = entry.readable && entry.conn.wants_read(settings);
        if !resumes && !reads {
            return false;
        }
        let handshakes = entry.socket.is_handshaking();
        if share.is_used_up() || (handshakes && self.handshakes_left == 0) {
            // It goes on the list of those with work left when it is settled.
            return false;
        }
        if resumes {
            return self.resume(id, start, share);
        }
        let (read, is_direct) = read_once(entry, buffer);
        let read = match read {
            Ok(read) => read,
            Err(error) => return self.fail_read(id, &error),
        };
        // Bytes that complete nothing cost nothing.
        if handshakes && entry.socket.has_stepped() {
            self.handshakes_left -= 1;
            self.turn.look();
            let is_over = !entry.socket.is_handshaking() && !matches!(read, Read::NotTls);
            if is_over && self.lent.draining == Draining::Begun {
                return self.refuse_late(id, start);
            }
        }
        let len = match read {
            Read::Bytes(len) => len,
            Read::Last(len) => {
                // The end may have come with these, and then brings no event of its own.
                entry.readable = entry.read_on;
                len
            }
            Read::End => {
                entry.readable = false;
                entry.conn.handle_end(self.now);
                return false;
            }
            Read::NotTls => return self.answer_not_tls(id, start),
        };
        let work = len.saturating_add(entry.socket.take_overhead());
        share.take_bytes(work);
        self.turn.charge(work);
        if len == 0 {
            return self.hear_part(id, start, share);
        }
        entry.conn.record.count_received(len);
        if is_direct {
            entry.conn.handle_received(len, &self.lent);
            self.feed(id, start, &mut [], share);
            return true;
        }
        entry.conn.note_read(len);
        let bytes = buffer.get_mut(..len).unwrap_or_default();
        let used = self.feed(id, start, bytes, share);
        match (self.slots.get_mut(id), bytes.get(used..)) {
            (Some(entry), Some(rest)) if !rest.is_empty() => entry.conn.keep(rest),
            // Most reads: all that the socket had, and all of it was taken.
            (Some(entry), _) if !entry.readable => return false,
            (Some(entry), _) if entry.conn.is_closing() => self.end_slice(share),
            _ => {}
        }
        true
    }

    /// Answers a client that speaks plain HTTP where TLS is spoken.
    #[cold]
    fn answer_not_tls(&mut self, id: ConnectionId, start: usize) -> bool {
        self.with(id, start, 0, |entry, env| entry.conn.handle_not_tls(env));
        true
    }

    /// Gives a connection what it kept. False if that is all for now.
    fn resume(&mut self, id: ConnectionId, start: usize, share: &mut Share) -> bool {
        let Some(entry) = self.slots.get_mut(id) else { return false };
        let Some(mut inbox) = entry.conn.take_inbox() else {
            // A message is being inflated, and nothing came behind it.
            self.feed(id, start, &mut [], share);
            return true;
        };
        let used = self.feed(id, start, inbox.rest_mut(), share);
        if let Some(entry) = self.slots.get_mut(id) {
            entry.conn.put_inbox(inbox, used);
        }
        used > 0
    }

    /// Answers a client whose handshake is complete now that the server drains. What came with the end of the handshake
    /// is thrown away, as all that follows is.
    fn refuse_late(&mut self, id: ConnectionId, start: usize) -> bool {
        self.with(id, start, 0, |entry, env| entry.conn.refuse(Refusal::Unavailable, env));
        true
    }

    /// A part of a record of TLS has come: whoever is still sending one when the connection closes is not silent.
    fn hear_part(&mut self, id: ConnectionId, start: usize, share: &mut Share) -> bool {
        if self.slots.get(id).is_some_and(|entry| entry.conn.is_closing()) {
            self.feed(id, start, &mut [], share);
        }
        false
    }

    /// Sees to a read that brought nothing. True if it is to be tried again.
    pub(super) fn fail_read(&mut self, id: ConnectionId, error: &io::Error) -> bool {
        let Some(entry) = self.slots.get_mut(id) else { return false };
        if error.kind() == ErrorKind::Interrupted {
            return true;
        }
        entry.readable = false;
        if error.kind() != ErrorKind::WouldBlock {
            entry.fail(error, &mut self.lent.tools.log, self.now);
        }
        false
    }

    /// Gives bytes to a connection, and writes in between what gathers meanwhile. How many it took.
    pub(super) fn feed(
        &mut self,
        id: ConnectionId,
        start: usize,
        bytes: &mut [u8],
        share: &mut Share,
    ) -> usize {
        let total = bytes.len();
        let mut used = 0;
        loop {
            let frames = share.slice();
            let mut rest = bytes.get_mut(used..).unwrap_or_default();
            let call = self.with(id, start, frames, |entry, env| {
                env.input_len = total;
                entry.conn.handle_bytes(&mut rest, env)
            });
            used = total - rest.len();
            share.take_frames(self.lent.frames_taken(frames));
            if !self.lent.tools.borrowed.is_empty() {
                share.take_output(self.write_borrowed(id, start, bytes));
            }
            match call {
                Some(Progress::Introduced { named }) => {
                    if named {
                        self.name(id, start);
                    }
                    let rest = bytes.get(used..).unwrap_or_default();
                    if let Some(entry) = self.slots.get_mut(id)
                        && entry.socket.begin_tls(rest)
                    {
                        // What the socket keeps of these bytes brings no event.
                        entry.readable = true;
                        return total;
                    }
                }
                Some(Progress::Forwarded) => {
                    self.name(id, start);
                    // The head waits in the connection, and nothing would tell that it does.
                    continue;
                }
                Some(Progress::Checked) => self.vacate(id),
                Some(Progress::Flush) => {
                    share.take_output(self.write_now(id, start));
                    self.end_slice(share);
                }
                // It had no frames left, and may be given more.
                Some(Progress::Wait) if self.lent.frames_left == 0 => {
                    self.end_slice(share);
                    if self.slots.get(id).is_none_or(|entry| entry.conn.waits_for_inflater()) {
                        return used;
                    }
                }
                Some(Progress::Taken | Progress::Wait) | None => return used,
            }
            if share.is_used_up() {
                return used;
            }
        }
    }

    /// Looks at the clock between two slices of a connection's work.
    pub(super) fn end_slice(&mut self, share: &mut Share) {
        self.turn.look();
        share.end_slice(&self.turn);
        let in_a_row = if self.fan_outs.are_many() { 1 } else { PUSHES_IN_A_ROW };
        if self.lent.tools.effects.broadcasts() >= in_a_row {
            share.use_up();
        }
    }

    /// Counts a client under the address that its proxy has named, or refuses it. That of another proxy, which will
    /// name one in its turn, does not count.
    fn name(&mut self, id: ConnectionId, start: usize) {
        let hears = self.hears();
        let Some(entry) = self.slots.get_mut(id) else { return };
        let peer = entry.conn.record.peer();
        if self.lent.settings.trusts_headers_of(peer) {
            return;
        }
        let Some(place) = &mut entry.place else { return };
        let Err(refusal) = self.common.admission.name(place, peer) else { return };
        if hears && entry.conn.may_ask_for_health() {
            self.vacate(id);
            self.hear(id, refusal);
        } else {
            self.with(id, start, 0, |entry, env| entry.conn.refuse(refusal, env));
        }
    }
}

/// One read: straight to where a message is put together, or else into the buffer. True: straight there.
fn read_once(entry: &mut Entry, buffer: &mut [u8]) -> (io::Result<Read>, bool) {
    let Entry { socket, conn, .. } = entry;
    match conn.room() {
        Some(room) => (socket.read(room), true),
        None => {
            let want = conn.read_size().min(buffer.len());
            (socket.read(buffer.get_mut(..want).unwrap_or_default()), false)
        }
    }
}
