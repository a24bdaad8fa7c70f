//! Ends of every kind: correct, incorrect and missing ones.

use std::io::Write as _;

use crate::common::{Client, Frame, Reply, frame, join, packet};
use crate::frames::closed;
use crate::stage::slow;
use crate::stage::{Case, ECHO, SERVE, Setup, play};
use sysconn::frame::Opcode;

#[test]
fn closes() {
    play(CASES);
}

/// A Close frame with this code and reason.
fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(Opcode::Close, &join(&[&code.to_be_bytes(), reason]))
}

pub(crate) const CASES: &[Case] = &[
    Case::new("cl-01", SERVE, |stage| stage.closes("bye", &close(1000, b"bye"), 1000)),
    Case::new("cl-02", SERVE, |stage| {
        let mut client = stage.client();
        client.send(&frame(Opcode::Close, b""));
        assert_eq!(client.next(), Frame::Close(None));
        assert_eq!(client.next(), Frame::End);
    }),
    Case::new("cl-03", SERVE, |stage| closed(stage, 1002, &[frame(Opcode::Close, &[3])])),
    Case::new("cl-04", SERVE, |stage| {
        let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
        closed(stage, 1002, &codes.map(|code| close(code, b"")));
    }),
    Case::new("cl-05", SERVE, |stage| {
        let reasons: [&[u8]; 4] = [&[0xce, 0xba, 0xe1, 0xff], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xe1]];
        closed(stage, 1007, &reasons.map(|reason| close(1000, reason)));
    }),
    Case::new("cl-07", SERVE, |stage| {
        stage.closes("three", &join(&[&close(1000, b""), &close(1001, b""), &close(3000, b"")]), 1000);
    }),
    Case::new("cl-08", SERVE, |stage| {
        stage.closes("the longest reason", &close(1000, &[b'a'; 123]), 1000);
        closed(stage, 1002, &[close(1000, &[b'a'; 124])]);
    }),
    Case::new("cl-09", SERVE, |stage| stage.closes("4321", &close(4321, b""), 4321)),
    Case::new("cl-10", SERVE, |stage| {
        // It reads the Close, keeps the connection, and sends one byte from time to time.
        let mut client = stage.client();
        client.send(&[0xff, 0xff]);
        client.expect_close(1002, "a violation");
        stage.has_given_back("the client is still there");
    }),
    Case::new("cl-11", SERVE, |stage| {
        let mut client = stage.client();
        client.send(&join(&[&packet(1101, 1, b"half"), &packet(1105, 2, b"\0\0\0\x32later")]));
        client.shutdown_write();
        assert_eq!(client.reply(), Reply::new(1101, 1, b"half"));
        assert_eq!(client.reply(), Reply::new(1105, 2, b"later"));
        assert_eq!(client.next(), Frame::End);
    }),
    Case::new("cl-13", SERVE, |stage| {
        let packet = packet(1101, 1, &[7; 150]);
        for round in 0..300 {
            let mut client = stage.client();
            client.send(&packet[..round % packet.len()]);
            Client::reset(client);
        }
    }),
    Case::new("cl-15", SERVE, |stage| (0..100).for_each(|_| drop(stage.client()))),
    Case::new("cl-16", ECHO, |stage| {
        let mut client = stage.client();
        let mut bytes: Vec<u8> = (0..40u8).flat_map(|number| frame(Opcode::Binary, &[number])).collect();
        bytes.extend(close(1000, b""));
        client.send(&bytes);
        for number in 0..40 {
            assert_eq!(client.next(), Frame::Binary(vec![number]));
        }
        client.expect_close(1000, "behind the echoes");
    }),
    Case::new("x-21", SERVE, |stage| {
        // A client that goes on sending slowly after its violation does not delay its end.
        let mut client = stage.client();
        client.send(b"\x82\x04data");
        client.expect_close(1002, "a violation");
        // Until the server has closed its socket, and so answers with a reset.
        while client.stream.write_all(b"x").is_ok() {
            stage.witness();
        }
    }),
    Case::new("x-22", SERVE, |stage| {
        // Requests behind a Close, a violation or a short packet are not carried out.
        for (code, bytes) in
            [(1000, close(1000, b"")), (1002, b"\x82\0".to_vec()), (4000, frame(Opcode::Binary, b"short"))]
        {
            let behind = packet(1104, 1, &1000u16.to_be_bytes()).repeat(10);
            stage.closes("behind", &join(&[&bytes, &behind]), code);
        }
    }),
    Case::new("x-23", Setup::Hasty(&["--read-timeout", "2s"]), |stage| {
        // Megabytes of replies wait for the client, then the Close, and it reads neither.
        let mut client = slow(stage.program.address());
        for _ in 0..8 {
            client.send(&packet(1104, 1, &10_000u16.to_be_bytes()));
        }
        client.send(b"\x82\x04data");
        stage.has_given_back("what is queued is not waited for");
    }),
    Case::new("x-24", SERVE, |stage| {
        // Half-closed at each offset within a packet.
        let packet = packet(1101, 1, b"half");
        for cut in 0..=packet.len() {
            let mut client = stage.client();
            client.send(&packet[..cut]);
            client.shutdown_write();
            if cut == packet.len() {
                assert_eq!(client.reply(), Reply::new(1101, 1, b"half"));
            }
            assert_eq!(client.next(), Frame::End);
        }
    }),
    Case::new("x-25", SERVE, |stage| {
        // The client ends while a reply is owed: the reply is still delivered, and the connection ends after
        // it.
        let mut client = stage.client();
        client.send(&join(&[&packet(1105, 1, b"\0\0\0\x64later"), &packet(1101, 2, b"behind")]));
        client.shutdown_write();
        stage.sleeps();
        assert_eq!(client.reply(), Reply::new(1105, 1, b"later"));
        assert_eq!(client.reply(), Reply::new(1101, 2, b"behind"));
        assert_eq!(client.next(), Frame::End);
    }),
];
