//! The bytes that clients send and the bytes that must come back.

/// What a server must make of the key in [`upgrade_request`], which is that of RFC 6455 §1.3.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const BINARY: u8 = 0x82;
/// The gateway's echo.
const ECHO: u16 = 1101;
/// The flag of all requests.
pub const FLAG: u32 = 7;

/// What a server speaks.
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

/// A request, and the reply that it must get.
#[derive(Clone)]
pub struct Exchange {
    pub request: Vec<u8>,
    pub reply: Vec<u8>,
}

impl Dialect {
    pub fn is_bare(self) -> bool {
        matches!(self, Dialect::Bare | Dialect::BarePush)
    }

    /// An echo of `size` bytes. The bare echo is sent the very bytes that the gateway is sent.
    pub fn echo(self, size: usize) -> Exchange {
        let data: Vec<u8> = (0..size).map(|index| (index * 31 % 251) as u8).collect();
        let request = masked_frame(&request_packet(ECHO, &data));
        match self {
            Dialect::Bare | Dialect::BarePush => Exchange { reply: request.clone(), request },
            Dialect::WebSocket => Exchange { request: masked_frame(&data), reply: frame(&data) },
            Dialect::Packets => Exchange { request, reply: frame(&reply_packet(ECHO, FLAG, &data)) },
        }
    }

    /// Whether `head` is what must come back for [`upgrade_request`].
    pub fn accepts(self, head: &[u8]) -> bool {
        match self {
            Dialect::Bare | Dialect::BarePush => head == upgrade_request(),
            Dialect::WebSocket | Dialect::Packets => {
                let head = String::from_utf8_lossy(head);
                head.starts_with("HTTP/1.1 101 ") && head.contains(ACCEPT)
            }
        }
    }
}

/// A request to upgrade, about as long as a browser's shortest.
pub fn upgrade_request() -> &'static [u8] {
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
      Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
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
    [header(payload.len(), 0), payload.to_vec()].concat()
}

/// A client's frame.
pub fn masked_frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = header(payload.len(), 0x80);
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn header(len: usize, mask_bit: u8) -> Vec<u8> {
    match len {
        0..126 => vec![BINARY, mask_bit | len as u8],
        126..65536 => [&[BINARY, mask_bit | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[BINARY, mask_bit | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}
