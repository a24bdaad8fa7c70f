//! All that one readiness event sends to one connection, gathered.

use super::Tools;
use super::job::{Job, SLICE_BYTES, cost_of};
use crate::deflate::{self, Deflate};
use crate::frame::{Header, Opcode};
use crate::packet::{REPLY_HEADER_BYTES, Reply, framed_len, push_packet_head};

/// The most bytes that a frame header of a server takes.
pub(super) const MAX_HEADER_BYTES: usize = 10;

/// Data that goes out from where the client's own bytes lie: what is echoed is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrowed {
    /// It follows so many bytes of the write buffer.
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) origin: Origin,
}

/// Less is not borrowed, wherever it lies.
const MIN_BORROWED_BYTES: usize = 4 * 1024;

/// Pieces that are borrowed at once, at most; what is beyond that is copied.
pub(crate) const MAX_BORROWED: usize = 31;

/// Where a message lies while it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In what was read, which it takes up to this index.
    Input { end: usize },
    /// In the connection's own buffer, which it takes to the end.
    Held,
}

impl Origin {
    /// Data of a message from here that need not be copied to be sent has at least so many bytes. Less
    /// is copied in less time than it takes to have the system gather it, or, of what is held, to be written by itself.
    fn min_bytes(self) -> usize {
        match self {
            Origin::Input { .. } => MIN_BORROWED_BYTES,
            Origin::Held => 64 * 1024,
        }
    }
}

/// What a reply can borrow: the end of the message that is being handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lender<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) origin: Origin,
}

/// Bytes that go out without lying in the write buffer.
pub(crate) fn borrowed_bytes(borrowed: &[Borrowed]) -> usize {
    borrowed.iter().map(|borrowed| borrowed.len).sum()
}

/// What is being gathered for one connection, and how much more it may be given.
///
/// The bytes of several connections lie one behind the other in the reactor's write buffer; this
/// connection's begin at `start`.
pub(crate) struct SendBuffer<'a> {
    pub(crate) tools: &'a mut Tools,
    /// The connection's compressor, if there is one.
    deflate: Option<&'a mut Deflate>,
    /// Bytes that wait in the connection's outbox already, and those of replies that will wait there to be compressed.
    queued: usize,
    lender: Option<Lender<'a>>,
}

impl<'a> SendBuffer<'a> {
    pub(crate) fn new(tools: &'a mut Tools, deflate: Option<&'a mut Deflate>, queued: usize) -> Self {
        SendBuffer { tools, deflate, queued, lender: None }
    }

    /// Lets replies borrow `data`, where it lies at the end of a message, and is worth it. What may have to wait
    /// behind a reply that is being compressed is not borrowed.
    pub(crate) fn lend(&mut self, data: &'a [u8]) {
        if data.len() < MIN_BORROWED_BYTES || self.tools.limits.compress_above != 0 {
            return;
        }
        self.lender = self
            .tools
            .origin
            .filter(|origin| data.len() >= origin.min_bytes() && self.deflate.is_none())
            .map(|origin| Lender { data, origin });
    }

    /// Whether so many more bytes would pass the outbox limit if the socket took none.
    fn has_room(&self, len: usize) -> bool {
        let (limit, gathered) = (self.tools.limits.outbox, self.tools.gathered());
        limit == 0
            || canary!(BottomlessOutbox)
            || self.queued.saturating_add(gathered).saturating_add(len) <= limit
    }

    /// Appends Data behind the headers in front of it: by reference if it can be borrowed.
    #[inline]
    fn push_data(&mut self, data: &[u8]) {
        match self.lender {
            Some(lender) if std::ptr::eq(lender.data, data) && self.tools.borrowed.len() < MAX_BORROWED => {
                let borrowed = Borrowed { at: self.tools.out.len(), len: data.len(), origin: lender.origin };
                self.tools.borrowed.push(borrowed);
            }
            Some(_) | None => self.tools.out.extend_from_slice(data),
        }
    }

    /// Appends a packet whole, or nothing: false if there is no room for it.
    #[must_use]
    #[inline(always)]
    pub(crate) fn packet(&mut self, reply: &Reply<'_>) -> bool {
        if self.compresses(REPLY_HEADER_BYTES + reply.data.len()) {
            return self.compressed(Opcode::Binary, &[&reply.header(), reply.data]);
        }
        let fits = self.has_room(framed_len(reply.data.len()));
        if fits && !canary!(LostPacket) {
            #[cfg(feature = "sim")]
            let at = self.tools.out.len();
            push_packet_head(&mut self.tools.out, reply);
            self.push_data(reply.data);
            #[cfg(feature = "sim")]
            self.spoil(at);
        }
        fits
    }

    /// What canaries make of the packet that begins at `at`.
    #[cfg(feature = "sim")]
    fn spoil(&mut self, at: usize) {
        let Tools { out, start, borrowed, .. } = &mut *self.tools;
        if !borrowed.is_empty() {
            return;
        }
        if canary!(DoubledPacket) {
            out.extend_from_within(at..);
        }
        if canary!(GarbledData)
            && let Some(last) = out.get_mut(at..).and_then(<[u8]>::last_mut)
        {
            *last ^= 1;
        }
        // Behind a 101, or a Pong, it stays where it is.
        if out.get(*start) == out.get(at)
            && canary!(HastyPacket)
            && let Some(gathered) = out.get_mut(*start..)
        {
            gathered.rotate_left(at - *start);
        }
    }

    /// Appends a message whole, or nothing: false if there is no room for it.
    #[must_use]
    pub(crate) fn message(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        if self.compresses(payload.len()) {
            return self.compressed(opcode, &[payload]);
        }
        let header =
            Header { fin: true, rsv1: false, opcode, mask: None, payload_len: payload.len() as u64 }.encode();
        let fits = self.has_room(header.len() + payload.len());
        if fits {
            self.tools.out.extend_from_slice(&header);
            self.push_data(payload);
        }
        fits
    }

    /// Appends a message whole that is compressed already, or nothing.
    #[must_use]
    pub(crate) fn as_compressed(&mut self, opcode: Opcode, payload: &[u8]) -> bool {
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: payload.len() as u64 };
        let fits = self.has_room(MAX_HEADER_BYTES + payload.len());
        if fits {
            self.tools.out.extend_from_slice(&header.encode());
            self.tools.out.extend_from_slice(payload);
        }
        fits
    }

    fn compresses(&self, len: usize) -> bool {
        cfg!(feature = "deflate") && self.deflate.is_some() && len >= self.tools.limits.deflate_above
    }

    /// Appends a compressed message, or has it compressed slice by slice. What has been compressed has to be sent,
    /// since it is in the window of what comes after it: so there must be room for the worst case beforehand.
    #[inline(never)]
    fn compressed(&mut self, opcode: Opcode, parts: &[&[u8]]) -> bool {
        let len = parts.iter().map(|part| part.len()).sum();
        let Some(deflate) = &mut self.deflate else { return false };
        if len > SLICE_BYTES || deflate.is_busy() {
            return self.message_later(opcode, parts);
        }
        if !self.has_room(MAX_HEADER_BYTES + deflate::bound(len)) {
            return false;
        }
        let Some(deflate) = &mut self.deflate else { return false };
        let payload = deflate.compress(parts, &mut self.tools.deflate);
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: payload.len() as u64 };
        self.tools.out.extend_from_slice(&header.encode());
        self.tools.out.extend_from_slice(payload);
        self.tools.effects.add_work(cost_of(len));
        true
    }

    /// Has a packet sent of which Data is compressed slice by slice, or nothing: false if there is no room for it.
    #[must_use]
    pub(crate) fn packet_of_compressed_data(&mut self, reply: &Reply<'_>) -> bool {
        let deflate_above = if self.deflate.is_some() { self.tools.limits.deflate_above } else { usize::MAX };
        let len = REPLY_HEADER_BYTES + reply.data.len();
        self.compress_later(len, len >= deflate_above, || Job::of_data(reply, deflate_above))
    }

    /// Has a message sent that is compressed slice by slice, or nothing.
    #[must_use]
    pub(crate) fn message_later(&mut self, opcode: Opcode, parts: &[&[u8]]) -> bool {
        let len = parts.iter().map(|part| part.len()).sum();
        self.compress_later(len, true, || Job::of_message(opcode, parts))
    }

    /// Has a message of `len` bytes compressed slice by slice, if there is room for the worst case.
    #[cold]
    fn compress_later(&mut self, len: usize, deflates: bool, job: impl FnOnce() -> Job) -> bool {
        let weight = Job::weight_of(len, deflates);
        let fits = self.has_room(weight);
        if fits {
            self.queued = self.queued.saturating_add(weight);
            if let Some(deflate) = &mut self.deflate {
                deflate.set_busy(true);
            }
            self.tools.jobs.push((self.tools.out.len(), job()));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::mailbox::Mailbox;
    use crate::packet::{Codecs, ErrorId};
    use crate::router::Limits;

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
            let limits = Limits { outbox: limit, ..Limits::default() };
            let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
            let mut tools = Tools::new(Codecs::default(), mailbox, limits);
            (tools.out, tools.start) = (vec![0xa5; 100], 100);
            let sent = SendBuffer::new(&mut tools, None, queued).packet(&reply);
            assert_eq!(sent, fits, "queued {queued}, limit {limit}");
            assert_eq!(tools.out.len(), if fits { 100 + size } else { 100 });
        }
    }
}
