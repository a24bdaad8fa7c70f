//! permessage-deflate over real sockets, with a client that compresses by itself.

#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, Reply, Server, config, message, still_echoes, still_serves, upgrade_of, with};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sysconn::Config;
use sysconn::config::DeflateMode;

/// The offer of a client that lets the server limit its window.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
const KEY: [u8; 4] = [1, 2, 3, 4];

fn deflating(deflate: DeflateMode) -> Config {
    with(config(), |config| {
        config.output.deflate = deflate;
        config.output.deflate_above = 0;
    })
}

/// The compressing half of a client: one window for all messages, or an empty one for each.
struct Packer {
    compress: Compress,
    takeover: bool,
}

impl Packer {
    fn new(takeover: bool) -> Self {
        Packer { compress: Compress::new_with_window_bits(Compression::default(), false, 13), takeover }
    }

    fn pack(&mut self, message: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.compress.reset();
        }
        let mut packed = Vec::with_capacity(message.len() + 1024);
        self.compress.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
        assert!(packed.ends_with(&[0, 0, 0xff, 0xff]));
        packed.truncate(packed.len() - 4);
        packed
    }
}

fn unpack(window: &mut Decompress, packed: &[u8], len: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(len + 64);
    window
        .decompress_vec(&[packed, &[0, 0, 0xff, 0xff]].concat(), &mut message, FlushDecompress::Sync)
        .unwrap();
    message
}

/// A masked frame with the first byte as given.
fn raw_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        0..=125 => bytes.push(0x80 | payload.len() as u8),
        126..=65_535 => {
            bytes.push(0x80 | 126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

const COMPRESSED_TEXT: u8 = 0xc1;
const COMPRESSED_BINARY: u8 = 0xc2;

/// The extension in a server's answer to an offer; empty if none.
fn agreed(server: &Server, offer: &str) -> (Client, String) {
    let mut client = Client::raw(server.address);
    client.send(&upgrade_of("/", offer));
    let head = client.read_head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let line = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
    let line = line.unwrap_or_default().to_owned();
    (client, line)
}

/// A compressed message from the server, as its raw frame.
fn compressed(client: &mut Client) -> Vec<u8> {
    client.allow_deflate();
    match client.next() {
        Frame::Compressed(payload) => payload,
        other => panic!("nothing compressed but {other:?}"),
    }
}

#[test]
fn compression_is_off_by_default_and_declined_silently() {
    let off = Server::messages(&config());
    assert_eq!(agreed(&off, OFFER).1, "");
    let on = Server::messages(&deflating(DeflateMode::Dedicated));
    for (offer, answer) in [
        ("", ""),
        (OFFER, "permessage-deflate; client_max_window_bits=13"),
        (
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "permessage-deflate; client_no_context_takeover",
        ),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n", ""),
        ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n", ""),
        ("Sec-WebSocket-Extensions: x; y=\"unclosed, permessage-deflate\r\n", ""),
        (
            "Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
            "permessage-deflate; client_no_context_takeover; server_max_window_bits=10",
        ),
    ] {
        assert_eq!(agreed(&on, offer).1, answer, "{offer}");
    }
    let many = format!("Sec-WebSocket-Extensions: {}\r\n", ["permessage-deflate"; 60].join(", "));
    assert_eq!(agreed(&on, &many).1, "permessage-deflate; client_no_context_takeover");
}

#[test]
fn messages_are_compressed_with_and_without_context_takeover() {
    for (mode, takeover) in [(DeflateMode::Dedicated, true), (DeflateMode::Shared, false)] {
        let server = Server::messages(&deflating(mode));
        let (mut client, answer) = agreed(&server, OFFER);
        assert_eq!(answer.contains("server_no_context_takeover"), !takeover);
        assert_eq!(answer.contains("client_no_context_takeover"), !takeover);
        let mut packer = Packer::new(takeover);
        let mut window = Decompress::new(false);
        let mut sizes = vec![];
        for text in ["", "a", "the same again and again", "the same again and again", &"long ".repeat(20_000)]
        {
            let packed = packer.pack(text.as_bytes());
            // Whole, and in fragments, only the first of which has RSV1 set.
            for split in [packed.len(), packed.len() / 2] {
                let (first, rest) = packed.split_at(split);
                let frames = if rest.is_empty() && split == packed.len() {
                    raw_frame(COMPRESSED_TEXT, first)
                } else {
                    [raw_frame(COMPRESSED_TEXT & 0x7f, first), raw_frame(0x80, rest)].concat()
                };
                if split != packed.len() && takeover {
                    continue;
                }
                client.send(&frames);
                let echoed = compressed(&mut client);
                sizes.push(echoed.len());
                if !takeover {
                    window.reset(false);
                }
                assert_eq!(unpack(&mut window, &echoed, text.len()), text.as_bytes(), "{mode:?}");
            }
        }
        if takeover {
            assert!(sizes[3] < sizes[2], "the window knew the message already: {sizes:?}");
        }
        still_echoes(server.address);
    }
}

#[test]
fn long_packets_are_compressed_and_short_ones_and_pushes_are_not() {
    let server =
        Server::packets(&with(deflating(DeflateMode::Shared), |config| config.output.deflate_above = 128));
    let (mut client, _) = agreed(&server, OFFER);
    let data = b"0123456789".repeat(100);
    let mut packer = Packer::new(false);
    client.send(&raw_frame(COMPRESSED_BINARY, &packer.pack(&message(1101, 7, 0, &data))));
    let reply = unpack(&mut Decompress::new(false), &compressed(&mut client), data.len() + 11);
    assert_eq!(sysconn::packet::Reply::parse(&reply).unwrap().data, data);
    client.send(&raw_frame(COMPRESSED_BINARY, &packer.pack(&message(1101, 8, 0, b"small"))));
    assert_eq!(client.reply(), Reply::new(1101, 8, b"small"));
    // Uncompressed messages are accepted as well.
    client.send_packet(1101, 9, b"plain");
    assert_eq!(client.reply(), Reply::new(1101, 9, b"plain"));
    client.close();
    still_serves(server.address);
}

#[test]
fn empty_messages_and_final_blocks_harm_no_later_message() {
    // RFC 7692 §7.2.3.4, with and without what follows the final block there.
    let padded: &[u8] = &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let cases: [(&str, &[u8], &[u8]); 5] = [
        ("a final block", padded, b"Hello"),
        ("a final block, and nothing behind it", &padded[..7], b"Hello"),
        ("a final block of nothing", &[0x03, 0x00], b""),
        ("an empty block", &[0x00], b""),
        ("no payload", &[], b""),
    ];
    for mode in [DeflateMode::Dedicated, DeflateMode::Shared] {
        let server = Server::messages(&deflating(mode));
        for (case, payload, expected) in cases {
            let (mut client, _) = agreed(&server, OFFER);
            let takeover = mode == DeflateMode::Dedicated;
            let mut window = Decompress::new(false);
            let mut echo = |payload: &[u8], expected: &[u8]| {
                client.send(&raw_frame(COMPRESSED_TEXT, payload));
                if !takeover {
                    window.reset(false);
                }
                let echoed = compressed(&mut client);
                assert_eq!(unpack(&mut window, &echoed, expected.len()), expected, "{case}, {mode:?}");
            };
            let mut before = Packer::new(takeover);
            let text = b"the same again and again";
            echo(&before.pack(text), text);
            echo(payload, expected);
            echo(payload, expected);
            // A client that has sent nothing in between keeps its window; after that a new window works as
            // well.
            let mut behind = if expected.is_empty() { before } else { Packer::new(takeover) };
            echo(&behind.pack(text), text);
            echo(&behind.pack(text), text);
        }
        still_echoes(server.address);
    }
}

#[test]
fn invalid_compressed_messages_close() {
    let bomb = Packer::new(true).pack(&vec![0; 64 << 20]);
    let bad_text = Packer::new(true).pack(b"\xff\xfe");
    let just_too_long = Packer::new(true).pack(&vec![b'x'; sysconn::config::MAX_LEN + 1]);
    let cut_in_midst_of_a_block = &Packer::new(true).pack(&b"0123456789".repeat(50))[..10];
    // A whole block, and one byte of the next block's header, which describes its codes.
    let cut_in_a_header = [0x00, 0x02, 0x00, 0xfd, 0xff, b'h', b'i', 0x04];
    for mode in [DeflateMode::Dedicated, DeflateMode::Shared] {
        let server = Server::messages(&deflating(mode));
        let cases: [(&str, Vec<u8>, u16); 10] = [
            ("df-01: a bomb", raw_frame(COMPRESSED_BINARY, &bomb), 1009),
            ("one byte too long", raw_frame(COMPRESSED_BINARY, &just_too_long), 1009),
            ("text that is no UTF-8", raw_frame(COMPRESSED_TEXT, &bad_text), 1007),
            ("df-02: RSV1 on a continuation", [raw_frame(0x42, b""), raw_frame(0xc0, b"")].concat(), 1002),
            ("df-02: RSV1 on a Ping", raw_frame(0xc9, b""), 1002),
            ("RSV2", raw_frame(0xa2, b""), 1002),
            ("df-03: garbage", raw_frame(COMPRESSED_BINARY, &[0xff; 30]), 1002),
            (
                "a window that is not there",
                raw_frame(COMPRESSED_BINARY, &[0xf2, 0x00, 0x11, 0x00, 0x00]),
                1002,
            ),
            ("cut in the header of a block", raw_frame(COMPRESSED_TEXT, &cut_in_a_header), 1002),
            ("df-03: cut", raw_frame(COMPRESSED_BINARY, cut_in_midst_of_a_block), 1002),
        ];
        for (case, bytes, code) in cases {
            let (mut client, answer) = agreed(&server, OFFER);
            assert!(!answer.is_empty());
            client.allow_deflate();
            client.send(&bytes);
            client.expect_close(code, case);
            still_echoes(server.address);
        }
    }
    let off = Server::messages(&config());
    let mut client = Client::connect(off.address);
    client.send(&raw_frame(COMPRESSED_TEXT, &bad_text));
    client.expect_close(1002, "RSV1 without an agreement");
}
