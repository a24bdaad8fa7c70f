//! Stores waiting output: frames in order, in chunks, and the newest Pong, which overtakes them if it can.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::MAX_SLICES;
use super::boundary::{boundary, has_pong};
use crate::frame::{Opcode, boundary_at_or_after, push_frame};

/// Frames smaller than this are copied together: holding one by itself would cost more than its bytes, and
/// the outbox limit would not hold.
const SMALL_BYTES: usize = 1024;
/// The size of a piece of small frames, and the most bytes of the first piece that the socket may have taken
/// before they are freed. Both are held in addition to the queued bytes.
pub(super) const PIECE_BYTES: usize = 8 * 1024;

/// Output that is ready to be written.
///
/// Invariant: each chunk begins and ends at a frame boundary, except a torn first one, and none is empty.
/// Only while a Pong overtakes may the first one be used up, and it never exceeds the rest of one frame.
#[derive(Debug, Default)]
pub(super) struct Queue {
    chunks: VecDeque<Bytes>,
    /// Small frames after the last chunk.
    tail: Vec<u8>,
    /// Bytes of the first chunk that the socket has taken.
    front_at: usize,
    /// The first chunk is a Pong, or the rest of a frame whose beginning went out before: nothing overtakes
    /// it.
    front_torn: bool,
    /// Bytes in all chunks and the tail that the socket has not taken.
    bytes: usize,
    /// The newest Pong. It goes out after the first chunk, or after everything if an earlier one waits among
    /// the frames.
    pong: Option<Bytes>,
    /// A Pong waits, or has waited, among the frames.
    holds_pong: bool,
}

impl Queue {
    /// A queue for a replay, which knows only the number of waiting bytes.
    pub(super) fn of_bytes(bytes: usize) -> Self {
        Queue { bytes, ..Queue::default() }
    }

    /// Waiting bytes, without the Pong.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Queues whole frames, which other connections may share.
    pub(super) fn push_shared(&mut self, frames: Bytes) {
        if frames.len() < SMALL_BYTES {
            self.push_small(&frames);
        } else {
            self.push_chunk(frames);
        }
    }

    /// Queues `segment`, whole frames, without its first `written` bytes. These can be missing only if
    /// nothing else waits.
    pub(super) fn push_rest(&mut self, segment: &[u8], written: usize) {
        if written == 0 && segment.len() < SMALL_BYTES {
            self.push_small(segment);
        } else {
            self.push_pieces(segment, written);
        }
        if !self.holds_pong && self.pong.is_none() {
            self.holds_pong = has_pong(segment, written);
        }
    }

    fn push_pieces(&mut self, segment: &[u8], written: usize) {
        let (begun, mut rest) = segment.split_at(boundary(segment, written));
        let torn = begun.get(written..).unwrap_or_default();
        if !torn.is_empty() {
            self.push_chunk(Bytes::copy_from_slice(torn));
            self.front_torn = true;
        }
        // Separate pieces, so that the last one does not keep written bytes in memory.
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at(boundary_at_or_after(rest, PIECE_BYTES));
            self.push_chunk(Bytes::copy_from_slice(piece));
        }
    }

    fn push_small(&mut self, frames: &[u8]) {
        self.settle_pong();
        self.give_back();
        if self.tail.len() + frames.len() > PIECE_BYTES {
            self.end_tail();
        }
        self.bytes += frames.len();
        self.tail.extend_from_slice(frames);
        debug_assert!(self.is_sound());
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        self.settle_pong();
        self.give_back();
        self.end_tail();
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
        debug_assert!(self.is_sound());
    }

    /// Appends another queue, which has written nothing and has no waiting Pong.
    pub(super) fn append(&mut self, behind: Queue) {
        if behind.is_drained() {
            return;
        }
        debug_assert!(behind.pong.is_none() && !behind.holds_pong && behind.front_at == 0);
        self.settle_pong();
        self.give_back();
        self.end_tail();
        self.bytes += behind.bytes;
        self.chunks.extend(behind.chunks);
        self.tail = behind.tail;
        debug_assert!(self.is_sound());
    }

    /// Makes the Pong the first chunk if there are no frames for it to overtake.
    pub(super) fn begin_pong(&mut self) {
        if self.is_drained()
            && let Some(pong) = self.pong.take()
        {
            self.bytes += pong.len();
            self.chunks.push_back(pong);
            // A later Pong must not overtake it.
            self.front_torn = true;
        }
    }

    /// Queues a Pong ahead of all but the frame that is being written, replacing a waiting one.
    pub(super) fn set_pong(&mut self, payload: &[u8]) {
        if self.pong.is_none() && !self.holds_pong {
            self.split_front();
        }
        let mut frame = Vec::new();
        push_frame(&mut frame, Opcode::Pong, payload);
        self.pong = Some(frame.into());
        debug_assert!(self.is_sound());
    }

    /// The slices of the next vectored write, of at most `most` bytes.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES], most: usize) -> usize {
        let mut chunks = self.chunks.iter();
        let front = chunks.next().and_then(|front| front.get(self.front_at..));
        let pong = self.pong.as_ref();
        let (early, late) = if self.holds_pong { (None, pong) } else { (pong, None) };
        let frames = early.into_iter().chain(chunks).map(|chunk| &**chunk);
        let tail = Some(&*self.tail).filter(|tail| !tail.is_empty());
        let ordered = front.into_iter().chain(frames).chain(tail).chain(late.map(|pong| &**pong));
        let (mut count, mut left) = (0, most);
        for (slot, bytes) in slices.iter_mut().zip(ordered) {
            if left == 0 {
                break;
            }
            let bytes = bytes.get(..left).unwrap_or(bytes);
            *slot = IoSlice::new(bytes);
            left -= bytes.len();
            count += 1;
        }
        count
    }

    /// Removes the next `written` bytes. Returns whether the queue is empty now.
    pub(super) fn advance(&mut self, mut written: usize) -> bool {
        self.begin_pong();
        while let Some(front) = self.front() {
            let left = front.len() - self.front_at;
            if written < left {
                self.front_at += written;
                self.bytes -= written;
                debug_assert!(self.is_sound());
                return false;
            }
            written -= left;
            self.bytes -= left;
            self.pop_front();
        }
        debug_assert_eq!((written, self.bytes), (0, 0));
        true
    }

    /// Frees unused capacity.
    pub(super) fn trim(&mut self) {
        self.chunks.shrink_to_fit();
        self.tail.shrink_to_fit();
    }

    /// Drops the first chunk. The Pong goes next, unless an earlier one waits.
    fn pop_front(&mut self) {
        self.chunks.pop_front();
        self.front_at = 0;
        self.front_torn = false;
        if (!self.holds_pong || self.is_drained())
            && let Some(pong) = self.pong.take()
        {
            self.bytes += pong.len();
            self.chunks.push_front(pong);
            // A later Pong must not overtake it.
            self.front_torn = true;
        }
    }

    /// Makes the tail a chunk.
    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            tail.shrink_to_fit();
            self.chunks.push_back(tail.into());
        }
    }

    /// Frees the written part of the first chunk once it is large. Call it before more is queued: until then
    /// every written byte shrinks the queue.
    fn give_back(&mut self) {
        if self.front_at >= PIECE_BYTES
            && let Some(front) = self.chunks.front_mut()
        {
            // Such a chunk ends with a long frame, of which only a part is left.
            *front = Bytes::copy_from_slice(front.get(self.front_at..).unwrap_or_default());
            self.front_at = 0;
            self.front_torn = true;
        }
    }

    /// Puts a Pong that cannot overtake among the frames, before others follow it.
    fn settle_pong(&mut self) {
        if self.holds_pong
            && let Some(pong) = self.pong.take()
        {
            self.bytes += pong.len();
            self.tail.extend_from_slice(&pong);
        }
    }

    /// Whether nothing is left to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.is_drained() && self.pong.is_none()
    }

    /// Whether all frames have gone out.
    fn is_drained(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
    }

    /// The first chunk; the tail if it is the only one.
    fn front(&mut self) -> Option<&Bytes> {
        if self.chunks.is_empty() {
            self.end_tail();
        }
        self.chunks.front()
    }

    /// Splits the first chunk after the frame that is being written.
    fn split_front(&mut self) {
        if self.front_torn || self.front().is_none() {
            return;
        }
        let Some(front) = self.chunks.front_mut() else { return };
        let boundary = boundary(front, self.front_at);
        if boundary < front.len() {
            let rest = front.split_off(boundary);
            self.chunks.insert(1, rest);
        }
    }

    /// Whether the invariant holds and `bytes` is right. Reads frames only where a Pong depends on them.
    fn is_sound(&self) -> bool {
        let overtakes = self.pong.is_some() && !self.holds_pong;
        let Some(front) = self.chunks.front() else {
            // A replay has only the number of bytes.
            return self.is_drained() || !overtakes && self.front_at == 0 && self.bytes == self.tail.len();
        };
        let chunks: usize = self.chunks.iter().map(Bytes::len).sum();
        let is_one_frame = || self.front_torn || boundary(front, self.front_at) == front.len();
        self.front_at + self.bytes == chunks + self.tail.len()
            && self.chunks.iter().skip(1).all(|chunk| !chunk.is_empty())
            && (self.front_at < front.len() || overtakes && self.front_at == front.len())
            && (!overtakes || is_one_frame())
    }

    /// Capacity in bytes beyond the frames that wait in one piece.
    #[cfg(test)]
    pub(super) fn spare_bytes(&self) -> usize {
        self.tail.capacity() - self.tail.len()
    }
}
