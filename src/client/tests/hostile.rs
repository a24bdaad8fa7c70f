//! Servers that answer wrongly, or without an end: a client's waits have one.

use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

use super::{client, reply};
use crate::client::deadline::Deadline;
use crate::client::handshake::upgrade;
use crate::client::link::Link;
use crate::client::{Client, ClientError, Offer};
use crate::frame::{Opcode, push_frame};
use crate::upgrade::accept_key;

/// A server that answers the handshake with these lines, where ACCEPT stands for the right key.
struct Answers {
    lines: &'static str,
    response: Cursor<Vec<u8>>,
}

impl Read for Answers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.response.read(buffer)
    }
}

impl Write for Answers {
    fn write(&mut self, request: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(request).unwrap();
        let (_, key) = text.split_once("Sec-WebSocket-Key: ").unwrap();
        let accept = accept_key(key.split("\r\n").next().unwrap().as_bytes());
        let lines = self.lines.replace("ACCEPT", std::str::from_utf8(&accept).unwrap());
        self.response = Cursor::new(format!("HTTP/1.1 101 x\r\n{lines}\r\n\r\n").into_bytes());
        Ok(request.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_handshake_agrees_to_what_was_asked_for() {
    let url = "ws://a".parse().unwrap();
    let offer = Offer { origin: None, subprotocol: Some("x, y".to_owned()) };
    for (lines, is_good) in [
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT", true),
        ("upgrade: WebSocket\r\nconnection: a, upgrade\r\nsec-websocket-accept: ACCEPT\r\na: b", true),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: y",
            true,
        ),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: z",
            false,
        ),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: \
             permessage-deflate",
            false,
        ),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Accept: a",
            false,
        ),
        ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a", false),
        ("Upgrade: websocket\r\nConnection: Upgrade", false),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT", false),
        ("Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: ACCEPT", false),
        ("Sec-WebSocket-Accept: ACCEPT", false),
    ] {
        let answers = Answers { lines, response: Cursor::new(vec![]) };
        assert_eq!(Client::over(answers, &url, &offer).is_ok(), is_good, "{lines}");
    }
}

/// A server that says the same for ever.
#[derive(Debug)]
struct Endless {
    piece: Vec<u8>,
    takes: bool,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.piece.as_slice().read(buffer)
    }
}

impl Write for Endless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.takes { Ok(bytes.len()) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A server that takes a byte at a time, and says nothing.
struct TakesLittle;

impl Read for TakesLittle {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for TakesLittle {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(1)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn bytes_that_go_on_extend_no_wait() {
    let soon = Duration::from_millis(1);
    let frame = |opcode| {
        let mut bytes = Vec::new();
        push_frame(&mut bytes, opcode, b"");
        bytes
    };
    let answers = |piece: &[u8]| {
        let stream = Endless { piece: piece.to_vec(), takes: true };
        let mut client = Client::new(Link::new(stream, Vec::new()));
        client.set_longest_wait(Some(soon));
        client
    };
    let (push, other) = (reply(0, 0, 0, b"push"), reply(0, 0, 77, b"nobody's"));
    for piece in [&frame(Opcode::Ping), &frame(Opcode::Pong), &push, &other] {
        let mut client = answers(piece);
        assert!(matches!(client.call(1101, b""), Err(ClientError::TimedOut)), "{piece:?}");
        // The server goes on after the Close too.
        client.close();
    }
    for piece in [&frame(Opcode::Ping), &other] {
        assert!(matches!(answers(piece).push(), Err(ClientError::TimedOut)), "{piece:?}");
    }
    let (url, offer) = ("ws://a".parse().unwrap(), Offer::default());
    for piece in [&b"x"[..], b"HTTP/1.1 200 OK\r\n\r\nx"] {
        let mut stream = Endless { piece: piece.to_vec(), takes: true };
        upgrade(&mut stream, &url, &offer, Deadline::after(Some(soon))).unwrap_err();
    }
    // Without time there is no response that could be too long.
    let stream = Endless { piece: b"x".to_vec(), takes: true };
    let result = Client::over_within(stream, &url, &offer, Duration::ZERO);
    assert!(matches!(result, Err(ClientError::TimedOut)), "{result:?}");
}

#[test]
fn what_is_wrong_ends_the_connection() {
    for bytes in [&b"\x81\x01a"[..], b"\x82\x01a", b"\x82\x80\x01\x02\x03\x04", b"\xc2\x00", b"\x82\xff"] {
        let mut client = client(bytes);
        assert!(matches!(client.receive(), Err(ClientError::Protocol)), "{bytes:?}");
        let sent = std::mem::take(&mut client.link.stream.output);
        assert_eq!((sent.first(), sent.len()), (Some(&0x88), 8), "a Close");
        assert!(matches!(client.call(1101, b""), Err(ClientError::Ended(_))), "{bytes:?}");
        assert!(client.link.stream.output.is_empty());
    }
    // Nothing can follow what was written in part.
    let mut client = Client::new(Link::new(TakesLittle, Vec::new()));
    client.post(1101, b"whole").unwrap();
    client.set_longest_wait(Some(Duration::ZERO));
    assert!(matches!(client.post(1101, b"too slow"), Err(ClientError::Ended(_))));
    let mut piece = Vec::new();
    push_frame(&mut piece, Opcode::Ping, b"");
    let mut client = Client::new(Link::new(Endless { piece, takes: false }, Vec::new()));
    assert!(matches!(client.receive(), Err(ClientError::Ended(_))));
}
