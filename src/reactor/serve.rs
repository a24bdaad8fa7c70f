//! Reading: from a socket to its connection, as much as one turn may.

use std::io::{self, ErrorKind};

use super::core::Core;
use super::slots::Entry;
use super::socket::Read;
use crate::cause::Cause;
use crate::conn::Progress;
use crate::id::ConnectionId;
use crate::router::Application;

/// Bytes that are read for one connection in one turn, give or take one read.
pub(super) const TURN_BYTES: usize = 256 * 1024;
/// Frames that are taken from one connection in one turn.
pub(super) const TURN_FRAMES: u32 = 512;

/// Reads in one turn that may go on with a TLS handshake: each can take a signature, which costs as
/// much as thousands of packets.
const TURN_HANDSHAKES: u32 = 4;

/// What one connection may still take of this turn.
pub(super) struct Budget {
    bytes: usize,
    frames: u32,
}

impl Budget {
    pub(super) fn of_a_turn() -> Self {
        Budget { bytes: TURN_BYTES, frames: TURN_FRAMES }
    }

    /// So many bytes were read.
    fn take(&mut self, bytes: usize) {
        if !canary!(GreedyTurn) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }
}

impl<S: Application> Core<S> {
    /// Sets apart the connections that the turn before left with work. What this turn leaves is for
    /// the next one, or a client that floods would be served twice in each.
    pub(super) fn begin_turn(&mut self) {
        debug_assert!(self.left_over.is_empty());
        self.lent.tools.now = self.now;
        std::mem::swap(&mut self.ready, &mut self.left_over);
        self.handshakes_left = TURN_HANDSHAKES;
    }

    /// Serves the connections that were left with work, once each.
    pub(super) fn serve_left_over(&mut self) {
        let mut left_over = std::mem::take(&mut self.left_over);
        for id in left_over.drain(..) {
            if let Some(entry) = self.slots.get_mut(id) {
                entry.ready = false;
                self.serve(id);
            }
        }
        self.left_over = left_over;
    }

    /// Lets a connection go on with what has come, and carries out what it leads to.
    pub(super) fn serve(&mut self, id: ConnectionId) {
        self.write_gathered_for(id);
        let start = self.lent.tools.out.len();
        let mut budget = Budget::of_a_turn();
        let mut buffer = std::mem::take(&mut self.read_buffer);
        while self.serve_once(id, start, &mut buffer, &mut budget) {}
        self.read_buffer = buffer;
        self.settle(id, start);
        self.apply_effects();
    }

    /// Gives a connection what it kept, or else what one read brings. False if that is all for now.
    fn serve_once(&mut self, id: ConnectionId, start: usize, buffer: &mut [u8], budget: &mut Budget) -> bool {
        let settings = &self.lent.settings;
        let Some(entry) = self.slots.get_mut(id) else { return false };
        let resumes = entry.conn.can_resume(settings);
        let reads = entry.readable && entry.conn.wants_read(settings);
        if !resumes && !reads {
            return false;
        }
        let handshakes = entry.socket.is_handshaking();
        if budget.bytes == 0 || budget.frames == 0 || (handshakes && self.handshakes_left == 0) {
            // It goes on the list of those with work left when it is settled.
            return false;
        }
        if resumes {
            let Some(mut inbox) = entry.conn.take_inbox() else { return false };
            let used = self.feed(id, start, inbox.rest_mut(), budget);
            if let Some(entry) = self.slots.get_mut(id) {
                entry.conn.put_inbox(inbox, used);
            }
            return used > 0;
        }
        let Entry { socket, conn, .. } = entry;
        let (read, is_direct) = match conn.room() {
            Some(room) => (socket.read(room), true),
            None => {
                let want = conn.read_size().min(buffer.len());
                (socket.read(buffer.get_mut(..want).unwrap_or_default()), false)
            }
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => return self.fail_read(id, &error),
        };
        if handshakes {
            self.handshakes_left -= 1;
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
            Read::NotTls => {
                self.with(id, start, 0, |entry, env| entry.conn.handle_not_tls(env));
                return true;
            }
        };
        budget.take(len);
        if len == 0 {
            return self.hear_part(id, start, budget);
        }
        if is_direct {
            entry.conn.handle_received(len);
            self.feed(id, start, &mut [], budget);
            return true;
        }
        entry.conn.note_read(len);
        let bytes = buffer.get_mut(..len).unwrap_or_default();
        let used = self.feed(id, start, bytes, budget);
        match (self.slots.get_mut(id), bytes.get(used..)) {
            (Some(entry), Some(rest)) if !rest.is_empty() => entry.conn.keep(rest),
            // Most reads: all that the socket had, and all of it was taken.
            (Some(entry), _) if !entry.readable => return false,
            _ => {}
        }
        true
    }

    /// A part of a record of TLS has come: whoever is still sending one when the connection closes is not silent.
    fn hear_part(&mut self, id: ConnectionId, start: usize, budget: &mut Budget) -> bool {
        if self.slots.get(id).is_some_and(|entry| entry.conn.is_closing()) {
            self.feed(id, start, &mut [], budget);
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
            log::debug!("{id}: {error}");
            entry.conn.abort(Cause::Reset);
        }
        false
    }

    /// Gives bytes to a connection, and writes in between what gathers meanwhile. How many it took.
    pub(super) fn feed(
        &mut self,
        id: ConnectionId,
        start: usize,
        bytes: &mut [u8],
        budget: &mut Budget,
    ) -> usize {
        let total = bytes.len();
        let mut used = 0;
        loop {
            let mut rest = bytes.get_mut(used..).unwrap_or_default();
            let call = self.with(id, start, budget.frames, |entry, env| {
                env.input_len = total;
                entry.conn.handle_bytes(&mut rest, env)
            });
            used = total - rest.len();
            budget.frames = self.lent.frames_left;
            if !self.lent.tools.borrowed.is_empty() {
                self.write_borrowed(id, start, bytes);
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
                Some(Progress::Flush) => self.write_now(id, start),
                Some(Progress::Taken | Progress::Wait) | None => return used,
            }
        }
    }

    /// Counts a client under the address that its proxy has named, or refuses it.
    fn name(&mut self, id: ConnectionId, start: usize) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        let Some(place) = &mut entry.place else { return };
        if let Err(refusal) = self.common.admission.name(place, entry.conn.record.peer()) {
            self.with(id, start, 0, |entry, env| entry.conn.refuse(refusal, env));
        }
    }
}
