//! Masks frames: the Data of secret commands, and compressed messages.

use crate::frame::{Header, MAX_HEADER_BYTES, Opcode};
use crate::packet::REQUEST_HEADER_BYTES;

/// The offset of Cmd in a packet's header.
const CMD_AT: usize = REQUEST_HEADER_BYTES - 2;

/// The state between and within frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The received part of a header.
    header: Vec<u8>,
    /// The payload in hand; none within a header.
    payload: Option<Payload>,
    /// The unfinished message, if there is one, and what is known of it.
    message: Message,
}

#[derive(Debug)]
struct Payload {
    key: [u8; 4],
    /// Bytes of this frame's payload that have come, and bytes still to come.
    at: usize,
    left: u64,
    is_control: bool,
}

#[derive(Debug, Default)]
struct Message {
    /// The number of bytes that have come.
    at: usize,
    cmd: [u8; 2],
    compressed: bool,
    hidden: bool,
}

impl Frames {
    /// Masks the bytes of one step. None if they break a rule.
    pub(super) fn mask(
        &mut self,
        bytes: &mut [u8],
        packets: bool,
        is_secret: &dyn Fn(u16) -> bool,
    ) -> Option<usize> {
        let Some(payload) = &mut self.payload else { return self.read_header(bytes) };
        let len = usize::try_from(payload.left).unwrap_or(usize::MAX).min(bytes.len());
        for byte in bytes.iter_mut().take(len) {
            let key = payload.key.get(payload.at % payload.key.len()).copied().unwrap_or_default();
            payload.at = payload.at.wrapping_add(1);
            if !payload.is_control && self.message.hides(*byte ^ key, packets, is_secret) {
                // This unmasks to zero.
                *byte = key;
            }
        }
        payload.left -= len as u64;
        if payload.left == 0 {
            self.payload = None;
        }
        Some(len)
    }

    /// The total length of the header that has begun.
    pub(super) fn header_rest(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while !self.header.is_empty() && taken < bytes.len() {
            taken += 1;
            if self.read_header(bytes.get(taken - 1..).unwrap_or_default()).is_none() {
                break;
            }
        }
        taken
    }

    /// Takes one byte of a header.
    fn read_header(&mut self, bytes: &[u8]) -> Option<usize> {
        self.header.push(*bytes.first()?);
        let parsed =
            if self.header.len() <= MAX_HEADER_BYTES { Header::parse(&self.header).ok()? } else { None };
        if let Some((header, _)) = parsed {
            self.header.clear();
            let key = header.mask?;
            let is_control = header.opcode.is_control();
            if !is_control && header.opcode != Opcode::Continuation {
                self.message = Message { compressed: header.rsv1, ..Message::default() };
            }
            if header.payload_len > 0 {
                self.payload = Some(Payload { key, at: 0, left: header.payload_len, is_control });
            }
        }
        Some(1)
    }
}

impl Message {
    /// Whether the next byte has to be masked.
    fn hides(&mut self, byte: u8, packets: bool, is_secret: &dyn Fn(u16) -> bool) -> bool {
        let at = self.at;
        self.at = at.saturating_add(1);
        if self.compressed || !packets {
            return self.compressed;
        }
        if let Some(place) = at.checked_sub(CMD_AT).and_then(|place| self.cmd.get_mut(place)) {
            *place = byte;
        }
        if at == REQUEST_HEADER_BYTES {
            self.hidden = is_secret(u16::from_be_bytes(self.cmd));
        }
        at >= REQUEST_HEADER_BYTES && self.hidden
    }
}
