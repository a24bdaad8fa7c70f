//! Bytes that a socket did not take: the only place that knows how they wait.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::frame::{Opcode, boundary_at_or_after, push_frame};

/// Slices that one vectored write is given at most.
pub(crate) const MAX_SLICES: usize = 64;

/// Frames of fewer bytes are copied one behind the other: what it costs to hold one by itself would
/// be more than its bytes, and the outbox limit would not mean what it says.
const SMALL_BYTES: usize = 1024;
/// Small frames that are held in one piece, in bytes, and what the first piece may have lost to the socket
/// before it is given back: all of that is held beside what is queued.
const PIECE_BYTES: usize = 8 * 1024;

/// What waits for one connection's socket; nothing at all while the client keeps up.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Option<Box<Queue>>,
}

/// Invariant: each chunk begins and ends where a frame does, but for a first one that is torn;
/// `front_at` lies within the first chunk.
#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Bytes>,
    /// Small frames behind the last chunk.
    tail: Vec<u8>,
    /// Bytes of the first chunk that the socket has taken.
    front_at: usize,
    /// The first chunk is the rest of one frame whose beginning went out before.
    front_torn: bool,
    /// Bytes in all chunks and the tail that the socket has not taken.
    bytes: usize,
    /// The newest Pong, which goes out as soon as the first chunk has.
    pong: Option<Bytes>,
}

impl Outbox {
    /// An outbox in which so many bytes are said to wait, for who needs to know no more of them.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        let queue = (bytes > 0).then(|| Box::new(Queue { bytes, ..Queue::default() }));
        Outbox { queue }
    }

    /// Bytes that wait, the Pong aside.
    pub(crate) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_none()
    }

    /// Queues whole frames, which others may share.
    pub(crate) fn push_shared(&mut self, frames: Bytes) {
        if frames.len() < SMALL_BYTES {
            self.push_small(&frames);
        } else {
            self.push_chunk(frames);
        }
    }

    /// Queues what is left of frames that others may share, of which the socket took the first `written`
    /// bytes. It can have taken some only if nothing else waits.
    pub(crate) fn push_partly_written(&mut self, frames: Bytes, written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        self.push_shared(frames);
        if written > 0 {
            self.advance(written);
        }
    }

    fn push_small(&mut self, frames: &[u8]) {
        if !frames.is_empty() {
            let queue = self.queue.get_or_insert_default();
            queue.give_back();
            if queue.tail.len() + frames.len() > PIECE_BYTES {
                queue.end_tail();
            }
            queue.bytes += frames.len();
            queue.tail.extend_from_slice(frames);
        }
    }

    fn push_chunk(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            let queue = self.queue.get_or_insert_default();
            queue.give_back();
            queue.end_tail();
            queue.bytes += chunk.len();
            queue.chunks.push_back(chunk);
        }
    }

    /// Queues what is left of `segment`, whole frames of which the socket took the first `written`
    /// bytes. It can have taken some only if nothing else waits.
    pub(crate) fn push_unwritten(&mut self, segment: &[u8], written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        if written == 0 && segment.len() < SMALL_BYTES {
            return self.push_small(segment);
        }
        let boundary = boundary_behind(segment, written).min(segment.len());
        let (begun, mut rest) = segment.split_at(boundary);
        let torn = begun.get(written..).unwrap_or_default();
        self.push_chunk(Bytes::copy_from_slice(torn));
        // Each piece by itself, so that what the socket has taken of them does not stay for the sake of the last.
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at(boundary_at_or_after(rest, PIECE_BYTES).min(rest.len()));
            self.push_chunk(Bytes::copy_from_slice(piece));
        }
        if let Some(queue) = self.queue.as_deref_mut() {
            queue.front_torn |= !torn.is_empty();
        }
    }

    /// Queues a Pong ahead of all but the frame that is being written, in place of one that waits.
    /// Only for an outbox in which something waits: with nothing to overtake it goes out in order.
    pub(crate) fn set_pong(&mut self, payload: &[u8]) {
        let Some(queue) = self.queue.as_deref_mut() else { return };
        if queue.pong.is_none() {
            queue.split_front();
        }
        let mut frame = Vec::new();
        push_frame(&mut frame, Opcode::Pong, payload);
        queue.pong = Some(frame.into());
    }

    /// What to write next, in order, as slices for a vectored write.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let Some(queue) = self.queue.as_deref() else { return 0 };
        let mut chunks = queue.chunks.iter();
        let front = chunks.next().and_then(|front| front.get(queue.front_at..));
        let rest = queue.pong.iter().chain(chunks).map(|chunk| chunk.as_ref());
        let tail = Some(&*queue.tail).filter(|tail| !tail.is_empty());
        let mut count = 0;
        for (slot, chunk) in slices.iter_mut().zip(front.into_iter().chain(rest).chain(tail)) {
            *slot = IoSlice::new(chunk);
            count += 1;
        }
        count
    }

    /// The socket took the next `written` bytes.
    pub(crate) fn advance(&mut self, mut written: usize) {
        let Some(queue) = self.queue.as_deref_mut() else { return };
        while let Some(front) = queue.front() {
            let left = front.len() - queue.front_at;
            if written < left {
                queue.front_at += written;
                queue.bytes -= written;
                return;
            }
            written -= left;
            queue.bytes -= left;
            queue.front_at = 0;
            queue.front_torn = false;
            queue.chunks.pop_front();
            if let Some(pong) = queue.pong.take() {
                queue.bytes += pong.len();
                queue.chunks.push_front(pong);
            }
        }
        debug_assert_eq!((written, queue.bytes), (0, 0));
        self.queue = None;
    }

    /// Gives back capacity that is not in use.
    pub(crate) fn trim(&mut self) {
        if let Some(queue) = self.queue.as_deref_mut() {
            queue.chunks.shrink_to_fit();
            queue.tail.shrink_to_fit();
        }
    }
}

impl Queue {
    /// Makes a chunk of the tail.
    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            let mut tail = std::mem::take(&mut self.tail);
            tail.shrink_to_fit();
            self.chunks.push_back(tail.into());
        }
    }

    /// Gives back what the socket has taken of the first chunk, once that is much. To be called before more is
    /// queued: until then less is held with every byte that is taken.
    fn give_back(&mut self) {
        if self.front_at >= PIECE_BYTES
            && let Some(front) = self.chunks.front_mut()
        {
            // A chunk so long ends with a long frame, and that is what is left of it.
            *front = Bytes::copy_from_slice(front.get(self.front_at..).unwrap_or_default());
            self.front_at = 0;
            self.front_torn = true;
        }
    }

    /// The first chunk, which is the tail if there is no other.
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
        let boundary = boundary_behind(front, self.front_at);
        if boundary < front.len() {
            let rest = front.split_off(boundary);
            self.chunks.insert(1, rest);
        }
    }
}

/// Where in queued output another frame can come first once `at` bytes are out. The response to the upgrade
/// comes before all frames, and its first byte begins none.
fn boundary_behind(output: &[u8], at: usize) -> usize {
    const RESPONSE: &[u8] = b"HTTP/1.1 ";
    const END: &[u8] = b"\r\n\r\n";
    if !output.starts_with(RESPONSE) {
        return boundary_at_or_after(output, at);
    }
    let end = output.windows(END.len()).position(|window| window == END);
    let response_len = end.map_or(output.len(), |end| end + END.len());
    let frames = output.get(response_len..).unwrap_or_default();
    response_len + boundary_at_or_after(frames, at.saturating_sub(response_len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Decoder, Event, Role, Rules};

    fn frame(text: &str) -> Vec<u8> {
        let mut bytes = vec![];
        push_frame(&mut bytes, Opcode::Binary, text.as_bytes());
        bytes
    }

    /// Writes all that waits, `step` bytes at a time, with a Pong set before the write `pong_before`.
    fn drain(outbox: &mut Outbox, step: usize, pong_before: usize) -> Vec<u8> {
        let mut wire = vec![];
        for round in 0.. {
            if round == pong_before {
                outbox.set_pong(b"old");
                outbox.set_pong(b"new");
            }
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = outbox.slices(&mut slices);
            if count == 0 {
                break;
            }
            let before = wire.len();
            for slice in &slices[..count] {
                let left = step - (wire.len() - before);
                wire.extend_from_slice(&slice[..left.min(slice.len())]);
            }
            outbox.advance(wire.len() - before);
        }
        assert!(outbox.is_empty());
        assert_eq!(outbox.queued(), 0);
        wire
    }

    fn events(wire: &mut [u8]) -> Vec<String> {
        let rules = Rules { role: Role::Client, max_len: 10_000, text: true, deflate: false };
        let mut decoder = Decoder::new();
        let mut input = wire;
        let mut events = vec![];
        while let Some(event) = decoder.next(&mut input, &rules).expect("frames stay whole") {
            events.push(match event {
                Event::Message { payload, .. } => String::from_utf8(payload.to_vec()).unwrap(),
                Event::Pong(payload) => format!("pong {}", String::from_utf8(payload.to_vec()).unwrap()),
                other => panic!("{other:?}"),
            });
        }
        events
    }

    #[test]
    fn frames_keep_their_order_and_one_pong_overtakes_between_two_of_them() {
        let large = "large".repeat(300);
        let texts = ["one", "two", "three", "four", "five", &large, "seven"];
        let segment: Vec<u8> = texts[..4].iter().flat_map(|text| frame(text)).collect();
        for written in 0..segment.len() {
            for step in [1, 2, 3, 5, 8, 13, 21, 200, 2000] {
                for pong_before in 0..4 {
                    let mut outbox = Outbox::default();
                    outbox.push_unwritten(&segment, written);
                    let pushed: Vec<_> = texts[4..].iter().map(|text| frame(text)).collect();
                    for frame in &pushed {
                        outbox.push_shared(frame.clone().into());
                    }
                    assert_eq!(outbox.queued(), segment.len() - written + pushed.concat().len());
                    let mut wire = segment[..written].to_vec();
                    wire.extend(drain(&mut outbox, step, pong_before));
                    let mut seen = events(&mut wire);
                    let pongs: Vec<usize> = (0..seen.len()).filter(|&i| seen[i] == "pong new").collect();
                    if let Some(&at) = pongs.first() {
                        assert_eq!(pongs.len(), 1);
                        let frames_begun = {
                            let mut end = 0;
                            texts
                                .iter()
                                .take_while(|text| {
                                    let begins = end;
                                    end += frame(text).len();
                                    begins < written + step * pong_before
                                })
                                .count()
                        };
                        assert!(
                            at <= frames_begun,
                            "pong at {at}, {frames_begun} begun: {written} {step} {pong_before}"
                        );
                        seen.remove(at);
                    }
                    assert_eq!(seen, texts);
                }
            }
        }
    }

    #[test]
    fn no_pong_overtakes_the_response_to_the_upgrade() {
        let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        let large = "large".repeat(300);
        for texts in [&["one", "two"][..], &["one", &large, "three"], &[&large, "two"], &[]] {
            let frames: Vec<u8> = texts.iter().flat_map(|text| frame(text)).collect();
            let segment = [response, &frames[..]].concat();
            for written in 0..segment.len().min(response.len() + 8) {
                for (step, pong_before) in [(13, 0), (13, 3), (100, 0), (100, 1), (5000, 0)] {
                    let mut outbox = Outbox::default();
                    outbox.push_unwritten(&segment, written);
                    let mut wire = segment[..written].to_vec();
                    wire.extend(drain(&mut outbox, step, pong_before));
                    let (head, frames) = wire.split_at_mut(response.len());
                    assert_eq!(head, response, "{written} {step} {pong_before}");
                    let mut seen = events(frames);
                    seen.retain(|seen| seen != "pong new");
                    assert_eq!(seen, texts, "{written} {step} {pong_before}");
                }
            }
        }
    }

    #[test]
    fn small_frames_cost_little_more_than_their_bytes_and_leave_in_one_slice() {
        let mut outbox = Outbox::default();
        for _ in 0..PIECE_BYTES / frame("a small push").len() {
            outbox.push_shared(frame("a small push").into());
        }
        assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES]), 1);
        outbox.push_shared(frame(&"large".repeat(300)).into());
        outbox.push_shared(frame("a small push").into());
        assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES]), 3);
    }

    #[test]
    fn an_empty_outbox_holds_nothing() {
        let mut outbox = Outbox::default();
        outbox.set_pong(b"nobody to overtake");
        outbox.push_shared(Bytes::new());
        assert!(outbox.is_empty());
        assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES]), 0);
    }
}
