//! A service without a table: one function for every command, and all else as with a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Reply, Server, config, frame, message, packet, still_serves, with};
use sysconn::Cause;
use sysconn::frame::{CloseCode, Opcode};

#[test]
fn every_command_reaches_the_function() {
    let server = Server::any(&config());
    let mut client = Client::connect(server.address);
    for cmd in [0, 1, 99, 100, 1101, 7777, 65_534, 65_535] {
        for data in [&b""[..], b"any", &[7; 5000]] {
            client.send_packet(cmd, 9, data);
            assert_eq!(client.reply(), Reply::new(cmd, 9, data));
        }
    }
    // What the function refuses counts as no bad request, as with a handler of a table.
    for flag in 0..20 {
        client.send_packet(1103, flag, b"");
        assert_eq!(client.reply(), Reply::refusal(1103, flag, 100));
    }
    still_serves(server.address);
}

#[test]
fn bad_packets_are_answered_as_with_a_table() {
    let server = Server::any(&config());
    let mut client = Client::connect(server.address);
    let mut wrong = message(7777, 9, 0, b"four");
    wrong[..2].copy_from_slice(&[0, 5]);
    for flag in 0..10 {
        client.send(&frame(Opcode::Binary, &wrong));
        assert_eq!(client.reply(), Reply::refusal(7777, 9, 2), "{flag}");
    }
    client.send(&frame(Opcode::Binary, &wrong));
    client.expect_close(4002, "the eleventh");
    assert_eq!(server.cause_of(client), Cause::BadRequests);

    let application = CloseCode::new(4100).unwrap();
    for (name, bytes, code, cause) in [
        ("eight bytes", frame(Opcode::Binary, &[0; 8]), 4000, Cause::ShortPacket),
        ("a text", frame(Opcode::Text, b"text"), 1003, Cause::Protocol(sysconn::frame::Error::Text)),
        ("a panic", packet(1106, 1, b""), 1011, Cause::HandlerFailed),
        ("a close", packet(1108, 1, b""), 4100, Cause::Application(application)),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        client.expect_close(code, name);
        assert_eq!(server.cause_of(client), cause, "{name}");
        still_serves(server.address);
    }
    for (name, bytes) in [
        ("no message of the function", packet(1109, 1, b"")),
        ("an unknown DataStatus", frame(Opcode::Binary, &message(7777, 1, 3, b"x"))),
        ("no zlib stream", frame(Opcode::Binary, &message(7777, 1, 1, b"x"))),
    ] {
        let mut client = Client::connect(server.address);
        client.send(&bytes);
        client.expect_close(4001, name);
        still_serves(server.address);
    }
}

#[test]
#[cfg(feature = "zlib")]
fn compressed_data_is_inflated() {
    let server = Server::any(&config());
    let mut client = Client::connect(server.address);
    for len in [0, 5, 60_000] {
        let data = vec![3; len];
        client.send(&frame(Opcode::Binary, &message(7777, 9, 1, &common::zlib_stored(&data))));
        assert_eq!(client.reply(), Reply::new(7777, 9, &data));
    }
}

#[test]
fn packets_above_the_rate_are_refused() {
    let server = Server::any(&with(config(), |config| config.limits.max_packets_per_second = Some(5)));
    let mut client = Client::connect(server.address);
    let burst: Vec<_> = (0..10).flat_map(|flag| packet(7777, flag, b"")).collect();
    client.send(&burst);
    for flag in 0..5 {
        assert_eq!(client.reply(), Reply::new(7777, flag, b""));
    }
    assert_eq!(client.reply(), Reply::refusal(7777, 5, 5));
}
