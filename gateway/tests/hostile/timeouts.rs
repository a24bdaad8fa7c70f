//! Clients that send nothing, or just enough to seem alive.

use std::io::Write as _;

use crate::common::{Client, Frame, frame, packet, part};
use crate::stage::{Case, SERVE, Setup, expect_close, play};
use sysconn::frame::Opcode;

#[test]
fn timeouts() {
    play(CASES);
}

const HASTY: Setup = Setup::Hasty(&["--read-timeout", "400ms"]);

/// Sends this again and again until the server closes, with that code.
fn sends_until_closed(client: &mut Client, bytes: &[u8], code: u16) {
    loop {
        let _ = client.stream.write_all(bytes);
        match client.next() {
            Frame::Pong(_) => {}
            other => {
                assert_eq!(other, Frame::Close(Some(code)));
                return;
            }
        }
    }
}

pub(crate) const CASES: &[Case] = &[
    Case::new("to-01", Setup::Hasty(&["--read-timeout", "300ms"]), |stage| {
        let mut client = stage.client();
        client.expect_close(4009, "silence");
    }),
    Case::new("to-02", Setup::Hasty(&["--ping-interval", "100ms", "--client-check", "500ms"]), |stage| {
        let mut client = stage.client();
        assert_eq!(client.next(), Frame::Ping(vec![]));
        loop {
            match client.next() {
                Frame::Ping(_) => {}
                other => break assert_eq!(other, Frame::Close(Some(4003))),
            }
        }
    }),
    Case::new("to-03", HASTY, |stage| {
        let packet = packet(1101, 1, b"never complete");
        for cut in 1..packet.len() {
            if cut % 5 == 1 {
                let mut client = stage.client();
                client.send(&packet[..cut]);
                expect_close(&mut client, 4009, &format!("{cut} bytes"));
            }
        }
        // Control frames do not extend a message.
        let mut client = stage.client();
        client.send(&part(false, Opcode::Binary, b"half"));
        sends_until_closed(&mut client, &frame(Opcode::Ping, b"alive"), 4009);
        // Nor do fragments.
        let mut client = stage.client();
        client.send(&part(false, Opcode::Binary, b"half"));
        let more = [part(false, Opcode::Continuation, b""), frame(Opcode::Ping, b"")].concat();
        sends_until_closed(&mut client, &more, 4009);
    }),
    Case::new("x-27", Setup::Hasty(&["--client-check", "300ms", "--read-timeout", "0"]), |stage| {
        // Neither do Pings count as packets.
        let mut client = stage.client();
        sends_until_closed(&mut client, &frame(Opcode::Ping, b"alive"), 4003);
    }),
    Case::new("x-28", Setup::Hasty(&["--account-check", "2s"]), |stage| {
        // Nor packets as a login.
        let mut client = stage.client();
        loop {
            client.stream.write_all(&packet(1101, 1, b"")).unwrap();
            match client.next() {
                Frame::Binary(_) => {}
                other => break assert_eq!(other, Frame::Close(Some(4004))),
            }
        }
    }),
    Case::new("x-29", SERVE, |stage| {
        // A client with a pending reply does not count as silent, and its Pings are answered.
        let mut client = stage.client();
        client.send(
            &[packet(1105, 1, b"\0\0\0\x64late"), packet(1101, 2, b"waits"), frame(Opcode::Ping, b"")]
                .concat(),
        );
        assert_eq!(client.reply().data, b"late");
        assert_eq!(client.reply().data, b"waits");
        assert_eq!(client.next(), Frame::Pong(vec![]));
    }),
];
