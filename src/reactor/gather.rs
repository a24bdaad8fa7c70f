//! What the turn sends, gathered: each connection's frames leave in one write, once all reads are done.

use std::ops::Range;

use bytes::Bytes;

use super::core::Core;
use super::write::LARGE_BYTES;
use crate::id::ConnectionId;
use crate::router::Application;

/// Bytes in the write buffer at which all of it is written, whatever else the turn has to do.
const FULL_BYTES: usize = 256 * 1024;
/// Capacity of the write buffer that is kept from turn to turn.
const KEPT_BYTES: usize = 1024 * 1024;
/// Segments at which all of them are written.
const FULL_SEGMENTS: usize = 64 * 1024;
/// Capacity for segments that is kept from turn to turn: a push to each of 10,000 members fits.
const KEPT_SEGMENTS: usize = 16 * 1024;

/// Whole frames that one connection is sent in this turn.
#[derive(Debug)]
pub(super) struct Segment {
    id: ConnectionId,
    frames: Frames,
    /// Bytes of the connection's segments so far, this one's included.
    total: usize,
    /// The connection's next segment, if this is not its last.
    next: u32,
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

/// The first and the last of a connection's segments. While it has any its socket is writable and its
/// outbox empty: they are what it is sent next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain {
    first: u32,
    last: u32,
    /// [`Core::finish`] was put off until the segments are written. A push alone leads to nothing that it
    /// would see to.
    pub(super) unfinished: bool,
}

impl<S: Application> Core<S> {
    /// Has a push written with all else that this turn brings for the connection, from where it lies.
    pub(super) fn gather_push(&mut self, id: ConnectionId, frame: &Bytes) {
        self.gather(id, Frames::Shared(frame.clone()), frame.len());
    }

    /// Keeps frames for a connection that can be written to until the turn has done its reads.
    pub(super) fn gather(&mut self, id: ConnectionId, frames: Frames, len: usize) {
        let index = self.segments.len() as u32;
        let Some(entry) = self.slots.get_mut(id) else { return };
        let chain = entry.gathered.get_or_insert(Chain { first: index, last: index, unfinished: false });
        let mut total = len;
        if let Some(last) = self.segments.get_mut(chain.last as usize) {
            last.next = index;
            total += last.total;
        }
        chain.last = index;
        self.segments.push(Segment { id, frames, total, next: index });
        if self.lent.tools.out.len() >= FULL_BYTES || self.segments.len() >= FULL_SEGMENTS {
            self.write_gathered();
        }
    }

    /// Bytes that a connection has gathered.
    pub(super) fn gathered(&self, id: ConnectionId) -> usize {
        let chain = self.slots.get(id).and_then(|entry| entry.gathered);
        chain.and_then(|chain| self.segments.get(chain.last as usize)).map_or(0, |last| last.total)
    }

    /// Writes what every connection has gathered.
    pub(super) fn write_gathered(&mut self) {
        if self.segments.is_empty() {
            return;
        }
        let mut segments = std::mem::take(&mut self.segments);
        let mut out = std::mem::take(&mut self.lent.tools.out);
        for (index, segment) in segments.iter().enumerate() {
            let chain = self.slots.get(segment.id).and_then(|entry| entry.gathered);
            if chain.is_some_and(|chain| chain.first as usize == index) {
                self.write_chain(segment.id, &segments, &mut out);
            }
        }
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
        let Some(chain) = self.slots.get_mut(id).and_then(|entry| entry.gathered.take()) else { return };
        let chained = Chained { segments, at: chain.first, last: chain.last, ended: false };
        match (segments.get(chain.first as usize), segments.get(chain.last as usize)) {
            (Some(Segment { frames: Frames::Shared(push), .. }), _) if chain.first == chain.last => {
                if self.write(id, push, Some(push)) && !chain.unfinished {
                    return;
                }
            }
            (Some(only), _) if chain.first == chain.last => {
                self.write(id, only.frames.bytes(out), None);
            }
            (_, Some(last)) if last.total < LARGE_BYTES => {
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
                let Some(entry) = self.slots.get_mut(id) else { return };
                for segment in chained {
                    match &segment.frames {
                        Frames::Gathered(_) => {
                            entry.conn.outbox.push_unwritten(segment.frames.bytes(out), 0);
                        }
                        Frames::Shared(push) => entry.conn.outbox.push_shared(push.clone()),
                    }
                }
                return self.write_outbox(id);
            }
        }
        self.finish(id);
    }
}

/// The segments of one connection, in order.
struct Chained<'a> {
    segments: &'a [Segment],
    at: u32,
    last: u32,
    ended: bool,
}

impl<'a> Iterator for Chained<'a> {
    type Item = &'a Segment;

    fn next(&mut self) -> Option<&'a Segment> {
        let segment = self.segments.get(self.at as usize).filter(|_| !self.ended)?;
        self.ended = self.at == self.last;
        self.at = segment.next;
        Some(segment)
    }
}
