//! A room: what one of its members says reaches all.

use super::stream::Stream;
use super::{Target, connect, members};
use crate::Result;
use crate::wire::{Dialect, FLAG, frame, frame_of, masked_frame, reply_packet, request_packet};

/// Commands of the gateway.
const SAY: u16 = 1203;
const SAID: u16 = 1210;
/// The first byte of a frame for the bare server that goes to all: a text, where requests are binary.
pub const TO_ALL: u8 = 0x81;
/// The first byte of a WebSocket message that goes to all.
const TO_ALL_IN_MESSAGE: &str = "!";

/// Something that a member says, as frames.
pub struct Say {
    pub request: Vec<u8>,
    /// What each member gets.
    pub pushed: Vec<u8>,
    /// What the member that says it gets beside.
    pub acknowledged: Vec<u8>,
}

impl Say {
    /// A text of `size` bytes.
    pub fn new(dialect: Dialect, size: usize) -> Say {
        let text = "x".repeat(size);
        let room = members::string(1, members::ROOM);
        let data = [room.clone(), vec![2 << 3], members::role(0), members::string(3, &text)].concat();
        let said = reply_packet(SAID, 0, &data);
        match dialect {
            Dialect::Packets => {
                let data = [room, members::string(2, &text)].concat();
                Say {
                    request: masked_frame(&request_packet(SAY, &data)),
                    pushed: frame(&said),
                    acknowledged: frame(&reply_packet(SAY, FLAG, &[])),
                }
            }
            Dialect::WebSocket => {
                // As many bytes as the gateway's.
                let message = [TO_ALL_IN_MESSAGE.as_bytes(), &said[1..]].concat();
                Say { request: masked_frame(&message), pushed: frame(&message), acknowledged: vec![] }
            }
            Dialect::Bare | Dialect::BarePush => {
                let pushed = frame_of(TO_ALL, &said);
                Say { request: pushed.clone(), pushed, acknowledged: vec![] }
            }
        }
    }
}

/// Connects `count` members.
pub fn enter(target: &Target, count: usize) -> Result<Vec<Stream>> {
    if target.dialect != Dialect::Packets {
        return connect(target, count);
    }
    let mut streams = members::that_log_in(target, count)?;
    members::join(&mut streams)?;
    Ok(streams)
}
