//! All that one readiness event sends to one connection, gathered.

use crate::packet::{Reply, framed_len, push_packet};

/// What is being gathered for one connection, and how much more it may be given.
///
/// The bytes of several connections lie one behind the other in the reactor's write buffer; this
/// connection's begin at `start`.
pub(crate) struct SendBuffer<'a> {
    bytes: &'a mut Vec<u8>,
    start: usize,
    /// Bytes that wait in the connection's outbox already.
    queued: usize,
    /// The outbox limit; 0 for none.
    limit: usize,
}

impl<'a> SendBuffer<'a> {
    pub(crate) fn new(bytes: &'a mut Vec<u8>, start: usize, queued: usize, limit: usize) -> Self {
        SendBuffer { bytes, start, queued, limit }
    }

    /// Whether so many more bytes would pass the outbox limit if the socket took none.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        let pending = self.queued + (self.bytes.len() - self.start);
        self.limit == 0 || pending.saturating_add(len) <= self.limit
    }

    /// Appends a packet whole, or nothing: false if there is no room for it.
    #[must_use]
    pub(crate) fn packet(&mut self, reply: &Reply<'_>) -> bool {
        let fits = self.has_room(framed_len(reply.data.len()));
        if fits {
            push_packet(self.bytes, reply);
        }
        fits
    }

    /// Appends a frame whole, or nothing: false if there is no room for it.
    #[must_use]
    pub(crate) fn frame(&mut self, header: &[u8], payload: &[u8]) -> bool {
        let fits = self.has_room(header.len() + payload.len());
        if fits {
            self.bytes.extend_from_slice(header);
            self.bytes.extend_from_slice(payload);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::ErrorId;

    #[test]
    fn a_packet_counts_whole_before_it_is_taken() {
        let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd: 1, data: &[7; 10] };
        let size = framed_len(10);
        for (queued, limit, fits) in [
            (0, size, true),
            (0, size - 1, false),
            (1, size, false),
            (1, size + 1, true),
            (usize::MAX / 2, 0, true),
        ] {
            let mut bytes = vec![0xa5; 100];
            let mut buffer = SendBuffer::new(&mut bytes, 100, queued, limit);
            assert_eq!(buffer.packet(&reply), fits, "queued {queued}, limit {limit}");
            assert_eq!(bytes.len(), if fits { 100 + size } else { 100 });
        }
    }
}
