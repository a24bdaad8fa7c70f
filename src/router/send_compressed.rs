//! Sends compressed messages: compressed at once if they are short, otherwise slice by slice.

use super::borrowed::Origin;
use super::compress_job::{CompressJob, SLICE_BYTES, cost_of};
use super::send_buffer::SendBuffer;
use crate::deflate;
use crate::frame::{Header, MAX_SERVER_HEADER_BYTES, Opcode};
use crate::metrics;
use crate::packet::{REPLY_HEADER_BYTES, Reply};

impl<Session> SendBuffer<'_, Session> {
    /// Appends a compressed message, or queues it to be compressed slice by slice. A compressed message must
    /// be sent, since it is in the window of later ones, so there must be space for the worst case
    /// beforehand.
    #[inline(never)]
    pub(super) fn compressed(&mut self, opcode: Opcode, parts: &[&[u8]]) -> bool {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if let Some(recorded) = self.tools.compressor.recorded_message() {
            self.push_compressed_zeros(opcode, recorded.len.min(deflate::bound(SLICE_BYTES)));
            if let Some(cost) = recorded.cost {
                self.tools.effects.set_cost(cost);
            }
            return true;
        }
        let Some(deflate) = &mut self.deflate else { return false };
        let cost = len.saturating_mul(deflate.effort());
        let whole_cost = cost.saturating_add(deflate.message_effort());
        if cost > SLICE_BYTES || deflate.is_busy() {
            return self.message_later(opcode, parts);
        }
        if !self.fits(MAX_SERVER_HEADER_BYTES + deflate::bound(len)) {
            return false;
        }
        let Some(deflate) = &mut self.deflate else { return false };
        let payload = self.tools.compressor.compress(deflate, parts);
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: payload.len() as u64 };
        self.tools.write_buffer.bytes.extend_from_slice(&header.encode());
        self.tools.write_buffer.bytes.extend_from_slice(payload);
        self.tools.meter.deflated(metrics::Compression::DeflateIn, len);
        self.tools.meter.deflated(metrics::Compression::DeflateOut, payload.len());
        self.tools.effects.add_work(cost_of(whole_cost));
        true
    }

    /// Appends a message that is compressed already: all of it, or nothing.
    #[must_use]
    pub(crate) fn as_compressed(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: payload.len() as u64 };
        let fits = self.fits(MAX_SERVER_HEADER_BYTES + payload.len());
        if fits {
            self.tools.write_buffer.bytes.extend_from_slice(&header.encode());
            self.push_data(payload);
        }
        fits
    }

    /// In a replay: appends a compressed message whose bytes are not recorded.
    fn push_compressed_zeros(&mut self, opcode: Opcode, len: usize) {
        let out = &mut self.tools.write_buffer.bytes;
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: len as u64 }.encode();
        out.extend_from_slice(&header);
        out.resize(out.len() + len, 0);
    }

    /// Sends a packet whose Data is compressed slice by slice, or nothing. False if there is no space for it.
    #[must_use]
    pub(crate) fn packet_of_compressed_data(&mut self, reply: &Reply<'_>) -> bool {
        let deflate_above = if self.deflate.is_some() { self.tools.limits.deflate_above } else { usize::MAX };
        let len = REPLY_HEADER_BYTES + reply.data.len();
        let absent = self.absent(reply.data.len());
        let data = if absent > 0 { &[] } else { reply.data };
        let reply = Reply { data, ..*reply };
        self.compress_later(len, len >= deflate_above, || CompressJob::of_data(&reply, absent, deflate_above))
    }

    /// Sends a message that is compressed slice by slice, or nothing.
    #[must_use]
    pub(crate) fn message_later(&mut self, opcode: Opcode, parts: &[&[u8]]) -> bool {
        let len = parts.iter().map(|part| part.len()).sum();
        let absent = self.absent(parts.last().map_or(0, |part| part.len()));
        let there = if absent > 0 { parts.split_last().map_or(parts, |(_, there)| there) } else { parts };
        self.compress_later(len, true, || CompressJob::of_message(opcode, there, absent))
    }

    /// In a replay: the number of missing bytes among the last `len` bytes.
    fn absent(&self, len: usize) -> usize {
        let is_absent = self.lender.is_some_and(|lender| lender.origin == Origin::Absent);
        if is_absent { len } else { 0 }
    }

    /// Queues a message of `len` bytes to be compressed slice by slice, if there is space for the worst case.
    #[cold]
    fn compress_later(&mut self, len: usize, deflates: bool, job: impl FnOnce() -> CompressJob) -> bool {
        let weight = CompressJob::weight_of(len, deflates);
        let fits = self.fits(weight);
        if fits {
            self.queued = self.queued.saturating_add(weight);
            if let Some(deflate) = &mut self.deflate {
                deflate.set_busy(true);
            }
            self.tools.jobs.push((self.tools.write_buffer.bytes.len(), job()));
        }
        fits
    }
}
