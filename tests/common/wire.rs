//! The bytes that a client sends.

use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_request};

/// An upgrade request that every server of these tests accepts: the one of RFC 6455 §1.3.
pub(crate) const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// The proof that answers it.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The upgrade request with another path, and with more header lines, each ended by CR LF.
pub(crate) fn upgrade_of(path: &str, lines: &str) -> Vec<u8> {
    let request = std::str::from_utf8(UPGRADE).unwrap().replace("/chat", path);
    format!("{}{lines}\r\n", request.strip_suffix("\r\n").unwrap()).into_bytes()
}

/// One masked frame of a message, or a control frame.
pub(crate) fn part(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    push_masked_frame(&mut bytes, fin, opcode, KEY, payload);
    bytes
}

/// A whole masked frame.
pub(crate) fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    part(true, opcode, payload)
}

/// A packet, without a frame.
pub(crate) fn message(cmd: u16, flag: u32, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    push_request(&mut bytes, &Request { data_status, flag, cmd, data });
    bytes
}

/// A packet with raw Data, in a masked frame.
pub(crate) fn packet(cmd: u16, flag: u32, data: &[u8]) -> Vec<u8> {
    frame(Opcode::Binary, &message(cmd, flag, 0, data))
}

/// One after the other.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A zlib stream of at most 65535 bytes, stored and not compressed (RFC 1950, RFC 1951 §3.2.4).
pub(crate) fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let adler = b << 16 | a;
    join(&[&[0x78, 1, 1], &len.to_le_bytes(), &(!len).to_le_bytes(), data, &adler.to_be_bytes()])
}
