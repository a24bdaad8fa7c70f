//! How connections end, over real sockets: every close code, which side closes TCP, and the output that still
//! arrives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Write};

use common::{
    Client, Frame, Reply, SHORT, Server, config, eventually, frame, join, packet, part, still_echoes,
    still_serves, upgrade_of, with,
};
use sysconn::Cause;
use sysconn::frame::{CloseCode, Opcode};

/// A Close frame with this code and reason.
fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(Opcode::Close, &join(&[&code.to_be_bytes(), reason]))
}

/// A raw frame header, followed by a key of zeros if its mask bit is set.
fn header(bytes: &[u8]) -> Vec<u8> {
    let key: &[u8] = if bytes[1] & 0x80 != 0 { &[0; 4] } else { &[] };
    join(&[bytes, key])
}

#[test]
fn violations_close_with_1002() {
    let server = Server::packets(&config());
    let binary = |fin| part(fin, Opcode::Binary, b"part");
    let mut cases = vec![
        ("not masked", b"\x82\x04data".to_vec()),
        ("RSV1", header(&[0xc2, 0x80])),
        ("RSV2", header(&[0xa2, 0x80])),
        ("RSV3 on a Ping", header(&[0x99, 0x80])),
        ("RSV1 on a continuation", join(&[&binary(false), &header(&[0xc0, 0x80])])),
        ("the top bit of the length", header(&[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0])),
        ("all bits of the length", header(&join(&[&[0x82, 0xff], &[0xff; 8]]))),
        ("4 in 16 bits", header(&[0x82, 0xfe, 0, 4])),
        ("65535 in 64 bits", header(&[0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff])),
        ("a Ping of 5 in 16 bits", header(&[0x89, 0xfe, 0, 5])),
        ("a Ping of 126", frame(Opcode::Ping, &[0; 126])),
        ("a Pong of 126", frame(Opcode::Pong, &[0; 126])),
        ("a fragmented Ping", part(false, Opcode::Ping, b"")),
        ("a fragmented Close", part(false, Opcode::Close, &[3, 232])),
        ("a continuation of nothing", part(true, Opcode::Continuation, b"x")),
        ("a message within a message", join(&[&binary(false), &binary(true)])),
        ("a Close of 1 byte", frame(Opcode::Close, &[3])),
        ("a reason of 124 bytes", close(1000, &[b'a'; 124])),
    ];
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        cases.push(("a reserved opcode", header(&[0x80 | opcode, 0x80])));
    }
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        cases.push(("a code that must not be sent", close(code, b"")));
    }
    for (name, bytes) in cases {
        let mut client = Client::connect(server.address);
        // Earlier requests are answered first; later ones are not answered.
        client.send(&join(&[&packet(1101, 1, b"before"), &bytes, &packet(1101, 2, b"behind")]));
        assert_eq!(client.reply(), Reply::new(1101, 1, b"before"), "{name}");
        client.expect_close(1002, &format!("{name}: {bytes:?}"));
        assert!(matches!(server.cause_of(client), Cause::Protocol(_)), "{name}");
        still_serves(server.address);
    }
}

#[test]
fn violations_close_with_the_other_codes_of_the_rfc() {
    let packets = Server::packets(&config());
    for (code, name, bytes) in [
        (1003, "text", frame(Opcode::Text, b"hello")),
        (1003, "text, only its header", header(&[0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0])),
        (1007, "bad UTF-8 in a reason", close(1000, &[0xce, 0xba, 0xe1, 0xff])),
        (1009, "MAX_LEN + 1, only its header", header(&[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 1])),
        (1009, "2^63 - 1", header(&[0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])),
        (1009, "a fragment too many", {
            let quarter = vec![0; 524_288 / 4];
            let mut bytes = part(false, Opcode::Binary, &quarter);
            (0..3).for_each(|_| bytes.extend(part(false, Opcode::Continuation, &quarter)));
            join(&[&bytes, &header(&[0x00, 0x81])])
        }),
        (1011, "a handler that panics", packet(1106, 1, b"")),
        (4100, "the application's", packet(1108, 1, b"")),
    ] {
        let mut client = Client::connect(packets.address);
        client.send(&bytes);
        client.expect_close(code, name);
        assert_eq!(packets.cause_of(client).close_code(), CloseCode::new(code), "{name}");
        still_serves(packets.address);
    }

    let echo = Server::messages(&config());
    let bad: [&[u8]; 8] = [
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"cut \xce\xba\xe1\xbd",
        b"\xf8\x88\x80\x80\x80",
        b"\xc1\xbf",
        b"\xce\xba\xe1\xff then more",
    ];
    for text in bad {
        for cut in 0..=text.len() {
            let mut client = Client::connect(echo.address);
            let (first, rest) = text.split_at(cut);
            client.send(&join(&[
                &part(cut == text.len(), Opcode::Text, first),
                &part(true, Opcode::Continuation, rest),
            ]));
            client.expect_close(1007, &format!("{text:?} cut at {cut}"));
        }
    }
    still_echoes(echo.address);
}

#[test]
fn a_close_is_answered_with_the_same_code() {
    let server = Server::packets(&config());
    for (name, bytes, code) in [
        ("normal", close(1000, b"bye"), Some(1000)),
        ("empty", frame(Opcode::Close, b""), None),
        ("of another", close(4321, b""), Some(4321)),
        ("the longest reason", close(1001, &[b'a'; 123]), Some(1001)),
        ("three of them", join(&[&close(1000, b""), &close(1001, b""), &close(3000, b"")]), Some(1000)),
        ("within a message", join(&[&part(false, Opcode::Binary, b"part"), &close(1000, b"")]), Some(1000)),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        assert_eq!(client.next(), Frame::Close(code), "{name}");
        assert_eq!(client.next(), Frame::End, "{name}");
        assert_eq!(server.cause_of(client), Cause::PeerClosed(code.and_then(CloseCode::new)), "{name}");
        still_serves(server.address);
    }

    let mut client = Client::connect(server.address);
    let mut bytes: Vec<u8> = (0..40).flat_map(|flag| packet(1101, flag, b"")).collect();
    bytes.extend(close(1000, b""));
    client.send(&bytes);
    for flag in 0..40 {
        assert_eq!(client.reply(), Reply::new(1101, flag, b""));
    }
    client.expect_close(1000, "behind 40 requests");
}

#[test]
fn the_server_ends_tcp_even_if_the_client_does_not() {
    let server = Server::packets(&with(config(), |config| config.timers.close = SHORT));
    for (name, bytes, code) in [
        ("a violation", header(&[0x83, 0x80]), 1002),
        ("a Close", close(1000, b""), 1000),
        ("a short packet", frame(Opcode::Binary, b"short"), 4000),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        client.expect_close(code, name);
        // The client neither closes nor sends anything, yet its connection ends.
        let ended = server.event();
        assert!(format!("{ended:?}").starts_with("Closed"), "{name}: {ended:?}");
        eventually("the socket is closed", || {
            client.stream.write_all(b"x").is_err_and(|error| {
                matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
            })
        });
        still_serves(server.address);
        server.event();
    }
    // It ends as well if the client goes on sending.
    let mut client = Client::connect(server.address);
    client.send(&header(&[0x83, 0x80]));
    client.expect_close(1002, "a violation");
    eventually("the socket is closed", || client.stream.write_all(&[0; 4096]).is_err());
    still_serves(server.address);
}

#[test]
fn a_close_frame_arrives_whatever_the_client_still_sends() {
    let server = Server::packets(&config());
    let behind = vec![0x82; 4 << 20];
    for bytes in [header(&[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 1]), header(&[0xf0, 0x80])] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        // The server reads some of it, and may close the socket on the rest.
        let _ = client.stream.write_all(&behind);
        assert!(matches!(client.next(), Frame::Close(Some(1009 | 1002))));
        still_serves(server.address);
    }
}

#[test]
fn input_after_a_close_is_discarded_without_a_reset() {
    let server = Server::packets(&with(config(), |config| config.timers.close = common::PATIENCE));
    let mut witness = Client::connect(server.address);
    for bytes in [header(&[0x83, 0x80]), close(1000, b""), frame(Opcode::Binary, b"short")] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        assert!(matches!(client.next(), Frame::Close(Some(1002 | 1000 | 4000))));
        for _ in 0..20 {
            client.send(&[0x82; 1000]);
            witness.echo(b"a turn of the reactor");
        }
        assert_eq!(client.next(), Frame::End);
    }
    witness.close();
}

#[test]
fn half_closed_clients_get_all_replies_and_then_the_end() {
    let server = Server::packets(&config());
    let requests = |count| -> Vec<u8> { (0..count).flat_map(|flag| packet(1101, flag, b"half")).collect() };
    for count in [0, 1, 100, 5000] {
        let mut client = Client::connect(server.address);
        client.send(&requests(count));
        client.shutdown_write();
        for flag in 0..count {
            assert_eq!(client.reply(), Reply::new(1101, flag, b"half"));
        }
        assert_eq!(client.next(), Frame::End, "{count} requests");
        assert_eq!(server.cause_of(client), Cause::PeerGone);
    }

    // All of it at once: the request, the frames, and the end.
    let mut client = Client::raw(server.address);
    client.send(&join(&[common::UPGRADE, &requests(3)]));
    client.shutdown_write();
    client.read_upgraded();
    for flag in 0..3 {
        assert_eq!(client.reply(), Reply::new(1101, flag, b"half"));
    }
    assert_eq!(client.next(), Frame::End);

    // An unfinished message is not a request.
    let request = requests(1);
    for cut in 1..request.len() {
        let mut client = Client::connect(server.address);
        client.send(&request[..cut]);
        client.shutdown_write();
        assert_eq!(client.next(), Frame::End, "cut at {cut}");
    }
    still_serves(server.address);
}

#[test]
fn half_closed_clients_get_deferred_replies_too() {
    let server = Server::packets(&config());
    // The end comes while the first request is pending and others wait behind it.
    let mut client = Client::connect(server.address);
    client.send(&join(&[&packet(1105, 1, b""), &packet(1101, 2, b"second"), &packet(1105, 3, b"")]));
    client.shutdown_write();
    server.ticket().reply(*b"first");
    assert_eq!(client.reply(), Reply::new(1105, 1, b"first"));
    assert_eq!(client.reply(), Reply::new(1101, 2, b"second"));
    server.ticket().reply(*b"third");
    assert_eq!(client.reply(), Reply::new(1105, 3, b"third"));
    assert_eq!(client.next(), Frame::End);
    assert_eq!(server.cause_of(client), Cause::PeerGone);
    still_serves(server.address);
}

#[test]
fn pushes_caused_by_the_end_of_a_connection_go_out_at_once() {
    let server = Server::packets(&config());
    for count in [1, 2] {
        let mut followers: Vec<_> = (0..count).map(|_| Client::connect(server.address)).collect();
        for follower in &mut followers {
            follower.send_packet(1112, 1, b"");
            assert_eq!(follower.reply(), Reply::new(1112, 1, b""));
        }
        let mut leader = Client::connect(server.address);
        leader.send_packet(1113, 1, b"");
        assert_eq!(leader.reply(), Reply::new(1113, 1, b""));
        leader.reset();
        // The server gets no other event.
        for (index, follower) in followers.iter_mut().enumerate() {
            if index > 0 {
                assert_eq!(follower.reply(), Reply::new(1112, 0, b"over"));
            }
            follower.expect_close(4100, "the leader is gone");
        }
    }
    still_serves(server.address);
}

#[test]
fn a_drain_sends_queued_output_and_then_1001() {
    let mut server = Server::packets(&config());
    let mut quiet = Client::connect(server.address);
    let mut busy = Client::connect(server.address);
    // More than the socket takes while the client does not read, so that some of it has to wait in the
    // server.
    busy.send_packet(1104, 1, &60_000u16.to_be_bytes());
    assert_eq!(busy.reply(), Reply::new(1104, 1, &0u32.to_be_bytes()));
    let mut in_between = Client::raw(server.address);
    in_between.send(&upgrade_of("/late", ""));
    in_between.read_upgraded();
    server.handle.drain();
    quiet.expect_close(1001, "draining");
    in_between.expect_close(1001, "draining");
    for index in 1..60_000u32 {
        assert_eq!(busy.reply().data, index.to_be_bytes());
    }
    busy.expect_close(1001, "draining");
    drop((quiet, in_between, busy));
    server.join();
}
