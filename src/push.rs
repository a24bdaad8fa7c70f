//! A packet that the server sends of its own accord, encoded once for all who get it.

use bytes::Bytes;

use crate::packet::{ErrorId, Reply, framed_len, push_packet};

/// A packet to clients, encoded with its frame. A clone shares the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    frame: Bytes,
}

impl Push {
    /// A push of `data` under `cmd`, with Flag 0 and ErrorID 0, raw. One that is longer than the
    /// [`outbox_limit`](crate::Config::outbox_limit), its 13 to 21 bytes of headers included, fits no
    /// outbox.
    #[must_use]
    pub fn new(cmd: u16, data: &[u8]) -> Self {
        let mut frame = Vec::with_capacity(framed_len(data.len()));
        push_packet(&mut frame, &Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd, data });
        Push { frame: frame.into() }
    }

    /// The bytes on the wire: one WebSocket frame.
    #[must_use]
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }
}
