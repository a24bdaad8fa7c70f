//! What the turn sends, gathered: each connection's frames leave in one write, once all reads are done.

use std::num::NonZeroU16;
use std::ops::Range;

use bytes::Bytes;

use super::budget::Step;
use super::core::Core;
use super::write::LARGE_BYTES;
use crate::id::ConnectionId;
use crate::router::Application;

/// Bytes in the write buffer at which all of it is written, whatever else the turn has to do.
const FULL_BYTES: usize = 256 * 1024;
/// Capacity of the write buffer that is kept from turn to turn.
const KEPT_BYTES: usize = 1024 * 1024;
/// Segments at which all of them are written: as many as [`Chain`] can name.
const FULL_SEGMENTS: usize = 65_535;
/// Capacity for segments that is kept from turn to turn: a push to each of 10,000 members fits.
const KEPT_SEGMENTS: usize = 16 * 1024;

/// Whole frames that one connection is sent in this turn.
#[derive(Debug)]
pub(super) struct Segment {
    id: ConnectionId,
    frames: Frames,
    /// Bytes of the connection's segments so far, this one's included.
    total: usize,
    /// The connection's next segment; its first, if this is its last.
    next: usize,
    /// On the last: [`Core::finish`] was put off until the segments are written. A push alone, and the reply to
    /// most requests, leads to nothing that it would see to.
    unfinished: bool,
}

/// Where frames lie until they are written.
#[derive(Debug)]
pub(super) enum Frames {
    /// In the write buffer.
    Gathered(Range<usize>),
    /// Where others share them.
    Shared(Bytes),
}

impl Frames {
    fn bytes<'a>(&'a self, out: &'a [u8]) -> &'a [u8] {
        match self {
            Frames::Gathered(range) => out.get(range.clone()).unwrap_or_default(),
            Frames::Shared(bytes) => bytes,
        }
    }
}

/// The last of a connection's segments, from which the others follow in a ring. While it has any, its socket
/// is writable and its outbox empty: they are what it is sent next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain(NonZeroU16);

impl Chain {
    fn at(last: usize) -> Option<Self> {
        u16::try_from(last + 1).ok().and_then(NonZeroU16::new).map(Chain)
    }

    fn last(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

impl<S: Application> Core<S> {
    /// Has a push written with all else that this turn brings for the connection, from where it lies.
    pub(super) fn gather_push(&mut self, id: ConnectionId, frame: &Bytes) {
        self.gather(id, Frames::Shared(frame.clone()), frame.len());
    }

    /// Keeps frames for a connection that can be written to until the turn has done its reads.
    pub(super) fn gather(&mut self, id: ConnectionId, frames: Frames, len: usize) {
        let index = self.segments.len();
        let Some(entry) = self.slots.get_mut(id) else { return };
        let last = entry.gathered.and_then(|chain| self.segments.get_mut(chain.last()));
        let (first, before, unfinished) = match last {
            Some(last) => (std::mem::replace(&mut last.next, index), last.total, last.unfinished),
            None => (index, 0, false),
        };
        entry.gathered = Chain::at(index);
        self.turn.gathered(len);
        self.segments.push(Segment { id, frames, total: before + len, next: first, unfinished });
        if self.lent.tools.out.len() >= FULL_BYTES || self.segments.len() >= FULL_SEGMENTS {
            self.write_gathered();
        }
    }

    /// Bytes that a connection has gathered.
    pub(super) fn gathered(&self, id: ConnectionId) -> usize {
        let chain = self.slots.get(id).and_then(|entry| entry.gathered);
        chain.and_then(|chain| self.segments.get(chain.last())).map_or(0, |last| last.total)
    }

    /// Puts off [`finish`](Self::finish) until what a connection has gathered is written. False if it has
    /// gathered nothing.
    pub(super) fn finishes_later(&mut self, id: ConnectionId) -> bool {
        let Some(chain) = self.slots.get(id).and_then(|entry| entry.gathered) else { return false };
        if let Some(last) = self.segments.get_mut(chain.last()) {
            last.unfinished = true;
        }
        true
    }

    /// Writes what every connection has gathered. What the turn has no time for goes to the outboxes, and from
    /// there with the next turn.
    pub(super) fn write_gathered(&mut self) {
        if self.segments.is_empty() {
            return;
        }
        let mut segments = std::mem::take(&mut self.segments);
        let mut out = std::mem::take(&mut self.lent.tools.out);
        for (done, segment) in segments.iter().enumerate() {
            // The first of a connection's segments takes the others along.
            if self.turn.allows(Step::Output, done) {
                self.write_chain(segment.id, &segments, &mut out);
            } else if let Some(chain) = self.take_chain(segment.id, &segments) {
                self.queue_chain(segment.id, chain, &out);
                self.finish(segment.id);
            }
        }
        self.turn.written();
        out.clear();
        out.shrink_to(KEPT_BYTES);
        segments.clear();
        segments.shrink_to(KEPT_SEGMENTS);
        (self.segments, self.lent.tools.out) = (segments, out);
    }

    /// Writes what a connection has gathered, so that what it is given next comes behind.
    pub(super) fn write_gathered_for(&mut self, id: ConnectionId) {
        if self.slots.get(id).is_some_and(|entry| entry.gathered.is_some()) {
            let segments = std::mem::take(&mut self.segments);
            let mut out = std::mem::take(&mut self.lent.tools.out);
            self.write_chain(id, &segments, &mut out);
            (self.segments, self.lent.tools.out) = (segments, out);
        }
    }

    /// Writes all segments of a connection at once.
    fn write_chain(&mut self, id: ConnectionId, segments: &[Segment], out: &mut Vec<u8>) {
        let Some(chained) = self.take_chain(id, segments) else { return };
        let Some(last) = segments.get(chained.last) else { return };
        let is_alone = last.next == chained.last;
        match &last.frames {
            Frames::Shared(push) if is_alone => {
                if self.write(id, push, Some(push)) && !last.unfinished {
                    return;
                }
            }
            Frames::Gathered(_) if is_alone => {
                if self.write(id, last.frames.bytes(out), None) && !last.unfinished {
                    return;
                }
            }
            _ if last.total < LARGE_BYTES => {
                let start = out.len();
                for segment in chained {
                    match &segment.frames {
                        Frames::Gathered(range) => out.extend_from_within(range.clone()),
                        Frames::Shared(push) => out.extend_from_slice(push),
                    }
                }
                self.write(id, out.get(start..).unwrap_or_default(), None);
                out.truncate(start);
            }
            _ => {
                self.queue_chain(id, chained, out);
                return self.write_outbox(id);
            }
        }
        self.finish(id);
    }

    /// The segments of a connection, which has none from now on.
    fn take_chain<'a>(&mut self, id: ConnectionId, segments: &'a [Segment]) -> Option<Chained<'a>> {
        let chain = self.slots.get_mut(id)?.gathered.take()?;
        let last = segments.get(chain.last())?;
        Some(Chained { segments, at: last.next, last: chain.last(), ended: false })
    }

    /// Has segments wait in their connection's outbox.
    fn queue_chain(&mut self, id: ConnectionId, chained: Chained<'_>, out: &[u8]) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        for segment in chained {
            match &segment.frames {
                Frames::Gathered(_) => entry.conn.outbox.push_unwritten(segment.frames.bytes(out), 0),
                Frames::Shared(push) => entry.conn.outbox.push_shared(push.clone()),
            }
        }
    }
}

/// The segments of one connection, in order.
struct Chained<'a> {
    segments: &'a [Segment],
    at: usize,
    last: usize,
    ended: bool,
}

impl<'a> Iterator for Chained<'a> {
    type Item = &'a Segment;

    fn next(&mut self) -> Option<&'a Segment> {
        let segment = self.segments.get(self.at).filter(|_| !self.ended)?;
        self.ended = self.at == self.last;
        self.at = segment.next;
        Some(segment)
    }
}
