//! The buffers into which sockets are read, and the bytes read ahead in them.

use crate::conn::LARGE_READ_BYTES;
use crate::id::ConnectionId;

/// Bytes that are read ahead, from all connections together.
const AHEAD_BYTES: usize = 64 * 1024;
/// The most reads ahead that are handled together. So the first clients of a long turn need not wait for its
/// last ones, and the caches still serve many reads, then many calls, then many writes.
const AHEAD_READS: usize = 16;
/// The least space that a read ahead is offered. A client that fills it is read by itself from then on.
const MIN_AHEAD_BYTES: usize = 16 * 1024;
/// The most reads of one turn that may do the cryptography of a TLS handshake: each can take a signature,
/// which costs as much as thousands of packets.
const TURN_HANDSHAKES: u32 = 4;

/// The read buffers of a reactor.
#[derive(Debug)]
pub(super) struct Input {
    /// For connections that are read by themselves: a message of the default `max_len` fits.
    buffer: Vec<u8>,
    ahead: Vec<u8>,
    /// Bytes in `ahead` that have been read but not handled.
    filled: usize,
    /// The reads that these bytes came from, in order.
    reads: Vec<AheadRead>,
    handshakes_left: u32,
}

/// Bytes of one connection that were read ahead: everything that its socket had.
#[derive(Clone, Copy, Debug)]
pub(super) struct AheadRead {
    pub(super) id: ConnectionId,
    pub(super) len: usize,
    /// What the read cost, in bytes: these, and those of TLS's records.
    pub(super) work: usize,
}

impl Input {
    pub(super) fn new() -> Self {
        // Not zeros, for which the system would only promise memory: a reactor gets the memory that it needs
        // at the start, not with the first large message.
        Input {
            buffer: vec![u8::MAX; LARGE_READ_BYTES],
            ahead: vec![u8::MAX; AHEAD_BYTES],
            filled: 0,
            reads: Vec::new(),
            handshakes_left: 0,
        }
    }

    pub(super) fn begin_turn(&mut self) {
        self.handshakes_left = TURN_HANDSHAKES;
    }

    /// The buffer for one connection.
    pub(super) fn buffer(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Whether this turn may still go on with a TLS handshake.
    pub(super) fn may_handshake(&self) -> bool {
        self.handshakes_left > 0
    }

    /// Counts a read that advanced a TLS handshake.
    pub(super) fn count_handshake(&mut self) {
        self.handshakes_left = self.handshakes_left.saturating_sub(1);
    }

    /// Whether the bytes read ahead have to be handled before more are read.
    #[inline(always)]
    pub(super) fn is_ahead_full(&self) -> bool {
        self.reads.len() >= AHEAD_READS || self.ahead.len() - self.filled < MIN_AHEAD_BYTES
    }

    /// The part of the buffer that is free for reading ahead.
    #[inline]
    pub(super) fn ahead_rest(&mut self) -> &mut [u8] {
        self.ahead.get_mut(self.filled..).unwrap_or_default()
    }

    /// Records that bytes were read into the beginning of [`ahead_rest`](Self::ahead_rest).
    #[inline]
    pub(super) fn push_ahead(&mut self, id: ConnectionId, len: usize, work: usize) {
        self.filled += len;
        self.reads.push(AheadRead { id, len, work });
    }

    /// The reads ahead, in order, and the bytes of all of them.
    #[inline]
    pub(super) fn ahead(&mut self) -> (&[AheadRead], &mut [u8]) {
        (&self.reads, &mut self.ahead)
    }

    /// Forgets the bytes read ahead: they have been handled.
    #[inline]
    pub(super) fn clear_ahead(&mut self) {
        self.reads.clear();
        self.filled = 0;
    }
}
