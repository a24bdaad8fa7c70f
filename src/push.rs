//! Pushes: packets that the server sends without a request, encoded once for all receivers.

use bytes::Bytes;

use crate::frame::Header;
use crate::packet::{ErrorId, Reply, framed_len, push_packet_head};

/// The most receivers of a short push that is sent at once.
const AT_ONCE: usize = 64;
/// What a write counts as beside its bytes.
pub(crate) const WRITE_BYTES: usize = 4096;

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
        let header = Header::parse(&self.frame).ok().flatten();
        let payload = header.and_then(|(_, len)| self.frame.get(len..)).unwrap_or_default();
        Reply::parse(payload).map_or(0, |reply| reply.cmd)
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
