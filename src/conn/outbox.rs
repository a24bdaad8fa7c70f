//! Bytes that a socket did not take: the only place that knows how they wait.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::frame::{Opcode, begins_pong, boundary_at_or_after, push_frame};

/// Slices that one vectored write is given at most.
pub(crate) const MAX_SLICES: usize = 64;

/// Frames of fewer bytes are copied one behind the other: what it costs to hold one by itself would
/// be more than its bytes, and the outbox limit would not mean what it says.
const SMALL_BYTES: usize = 1024;
/// Small frames that are held in one piece, in bytes, and what the first piece may have lost to the socket
/// before it is given back: all of that is held beside what is queued.
const PIECE_BYTES: usize = 8 * 1024;

/// How the response to an upgrade begins, and no frame of a server does; and how its head ends.
const RESPONSE: &[u8] = b"HTTP/";
const RESPONSE_END: &[u8] = b"\r\n\r\n";

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
    /// The first chunk is the rest of one frame whose beginning went out before, or a Pong: nothing overtakes it.
    front_torn: bool,
    /// Bytes in all chunks and the tail that the socket has not taken.
    bytes: usize,
    /// The newest Pong, which goes out as soon as the first chunk has; behind all if an earlier one waits there.
    pong: Option<Bytes>,
    /// A Pong waits among the frames, or did.
    holds_pong: bool,
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
            queue.settle_pong();
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
            queue.settle_pong();
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
            self.push_small(segment);
            return self.note_pongs(segment, 0);
        }
        let (begun, mut rest) = segment.split_at(boundary(segment, written).min(segment.len()));
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
        self.note_pongs(segment, written);
    }

    /// Notes whether there is a Pong among the frames of `segment` that do not begin before `at`.
    fn note_pongs(&mut self, segment: &[u8], at: usize) {
        let Some(queue) = self.queue.as_deref_mut().filter(|queue| !queue.holds_pong && queue.pong.is_none())
        else {
            return;
        };
        let mut rest = segment.get(boundary(segment, at)..).unwrap_or_default();
        while let Some(first) = rest.first() {
            if begins_pong(*first) {
                queue.holds_pong = true;
                return;
            }
            rest = rest.get(boundary_at_or_after(rest, 1)..).unwrap_or_default();
        }
    }

    /// Queues a Pong ahead of all but the frame that is being written, in place of one that waits.
    /// Only for an outbox in which something waits: with nothing to overtake it goes out in order.
    pub(crate) fn set_pong(&mut self, payload: &[u8]) {
        let Some(queue) = self.queue.as_deref_mut() else { return };
        if queue.pong.is_none() && !queue.holds_pong {
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
        let (early, late) = if queue.holds_pong { (None, &queue.pong) } else { (queue.pong.as_ref(), &None) };
        let rest = early.into_iter().chain(chunks).map(|chunk| chunk.as_ref());
        let tail = Some(&*queue.tail).filter(|tail| !tail.is_empty());
        let late = late.as_deref();
        let mut count = 0;
        for (slot, chunk) in slices.iter_mut().zip(front.into_iter().chain(rest).chain(tail).chain(late)) {
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
            if (!queue.holds_pong || queue.is_drained())
                && let Some(pong) = queue.pong.take()
            {
                queue.bytes += pong.len();
                queue.chunks.push_front(pong);
                // A later one must not go before it.
                queue.front_torn = true;
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

    /// A Pong that cannot overtake takes its place among the frames before others come behind it.
    fn settle_pong(&mut self) {
        if self.holds_pong
            && let Some(pong) = self.pong.take()
        {
            self.bytes += pong.len();
            self.tail.extend_from_slice(&pong);
        }
    }

    /// Whether all frames have gone out.
    fn is_drained(&self) -> bool {
        self.chunks.is_empty() && self.tail.is_empty()
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
        let boundary = boundary(front, self.front_at);
        if boundary < front.len() {
            let rest = front.split_off(boundary);
            self.chunks.insert(1, rest);
        }
    }
}

/// The first place in a chunk, not before `at`, where a frame begins or the last one ends. The response to the upgrade can
/// lie in front of all frames, and none goes before it.
fn boundary(chunk: &[u8], at: usize) -> usize {
    let response = if chunk.starts_with(RESPONSE) { response_bytes(chunk) } else { 0 };
    let frames = chunk.get(response..).unwrap_or_default();
    response + boundary_at_or_after(frames, at.saturating_sub(response))
}

/// The length in bytes of the response that `chunk` begins with.
fn response_bytes(chunk: &[u8]) -> usize {
    chunk
        .windows(RESPONSE_END.len())
        .position(|end| end == RESPONSE_END)
        .map_or(chunk.len(), |at| at + RESPONSE_END.len())
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

    /// Writes so many bytes of what waits.
    fn write(outbox: &mut Outbox, count: usize) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let offered = outbox.slices(&mut slices);
        let mut wire: Vec<u8> = slices[..offered].iter().flat_map(|slice| slice.to_vec()).collect();
        wire.truncate(count);
        outbox.advance(wire.len());
        wire
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
                    let waits = segment.len() - written + pushed.concat().len();
                    assert_eq!(pongs.len(), usize::from(waits > step * pong_before));
                    if let Some(&at) = pongs.first() {
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

    /// What is pushed, in order: frames of so many bytes each by themselves, or Pongs while something waits.
    enum Pushed {
        Segment(&'static [&'static [u8]]),
        Pong(&'static str),
        /// So many bytes go out.
        Out(usize),
    }

    #[test]
    fn pongs_keep_their_order_whatever_waits() {
        use Pushed::{Out, Pong, Segment};
        const A: &[u8] = b"\x8a\x01a";
        const B: &[u8] = b"\x8a\x01b";
        const TEXT: &[u8] = b"\x81\x01t";
        let cases: [(&[Pushed], &[&str]); 6] = [
            (&[Segment(&[TEXT, TEXT]), Out(1), Pong("a")], &["t", "pong a", "t"]),
            (
                &[Segment(&[TEXT, A, TEXT, B]), Out(1), Pong("c"), Out(4), Pong("d")],
                &["t", "pong a", "t", "pong b", "pong d"],
            ),
            (
                &[Segment(&[TEXT, TEXT]), Out(1), Pong("a"), Out(3), Pong("b")],
                &["t", "pong a", "pong b", "t"],
            ),
            (
                &[Segment(&[TEXT, TEXT]), Out(1), Pong("a"), Out(2), Pong("b")],
                &["t", "pong a", "pong b", "t"],
            ),
            (&[Segment(&[TEXT, A]), Pong("b"), Pong("c"), Segment(&[TEXT])], &["t", "pong a", "pong c", "t"]),
            (&[Segment(&[A, TEXT]), Out(2), Segment(&[TEXT]), Pong("b")], &["pong a", "t", "t", "pong b"]),
        ];
        for (at, (steps, expected)) in cases.into_iter().enumerate() {
            for step in 1..9 {
                let (mut outbox, mut wire) = (Outbox::default(), vec![]);
                for pushed in steps {
                    match pushed {
                        Segment(frames) => outbox.push_unwritten(&frames.concat(), 0),
                        Pong(payload) => outbox.set_pong(payload.as_bytes()),
                        Out(count) => wire.extend(write(&mut outbox, *count)),
                    }
                }
                wire.extend(drain(&mut outbox, step, usize::MAX));
                assert_eq!(events(&mut wire), expected, "case {at}, {step} bytes at a time");
            }
        }
    }

    #[test]
    fn no_pong_goes_out_within_the_response_to_an_upgrade() {
        let response =
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        let filler = frame(&"large".repeat(300));
        for behind in [&b""[..], b"\x81\x01t", &filler] {
            let segment = [response, behind].concat();
            for written in 0..segment.len().min(response.len() + 3) {
                // The socket takes the first bytes at once, or all of it has to wait at first.
                for at_once in [written, 0] {
                    let mut outbox = Outbox::default();
                    outbox.push_unwritten(&segment, at_once);
                    let mut wire = segment[..at_once].to_vec();
                    wire.extend(write(&mut outbox, written - at_once));
                    outbox.set_pong(b"pong");
                    wire.extend(drain(&mut outbox, 50, usize::MAX));
                    assert_eq!(&wire[..response.len()], response, "{written} bytes had gone out");
                    let mut seen = events(&mut wire[response.len()..]);
                    let pongs = seen.extract_if(.., |event| event == "pong pong").count();
                    assert_eq!((pongs, seen.len()), (1, usize::from(!behind.is_empty())), "{written}");
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
        let mut outbox = Outbox::default();
        for _ in 0..PIECE_BYTES / frame("a small reply").len() {
            outbox.push_unwritten(&frame("a small reply"), 0);
        }
        assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES]), 1);
    }

    #[test]
    fn what_is_shared_can_be_written_in_part() {
        for text in ["small".to_owned(), "large".repeat(300)] {
            let frame = frame(&text);
            for written in [0, 1, frame.len() - 1] {
                let mut outbox = Outbox::default();
                outbox.push_partly_written(frame.clone().into(), written);
                assert_eq!(outbox.queued(), frame.len() - written);
                assert_eq!(drain(&mut outbox, 100, usize::MAX), frame[written..]);
            }
        }
    }

    #[test]
    fn a_trim_gives_back_room_that_nothing_waits_in() {
        let mut outbox = Outbox::default();
        let frame = frame("a small push");
        (0..PIECE_BYTES / frame.len()).for_each(|_| outbox.push_shared(frame.clone().into()));
        let capacity = |outbox: &Outbox| outbox.queue.as_ref().map_or(0, |queue| queue.tail.capacity());
        outbox.trim();
        assert_eq!(capacity(&outbox), outbox.queued());
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
