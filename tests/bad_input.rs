//! Packets that no honest client sends, over real sockets: each gets its answer, and the server goes
//! on serving others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{
    Client, Event, Frame, Reply, Server, config, frame, join, message, packet, still_serves, with,
    zlib_stored,
};
use sysconn::Cause;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::Undecodable;

/// A message with a wrong DataSize.
fn sized(cmd: u16, flag: u32, size: u16, data: &[u8]) -> Vec<u8> {
    let mut message = message(cmd, flag, 0, data);
    message[..2].copy_from_slice(&size.to_be_bytes());
    message
}

#[test]
fn a_message_shorter_than_a_header_closes_with_4000() {
    let server = Server::packets(&config());
    let whole = message(1101, 1, 0, b"");
    for len in 0..9 {
        let mut client = Client::connect(server.address);
        // Later input is ignored.
        client.send(&join(&[&frame(Opcode::Binary, &whole[..len]), &packet(1101, 2, b"lost")]));
        client.expect_close(4000, &format!("{len} bytes"));
        assert_eq!(server.cause_of(client), Cause::ShortPacket);
        still_serves(server.address);
    }
}

#[test]
fn bad_requests_are_refused_and_the_connection_goes_on() {
    let server = Server::packets(&config());
    let cases: [(&str, Vec<u8>, u16, u16); 14] = [
        ("DataSize 5 of 4", sized(1101, 9, 5, b"four"), 1101, 2),
        ("DataSize 100 of 4", sized(1101, 9, 100, b"four"), 1101, 2),
        ("DataSize 65534 of 4", sized(1101, 9, 65_534, b"four"), 1101, 2),
        ("DataSize 4 of 14", sized(1101, 9, 4, b"fourteen bytes"), 1101, 2),
        ("DataSize 0 of 1", sized(1101, 9, 0, b"1"), 1101, 2),
        ("DataSize 5 of 4, unknown command", sized(2000, 9, 5, b"four"), 2000, 2),
        ("command 0", message(0, 9, 0, b""), 0, 1),
        ("command 1", message(1, 9, 0, b"x"), 1, 1),
        ("no function", message(1199, 9, 0, b""), 1199, 1),
        ("no module", message(2000, 9, 0, b""), 2000, 1),
        ("the last command", message(65_535, 9, 0, b""), 65_535, 1),
        ("unknown command, undecodable", message(2000, 9, 3, b"x"), 2000, 1),
        ("for roles", message(1110, 9, 0, b""), 1110, 3),
        ("for monitors", message(1111, 9, 0, b""), 1111, 3),
    ];
    for (name, message, cmd, error_id) in &cases {
        let mut client = Client::connect(server.address);
        client.send(&frame(Opcode::Binary, message));
        assert_eq!(client.reply(), Reply::refusal(*cmd, 9, *error_id), "{name}");
        client.echo(b"goes on");
        client.close();
        still_serves(server.address);
    }

    // A role that is not a monitor.
    let mut client = Client::connect(server.address);
    client.send_packet(1114, 7, b"");
    assert_eq!(client.reply(), Reply::new(1114, 7, b""));
    client.send_packet(1110, 8, b"");
    assert_eq!(client.reply(), Reply::new(1110, 8, b"a role"));
    for flag in 0..10 {
        client.send_packet(1111, flag, b"");
        assert_eq!(client.reply(), Reply::refusal(1111, flag, 4));
    }
    client.send_packet(1111, 10, b"");
    client.expect_close(4002, "the eleventh");
    still_serves(server.address);

    // Ten are answered, whatever their kind; the eleventh closes. Good requests do not count.
    let mut client = Client::connect(server.address);
    let bad: Vec<_> = cases.iter().cycle().take(11).collect();
    let mut bytes = vec![];
    for (_, message, ..) in &bad {
        bytes.extend(frame(Opcode::Binary, message));
        bytes.extend(packet(1101, 8, b"good"));
        bytes.extend(packet(1103, 8, b""));
    }
    client.send(&bytes);
    for (name, _, cmd, error_id) in &bad[..10] {
        assert_eq!(client.reply(), Reply::refusal(*cmd, 9, *error_id), "{name}");
        assert_eq!(client.reply(), Reply::new(1101, 8, b"good"));
        assert_eq!(client.reply(), Reply::refusal(1103, 8, 100));
    }
    client.expect_close(4002, "the eleventh");
    assert_eq!(server.cause_of(client), Cause::BadRequests);
    still_serves(server.address);
}

#[test]
fn undecodable_data_closes_with_4001_and_is_an_offence() {
    let server = Server::packets(&config());
    let good = zlib_stored(b"hello");
    let mut bad_adler = good.clone();
    *bad_adler.last_mut().unwrap() ^= 1;
    // FDICT, and the Adler-32 of an unknown dictionary (RFC 1950 §2.2).
    let preset_dictionary = join(&[&[0x78, 0x20 | 0x18 | 0x04, 1, 2, 3, 4], &good[2..]]);
    let mut cases = vec![
        ("garbage", 1101, 1, b"no zlib".to_vec(), Undecodable::Zlib),
        ("truncated", 1101, 1, good[..good.len() - 1].to_vec(), Undecodable::Zlib),
        ("half", 1101, 1, good[..good.len() / 2].to_vec(), Undecodable::Zlib),
        ("bad adler", 1101, 1, bad_adler, Undecodable::Zlib),
        ("trailing byte", 1101, 1, join(&[&good, b"x"]), Undecodable::Zlib),
        ("preset dictionary", 1101, 1, preset_dictionary, Undecodable::Zlib),
        ("no cipher", 1101, 2, b"secret".to_vec(), Undecodable::Cipher),
        ("the route's type", 1109, 0, b"x".to_vec(), Undecodable::Message),
        ("a burst of three bytes", 1104, 0, b"abc".to_vec(), Undecodable::Message),
    ];
    for status in 3..=255 {
        cases.push(("status", 1101, status, b"x".to_vec(), Undecodable::UnknownStatus));
    }
    if cfg!(not(feature = "zlib")) {
        cases.retain(|(.., offence)| *offence != Undecodable::Zlib);
    }
    for (name, cmd, status, data, offence) in cases {
        let mut client = Client::connect(server.address);
        let peer = client.stream.local_addr().unwrap();
        client.send(&frame(Opcode::Binary, &message(cmd, 3, status, &data)));
        client.expect_close(4001, &format!("{name} {status}"));
        match server.event() {
            Event::Offence(from, seen) => assert_eq!((from, seen), (peer.into(), offence), "{name} {status}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(server.cause_of(client), Cause::Undecodable(offence), "{name}");
    }
    still_serves(server.address);
}

#[cfg(feature = "zlib")]
#[test]
fn compressed_data_is_inflated_up_to_the_limit() {
    use std::io::Write;

    let server = Server::packets(&with(config(), |config| config.limits.max_len = 100_000));
    let deflate = |len: usize| {
        let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::fast());
        encoder.write_all(&vec![b'a'; len]).unwrap();
        encoder.finish().unwrap()
    };
    for (name, data, expected) in [
        ("stored", zlib_stored(b"hello"), Ok(b"hello".to_vec())),
        ("the longest", deflate(99_989), Ok(vec![b'a'; 99_989])),
        ("one byte too long", deflate(100_001), Err(4001)),
        ("a bomb", deflate(3_000_000), Err(4001)),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&frame(Opcode::Binary, &message(1101, 5, 1, &data)));
        match expected {
            Ok(data) => {
                assert_eq!(client.reply(), Reply::new(1101, 5, &data), "{name}");
                client.close();
            }
            Err(code) => client.expect_close(code, name),
        }
        still_serves(server.address);
    }
}

#[test]
fn unusual_but_valid_packets_are_answered() {
    let server = Server::packets(&config());
    let long = |len: usize| -> Vec<u8> { (0..len).map(|i| (i % 251) as u8).collect() };
    let mut client = Client::connect(server.address);
    for flag in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        client.send_packet(1101, flag, b"flag");
        assert_eq!(client.reply(), Reply::new(1101, flag, b"flag"));
    }
    // Empty Data is never decoded, whatever its status says.
    for status in [0, 1, 2, 3, 255] {
        client.send(&frame(Opcode::Binary, &message(1101, 1, status, b"")));
        assert_eq!(client.reply(), Reply::new(1101, 1, b""), "{status}");
    }
    // A reply crosses the lengths at which its frame needs a longer header.
    for len in [116, 117, 65_523, 65_524, 65_525, 65_530, 65_534, 65_535, 65_536, 70_000, 524_279] {
        client.send_packet(1101, 2, &long(len));
        assert_eq!(client.reply(), Reply::new(1101, 2, &long(len)), "{len}");
    }
    client.send(&frame(Opcode::Binary, &sized(1101, 4, 65_535, b"to the end")));
    assert_eq!(client.reply(), Reply::new(1101, 4, b"to the end"));

    // The header of a packet may lie in as many fragments as it likes.
    let message = message(1101, 6, 0, b"in fragments");
    for cut in 0..=message.len() {
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, false, Opcode::Binary, [1, 2, 3, 4], &message[..cut]);
        push_masked_frame(&mut bytes, true, Opcode::Continuation, [5, 6, 7, 8], &message[cut..]);
        client.send(&bytes);
        assert_eq!(client.reply(), Reply::new(1101, 6, b"in fragments"), "{cut}");
    }
    client.close();
}

#[test]
fn packets_above_the_rate_are_refused_and_do_not_count_as_bad() {
    let server = Server::packets(&with(config(), |config| config.limits.max_packets_per_second = Some(1)));
    let mut client = Client::connect(server.address);
    // In one write, so that they are handled at the same time or almost so.
    let bytes: Vec<u8> = (0..30).flat_map(|flag| packet(1101, flag, b"")).collect();
    client.send(&bytes);
    assert_eq!(client.reply(), Reply::new(1101, 0, b""));
    let refused = (1..30).filter(|&flag| client.reply() == Reply::refusal(1101, flag, 5)).count();
    assert!(refused > 20, "{refused}");
    client.close();
    still_serves(server.address);
}

#[test]
fn random_packets_close_their_own_connection_at_most() {
    let server = Server::packets(&config());
    let mut witness = Client::connect(server.address);
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = || {
        // xorshift64, so that a failure can be repeated.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..500 {
        let bytes: Vec<u8> = (0..random() % 40).map(|_| random() as u8).collect();
        let mut client = Client::connect(server.address);
        client.send(&frame(Opcode::Binary, &bytes));
        client.shutdown_write();
        // A refusal or a Close, and then the end.
        while client.next() != Frame::End {}
        witness.echo(b"untouched");
    }
    witness.close();
}
