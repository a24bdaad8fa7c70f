//! Packets as the reconnecting client takes them, with the fault that it has.

use std::io::Read as _;

use super::faults::Fault::{self, *};

pub(crate) const HEADER_BYTES: usize = 11;
/// The DataSize that stands for the rest of the message.
const TO_THE_END: usize = 65_535;

/// A packet from the server.
pub(crate) struct Packet {
    pub(crate) error: u16,
    pub(crate) flag: u32,
    pub(crate) cmd: u16,
    pub(crate) data: Vec<u8>,
}

impl Packet {
    /// Parses a message of at least a header; `None` for what the client takes for no packet.
    pub(crate) fn parse(message: &[u8], fault: Option<Fault>) -> Option<Self> {
        let is = |one| fault == Some(one);
        let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
        let (size, data) = (usize::from(word(2)), &message[HEADER_BYTES..]);
        let is_right = size == data.len().min(TO_THE_END) || (size == TO_THE_END && !is(KnowsNoEnd));
        if !is_right && !is(IgnoresDataSize) {
            return None;
        }
        let mut data = decode(message[4], data, fault)?;
        if is(CutsData) {
            data.truncate(TO_THE_END);
        }
        Some(Packet {
            error: if is(IgnoresErrorIds) { 0 } else { word(0) },
            flag: u32::from(word(5)) << 16 | u32::from(word(7)),
            cmd: word(9),
            data,
        })
    }
}

fn decode(status: u8, data: &[u8], fault: Option<Fault>) -> Option<Vec<u8>> {
    match status {
        _ if data.is_empty() && fault != Some(InflatesEmpty) => Some(vec![]),
        0 => Some(data.to_vec()),
        _ if fault == Some(IgnoresDataStatus) => Some(data.to_vec()),
        1 => {
            let mut plain = vec![];
            flate2::read::ZlibDecoder::new(data).read_to_end(&mut plain).ok().map(|_| plain)
        }
        _ => None,
    }
}
