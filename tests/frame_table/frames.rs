//! Legal frames and messages, and the events that a receiver gets.

use sysconn::frame::{Opcode, Role, push_frame, push_masked_frame, server_header};

use crate::feed::{KEY, Seen};

pub(crate) struct Frame {
    /// The header that a server sends, written out by hand.
    pub(crate) head: &'static [u8],
    pub(crate) fin: bool,
    pub(crate) opcode: Opcode,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) max_len: usize,
    pub(crate) frames: Vec<Frame>,
    pub(crate) seen: Vec<Seen>,
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

pub(crate) fn bytes(length: usize) -> Vec<u8> {
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

pub(crate) fn rows() -> impl Iterator<Item = Row> {
    whole_frames().into_iter().chain(fragments()).chain(fragments_among_others())
}

impl Row {
    /// The frames as the peer of `role` sends them, by the obvious means.
    pub(crate) fn wire(&self, role: Role) -> Vec<u8> {
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
    pub(crate) fn encoded(&self, role: Role) -> Vec<u8> {
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
