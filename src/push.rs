//! Pushes: packets that the server sends without a request, encoded once for all receivers.

use bytes::Bytes;

use crate::packet::{ErrorId, REPLY_HEADER_BYTES, Reply, framed_len, push_packet_head};

/// The most receivers of a short push that is sent at once.
const AT_ONCE: usize = 64;
/// What a write counts as beside its bytes.
pub(crate) const WRITE_BYTES: usize = 4096;

/// Where the command is in a packet's header: at its end.
const CMD_AT: usize = REPLY_HEADER_BYTES - 2;

/// The bytes of a frame of the server's beyond its header, which is as short as can be.
pub(crate) fn payload_len(frame_len: usize) -> usize {
    let header = match frame_len {
        0..128 => 2,
        128..65_540 => 4,
        _ => 10,
    };
    frame_len.saturating_sub(header)
}

/// A packet for clients, encoded with its frame. A clone shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    frame: Bytes,
}

impl Push {
    /// Encodes `data` under `cmd`, with Flag 0, ErrorID 0 and DataStatus 0.
    ///
    /// The headers add 13 to 21 bytes. A push longer than
    /// [`outbox_limit`](crate::config::Output::outbox_limit) fits no outbox: it is dropped, counted and
    /// logged.
    #[must_use]
    pub fn new(cmd: u16, data: &[u8]) -> Self {
        Push::encoded(cmd, data.len(), |out| out.extend_from_slice(data))
    }

    /// Encodes Data of `len` bytes that `encode` appends.
    ///
    /// # Panics
    /// If `encode` appends other than `len` bytes.
    pub(crate) fn encoded(cmd: u16, len: usize, encode: impl FnOnce(&mut Vec<u8>)) -> Self {
        let head = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd, data: &[] };
        let mut frame = Vec::with_capacity(framed_len(len));
        push_packet_head(&mut frame, &head, len);
        encode(&mut frame);
        assert_eq!(frame.len(), framed_len(len), "a message has not the length that it has said");
        Push { frame: frame.into() }
    }

    /// Its command.
    #[must_use]
    pub fn cmd(&self) -> u16 {
        let at = self.frame.len() - self.payload_len() + CMD_AT;
        let cmd = self.frame.get(at..).and_then(|rest| rest.first_chunk());
        cmd.map_or(0, |cmd| u16::from_be_bytes(*cmd))
    }

    /// Its Data. It shares the push's bytes.
    #[must_use]
    pub fn data(&self) -> Bytes {
        let at = self.frame.len() - self.payload_len() + REPLY_HEADER_BYTES;
        self.frame.slice(at..)
    }

    /// The bytes of its packet, without the frame's header.
    pub(crate) fn payload_len(&self) -> usize {
        payload_len(self.frame.len())
    }

    /// Whether a push to this many is sent at once, and not over several turns: as in a small chat room.
    pub(crate) fn is_sent_at_once(&self, receivers: usize) -> bool {
        receivers.saturating_mul(self.frame.len() + WRITE_BYTES) <= AT_ONCE * WRITE_BYTES
    }

    /// The bytes on the wire: one WebSocket frame.
    #[must_use]
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_has_its_command_and_data_behind_headers_of_all_lengths() {
        for len in [0, 1, 114, 115, 65_524, 65_525] {
            let data: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let push = Push::new(700, &data);
            assert!(push.cmd() == 700 && *push.data() == data[..], "{len} bytes");
        }
    }
}
