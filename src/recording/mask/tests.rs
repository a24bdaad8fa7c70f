//! The recorded form of a client's bytes does not depend on the pieces in which they come.

use super::*;
use crate::frame::{Opcode, push_frame, push_masked_frame};
use crate::packet::{Request, push_request};

const SECRET: u16 = 1002;
const KEY: [u8; 4] = [7, 0, 255, 9];

fn is_secret(cmd: u16) -> bool {
    cmd == SECRET
}

/// The recorded form of bytes that come in pieces cut at `cuts`.
fn masked(mut masker: Masker, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut out, mut from) = (vec![], 0);
    for end in cuts.iter().copied().chain([bytes.len()]) {
        let mut piece = bytes[from..end].to_vec();
        let kept = masker.mask(&mut piece, &is_secret);
        out.extend_from_slice(&piece[..kept]);
        from = end;
        if kept < piece.len() {
            break;
        }
    }
    out
}

/// The result must be the same for the whole, for every two pieces, and byte by byte.
fn masked_however(make: impl Fn() -> Masker, bytes: &[u8]) -> Vec<u8> {
    let whole = masked(make(), bytes, &[]);
    for cut in 0..=bytes.len() {
        assert_eq!(masked(make(), bytes, &[cut]), whole, "cut at {cut}");
    }
    assert_eq!(masked(make(), bytes, &(1..bytes.len()).collect::<Vec<_>>()), whole, "byte by byte");
    whole
}

fn packet(cmd: u16, data: &[u8]) -> Vec<u8> {
    let mut message = vec![];
    push_request(&mut message, &Request { data_status: 0, flag: 5, cmd, data });
    message
}

fn framed(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    push_masked_frame(&mut bytes, fin, opcode, KEY, payload);
    bytes
}

#[test]
fn a_head_keeps_what_the_upgrade_depends_on_and_no_other_value() {
    let head =
        b"GET /room?token=s3cret&v=&empty&%74oken=s3cret HTTP/1.1\r\nHost: h\r\nCookie: a=s3cret; b\r\n\
        AUTHORIZATION:Bearer s3cret\r\nUser-Agent: one\r\nX-Sec-WebSocket-Key: s3cret\r\n\
        Sec-WebSocket-Key: abc\r\nLong-Name-That-Begins-Like-Another-One: s3cret\r\n\r\n";
    let kept = masked_however(|| Masker::new(false, true), head);
    let expected = "GET /room?token=xxxxxx&v=&empty&%74oken=xxxxxx HTTP/1.1\r\nHost: h\r\nCookie: xxxxxxxxx x\r\n\
        AUTHORIZATION:xxxxxx xxxxxx\r\nUser-Agent: one\r\nX-Sec-WebSocket-Key: xxxxxx\r\n\
        Sec-WebSocket-Key: abc\r\nLong-Name-That-Begins-Like-Another-One: xxxxxx\r\n\r\n";
    assert_eq!(String::from_utf8(kept).unwrap(), expected);
}

#[test]
fn what_follows_the_first_illegal_byte_of_a_head_is_given_up() {
    for (head, kept) in [
        (&b"\x16\x03\x01s3cret"[..], &b"\x16"[..]),
        (b"{\"token\":\"s3cret\"}", b"{"),
        (b"GET / HTTP/1.2\r\ns3cret", b"GET / HTTP/1.2"),
        (b"GET / HTTP/1.1\r\nCookie: a\0s3cret", b"GET / HTTP/1.1\r\nCookie: x\0"),
    ] {
        assert_eq!(masked_however(|| Masker::new(false, true), head), kept);
    }
}

#[test]
fn data_of_secret_commands_is_zeros_however_it_comes() {
    let (secret, shown) = (packet(SECRET, b"s3cret token"), packet(7, b"shown"));
    let zeros = packet(SECRET, &[0; 12]);
    let (first, second) = secret.split_at(8);
    let (first_zeros, second_zeros) = zeros.split_at(8);
    let ping = framed(true, Opcode::Ping, b"ping");
    let stream = [
        framed(true, Opcode::Binary, &secret),
        framed(true, Opcode::Binary, &shown),
        framed(false, Opcode::Binary, first),
        ping.clone(),
        framed(false, Opcode::Continuation, &[]),
        framed(true, Opcode::Continuation, second),
        framed(true, Opcode::Binary, b"short"),
        framed(true, Opcode::Binary, &packet(SECRET, b"")),
    ];
    let expected = [
        framed(true, Opcode::Binary, &zeros),
        framed(true, Opcode::Binary, &shown),
        framed(false, Opcode::Binary, first_zeros),
        ping,
        framed(false, Opcode::Continuation, &[]),
        framed(true, Opcode::Continuation, second_zeros),
        framed(true, Opcode::Binary, b"short"),
        framed(true, Opcode::Binary, &packet(SECRET, b"")),
    ];
    assert_eq!(masked_however(|| Masker::open(true), &stream.concat()), expected.concat());
    assert_eq!(masked_however(|| Masker::open(false), &stream.concat()), stream.concat(), "no packets");
}

#[test]
fn compressed_messages_are_zeros() {
    let mut bytes = framed(true, Opcode::Binary, b"s3cret");
    bytes[0] |= 0x40;
    let mut zeros = framed(true, Opcode::Binary, &[0; 6]);
    zeros[0] |= 0x40;
    for packets in [true, false] {
        assert_eq!(masked_however(|| Masker::open(packets), &bytes), zeros);
    }
}

#[test]
fn of_what_was_thrown_away_there_is_what_shows_why() {
    let zeros = b"\x80\0\0\0\0\0\0\0";
    let rest = |mut masker: Masker, before: &[u8], rest: &[u8]| {
        masker.mask(&mut before.to_vec(), &is_secret);
        let mut rest = rest.to_vec();
        let len = masker.mask_rest(&mut rest);
        rest.truncate(len);
        rest
    };
    assert_eq!(rest(Masker::open(true), &[0x82, 0xff], &[zeros, &b"key and more"[..]].concat()), zeros);
    assert_eq!(rest(Masker::open(true), &[0x82, 0x7e], b"\x01\x00s3cret"), [1, 0]);
    assert_eq!(rest(Masker::open(true), &[0x82, 0x06], b"s3cret"), b"");
    assert_eq!(rest(Masker::new(false, true), b"GET /?t=", b"s3cret HTTP/1.2\r\n"), b"xxxxxx HTTP/1.2");
    assert_eq!(rest(Masker::new(true, true), b"PROXY x", b"s3cret"), b"");
}

#[test]
fn what_follows_a_frame_that_breaks_a_rule_is_given_up() {
    let mut unmasked = vec![];
    push_frame(&mut unmasked, Opcode::Binary, b"s3cret");
    for (bytes, kept) in [(unmasked, 2), ([&[0xc3, 0x86][..], b"s3cret"].concat(), 2)] {
        assert_eq!(masked_however(|| Masker::open(true), &bytes), &bytes[..kept]);
    }
}
