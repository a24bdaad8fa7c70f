//! The way out of a connection: frames that wait for the socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;

use sysconn::frame::{Header, Opcode, apply_mask, push_masked_frame};

use super::codec::Codec;
use super::prepared::Prepared;
use super::random::Random;
use super::ring::Ring;
use super::transport::Transport;

/// While so many bytes wait for the socket, no further request is written.
const MAX_WAITING_BYTES: usize = 64 * 1024;
/// Tails of requests that are shorter are copied: it takes less time than another slice of a write.
const MIN_SHARED_BYTES: usize = 4096;
/// Slices of one write.
const SLICES: usize = 32;

/// A socket, and what it has not taken yet.
pub(super) struct Wire {
    pub(super) transport: Transport,
    out: Vec<u8>,
    /// How much of `out` was written.
    written: usize,
    /// Where in `out` the tail of all requests comes, which is not copied.
    tails: VecDeque<usize>,
    /// How much of the first of these tails was written.
    tail_written: usize,
    prepared: Rc<Prepared>,
    /// The socket may take more. It takes nothing before it is connected.
    pub(super) is_writable: bool,
}

impl Wire {
    /// A connection whose first bytes are these.
    pub(super) fn new(transport: Transport, first: Vec<u8>, prepared: Rc<Prepared>) -> Self {
        let tails = VecDeque::new();
        Wire { transport, out: first, written: 0, tails, tail_written: 0, prepared, is_writable: false }
    }

    /// Whether there is room for another request.
    pub(super) fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// How many requests of so many bytes there is room for.
    pub(super) fn room_for(&self, bytes: usize) -> u64 {
        self.room().div_ceil(bytes.max(1)) as u64
    }

    /// Whether nothing waits for the socket.
    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty() && self.tails.is_empty()
    }

    fn room(&self) -> usize {
        let tails = self.tails.len() * self.prepared.tail().len() - self.tail_written;
        MAX_WAITING_BYTES.saturating_sub(self.out.len() - self.written + tails)
    }

    /// Appends a control frame.
    pub(super) fn control(&mut self, opcode: Opcode, payload: &[u8], random: &mut Random) {
        push_masked_frame(&mut self.out, true, opcode, random.mask(), payload);
    }

    /// Appends the message of a request, compressed if there is a codec.
    pub(super) fn request(&mut self, message: &[u8], codec: Option<&mut Codec>, random: &mut Random) {
        if codec.is_some() {
            self.message(message, codec, random);
            return;
        }
        if self.prepared.tail().len() < MIN_SHARED_BYTES {
            self.prepared.push(&mut self.out, message);
        } else {
            self.prepared.push_head(&mut self.out, message);
            self.tails.push_back(self.out.len());
        }
    }

    /// Writes so many requests of the ring, the first of which has this Flag. What the socket does not take
    /// waits, and whatever is wrong with it shows then.
    pub(super) fn requests_of_ring(&mut self, ring: &Ring, flag: u32, count: u64) {
        let requests = ring.requests(flag, usize::try_from(count).unwrap_or(usize::MAX));
        let may_write = self.is_writable && self.is_empty();
        let written = if may_write { self.transport.write(requests).unwrap_or(0) } else { 0 };
        self.out.extend_from_slice(requests.get(written..).unwrap_or_default());
    }

    /// Appends a binary message, compressed if there is a codec.
    pub(super) fn message(&mut self, message: &[u8], codec: Option<&mut Codec>, random: &mut Random) {
        let key = random.mask();
        let Some(compressed) = codec.and_then(|codec| codec.compress(message)) else {
            push_masked_frame(&mut self.out, true, Opcode::Binary, key, message);
            return;
        };
        let header = Header {
            fin: true,
            rsv1: true,
            opcode: Opcode::Binary,
            mask: Some(key),
            payload_len: compressed.len() as u64,
        };
        self.out.extend_from_slice(&header.encode());
        let start = self.out.len();
        self.out.extend_from_slice(&compressed);
        apply_mask(self.out.get_mut(start..).unwrap_or_default(), key);
    }

    /// Writes until the socket is full.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        self.transport.flush()?;
        while self.written < self.out.len() || !self.tails.is_empty() {
            match self.write() {
                Ok(taken) => self.advance(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    /// Writes what the socket takes at once.
    fn write(&mut self) -> io::Result<usize> {
        let part = |from: usize, to: usize| self.out.get(from..to).unwrap_or_default();
        if self.tails.is_empty() {
            return self.transport.write(part(self.written, self.out.len()));
        }
        let (mut slices, mut count) = ([IoSlice::new(&[]); SLICES], 0);
        let (mut from, mut tail_from) = (self.written, self.tail_written);
        for (pair, &at) in slices.chunks_exact_mut(2).zip(&self.tails) {
            if let [before, tail] = pair {
                *before = IoSlice::new(part(from, at));
                *tail = IoSlice::new(self.prepared.tail().get(tail_from..).unwrap_or_default());
            }
            (from, tail_from, count) = (at, 0, count + 2);
        }
        self.transport.write_vectored(slices.get(..count).unwrap_or_default())
    }

    /// So many bytes were written.
    fn advance(&mut self, mut taken: usize) {
        while taken > 0 {
            let end = self.tails.front().copied().unwrap_or(self.out.len());
            let part = taken.min(end - self.written);
            self.written += part;
            taken -= part;
            if self.tails.is_empty() {
                return;
            }
            let left = self.prepared.tail().len() - self.tail_written;
            let part = taken.min(left);
            taken -= part;
            self.tail_written += part;
            if part == left {
                self.tails.pop_front();
                self.tail_written = 0;
            }
        }
    }
}
