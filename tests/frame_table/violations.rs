//! Bytes that break a rule, the byte that shows it, and the error.

use sysconn::frame::{Error, Role, Rules};

use crate::feed::Seen;
use crate::frames::bytes;

pub(crate) struct Violation {
    pub(crate) name: &'static str,
    pub(crate) rules: Rules,
    pub(crate) wire: Vec<u8>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) error: Error,
    pub(crate) close_code: u16,
    /// Bytes that show the violation: with one fewer nothing is wrong yet.
    pub(crate) at: usize,
}

const SERVER: Rules = Rules { role: Role::Server, max_len: 16, text: true, deflate: false };

pub(crate) const CLIENT: Rules = Rules { role: Role::Client, ..SERVER };

fn bad(name: &'static str, rules: Rules, wire: &[u8], at: usize, error: Error, close_code: u16) -> Violation {
    Violation { name, rules, wire: wire.to_vec(), seen: vec![], error, close_code, at }
}

/// All of them.
pub(crate) fn violations() -> impl Iterator<Item = Violation> {
    [bad_starts(), bad_lengths(), bad_order(), bad_sums(), bad_payloads()].into_iter().flatten()
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
