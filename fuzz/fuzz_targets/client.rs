//! Any bytes as what a server sends to the library's client: in other pieces they give the same packets and
//! the same end.
//!
//! Input: the length of the pieces (1 byte; odd: the response to the upgrade is part of the input), then the
//! server's bytes.

#![no_main]

use std::io::{self, Read, Write};

use libfuzzer_sys::fuzz_target;
use sysconn::client::{Client, Offer, Packet, Url};
use sysconn::upgrade::accept_key;

/// A server that sends its bytes whatever the client says.
struct Server<'a> {
    bytes: &'a [u8],
    piece: usize,
    /// Answers the upgrade first, once its key is known.
    answers: bool,
    response: Vec<u8>,
}

impl Read for Server<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.piece.min(buffer.len());
        if self.response.is_empty() {
            return self.bytes.read(&mut buffer[..len]);
        }
        let len = len.min(self.response.len());
        buffer[..len].copy_from_slice(&self.response[..len]);
        self.response.drain(..len);
        Ok(len)
    }
}

impl Write for Server<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if std::mem::take(&mut self.answers) {
            let request = str::from_utf8(bytes).expect("a request is text");
            let (_, key) = request.split_once("Sec-WebSocket-Key: ").expect("a request has a key");
            let accept = accept_key(key.split("\r\n").next().unwrap_or_default().as_bytes());
            let head =
                b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
            self.response = [&head[..], &accept, b"\r\n\r\n"].concat();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let &[first, ref bytes @ ..] = data else { return };
    let url = "ws://a".parse().expect("a URL");
    let (piece, answers) = (usize::from(first).max(1), first.is_multiple_of(2));
    assert_eq!(receive(bytes, piece, answers, &url), receive(bytes, usize::MAX, answers, &url));
});

/// What a client takes from the bytes, and how it ends.
fn receive(bytes: &[u8], piece: usize, answers: bool, url: &Url) -> (Vec<Packet>, String) {
    let mut packets = vec![];
    let mut client =
        match Client::over(Server { bytes, piece, answers, response: vec![] }, url, &Offer::default()) {
            Ok(client) => client,
            Err(error) => return (packets, error.to_string()),
        };
    loop {
        match client.next_packet() {
            Ok(packet) => packets.push(packet),
            Err(error) => return (packets, error.to_string()),
        }
    }
}
