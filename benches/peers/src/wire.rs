//! The requests of clients, and the expected replies.

use crate::compressed;
use crate::frames::Frames;
use crate::mode::Mode;

/// A server's answer to the key in [`upgrade_request`].
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const BINARY: u8 = 0x82;
/// The gateway's echo.
const ECHO: u16 = 1101;
/// The flag of all requests.
pub const FLAG: u32 = 7;

/// The protocol of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// Plain TCP: all bytes come back as they were sent.
    Bare,
    /// Plain TCP: one client's bytes are written to all clients.
    BarePush,
    /// WebSocket: each message comes back as it was sent.
    WebSocket,
    /// WebSocket, with the gateway's packets as messages.
    Packets,
}

/// Requests, which clients send one after the other, and then again.
#[derive(Clone)]
pub struct Exchange {
    pub requests: Vec<Vec<u8>>,
    pub reply: Reply,
}

/// What comes for each request.
#[derive(Clone)]
pub enum Reply {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A frame with a state of this size.
    State { size: usize, is_compressed: bool },
}

impl Exchange {
    pub fn request(&self) -> &[u8] {
        &self.requests[0]
    }
}

impl Dialect {
    pub fn is_bare(self) -> bool {
        matches!(self, Dialect::Bare | Dialect::BarePush)
    }

    /// An echo of a state of `size` bytes in JSON, compressed or not.
    pub fn state_echo(self, size: usize, mode: Mode) -> Exchange {
        let is_compressed = mode.compresses();
        Exchange {
            requests: compressed::requests(size, is_compressed),
            reply: Reply::State { size, is_compressed },
        }
    }

    /// An echo of `size` bytes. The bare echo gets the same bytes as the gateway.
    pub fn echo(self, size: usize) -> Exchange {
        let data: Vec<u8> = (0..size).map(|index| (index * 31 % 251) as u8).collect();
        let packet = masked_frame(&request_packet(ECHO, &data));
        let (request, reply) = match self {
            Dialect::Bare | Dialect::BarePush => (packet.clone(), packet),
            Dialect::WebSocket => (masked_frame(&data), frame(&data)),
            Dialect::Packets => (packet, frame(&reply_packet(ECHO, FLAG, &data))),
        };
        Exchange { requests: vec![request], reply: Reply::Bytes(reply) }
    }

    /// Whether `head` is the right answer to [`upgrade_request`].
    pub fn accepts(self, head: &[u8], mode: Mode) -> bool {
        match self {
            Dialect::Bare | Dialect::BarePush => head == upgrade_request(mode),
            Dialect::WebSocket | Dialect::Packets => {
                let head = String::from_utf8_lossy(head);
                let has_extension = head.contains("permessage-deflate") || !mode.compresses();
                head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT) && has_extension
            }
        }
    }
}

/// A request to upgrade, about as long as a browser's shortest. Its key is that of RFC 6455 §1.3.
pub fn upgrade_request(mode: Mode) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        mode.extensions()
    )
    .into_bytes()
}

/// A packet to the gateway.
pub fn request_packet(cmd: u16, data: &[u8]) -> Vec<u8> {
    packet(cmd, FLAG, data)
}

/// A packet from the gateway: ErrorID:16, then the same as in a request. Pushes have the flag 0.
pub fn reply_packet(cmd: u16, flag: u32, data: &[u8]) -> Vec<u8> {
    [&[0, 0], &packet(cmd, flag, data)[..]].concat()
}

/// DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data
fn packet(cmd: u16, flag: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    packet.push(0);
    packet.extend(flag.to_be_bytes());
    packet.extend(cmd.to_be_bytes());
    packet.extend(data);
    packet
}

/// ErrorID and Cmd of a packet from the gateway.
pub fn error_and_cmd(packet: &[u8]) -> Option<(u16, u16)> {
    let number = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
    Some((number(0)?, number(9)?))
}

/// A server's frame.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    frame_of(BINARY, payload)
}

/// A server's frame with this first byte.
pub fn frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    [header(first, payload.len(), 0), payload.to_vec()].concat()
}

/// The bytes of a frame without its header.
pub fn frame_payload_len(frame: &[u8]) -> usize {
    let mut len = 0;
    Frames::default().take(frame, |payload_len| len = payload_len);
    len
}

/// A client's frame.
pub fn masked_frame(payload: &[u8]) -> Vec<u8> {
    masked_frame_of(BINARY, payload)
}

/// A client's frame with this first byte.
pub fn masked_frame_of(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(first: u8, len: usize, mask_bit: u8) -> Vec<u8> {
    match len {
        0..126 => vec![first, mask_bit | len as u8],
        126..65536 => [&[first, mask_bit | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[first, mask_bit | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}
