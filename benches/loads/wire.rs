//! The bytes that loads are made of.

use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_request};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
pub(crate) const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

pub(crate) const LOGIN: u16 = 1002;
pub(crate) const ECHO: u16 = 1101;
pub(crate) const SINK: u16 = 1102;
pub(crate) const BURST: u16 = 1104;
pub(crate) const DEFERRED: u16 = 1105;
pub(crate) const JOIN: u16 = 1201;
pub(crate) const SAY: u16 = 1203;
/// Data of the longest packet.
pub(crate) const LONGEST: usize = 524_288 - 9;
const ROOM: &[u8] = b"hall";

/// A message that is a packet.
pub(crate) fn message(cmd: u16, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut message = vec![];
    push_request(&mut message, &Request { data_status, flag: 7, cmd, data });
    message
}

/// A message in frames with that many bytes of payload.
pub(crate) fn fragments(message: &[u8], size: usize) -> Vec<u8> {
    let mut frames = vec![];
    let last = message.len().div_ceil(size) - 1;
    for (index, piece) in message.chunks(size).enumerate() {
        let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
        push_masked_frame(&mut frames, index == last, opcode, KEY, piece);
    }
    frames
}

pub(crate) fn packet(cmd: u16, data: &[u8]) -> Vec<u8> {
    fragments(&message(cmd, 0, data), usize::MAX)
}

/// A packet whose Data is a zlib stream.
pub(crate) fn zlib_packet(cmd: u16, stream: &[u8]) -> Vec<u8> {
    fragments(&message(cmd, 1, stream), usize::MAX)
}

/// A message that is compressed already.
pub(crate) fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut frame = fragments(payload, usize::MAX);
    frame[0] |= 0x40;
    frame
}

/// A field of a protobuf message that has a length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    varint(&mut field, value.len());
    [field, value.to_vec()].concat()
}

fn varint(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// A login with the role of that number, from 0.
pub(crate) fn login(number: usize) -> Vec<u8> {
    let mut login = [field(1, b"bench"), vec![4 << 3]].concat();
    varint(&mut login, number + 1);
    packet(LOGIN, &login)
}

/// A login with that role, and a request to join the room.
pub(crate) fn enter(number: usize) -> Vec<u8> {
    [login(number), packet(JOIN, &field(1, ROOM))].concat()
}

/// A text of that many bytes to all members of the room.
pub(crate) fn say(len: usize) -> Vec<u8> {
    packet(SAY, &[field(1, ROOM), field(2, &vec![b'a'; len])].concat())
}

/// Data that can be compressed to about a third: hexadecimal digits of random numbers.
pub(crate) fn text(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let digit = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"0123456789abcdef"[(state >> 28) as usize]
    };
    (0..len).map(digit).collect()
}
