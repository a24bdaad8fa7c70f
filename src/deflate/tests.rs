//! What a client can send: messages that are truncated, with final blocks, empty, too long, or garbage.

mod round_trips;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::*;
use crate::frame::Error;

const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
const MAX_LEN: usize = 1 << 20;

/// The agreements of the modes `dedicated` and `shared`.
const MODES: [(&str, bool); 2] = [("dedicated", false), ("shared", true)];

/// The server's side of a connection.
struct Server {
    deflate: Deflate,
    shared: SharedCodecs,
}

impl Server {
    fn new(no_context_takeover: bool) -> Self {
        let agreement = Agreement {
            server_no_context_takeover: no_context_takeover,
            client_no_context_takeover: no_context_takeover,
            ..Agreement::default()
        };
        Server { deflate: Deflate::new(agreement, 1).unwrap(), shared: SharedCodecs::default() }
    }

    fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = vec![];
        self.deflate.inflate(payload, &mut out, MAX_LEN, &mut self.shared).map(|()| out)
    }
}

/// Compresses parts, each to the end of a block, as one message (RFC 7692 §7.2.1).
fn compressed(level: u32, parts: &[&[u8]]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut out = Vec::with_capacity(1 << 20);
    for part in parts {
        compress.compress_vec(part, &mut out, FlushCompress::Sync).unwrap();
    }
    out.truncate(out.len() - TAIL.len());
    out
}

fn noise(len: usize, letters: u32) -> Vec<u8> {
    let mut state = 7u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % letters
    };
    (0..len).map(|_| next() as u8).collect()
}

/// The inflated form of a message; `None` if it is not whole. It is whole if the tail completes its last
/// block, that is, if the tail produces no output and a block that follows it is recognized.
fn expected(payload: &[u8]) -> Option<Vec<u8>> {
    let block = noise(200, 256);
    let mut probe = vec![0x01, 200, 0, !200, 0xff];
    probe.extend(&block);
    let mut inflater = Decompress::new(false);
    let mut out = Vec::with_capacity(MAX_LEN);
    inflater.decompress_vec(payload, &mut out, FlushDecompress::Sync).unwrap();
    let len = out.len();
    let rest = [&TAIL[..], &probe].concat();
    let status = inflater.decompress_vec(&rest, &mut out, FlushDecompress::Sync);
    let is_block = matches!(status, Ok(Status::StreamEnd))
        && inflater.total_in() == (payload.len() + rest.len()) as u64
        && out.get(len..) == Some(&block[..]);
    out.truncate(len);
    is_block.then_some(out)
}

#[test]
fn a_truncated_message_is_refused_wherever_it_is_cut() {
    let (text, random) = (b"the same, and the same again, and so on".repeat(5), noise(300, 256));
    let few = noise(3000, 5);
    let messages = [
        ("fixed codes", compressed(1, &[b"Hello"])),
        ("one block", compressed(9, &[&text])),
        ("blocks of all kinds", compressed(9, &[&few, &random, b"a", &text, &few])),
        ("stored", compressed(0, &[&random, b"", &random])),
        ("nothing", compressed(9, &[b""])),
    ];
    for (name, message) in &messages {
        let mut whole = 0;
        for len in 1..=message.len() {
            let expected = expected(&message[..len]);
            whole += usize::from(expected.is_some());
            for (mode, no_takeover) in MODES {
                let inflated = Server::new(no_takeover).inflate(&message[..len]);
                let expected = expected.clone().ok_or(Error::BadDeflate);
                assert!(inflated == expected, "{name}, {mode}: {len} bytes of {}", message.len());
            }
        }
        // After a complete part, too.
        assert!((1..=6).contains(&whole), "{name}: {whole}");
        assert!(expected(message).is_some(), "{name}");
    }
}

#[test]
fn no_message_affects_a_later_one() {
    let hello: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    // RFC 7692 §7.2.3.2: a copy of the last five bytes.
    let again: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];
    // With a final block and the padding of §7.2.3.4, and without the padding.
    let padded: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let bare: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let stored: &[u8] = &[0x01, 0x05, 0x00, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o'];
    let twice = [bare, hello].concat();
    // "He" in a block, "llo" in a final one: both together are the window for later messages.
    let split: &[u8] =
        &[0x00, 0x02, 0x00, 0xfd, 0xff, b'H', b'e', 0x01, 0x03, 0x00, 0xfc, 0xff, b'l', b'l', b'o'];
    let final_again = [&[0xf3, 0x00, 0x11, 0x00][..], &[0x00]].concat();
    let within = [&[0x03, 0x00], again].concat();
    let harmless: [(&str, &[u8], &[u8]); 13] = [
        ("a final block with padding", padded, b"Hello"),
        ("a final block alone", bare, b"Hello"),
        ("a final block that is stored", stored, b"Hello"),
        ("a final block after another", split, b"Hello"),
        ("a stream after a final block", &twice, b"HelloHello"),
        ("a final block without content", &[0x03, 0x00], b""),
        ("several of these", &[0x03, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0xff, 0xff], b""),
        ("an empty block", &[0x00], b""),
        ("an empty payload", &[], b""),
        ("a final block that the tail completes", &[0x01], b""),
        ("such a block after another block", &[&[0x00], &stored[1..], &[0x01]].concat(), b"Hello"),
        ("a final block that refers back to the previous message", &final_again, b"Hello"),
        ("data after a final block that refers back to the previous message", &within, b"Hello"),
    ];
    for (mode, no_takeover) in MODES {
        for (name, payload, plain) in harmless {
            let refers_back = payload == final_again || payload == within;
            for count in 1..4 {
                let mut server = Server::new(no_takeover);
                assert_eq!(server.inflate(hello).as_deref(), Ok(&b"Hello"[..]));
                let expected = if refers_back && no_takeover { Err(Error::BadDeflate) } else { Ok(plain) };
                for _ in 0..count {
                    assert_eq!(
                        server.inflate(payload).as_deref().map_err(|e| *e),
                        expected,
                        "{name}, {mode}"
                    );
                }
                // A message that uses the window, and one that fills and uses its own.
                let expected = if no_takeover { Err(Error::BadDeflate) } else { Ok(&b"Hello"[..]) };
                assert_eq!(
                    server.inflate(again).as_deref().map_err(|e| *e),
                    expected,
                    "{name}, {mode}, {count}"
                );
                let text = b"0123456789".repeat(9000);
                assert_eq!(
                    server.inflate(&compressed(6, &[&text])).as_ref(),
                    Ok(&text),
                    "{name}, {mode}, {count}"
                );
            }
        }
    }
}

#[test]
fn a_window_is_the_last_32_kib_of_all_messages() {
    let mut server = Server::new(false);
    let mut compress = Compress::new(Compression::best(), false);
    let mut plain = vec![];
    for len in [1, 5000, 3000, 40_000, 7, 32_768, 100, 20_000, 20_000, 1, 60_000, 4000, 5000, 4000] {
        // Most of it repeats the bytes 32 KiB before.
        let from: usize = plain.len() - plain.len().min(32_000);
        let mut message = noise(len, 256);
        let known = plain.len() - from;
        message.iter_mut().zip(&plain[from..]).take(known * 9 / 10).for_each(|(to, from)| *to = *from);
        let mut packed = Vec::with_capacity(len + 1000);
        compress.compress_vec(&message, &mut packed, FlushCompress::Sync).unwrap();
        packed.truncate(packed.len() - TAIL.len());
        assert!(server.inflate(&packed).as_ref() == Ok(&message), "{len}");
        plain.extend(message);
        let window = &plain[plain.len() - plain.len().min(32 * 1024)..];
        assert!(server.deflate.window() == window, "{len}");
    }
}

fn dedicated() -> Deflate {
    Deflate::new(Agreement::default(), 1).unwrap()
}

#[test]
fn a_bomb_is_stopped_at_the_limit() {
    let (mut ours, mut theirs) = (dedicated(), dedicated());
    let bomb = ours.compress(&[&vec![0; 20 << 20]], &mut SharedCodecs::default()).to_vec();
    assert!(bomb.len() < 1 << 20);
    let mut out = vec![];
    let result = theirs.inflate(&bomb, &mut out, 512 << 10, &mut SharedCodecs::default());
    assert_eq!(result, Err(Error::TooBig));
    assert!(out.capacity() <= (512 << 10) + 1, "{}", out.capacity());
}

#[test]
fn the_examples_of_the_rfc_are_inflated() {
    // RFC 7692 §7.2.3.1, §7.2.3.2 (with the window of the first), §7.2.3.3, §7.2.3.4, §7.2.3.5, §7.2.3.6.
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    let with_final_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    let mut theirs = dedicated();
    let mut shared = SharedCodecs::default();
    let cases: [(&[u8], &[u8]); 6] = [
        (&hello, b"Hello"),
        (&again, b"Hello"),
        (&stored, b"Hello"),
        (&two_blocks, b"Hello"),
        (&[0x00], b""),
        (&with_final_block, b"Hello"),
    ];
    for (payload, expected) in cases {
        let mut out = vec![];
        assert_eq!(theirs.inflate(payload, &mut out, 5, &mut shared), Ok(()), "{payload:02x?}");
        assert_eq!(out, expected, "{payload:02x?}");
    }
}

#[test]
fn garbage_is_refused() {
    for payload in [&[0xff; 20][..], &[0x07, 0x07], &[0xf2, 0x48, 0xff, 0xff, 0xff, 0xff, 0xff]] {
        let mut out = vec![];
        let result = dedicated().inflate(payload, &mut out, 1 << 20, &mut SharedCodecs::default());
        assert_eq!(result, Err(Error::BadDeflate), "{payload:02x?}");
    }
}
