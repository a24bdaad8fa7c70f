//! Gathers the output of one connection in one call: packets and messages with headers, within the outbox
//! limit.

use super::borrowed::{Borrowed, Lender, MIN_BORROWED_BYTES, Origin};
use super::tools::{Limits, Tools};
use crate::deflate::Deflate;
use crate::frame::{Header, Opcode};
use crate::packet::{MAX_SHORT_DATA, REPLY_HEADER_BYTES, Reply, framed_len, push_packet_head};
use crate::push::Push;

/// The gathered output of one connection, and its limit.
///
/// The output of several connections is contiguous in the reactor's write buffer; this connection's part
/// begins at `start`.
pub(crate) struct SendBuffer<'a, Session = ()> {
    pub(crate) tools: &'a mut Tools<Session>,
    /// The connection's compressor, if there is one.
    pub(super) deflate: Option<&'a mut Deflate>,
    /// Bytes already in the connection's outbox, and the bytes of replies that will wait there to be
    /// compressed.
    pub(super) queued: usize,
    pub(super) lender: Option<Lender<'a>>,
}

impl<'a, Session> SendBuffer<'a, Session> {
    pub(crate) fn new(
        tools: &'a mut Tools<Session>,
        deflate: Option<&'a mut Deflate>,
        queued: usize,
    ) -> Self {
        SendBuffer { tools, deflate, queued, lender: None }
    }

    /// Lets replies borrow `data`, the end of the current message, if it is long enough. Nothing is borrowed
    /// that may have to wait behind a reply that is being compressed.
    #[inline(always)]
    pub(crate) fn lend(&mut self, data: &'a [u8]) {
        if data.len() >= MIN_BORROWED_BYTES && self.tools.limits.compress_above == Limits::NONE {
            self.lend_long(data);
        }
    }

    fn lend_long(&mut self, data: &'a [u8]) {
        self.lender = self
            .tools
            .origin
            .filter(|origin| data.len() >= origin.min_bytes() && self.deflate.is_none())
            .map(|origin| Lender { data, origin });
    }

    /// In a replay: lets the next packet borrow `data`, which is counted but absent. Sending it takes no time
    /// and no memory, whatever its length.
    pub(crate) fn lend_absent(&mut self, data: &'a [u8]) {
        self.lender = (!data.is_empty()).then_some(Lender { data, origin: Origin::Absent });
    }

    /// Appends Data after its headers: by reference if it can be borrowed.
    #[inline]
    pub(super) fn push_data(&mut self, data: &[u8]) {
        match self.lender {
            // A client can send three of these in the bytes of one packet with Data.
            _ if data.is_empty() => {}
            Some(lender) if lender.lends(data, &self.tools.write_buffer.borrowed) => {
                let borrowed = Borrowed {
                    at: self.tools.write_buffer.bytes.len(),
                    len: data.len(),
                    origin: lender.origin,
                };
                self.tools.write_buffer.borrowed.push(borrowed);
            }
            Some(_) | None => self.tools.write_buffer.bytes.extend_from_slice(data),
        }
    }

    /// Appends a whole packet, or nothing. False if there is no space for it.
    #[must_use]
    #[inline(always)]
    pub(crate) fn packet(&mut self, reply: &Reply<'_>) -> bool {
        if reply.data.len() <= MAX_SHORT_DATA && self.deflate.is_none() && self.lender.is_none() {
            // Most replies: there is nothing to compress or to borrow.
            return self.plain_packet(reply);
        }
        self.any_packet(*reply)
    }

    /// Takes a copy, so that most replies need not lie in memory.
    #[inline(never)]
    fn any_packet(&mut self, reply: Reply<'_>) -> bool {
        if self.compresses(REPLY_HEADER_BYTES + reply.data.len()) {
            return self.compressed(Opcode::Binary, &[&reply.header(), reply.data]);
        }
        self.plain_packet(&reply)
    }

    /// Appends a whole packet, never compressed, or nothing.
    #[must_use]
    #[inline(always)]
    pub(crate) fn plain_packet(&mut self, reply: &Reply<'_>) -> bool {
        let fits = self.fits(framed_len(reply.data.len()));
        if fits {
            push_packet_head(&mut self.tools.write_buffer.bytes, reply, reply.data.len());
            self.push_data(reply.data);
        }
        fits
    }

    /// Appends a whole message, or nothing. False if there is no space for it.
    #[must_use]
    pub(crate) fn message(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        if self.compresses(payload.len()) {
            return self.compressed(opcode, &[payload]);
        }
        self.plain_message(opcode, payload)
    }

    /// Appends a whole message, never compressed, or nothing.
    #[must_use]
    pub(crate) fn plain_message(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        let header =
            Header { fin: true, rsv1: false, opcode, mask: None, payload_len: payload.len() as u64 }.encode();
        let fits = self.fits(header.len() + payload.len());
        if fits {
            self.tools.write_buffer.bytes.extend_from_slice(&header);
            self.push_data(payload);
        }
        fits
    }

    /// Appends a push, or nothing. False if there is no space for it.
    #[must_use]
    pub(super) fn push(&mut self, push: &Push) -> bool {
        let fits = self.fits(push.frame().len());
        if fits {
            self.tools.write_buffer.bytes.extend_from_slice(push.frame());
        }
        fits
    }

    pub(super) fn compresses(&self, len: usize) -> bool {
        cfg!(feature = "deflate") && self.deflate.is_some() && len >= self.tools.limits.deflate_above
    }
}
