//! Reading ahead: what short reads bring is taken from all sockets first, and handled then, so that the system's code and ours
//! each stay in the processor's caches for a while.

use super::core::Core;
use super::serve::Budget;
use super::slots::Entry;
use super::socket::Read;
use crate::id::ConnectionId;
use crate::router::Application;

/// Bytes that are read ahead of being handled, from all connections together.
const AHEAD_BYTES: usize = 64 * 1024;
/// Bytes that one read is offered at least. Who fills them is read by itself from then on.
const MIN_ROOM_BYTES: usize = 16 * 1024;

/// What was read and not yet handled.
#[derive(Debug)]
pub(super) struct Ahead {
    buffer: Vec<u8>,
    filled: usize,
    reads: Vec<AheadRead>,
}

/// Bytes of one connection, behind those of the read before. They are all that its socket had.
#[derive(Clone, Copy, Debug)]
struct AheadRead {
    id: ConnectionId,
    len: usize,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Ahead { buffer: vec![u8::MAX; AHEAD_BYTES], filled: 0, reads: Vec::new() }
    }
}

impl<S: Application> Core<S> {
    /// Reads ahead from a connection that is likely to have little to say. False if it is to be served by
    /// itself.
    pub(super) fn read_ahead(&mut self, id: ConnectionId) -> bool {
        if self.ahead.buffer.len() - self.ahead.filled < MIN_ROOM_BYTES {
            self.handle_ahead();
        }
        let Some(entry) = self.slots.get_mut(id) else { return true };
        let Entry { socket, conn, readable, read_on, .. } = entry;
        if !*readable || *read_on || !socket.is_plain() || !conn.says_little(&self.lent.settings) {
            return false;
        }
        let room = self.ahead.buffer.get_mut(self.ahead.filled..);
        let Some(room) = room.filter(|room| room.len() >= MIN_ROOM_BYTES) else { return false };
        match socket.read(room) {
            Ok(Read::Last(len)) => {
                *readable = false;
                self.ahead.filled += len;
                self.ahead.reads.push(AheadRead { id, len });
                true
            }
            Ok(Read::Bytes(len)) => {
                conn.note_read(len);
                self.ahead.filled += len;
                self.ahead.reads.push(AheadRead { id, len });
                self.handle_ahead();
                false
            }
            Ok(Read::End) => {
                *readable = false;
                conn.handle_end(self.now);
                false
            }
            Ok(Read::NotTls) => false,
            Err(error) => {
                self.fail_read(id, &error);
                false
            }
        }
    }

    /// Handles all that was read ahead, in the order in which it was read.
    pub(super) fn handle_ahead(&mut self) {
        if self.ahead.reads.is_empty() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.ahead.buffer);
        let mut reads = std::mem::take(&mut self.ahead.reads);
        let mut rest = buffer.as_mut_slice();
        for AheadRead { id, len } in reads.drain(..) {
            let Some(bytes) = rest.split_off_mut(..len) else { break };
            self.handle_read(id, bytes);
        }
        self.ahead = Ahead { buffer, filled: 0, reads };
    }

    fn handle_read(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        self.write_gathered_for(id);
        let start = self.lent.tools.out.len();
        let used = self.feed(id, start, bytes, &mut Budget::of_a_turn());
        if let (Some(entry), Some(rest)) = (self.slots.get_mut(id), bytes.get(used..)) {
            entry.conn.keep(rest);
        }
        self.settle(id, start);
        self.apply_effects();
    }
}
