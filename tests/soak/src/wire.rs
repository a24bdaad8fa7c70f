//! The bytes that clients send, and the frames that come back.

use std::ops::Range;

pub const BINARY: u8 = 2;
pub const TEXT: u8 = 1;
pub const CONTINUATION: u8 = 0;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A request to upgrade that every server accepts.
pub const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A packet to the server: DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data.
pub fn packet(cmd: u16, flag: u32, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    packet.push(data_status);
    packet.extend(flag.to_be_bytes());
    packet.extend(cmd.to_be_bytes());
    packet.extend(data);
    packet
}

/// A packet with raw Data, in a frame.
pub fn request(cmd: u16, flag: u32, data: &[u8]) -> Vec<u8> {
    frame(true, BINARY, &packet(cmd, flag, 0, data))
}

/// A client's frame.
pub fn frame(fin: bool, opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(fin, opcode, payload.len());
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The header of a client's frame, without its mask.
pub fn header(fin: bool, opcode: u8, len: usize) -> Vec<u8> {
    let first = u8::from(fin) << 7 | opcode;
    match len {
        0..126 => vec![first, 0x80 | len as u8],
        126..65_536 => [&[first, 0x80 | 126], &(len as u16).to_be_bytes()[..]].concat(),
        _ => [&[first, 0x80 | 127], &(len as u64).to_be_bytes()[..]].concat(),
    }
}

/// A Close frame with that code.
pub fn close(code: u16) -> Vec<u8> {
    frame(true, CLOSE, &code.to_be_bytes())
}

/// A server's frame at the beginning of some bytes: its first byte, and where its payload is. None if more
/// bytes are needed.
pub fn parse_frame(bytes: &[u8]) -> Option<(u8, Range<usize>)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (begin, len) = match second {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        // A mask bit would make it longer than any frame that is expected.
        _ => (2, u64::from(second)),
    };
    let end = begin + usize::try_from(len).ok()?;
    (bytes.len() >= end).then_some((first, begin..end))
}

/// A packet from the server: ErrorID, Cmd, Flag and Data.
pub fn parse_packet(payload: &[u8]) -> Option<(u16, u16, u32, &[u8])> {
    let (header, data) = payload.split_at_checked(11)?;
    let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let flag = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
    let is_size = usize::from(number(2)) == data.len().min(65_535);
    (is_size && header[4] == 0).then_some((number(0), number(9), flag, data))
}

/// A number in protobuf's encoding (varint).
pub fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field of a protobuf message that is a number.
pub fn number_field(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of a protobuf message that is a text.
pub fn text_field(field: u64, text: &str) -> Vec<u8> {
    [varint(field << 3 | 2), varint(text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// The fields of a protobuf message of numbers and texts, in their order: the number of each, and its bytes
/// or its value.
pub fn fields(mut message: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = vec![];
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        let value = match key & 7 {
            0 => Field::Number(take_varint(&mut message)?),
            2 => {
                let len = usize::try_from(take_varint(&mut message)?).ok()?;
                let (bytes, rest) = message.split_at_checked(len)?;
                message = rest;
                Field::Bytes(bytes)
            }
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A zlib stream of at most 65535 bytes, stored and not compressed (RFC 1950, RFC 1951 §3.2.4).
pub fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap_or(u16::MAX);
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let adler = (b << 16 | a).to_be_bytes();
    [&[0x78, 1, 1], &len.to_le_bytes()[..], &(!len).to_le_bytes(), data, &adler].concat()
}
