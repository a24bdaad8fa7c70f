//! Reading ahead: what short reads bring is taken from all sockets first, and handled then, so that the system's code and ours
//! each stay in the processor's caches for a while.

use super::budget::{Share, Step};
use super::core::Core;
use super::slots::Entry;
use super::sys::read::Read;
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
    /// What is left of the share of the connection that was handled last.
    share: Share,
}

/// Bytes of one connection, behind those of the read before. They are all that its socket had.
#[derive(Clone, Copy, Debug)]
struct AheadRead {
    id: ConnectionId,
    len: usize,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Ahead { buffer: vec![u8::MAX; AHEAD_BYTES], filled: 0, reads: Vec::new(), share: Share::WHOLE }
    }
}

/// What became of a connection that was to be read ahead.
pub(super) enum AheadOf {
    /// It was, or there was nothing to be read.
    All,
    /// It is to be served by itself.
    Whole,
    /// It is to be served by itself, with what is left of its share.
    Rest(Share),
}

impl<S: Application> Core<S> {
    /// Reads ahead from a connection that is likely to have little to say.
    pub(super) fn read_ahead(&mut self, id: ConnectionId) -> AheadOf {
        if self.ahead.buffer.len() - self.ahead.filled < MIN_ROOM_BYTES {
            self.handle_ahead();
        }
        let Some(entry) = self.slots.get_mut(id) else { return AheadOf::All };
        let Entry { socket, conn, readable, writable, read_on, .. } = entry;
        let has_output = *writable && !conn.outbox.is_empty();
        if !*readable
            || *read_on
            || has_output
            || !socket.is_plain()
            || !conn.says_little(&self.lent.settings)
        {
            return AheadOf::Whole;
        }
        let room = self.ahead.buffer.get_mut(self.ahead.filled..);
        let Some(room) = room.filter(|room| room.len() >= MIN_ROOM_BYTES) else { return AheadOf::Whole };
        match socket.read(room) {
            Ok(Read::Last(len)) => {
                *readable = false;
                conn.record.count_received(len);
                self.ahead.filled += len;
                self.ahead.reads.push(AheadRead { id, len });
                self.turn.charge(len);
                AheadOf::All
            }
            Ok(Read::Bytes(len)) => {
                conn.note_read(len);
                conn.record.count_received(len);
                self.ahead.filled += len;
                self.ahead.reads.push(AheadRead { id, len });
                self.turn.charge(len);
                self.handle_ahead();
                AheadOf::Rest(self.ahead.share)
            }
            Ok(Read::End) => {
                *readable = false;
                conn.handle_end(self.now);
                AheadOf::Whole
            }
            Ok(Read::NotTls) => AheadOf::Whole,
            Err(error) => {
                self.fail_read(id, &error);
                AheadOf::Whole
            }
        }
    }

    /// Handles all that was read ahead, in the order in which it was read.
    pub(super) fn handle_ahead(&mut self) {
        if self.ahead.reads.is_empty() {
            return;
        }
        let mut buffer = std::mem::take(&mut self.ahead.buffer);
        let (mut rest, mut done) = (buffer.as_mut_slice(), 0);
        while let Some(&AheadRead { id, len }) = self.ahead.reads.get(done)
            && let Some(bytes) = rest.split_off_mut(..len)
        {
            self.handle_read(id, bytes);
            done += 1;
        }
        self.ahead.reads.clear();
        (self.ahead.buffer, self.ahead.filled) = (buffer, 0);
    }

    fn handle_read(&mut self, id: ConnectionId, bytes: &mut [u8]) {
        let mut share = Share::WHOLE;
        share.take_bytes(bytes.len());
        let owes = self.owes(id);
        if owes || !self.turn.allows(Step::Quiet, usize::MAX) {
            return self.put_off_read(id, bytes, owes);
        }
        self.reach(id);
        self.write_gathered_for(id);
        let start = self.lent.tools.out.len();
        let used = self.feed(id, start, bytes, &mut share);
        if let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty())
            && let Some(entry) = self.slots.get_mut(id)
        {
            entry.conn.keep(rest);
        }
        self.ahead.share = share;
        self.settle_share(id, start, &share);
        self.apply_effects(Some(id));
    }

    /// The turn has no time for what was read, or the client is to wait: it is handled as soon as it can be.
    #[cold]
    fn put_off_read(&mut self, id: ConnectionId, bytes: &[u8], is_busy: bool) {
        self.ahead.share.use_up();
        if let Some(entry) = self.slots.get_mut(id) {
            entry.conn.keep(bytes);
            if is_busy {
                entry.standing.set_busy(true);
            }
            self.postpone(id);
        }
    }
}
