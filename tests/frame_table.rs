//! One table of frames for decoder and encoder, and one of violations. Each row is fed whole, byte by
//! byte, and cut at every point.

use sysconn::frame::{
    Decoder, Error, Event, Header, MessageKind, Opcode, Role, Rules, push_frame, push_masked_frame,
    server_header,
};

/// The key of the examples in RFC 6455 §5.7.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Wires up to this length are cut at every point, longer ones around their frames' ends.
const CUT_EVERYWHERE: usize = 2048;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind: MessageKind::Text, payload, .. } => Seen::Text(payload.to_vec()),
            Event::Message { kind: MessageKind::Binary, payload, .. } => Seen::Binary(payload.to_vec()),
            Event::Ping(payload) => Seen::Ping(payload.to_vec()),
            Event::Pong(payload) => Seen::Pong(payload.to_vec()),
            Event::Close(close) => {
                Seen::Close(close.map(|close| (close.code.get(), close.reason.to_owned())))
            }
        }
    }
}

struct Frame {
    /// The header that a server sends, written out by hand.
    head: &'static [u8],
    fin: bool,
    opcode: Opcode,
    payload: Vec<u8>,
}

struct Row {
    name: &'static str,
    max_len: usize,
    frames: Vec<Frame>,
    seen: Vec<Seen>,
}

fn row(name: &'static str, frames: Vec<Frame>, seen: Vec<Seen>) -> Row {
    Row { name, max_len: 1 << 20, frames, seen }
}

fn frame(head: &'static [u8], fin: bool, opcode: Opcode, payload: impl AsRef<[u8]>) -> Frame {
    Frame { head, fin, opcode, payload: payload.as_ref().to_vec() }
}

fn fin(head: &'static [u8], opcode: Opcode, payload: impl AsRef<[u8]>) -> Frame {
    frame(head, true, opcode, payload)
}

fn part(head: &'static [u8], opcode: Opcode, payload: impl AsRef<[u8]>) -> Frame {
    frame(head, false, opcode, payload)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 % 253) as u8).collect()
}

fn whole_frames() -> Vec<Row> {
    use Opcode::{Binary, Close, Ping, Pong, Text};
    let binary = |name, head, length| {
        row(name, vec![fin(head, Binary, bytes(length))], vec![Seen::Binary(bytes(length))])
    };
    let ping =
        |name, head, length| row(name, vec![fin(head, Ping, bytes(length))], vec![Seen::Ping(bytes(length))]);
    let close = |name, head, payload: &[u8], seen: Option<(u16, &str)>| {
        let seen = seen.map(|(code, reason)| (code, reason.to_owned()));
        row(name, vec![fin(head, Close, payload)], vec![Seen::Close(seen)])
    };
    vec![
        binary("empty", &[0x82, 0], 0),
        binary("1 byte", &[0x82, 1], 1),
        binary("124 bytes", &[0x82, 124], 124),
        binary("125 bytes, the last in 7 bits", &[0x82, 125], 125),
        binary("126 bytes, the first in 16 bits", &[0x82, 126, 0, 126], 126),
        binary("127 bytes", &[0x82, 126, 0, 127], 127),
        binary("300 bytes", &[0x82, 126, 1, 44], 300),
        binary("65535 bytes, the last in 16 bits", &[0x82, 126, 0xff, 0xff], 65_535),
        binary("65536 bytes, the first in 64 bits", &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
        binary("100000 bytes", &[0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0], 100_000),
        row("text", vec![fin(&[0x81, 5], Text, "Hello")], vec![Seen::Text(b"Hello".to_vec())]),
        row("empty text", vec![fin(&[0x81, 0], Text, "")], vec![Seen::Text(vec![])]),
        row(
            "text of 2 to 4 bytes a character",
            vec![fin(&[0x81, 9], Text, "é€😀")],
            vec![Seen::Text("é€😀".into())],
        ),
        ping("empty ping", &[0x89, 0], 0),
        ping("ping of 1 byte", &[0x89, 1], 1),
        ping("ping of 124 bytes", &[0x89, 124], 124),
        ping("ping of 125 bytes", &[0x89, 125], 125),
        row("pong", vec![fin(&[0x8a, 3], Pong, "abc")], vec![Seen::Pong(b"abc".to_vec())]),
        close("close without a code", &[0x88, 0], b"", None),
        close("close 1000", &[0x88, 2], b"\x03\xe8", Some((1000, ""))),
        close("close 4321 with a reason", &[0x88, 5], b"\x10\xe1bye", Some((4321, "bye"))),
        close(
            "close with the longest reason",
            &[0x88, 125],
            &[b"\x0f\xaa".as_slice(), &[b'x'; 123]].concat(),
            Some((4010, &"x".repeat(123))),
        ),
        row(
            "several frames in a row",
            vec![
                fin(&[0x82, 1], Binary, "a"),
                fin(&[0x89, 0], Ping, ""),
                fin(&[0x82, 0], Binary, ""),
                fin(&[0x81, 1], Text, "b"),
                fin(&[0x88, 0], Close, ""),
            ],
            vec![
                Seen::Binary(b"a".to_vec()),
                Seen::Ping(vec![]),
                Seen::Binary(vec![]),
                Seen::Text(b"b".to_vec()),
                Seen::Close(None),
            ],
        ),
        Row { max_len: 8, ..binary("as long as may be", &[0x82, 8], 8) },
        Row { max_len: 0, ..ping("control frames are not messages", &[0x89, 9], 9) },
    ]
}

fn fragments() -> Vec<Row> {
    use Opcode::{Binary, Continuation, Text};
    vec![
        row(
            "two fragments",
            vec![part(&[0x01, 3], Text, "Hel"), fin(&[0x80, 2], Continuation, "lo")],
            vec![Seen::Text(b"Hello".to_vec())],
        ),
        row(
            "three, and a message after them",
            vec![
                part(&[0x02, 1], Binary, "a"),
                part(&[0x00, 2], Continuation, "bc"),
                fin(&[0x80, 1], Continuation, "d"),
                fin(&[0x82, 1], Binary, "e"),
            ],
            vec![Seen::Binary(b"abcd".to_vec()), Seen::Binary(b"e".to_vec())],
        ),
        row(
            "empty first, middle and last",
            vec![
                part(&[0x02, 0], Binary, ""),
                part(&[0x00, 1], Continuation, "x"),
                part(&[0x00, 0], Continuation, ""),
                fin(&[0x80, 0], Continuation, ""),
            ],
            vec![Seen::Binary(b"x".to_vec())],
        ),
        row(
            "nothing but empty fragments",
            vec![part(&[0x01, 0], Text, ""), fin(&[0x80, 0], Continuation, "")],
            vec![Seen::Text(vec![])],
        ),
        row(
            "characters cut between fragments",
            vec![
                part(&[0x01, 2], Text, b"\xc3\xa9"),
                part(&[0x00, 1], Continuation, b"\xe2"),
                part(&[0x00, 3], Continuation, b"\x82\xac\xf0"),
                part(&[0x00, 0], Continuation, b""),
                fin(&[0x80, 3], Continuation, b"\x9f\x98\x80"),
            ],
            vec![Seen::Text("é€😀".into())],
        ),
    ]
}

fn fragments_among_others() -> Vec<Row> {
    use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};
    vec![
        row(
            "control frames between fragments",
            vec![
                part(&[0x02, 2], Binary, "ab"),
                fin(&[0x89, 4], Ping, "ping"),
                part(&[0x00, 2], Continuation, "cd"),
                fin(&[0x8a, 4], Pong, "pong"),
                fin(&[0x89, 0], Ping, ""),
                fin(&[0x80, 2], Continuation, "ef"),
            ],
            vec![
                Seen::Ping(b"ping".to_vec()),
                Seen::Pong(b"pong".to_vec()),
                Seen::Ping(vec![]),
                Seen::Binary(b"abcdef".to_vec()),
            ],
        ),
        row(
            "close between fragments",
            vec![
                part(&[0x02, 1], Binary, "a"),
                fin(&[0x88, 2], Close, b"\x03\xe8"),
                fin(&[0x80, 1], Continuation, "b"),
            ],
            vec![Seen::Close(Some((1000, String::new()))), Seen::Binary(b"ab".to_vec())],
        ),
        row(
            "two fragmented messages",
            vec![
                part(&[0x02, 126, 0, 200], Binary, bytes(200)),
                fin(&[0x80, 126, 1, 44], Continuation, bytes(300)),
                part(&[0x01, 1], Text, "a"),
                fin(&[0x80, 1], Continuation, "b"),
            ],
            vec![Seen::Binary([bytes(200), bytes(300)].concat()), Seen::Text(b"ab".to_vec())],
        ),
        Row {
            max_len: 5,
            ..row(
                "as long as may be, in fragments, twice",
                vec![
                    part(&[0x02, 3], Binary, "abc"),
                    fin(&[0x80, 2], Continuation, "de"),
                    part(&[0x02, 5], Binary, "fghij"),
                    fin(&[0x80, 0], Continuation, ""),
                ],
                vec![Seen::Binary(b"abcde".to_vec()), Seen::Binary(b"fghij".to_vec())],
            )
        },
        row(
            "large fragments",
            vec![
                part(&[0x02, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70], Binary, bytes(70_000)),
                fin(&[0x89, 1], Ping, "!"),
                fin(&[0x80, 126, 0x03, 0xe8], Continuation, bytes(1000)),
            ],
            vec![Seen::Ping(b"!".to_vec()), Seen::Binary([bytes(70_000), bytes(1000)].concat())],
        ),
    ]
}

fn rows() -> impl Iterator<Item = Row> {
    whole_frames().into_iter().chain(fragments()).chain(fragments_among_others())
}

impl Row {
    /// The frames as the peer of `role` sends them, by the obvious means.
    fn wire(&self, role: Role) -> Vec<u8> {
        let mut wire = Vec::new();
        for frame in &self.frames {
            let start = wire.len();
            wire.extend_from_slice(frame.head);
            match role {
                Role::Client => wire.extend_from_slice(&frame.payload),
                Role::Server => {
                    wire[start + 1] |= 0x80;
                    wire.extend_from_slice(&KEY);
                    wire.extend(frame.payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
                }
            }
        }
        wire
    }

    /// The same by the encoder.
    fn encoded(&self, role: Role) -> Vec<u8> {
        let mut out = Vec::new();
        for Frame { fin, opcode, payload, .. } in &self.frames {
            match (role, fin) {
                (Role::Client, true) => push_frame(&mut out, *opcode, payload),
                (Role::Client, false) => {
                    out.extend_from_slice(&server_header(*opcode, false, payload.len() as u64));
                    out.extend_from_slice(payload);
                }
                (Role::Server, _) => push_masked_frame(&mut out, *fin, *opcode, KEY, payload),
            }
        }
        out
    }
}

/// What comes of a wire that arrives in pieces: events, and the error with the length fed by then.
fn feed(wire: &[u8], rules: &Rules, cuts: &[usize]) -> (Vec<Seen>, Result<Decoder, (Error, usize)>) {
    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&wire.len()]) {
        let mut piece = wire[start..end].to_vec();
        let mut input = piece.as_mut_slice();
        loop {
            match decoder.next(&mut input, rules) {
                Ok(Some(event)) => seen.push(Seen::from(event)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(&mut &mut [0x82, 0][..], rules), Err(error), "an error is final");
                    return (seen, Err((error, end)));
                }
            }
        }
        assert!(input.is_empty(), "all of the input is taken");
        start = end;
    }
    (seen, Ok(decoder))
}

/// Ways to cut `wire`: nowhere, everywhere, and at each point, or at those near `ends` if it is long.
fn cuttings(wire: &[u8], ends: &[usize]) -> Vec<Vec<usize>> {
    let near = |cut: usize| ends.iter().any(|end| cut.abs_diff(*end) < 20) || cut.is_multiple_of(4093);
    let points = (0..=wire.len()).filter(|&cut| wire.len() <= CUT_EVERYWHERE || near(cut));
    let mut cuttings: Vec<Vec<usize>> = points.map(|cut| vec![cut]).collect();
    cuttings.extend([vec![], (1..wire.len()).collect(), (1..wire.len()).step_by(3).collect()]);
    if wire.len() <= 40 {
        cuttings.extend(
            (0..wire.len()).flat_map(|first| (first..wire.len()).map(move |second| vec![first, second])),
        );
    }
    cuttings
}

#[test]
fn frames_decode_to_their_rows_however_they_are_cut() {
    for row in rows() {
        for role in [Role::Server, Role::Client] {
            let rules = Rules { role, max_len: row.max_len, text: true, deflate: false };
            let wire = row.wire(role);
            let mut end = 0;
            let key = if role == Role::Server { 4 } else { 0 };
            let ends: Vec<usize> = std::iter::once(0)
                .chain(row.frames.iter().map(|frame| {
                    end += frame.head.len() + key + frame.payload.len();
                    end
                }))
                .collect();
            for cuts in cuttings(&wire, &ends) {
                let shown = &cuts[..cuts.len().min(4)];
                let (seen, end) = feed(&wire, &rules, &cuts);
                assert!(seen == row.seen, "{}, {role:?}, cut at {shown:?}", row.name);
                assert!(end.is_ok_and(|decoder| decoder.is_idle()), "{}, {role:?}, {shown:?}", row.name);
            }
        }
    }
}

#[test]
fn rows_encode_to_their_frames() {
    for row in rows() {
        for role in [Role::Server, Role::Client] {
            assert!(row.encoded(role) == row.wire(role), "{}, {role:?}", row.name);
        }
        for Frame { head, fin, opcode, payload } in &row.frames {
            let payload_len = payload.len() as u64;
            let header = Header { fin: *fin, rsv1: false, opcode: *opcode, mask: None, payload_len };
            assert_eq!(&*header.encode(), *head, "{}", row.name);
        }
    }
}

#[test]
fn examples_of_the_rfc() {
    let mut out = Vec::new();
    push_masked_frame(&mut out, true, Opcode::Text, KEY, b"Hello");
    assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
    out.clear();
    push_frame(&mut out, Opcode::Text, b"Hello");
    assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
}

struct Violation {
    name: &'static str,
    rules: Rules,
    wire: Vec<u8>,
    seen: Vec<Seen>,
    error: Error,
    close_code: u16,
    /// Bytes that show the violation: with one fewer nothing is wrong yet.
    at: usize,
}

const SERVER: Rules = Rules { role: Role::Server, max_len: 16, text: true, deflate: false };
const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };

fn bad(name: &'static str, rules: Rules, wire: &[u8], at: usize, error: Error, close_code: u16) -> Violation {
    Violation { name, rules, wire: wire.to_vec(), seen: vec![], error, close_code, at }
}

fn bad_starts() -> Vec<Violation> {
    let mut rows = vec![
        bad("not masked", SERVER, &[0x82, 4, 1, 2, 3, 4], 2, Error::UnmaskedFrame, 1002),
        bad("control frame not masked", SERVER, &[0x88, 0], 2, Error::UnmaskedFrame, 1002),
        bad("masked", CLIENT, &[0x82, 0x80, 1, 2, 3, 4], 2, Error::MaskedFrame, 1002),
        bad("RSV1", SERVER, &[0xc2, 0x80], 2, Error::ReservedBits, 1002),
        bad("RSV1 on a ping", SERVER, &[0xc9, 0x80], 2, Error::ReservedBits, 1002),
        bad("RSV2", SERVER, &[0xa2, 0x80], 2, Error::ReservedBits, 1002),
        bad("RSV3 on a ping", SERVER, &[0x99, 0x80], 2, Error::ReservedBits, 1002),
        bad("ping in fragments", SERVER, &[0x09, 0x80], 2, Error::FragmentedControl, 1002),
        bad("pong in fragments", SERVER, &[0x0a, 0x80], 2, Error::FragmentedControl, 1002),
        bad("close in fragments", CLIENT, &[0x08, 0x00], 2, Error::FragmentedControl, 1002),
        bad("ping of 126 bytes", SERVER, &[0x89, 0xfe, 0, 126], 2, Error::LongControl, 1002),
        bad("pong of 65536 bytes", CLIENT, &[0x8a, 127, 0, 0, 0, 0, 0, 1, 0, 0], 2, Error::LongControl, 1002),
        bad("close of 5 bytes in the 16-bit form", SERVER, &[0x88, 0xfe, 0, 5], 2, Error::LongControl, 1002),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        rows.push(bad("reserved opcode", SERVER, &[0x80 | opcode, 0x80], 2, Error::ReservedOpcode, 1002));
    }
    rows
}

fn bad_lengths() -> Vec<Violation> {
    let top = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0];
    let all = [0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255];
    vec![
        bad("4 bytes in 16 bits", SERVER, &[0x82, 0xfe, 0, 4, 1, 2], 4, Error::NonMinimalLength, 1002),
        bad("125 bytes in 16 bits", CLIENT, &[0x82, 126, 0, 125], 4, Error::NonMinimalLength, 1002),
        bad(
            "65535 bytes in 64 bits",
            CLIENT,
            &[0x82, 127, 0, 0, 0, 0, 0, 0, 255, 255],
            10,
            Error::NonMinimalLength,
            1002,
        ),
        bad(
            "0 bytes in 64 bits",
            SERVER,
            &[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            10,
            Error::NonMinimalLength,
            1002,
        ),
        bad("top bit of the length", SERVER, &top, 10, Error::LengthTopBit, 1002),
        bad("all bits of the length", CLIENT, &all, 10, Error::LengthTopBit, 1002),
        bad("1 byte too long", CLIENT, &[0x82, 17, 0, 0, 0], 2, Error::TooBig, 1009),
        bad("1 byte too long, masked", SERVER, &[0x82, 0x91, 1, 2, 3, 4, 5], 6, Error::TooBig, 1009),
        bad(
            "2^63-1 bytes",
            CLIENT,
            &[0x82, 127, 127, 255, 255, 255, 255, 255, 255, 255],
            10,
            Error::TooBig,
            1009,
        ),
    ]
}

fn bad_order() -> Vec<Violation> {
    vec![
        bad("continuation of nothing", SERVER, &[0x80, 0x80], 2, Error::UnexpectedContinuation, 1002),
        bad(
            "first of continuations of nothing",
            CLIENT,
            &[0x00, 1, 0],
            2,
            Error::UnexpectedContinuation,
            1002,
        ),
        bad(
            "a message within a message",
            CLIENT,
            &[0x02, 1, 0, 0x82, 0],
            5,
            Error::ExpectedContinuation,
            1002,
        ),
        bad("text within a message", CLIENT, &[0x02, 0, 0x01, 0], 4, Error::ExpectedContinuation, 1002),
        bad("text", Rules { text: false, ..SERVER }, &[0x81, 0x85], 2, Error::Text, 1003),
        bad("a fragment of text", Rules { text: false, ..CLIENT }, &[0x01, 1, 0], 2, Error::Text, 1003),
        Violation {
            seen: vec![Seen::Binary(vec![7])],
            ..bad(
                "continuation of a whole message",
                CLIENT,
                &[0x82, 1, 7, 0x80, 0],
                5,
                Error::UnexpectedContinuation,
                1002,
            )
        },
        Violation {
            seen: vec![Seen::Binary(vec![7, 8])],
            ..bad(
                "continuation of an ended message",
                CLIENT,
                &[0x02, 1, 7, 0x80, 1, 8, 0x80, 0],
                8,
                Error::UnexpectedContinuation,
                1002,
            )
        },
    ]
}

fn bad_sums() -> Vec<Violation> {
    let many = |count: usize| [[0x02, 0].as_slice(), &[0, 0].repeat(count - 1)].concat();
    let mut long = vec![0x02, 16];
    long.extend(bytes(16));
    vec![
        bad(
            "1 byte too long in fragments",
            CLIENT,
            &[&long[..], &[0x80, 1, 0]].concat(),
            20,
            Error::TooBig,
            1009,
        ),
        bad(
            "a sum that wraps",
            Rules { max_len: usize::MAX, ..CLIENT },
            &[0x02, 1, 0, 0x80, 127, 255, 255, 255, 255, 255, 255, 255, 255],
            13,
            Error::LengthTopBit,
            1002,
        ),
        bad(
            "a sum of 2^63",
            CLIENT,
            &[0x02, 1, 0, 0x80, 127, 127, 255, 255, 255, 255, 255, 255, 255],
            13,
            Error::TooBig,
            1009,
        ),
        Violation {
            seen: vec![Seen::Ping(vec![1])],
            ..bad(
                "too long after a ping",
                CLIENT,
                &[&long[..], &[0x89, 1, 1, 0, 1]].concat(),
                23,
                Error::TooBig,
                1009,
            )
        },
        // 1024, and one for each 4 of 16 bytes.
        bad("1029 empty fragments", CLIENT, &many(1029), 2058, Error::TooManyFragments, 1009),
    ]
}

fn bad_payloads() -> Vec<Violation> {
    let close = |name, payload: &[u8], at, error, code| {
        let wire = [&[0x88, payload.len() as u8], payload].concat();
        bad(name, CLIENT, &wire, at, error, code)
    };
    let text = |name, wire: &[u8], at| bad(name, CLIENT, wire, at, Error::BadUtf8, 1007);
    let mut rows = vec![
        close("close of 1 byte", &[3], 3, Error::BadCloseLength, 1002),
        close("bad reason", b"\x03\xe8\xce\xba\xe1\xff", 8, Error::BadUtf8, 1007),
        close("cut reason", b"\x03\xe8\xce", 5, Error::BadUtf8, 1007),
        text("never UTF-8", b"\x81\x03a\xffb", 4),
        text("long form", b"\x81\x03\xe0\x80\xaf", 4),
        text("surrogate", b"\x81\x03\xed\xa0\x80", 4),
        text("above U+10FFFF, in mid-frame", b"\x81\x0a\xce\xba\xf4\x90\x80\x80edit", 6),
        text("cut character", b"\x81\x02a\xce", 4),
        text("cut character in the last fragment", b"\x01\x01\xce\x80\x00", 5),
        text("surrogate across fragments", b"\x01\x01\xed\x00\x02\xa0\x80", 6),
        text("a character cut by another", b"\x01\x02\xe2\x82\x80\x03\xe2\x82\xac", 7),
        Violation {
            seen: vec![Seen::Ping(b"!".to_vec())],
            ..text("bad text after a ping", b"\x01\x02\xe2\x82\x89\x01!\x80\x01a", 10)
        },
        // The key is 1, 2, 3, 4.
        bad("masked", SERVER, &[0x81, 0x82, 1, 2, 3, 4, b'a' ^ 1, 0xff ^ 2], 8, Error::BadUtf8, 1007),
    ];
    for code in [0_u16, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        rows.push(close("close code", &code.to_be_bytes(), 4, Error::BadCloseCode, 1002));
    }
    rows
}

#[test]
fn violations_are_found_at_the_byte_that_shows_them() {
    for row in [bad_starts(), bad_lengths(), bad_order(), bad_sums(), bad_payloads()].into_iter().flatten() {
        let Violation { name, rules, wire, seen, error, close_code, at } = &row;
        let every_byte: Vec<usize> = (1..wire.len()).collect();
        let (before, end) = feed(wire, rules, &every_byte);
        assert_eq!(end.err(), Some((*error, *at)), "{name}: {wire:02x?}");
        assert_eq!(before, *seen, "{name}");
        assert_eq!(error.close_code().get(), *close_code, "{name}");
        let near = |cut: &usize| wire.len() <= 100 || *cut > wire.len() - 10;
        for cut in (0..=wire.len()).filter(near) {
            let (before, end) = feed(wire, rules, &[cut]);
            assert_eq!(end.err().map(|(error, _)| error), Some(*error), "{name} cut at {cut}");
            assert_eq!(before, *seen, "{name} cut at {cut}");
        }
    }
}

#[test]
fn as_many_fragments_as_may_be() {
    let wire = [[0x02, 0].as_slice(), &[0, 0].repeat(1026), &[0x80, 0]].concat();
    assert_eq!(feed(&wire, &CLIENT, &[]).0, [Seen::Binary(vec![])]);
}
