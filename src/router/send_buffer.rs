//! All that one readiness event sends to one connection, gathered.

use super::borrowed::{Borrowed, Lender, MIN_BORROWED_BYTES, Origin};
use super::job::{Job, SLICE_BYTES, cost_of};
use super::tools::Tools;
use crate::deflate::{self, Deflate};
use crate::frame::{Header, MAX_SERVER_HEADER_BYTES, Opcode};
use crate::packet::{DataStatus, REPLY_HEADER_BYTES, Reply, framed_len, push_packet_head};

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
    /// In a replay: what compressing comes to.
    pub(super) made: Option<Made>,
}

/// What compressing a packet came to that a replay does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// Data became a zlib stream of so many bytes.
    Data(usize),
    /// The packet became a compressed message of so many bytes.
    Message(usize),
    /// It went out as it was.
    Nothing,
    /// It did not fit the outbox.
    TooMuch,
}

/// The longest Data that is reckoned with: half of what can be addressed, so that no sum overflows.
const MAX_DATA: usize = usize::MAX / 2;

impl<'a> SendBuffer<'a> {
    pub(crate) fn new(tools: &'a mut Tools, deflate: Option<&'a mut Deflate>, queued: usize) -> Self {
        SendBuffer { tools, deflate, queued, lender: None, made: None }
    }

    /// Lets replies borrow `data`, where it lies at the end of a message, and is worth it. What may have to wait
    /// behind a reply that is being compressed is not borrowed.
    #[inline(always)]
    pub(crate) fn lend(&mut self, data: &'a [u8]) {
        if data.len() >= MIN_BORROWED_BYTES && self.tools.limits.compress_above == 0 {
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

    /// In a replay: lets what is sent next borrow `data`, which stands for what a recording does not hold.
    /// Whatever its length is, sending it takes no time and no memory.
    pub(crate) fn stand_in(&mut self, data: &'a [u8]) {
        self.lender = (!data.is_empty()).then_some(Lender { data, origin: Origin::Absent });
    }

    /// In a replay: what compressing the packet that is sent next comes to.
    pub(crate) fn set_made(&mut self, made: Option<Made>) {
        self.made = made;
    }

    /// Whether so many more bytes would pass the outbox limit if the socket took none.
    fn has_room(&mut self, len: usize) -> bool {
        let (limit, gathered) = (self.tools.limits.outbox, self.tools.gathered());
        let fits = limit == 0 || self.queued.saturating_add(gathered).saturating_add(len) <= limit;
        if !fits {
            self.note_oversized(len);
        }
        fits
    }

    /// A packet that would not fit an empty outbox either is not held against the client's reading.
    #[cold]
    fn note_oversized(&mut self, len: usize) {
        if len > self.tools.limits.outbox {
            self.tools.oversized = len;
        }
    }

    /// Bytes that may still be gathered; none if there is no limit.
    fn free(&self) -> Option<usize> {
        let (limit, taken) = (self.tools.limits.outbox, self.queued.saturating_add(self.tools.gathered()));
        (limit != 0).then(|| limit.saturating_sub(taken))
    }

    /// Bytes for which there must be room before a packet with so much Data is taken. It grows with them.
    fn cost(&self, data_len: usize) -> usize {
        let payload = REPLY_HEADER_BYTES + data_len;
        if self.compresses(payload) {
            MAX_SERVER_HEADER_BYTES + deflate::bound(payload)
        } else {
            framed_len(data_len)
        }
    }

    /// The most Data that a packet can have which [`packet`](Self::packet) takes, whatever bytes they are; 0 also if it
    /// takes none at all.
    pub(crate) fn room(&self) -> usize {
        let Some(free) = self.free() else { return usize::MAX };
        let (mut fits, mut too_much) = (0, free.min(MAX_DATA).saturating_add(1));
        while too_much - fits > 1 {
            let middle = fits.midpoint(too_much);
            if self.cost(middle) <= free { fits = middle } else { too_much = middle }
        }
        fits
    }

    /// Whether [`packet`](Self::packet) takes so many packets, each with so much Data.
    pub(crate) fn has_room_for(&self, packets: usize, data_len: usize) -> bool {
        let Some(free) = self.free() else { return true };
        packets == 0 || data_len <= MAX_DATA && self.cost(data_len).saturating_mul(packets) <= free
    }

    /// Appends Data behind the headers in front of it: by reference if it can be borrowed.
    #[inline]
    fn push_data(&mut self, data: &[u8]) {
        match self.lender {
            // A client can send three of these in the bytes of one that has Data.
            _ if data.is_empty() => {}
            Some(lender) if lender.lends(data, &self.tools.borrowed) => {
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
        if fits {
            push_packet_head(&mut self.tools.out, reply);
            self.push_data(reply.data);
        }
        fits
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
        let fits = self.has_room(MAX_SERVER_HEADER_BYTES + payload.len());
        if fits {
            self.tools.out.extend_from_slice(&header.encode());
            self.push_data(payload);
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
        if let Some(Made::Message(len)) = self.made {
            return self.as_made(opcode, len);
        }
        let len = parts.iter().map(|part| part.len()).sum();
        let stands_in = self.lender.is_some_and(|lender| lender.origin == Origin::Absent);
        let Some(deflate) = &mut self.deflate else { return false };
        if len > SLICE_BYTES || deflate.is_busy() {
            return self.message_later(opcode, parts);
        }
        if !self.has_room(MAX_SERVER_HEADER_BYTES + deflate::bound(len)) {
            return false;
        }
        let Some(deflate) = &mut self.deflate else { return false };
        // What it comes to depends on what is not there.
        let payload = if stands_in { &[] } else { deflate.compress(parts, &mut self.tools.deflate) };
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: payload.len() as u64 };
        self.tools.out.extend_from_slice(&header.encode());
        self.tools.out.extend_from_slice(payload);
        self.tools.effects.add_work(cost_of(len));
        true
    }

    /// In a replay: whether a packet was sent of which Data was compressed at once. None: Data did not become shorter.
    pub(super) fn replay_compressed_data(&mut self, reply: &Reply<'_>, made: Made) -> Option<bool> {
        let len = match made {
            Made::Data(len) => len,
            Made::TooMuch => return Some(false),
            Made::Message(_) | Made::Nothing => return None,
        };
        let data = reply.data.get(..len).unwrap_or(reply.data);
        let fits = self.has_room(framed_len(data.len()));
        if fits {
            let data_status = DataStatus::Compressed as u8;
            push_packet_head(&mut self.tools.out, &Reply { data_status, data, ..*reply });
            self.push_absent(data.len());
        }
        Some(fits)
    }

    /// In a replay: appends a compressed message of so many bytes, none of which is there.
    fn as_made(&mut self, opcode: Opcode, len: usize) -> bool {
        let header = Header { fin: true, rsv1: true, opcode, mask: None, payload_len: len as u64 };
        self.tools.out.extend_from_slice(&header.encode());
        self.push_absent(len);
        true
    }

    /// Appends so many bytes that are not there.
    fn push_absent(&mut self, len: usize) {
        if len > 0 {
            self.tools.borrowed.push(Borrowed { at: self.tools.out.len(), len, origin: Origin::Absent });
        }
    }

    /// Has a packet sent of which Data is compressed slice by slice, or nothing: false if there is no room for it.
    #[must_use]
    pub(crate) fn packet_of_compressed_data(&mut self, reply: &Reply<'_>) -> bool {
        let deflate_above = if self.deflate.is_some() { self.tools.limits.deflate_above } else { usize::MAX };
        let len = REPLY_HEADER_BYTES + reply.data.len();
        let absent = self.absent(reply.data.len());
        let data = if absent > 0 { &[] } else { reply.data };
        let reply = Reply { data, ..*reply };
        self.compress_later(len, len >= deflate_above, || Job::of_data(&reply, absent, deflate_above))
    }

    /// Has a message sent that is compressed slice by slice, or nothing.
    #[must_use]
    pub(crate) fn message_later(&mut self, opcode: Opcode, parts: &[&[u8]]) -> bool {
        let len = parts.iter().map(|part| part.len()).sum();
        let absent = self.absent(parts.last().map_or(0, |part| part.len()));
        let there = if absent > 0 { parts.split_last().map_or(parts, |(_, there)| there) } else { parts };
        self.compress_later(len, true, || Job::of_message(opcode, there, absent))
    }

    /// In a replay, which does not have what is compressed later: how many bytes of the end are not there.
    fn absent(&self, len: usize) -> usize {
        let stands_in = self.lender.is_some_and(|lender| lender.origin == Origin::Absent);
        if stands_in { len } else { 0 }
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
    use crate::config::LogConnections;
    use crate::log_limiter::LogLimiter;
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
            let mut tools =
                Tools::new(Codecs::default(), mailbox, limits, LogLimiter::new(LogConnections::All));
            (tools.out, tools.start) = (vec![0xa5; 100], 100);
            let sent = SendBuffer::new(&mut tools, None, queued).packet(&reply);
            assert_eq!(sent, fits, "queued {queued}, limit {limit}");
            assert_eq!(tools.out.len(), if fits { 100 + size } else { 100 });
        }
    }

    /// Tools with so many bytes gathered, and with messages of so many bytes compressed.
    fn tools(outbox: usize, gathered: usize, deflate_above: usize) -> Tools {
        let limits = Limits { outbox, deflate_above, ..Limits::default() };
        let mailbox = Arc::new(Mailbox::new(1, Box::new(|| {})));
        let mut tools = Tools::new(Codecs::default(), mailbox, limits, LogLimiter::new(LogConnections::All));
        (tools.out, tools.start) = (vec![0xa5; 100 + gathered], 100);
        tools
    }

    fn takes(buffer: &mut SendBuffer<'_>, data: &[u8]) -> bool {
        buffer.packet(&Reply { error_id: ErrorId::NONE, data_status: 0, flag: 0, cmd: 1, data })
    }

    /// Holds what is said to have room against what is taken: of all that can be free up to some hundred bytes, and around
    /// the lengths at which frame headers grow. Without an agreement nothing is compressed.
    fn check_room(agreement: Option<deflate::Agreement>, deflate_above: usize) {
        // Bytes that no compressor makes shorter.
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
                let mut deflate = agreement.and_then(Deflate::new);
                let mut tools = tools(free + queued + gathered, gathered, deflate_above);
                look(&mut SendBuffer::new(&mut tools, deflate.as_mut(), queued));
            };
            let mut room = 0;
            with(&mut |buffer| room = buffer.room());
            for len in [0, room / 2, room, room + 1] {
                with(&mut |buffer| {
                    let fits = buffer.has_room_for(1, len);
                    assert_eq!(takes(buffer, &noise[..len]), fits, "{free} free, room {room}, {len} bytes");
                    assert!(fits == (len <= room) || room == 0, "{free} free, room {room}, {len} bytes");
                });
            }
            for count in [0, 1, 2, 7] {
                with(&mut |buffer| {
                    let fits = buffer.has_room_for(count, 4);
                    let all = (0..count).all(|_| takes(buffer, &noise[..4]));
                    // Compressed they may turn out shorter than was to be feared.
                    assert!(all == fits || all && agreement.is_some(), "{free} free, {count} packets");
                });
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn what_has_room_is_taken_and_one_byte_more_is_not() {
        check_room(None, 0);
        let mut unlimited = tools(0, 10, 0);
        let buffer = SendBuffer::new(&mut unlimited, None, usize::MAX);
        assert!(buffer.room() == usize::MAX && buffer.has_room_for(usize::MAX, usize::MAX));
        let mut vast = tools(usize::MAX, 10, 0);
        let buffer = SendBuffer::new(&mut vast, None, 10);
        assert!(buffer.room() == MAX_DATA && !buffer.has_room_for(3, MAX_DATA) && buffer.has_room_for(9, 9));
    }

    #[cfg(feature = "deflate")]
    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn what_has_room_is_taken_at_the_worst_that_compressing_can_make_of_it() {
        let agreement = deflate::Agreement {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
        };
        for deflate_above in [0, 30, 128, 70_000] {
            check_room(Some(agreement), deflate_above);
        }
        let mut vast = tools(usize::MAX, 0, 0);
        let mut deflate = Deflate::new(agreement);
        let buffer = SendBuffer::new(&mut vast, deflate.as_mut(), 0);
        assert_eq!(buffer.room(), MAX_DATA);
    }
}
