//! The output of an outbox is complete and in order, however little the socket takes.

use super::queue::PIECE_BYTES;
use super::*;
use crate::frame::{Decoder, Event, Opcode, Role, Rules, push_frame};

fn frame(text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    push_frame(&mut bytes, Opcode::Binary, text.as_bytes());
    bytes
}

/// Writes `count` bytes of the waiting output.
fn write(outbox: &mut Outbox, count: usize) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
    let offered = outbox.slices(&mut slices, usize::MAX);
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
        let count = outbox.slices(&mut slices, usize::MAX);
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
#[cfg_attr(miri, ignore = "Miri takes minutes")]
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

/// Pushes, in order: separate frames of this many bytes, or Pongs while something waits.
enum Pushed {
    Segment(&'static [&'static [u8]]),
    Pong(&'static str),
    /// This many bytes go out.
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
        (&[Segment(&[TEXT, TEXT]), Out(1), Pong("a"), Out(3), Pong("b")], &["t", "pong a", "pong b", "t"]),
        (&[Segment(&[TEXT, TEXT]), Out(1), Pong("a"), Out(2), Pong("b")], &["t", "pong a", "pong b", "t"]),
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
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn no_pong_goes_out_within_the_response_to_an_upgrade() {
    let response = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
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
    assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES], usize::MAX), 1);
    outbox.push_shared(frame(&"large".repeat(300)).into());
    outbox.push_shared(frame("a small push").into());
    assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES], usize::MAX), 3);
    let mut outbox = Outbox::default();
    for _ in 0..PIECE_BYTES / frame("a small reply").len() {
        outbox.push_unwritten(&frame("a small reply"), 0);
    }
    assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES], usize::MAX), 1);
}

#[test]
fn shared_frames_can_be_written_in_part() {
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
fn a_trim_gives_back_unused_capacity() {
    let mut outbox = Outbox::default();
    let frame = frame("a small push");
    (0..PIECE_BYTES / frame.len()).for_each(|_| outbox.push_shared(frame.clone().into()));
    outbox.trim();
    assert_eq!(outbox.waiting.map(|waiting| waiting.ready.spare_bytes()), Some(0));
}

#[test]
fn an_empty_outbox_holds_nothing() {
    let mut outbox = Outbox::default();
    outbox.set_pong(b"nobody to overtake");
    outbox.push_shared(Bytes::new());
    let written = frame("all of it");
    outbox.push_unwritten(&written, written.len());
    assert!(outbox.is_empty());
    assert_eq!(outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES], usize::MAX), 0);
}

#[test]
fn frames_of_a_kibibyte_wait_each_by_itself() {
    for (bytes, expected) in [(1023, 1), (1024, 3)] {
        let frame = frame(&"x".repeat(bytes - 4));
        assert_eq!(frame.len(), bytes);
        let (mut shared, mut segments) = (Outbox::default(), Outbox::default());
        for _ in 0..3 {
            shared.push_shared(frame.clone().into());
            segments.push_unwritten(&frame, 0);
        }
        for outbox in [shared, segments] {
            let slices = outbox.slices(&mut [IoSlice::new(&[]); MAX_SLICES], usize::MAX);
            assert_eq!(slices, expected, "{bytes} bytes");
        }
    }
}
