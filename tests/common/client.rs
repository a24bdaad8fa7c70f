//! A client that sends any bytes and sees every frame that comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;
use sysconn::frame::{Decoder, Event, MessageKind, Opcode, Role, Rules};
use sysconn::packet::Reply as Packet;

use super::PATIENCE;
use super::wire::{self, ACCEPT, UPGRADE, frame, packet};

/// The first byte of a Close frame.
const CLOSE: u8 = 0x88;

const RULES: Rules = Rules { role: Role::Client, max_len: 64 << 20, text: true, deflate: false };

/// What came from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    /// A message of either kind, as it was compressed.
    Compressed(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>),
    /// The server will send no more.
    End,
}

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) error_id: u16,
    pub(crate) flag: u32,
    pub(crate) cmd: u16,
    pub(crate) data: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(cmd: u16, flag: u32, data: &[u8]) -> Self {
        Reply { error_id: 0, flag, cmd, data: data.to_vec() }
    }

    pub(crate) fn refusal(cmd: u16, flag: u32, error_id: u16) -> Self {
        Reply { error_id, flag, cmd, data: vec![] }
    }
}

pub(crate) struct Client<T = TcpStream> {
    pub(crate) stream: T,
    /// Bytes that came and were not looked at.
    buffer: Vec<u8>,
    decoder: Decoder,
    rules: Rules,
    /// Bytes that one read asks for.
    pub(crate) read_bytes: usize,
    /// Whether a Close of the server's is still to be answered, as every honest client does.
    pub(crate) answers_close: bool,
}

impl Client {
    /// Connected, and no more.
    pub(crate) fn raw(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client::over(stream)
    }

    /// Connected and upgraded.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut client = Client::raw(address);
        client.upgrade(UPGRADE);
        client
    }

    pub(crate) fn shutdown_write(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<T: Read + Write> Client<T> {
    pub(crate) fn over(stream: T) -> Self {
        Client {
            stream,
            buffer: vec![],
            decoder: Decoder::new(),
            rules: RULES,
            read_bytes: 64 * 1024,
            answers_close: true,
        }
    }

    /// From now on messages may come compressed.
    pub(crate) fn allow_deflate(&mut self) {
        self.rules.deflate = true;
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.answers_close &= bytes.first() != Some(&CLOSE);
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send_packet(&mut self, cmd: u16, flag: u32, data: &[u8]) {
        self.send(&packet(cmd, flag, data));
    }

    /// Sends each byte in a write, and so most likely a segment, of its own.
    pub(crate) fn dribble(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    pub(crate) fn upgrade(&mut self, request: &[u8]) {
        self.send(request);
        self.read_upgraded();
    }

    pub(crate) fn read_upgraded(&mut self) {
        let head = self.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains(&format!("\r\nSec-WebSocket-Accept: {ACCEPT}\r\n")), "{head}");
    }

    /// The head of an HTTP response.
    pub(crate) fn read_head(&mut self) -> String {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.buffer.split_off(at + 4);
                return String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap();
            }
            assert!(self.read_some(), "ended within the head: {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    /// A whole refusal: its status, and its body, behind which the server must have ended.
    pub(crate) fn read_refusal(&mut self) -> (u16, String, String) {
        let head = self.read_head();
        while self.read_some() {}
        let body = String::from_utf8(std::mem::take(&mut self.buffer)).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, body)
    }

    /// Reads once. False if the server has ended; a reset or a time-out fails the test.
    fn read_some(&mut self) -> bool {
        // Zeros from the allocator: without optimisation all other ways to have them take a while.
        let mut piece = vec![0; self.read_bytes];
        let read = loop {
            match self.stream.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.unwrap(),
            }
        };
        self.buffer.extend_from_slice(&piece[..read]);
        read > 0
    }

    /// The next frame or message, or the end.
    pub(crate) fn next(&mut self) -> Frame {
        loop {
            let mut input = self.buffer.as_mut_slice();
            let frame = match self.decoder.next(&mut input, &self.rules).unwrap() {
                None => None,
                Some(Event::Message { compressed: true, payload, .. }) => {
                    Some(Frame::Compressed(payload.to_vec()))
                }
                Some(Event::Message { kind: MessageKind::Text, payload, .. }) => {
                    Some(Frame::Text(payload.to_vec()))
                }
                Some(Event::Message { kind: MessageKind::Binary, payload, .. }) => {
                    Some(Frame::Binary(payload.to_vec()))
                }
                Some(Event::Ping(payload)) => Some(Frame::Ping(payload.to_vec())),
                Some(Event::Pong(payload)) => Some(Frame::Pong(payload.to_vec())),
                Some(Event::Close(close)) => Some(Frame::Close(close.map(|close| close.code.get()))),
            };
            let left = input.len();
            self.buffer.drain(..self.buffer.len() - left);
            if let Some(frame) = frame {
                if let Frame::Close(code) = frame
                    && std::mem::take(&mut self.answers_close)
                {
                    let code = code.map(u16::to_be_bytes);
                    // A client that has ended its side sends nothing.
                    let _ =
                        self.stream.write_all(&wire::frame(Opcode::Close, code.as_slice().as_flattened()));
                }
                return frame;
            }
            if !self.read_some() {
                assert!(self.decoder.is_idle(), "ended within a frame");
                return Frame::End;
            }
        }
    }

    /// The next frame, which must be a packet. A server that stood still for a while on a busy machine may
    /// ask first whether the client is there.
    pub(crate) fn reply(&mut self) -> Reply {
        match self.next() {
            Frame::Ping(_) => self.reply(),
            Frame::Binary(message) => {
                let packet = Packet::parse(&message).unwrap();
                assert_eq!(packet.data_status, 0);
                Reply {
                    error_id: packet.error_id.0,
                    flag: packet.flag,
                    cmd: packet.cmd,
                    data: packet.data.to_vec(),
                }
            }
            other => panic!("no packet but {other:?}"),
        }
    }

    /// The server's Close must come next, with this code, and then its end.
    pub(crate) fn expect_close(&mut self, code: u16, case: &str) {
        assert_eq!(self.next(), Frame::Close(Some(code)), "{case}");
        assert_eq!(self.next(), Frame::End, "{case}");
    }

    /// Sends data as a packet to be echoed, and sees it come back.
    pub(crate) fn echo(&mut self, data: &[u8]) {
        self.send_packet(1101, 7, data);
        assert_eq!(self.reply(), Reply::new(1101, 7, data));
    }

    /// Ends the conversation in good order.
    pub(crate) fn close(&mut self) {
        self.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
        self.expect_close(1000, "a Close is answered");
    }
}
