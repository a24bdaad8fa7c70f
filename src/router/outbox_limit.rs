//! The outbox limit: how many more bytes a connection may be sent.

use super::send_buffer::SendBuffer;
use super::tools::Limits;
use crate::deflate;
use crate::frame::MAX_SERVER_HEADER_BYTES;
use crate::packet::{REPLY_HEADER_BYTES, framed_len};

/// The longest Data that is considered: half of the address space, so that no sum overflows.
const MAX_DATA: usize = usize::MAX / 2;

impl<Session> SendBuffer<'_, Session> {
    /// Whether `len` more bytes fit the outbox if the socket takes none.
    pub(super) fn fits(&mut self, len: usize) -> bool {
        let (limit, gathered) = (self.tools.limits.outbox, self.tools.write_buffer.gathered());
        let fits = self.queued.saturating_add(gathered).saturating_add(len) <= limit;
        if !fits {
            self.note_oversized(len);
        }
        fits
    }

    /// Records a packet that would not fit even an empty outbox: it does not show that the client reads too
    /// slowly.
    #[cold]
    fn note_oversized(&mut self, len: usize) {
        if len > self.tools.limits.outbox {
            self.tools.oversized = len;
        }
    }

    /// The number of bytes that may still be gathered; none if there is no limit.
    fn free(&self) -> Option<usize> {
        let (limit, taken) =
            (self.tools.limits.outbox, self.queued.saturating_add(self.tools.write_buffer.gathered()));
        (limit != Limits::NONE).then(|| limit.saturating_sub(taken))
    }

    /// The space, in bytes, that a packet with `data_len` bytes of Data needs. It grows with that length.
    fn cost(&self, data_len: usize) -> usize {
        let payload = REPLY_HEADER_BYTES + data_len;
        if self.compresses(payload) {
            MAX_SERVER_HEADER_BYTES + deflate::bound(payload)
        } else {
            framed_len(data_len)
        }
    }

    /// The greatest length of Data for which [`packet`](Self::packet) accepts a packet, whatever its bytes; 0
    /// also if it accepts none.
    pub(crate) fn data_space(&self) -> usize {
        let Some(free) = self.free() else { return usize::MAX };
        let (mut fits, mut too_much) = (0, free.min(MAX_DATA).saturating_add(1));
        while too_much - fits > 1 {
            let middle = fits.midpoint(too_much);
            if self.cost(middle) <= free { fits = middle } else { too_much = middle }
        }
        fits
    }

    /// Whether [`packet`](Self::packet) accepts this many packets, each with `data_len` bytes of Data.
    pub(crate) fn fits_packets(&self, packets: usize, data_len: usize) -> bool {
        let Some(free) = self.free() else { return true };
        packets == 0 || data_len <= MAX_DATA && self.cost(data_len).saturating_mul(packets) <= free
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::LogConnections;
    use crate::deflate::Deflate;
    use crate::log_limiter::LogLimiter;
    use crate::mailbox::Mailbox;
    use crate::packet::{Codecs, ErrorId, Reply};
    use crate::router::Tools;

    #[test]
    fn a_packet_counts_whole_before_it_is_taken() {
        let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd: 1, data: &[7; 10] };
        let size = framed_len(10);
        for (queued, limit, fits) in [
            (0, size, true),
            (0, size - 1, false),
            (1, size, false),
            (1, size + 1, true),
            (usize::MAX / 2, Limits::NONE, true),
        ] {
            let limits = Limits { outbox: limit, ..Limits::default() };
            let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
            let mut tools: Tools =
                Tools::new(Codecs::default(), mailbox, limits, LogLimiter::new(LogConnections::All));
            (tools.write_buffer.bytes, tools.write_buffer.start) = (vec![0xa5; 100], 100);
            let sent = SendBuffer::new(&mut tools, None, queued).packet(&reply);
            assert_eq!(sent, fits, "queued {queued}, limit {limit}");
            assert_eq!(tools.write_buffer.bytes.len(), if fits { 100 + size } else { 100 });
        }
    }

    /// Tools with `gathered` bytes, which compress messages of at least `deflate_above` bytes.
    fn tools(outbox: usize, gathered: usize, deflate_above: usize) -> Tools {
        let limits = Limits { outbox, deflate_above, ..Limits::default() };
        let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
        let mut tools = Tools::new(Codecs::default(), mailbox, limits, LogLimiter::new(LogConnections::All));
        (tools.write_buffer.bytes, tools.write_buffer.start) = (vec![0xa5; 100 + gathered], 100);
        tools
    }

    fn takes(buffer: &mut SendBuffer<'_>, data: &[u8]) -> bool {
        buffer.packet(&Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd: 1, data })
    }

    /// Compares the reported space with the accepted output: for each free space up to some hundred bytes,
    /// and around the lengths at which frame headers grow. Without an agreement nothing is compressed.
    fn check_space(agreement: Option<deflate::Agreement>, deflate_above: usize) {
        // Incompressible bytes.
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(100_000)
        .collect();
        for free in (1..400).chain((65_520..65_580).step_by(3)).chain([80_000]) {
            let (queued, gathered) = (free % 7, free % 5);
            let with = |look: &mut dyn FnMut(&mut SendBuffer<'_>)| {
                let mut deflate = agreement.and_then(|agreement| Deflate::new(agreement, 1));
                let mut tools = tools(free + queued + gathered, gathered, deflate_above);
                look(&mut SendBuffer::new(&mut tools, deflate.as_mut(), queued));
            };
            let mut space = 0;
            with(&mut |buffer| space = buffer.data_space());
            for len in [0, space / 2, space, space + 1] {
                with(&mut |buffer| {
                    let fits = buffer.fits_packets(1, len);
                    assert_eq!(takes(buffer, &noise[..len]), fits, "{free} free, space {space}, {len} bytes");
                    assert!(fits == (len <= space) || space == 0, "{free} free, space {space}, {len} bytes");
                });
            }
            for count in [0, 1, 2, 7] {
                with(&mut |buffer| {
                    let fits = buffer.fits_packets(count, 4);
                    let all = (0..count).all(|_| takes(buffer, &noise[..4]));
                    // Compressed, they may turn out shorter than the worst case.
                    assert!(all == fits || all && agreement.is_some(), "{free} free, {count} packets");
                });
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn data_that_fits_is_taken_and_one_byte_more_is_not() {
        check_space(None, 0);
        let mut unlimited = tools(Limits::NONE, 10, 0);
        let buffer = SendBuffer::new(&mut unlimited, None, usize::MAX);
        assert!(buffer.data_space() == usize::MAX && buffer.fits_packets(usize::MAX, usize::MAX));
        let mut vast = tools(usize::MAX - 1, 10, 0);
        let buffer = SendBuffer::new(&mut vast, None, 10);
        assert!(
            buffer.data_space() == MAX_DATA && !buffer.fits_packets(3, MAX_DATA) && buffer.fits_packets(9, 9)
        );
    }

    #[cfg(feature = "deflate")]
    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn the_space_accounts_for_the_worst_case_of_compression() {
        let agreement = deflate::Agreement {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: None,
        };
        for deflate_above in [0, 30, 128, 70_000] {
            check_space(Some(agreement), deflate_above);
        }
        let mut vast = tools(usize::MAX - 1, 0, 0);
        let mut deflate = Deflate::new(agreement, 1);
        let buffer = SendBuffer::new(&mut vast, deflate.as_mut(), 0);
        assert_eq!(buffer.data_space(), MAX_DATA);
    }
}
