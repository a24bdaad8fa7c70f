//! The output of a turn: segments, which are written after many reads, with one write per connection.
//!
//! The bytes of a segment lie in the write buffer (`router::WriteBuffer`), or where several connections share
//! them.

use std::num::NonZeroU16;
use std::ops::Range;

use bytes::Bytes;

use crate::id::ConnectionId;

/// Bytes in the write buffer at which all segments are written before the end of the turn.
const FULL_BYTES: usize = 256 * 1024;
/// Segments at which all of them are written: as many as a [`SegmentRing`] can name.
const FULL_SEGMENTS: usize = 65_535;
/// Capacity for segments that is kept from turn to turn: a push to each of 10,000 members fits.
const KEPT_SEGMENTS: usize = 16 * 1024;

/// Whole frames that one connection is sent in this turn.
#[derive(Clone, Copy, Debug)]
struct Segment {
    receiver: ConnectionId,
    place: Place,
    /// Bytes of the connection's segments so far, this one's included.
    total: usize,
    /// The connection's next segment; its first, if this is its last.
    next: usize,
    /// On the last segment: update the connection's state when the segments are written. A push, and the
    /// reply to most requests, change nothing that an update would look at.
    needs_update: bool,
}

/// Where the frames of a segment lie. They are found by numbers, so that segments are forgotten at once.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In the write buffer, from the one byte to before the other.
    Buffered(usize, usize),
    /// Among the pushes, under this number.
    Shared(usize),
}

/// The frames of a segment.
#[derive(Debug)]
pub(super) enum Frames<'a> {
    /// In this range of the write buffer.
    Buffered(Range<usize>),
    /// In memory that other connections share.
    Shared(&'a Bytes),
}

impl<'a> Frames<'a> {
    /// The frames themselves, `buffer` being the write buffer.
    pub(super) fn bytes(&self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            Frames::Buffered(range) => buffer.get(range.clone()).unwrap_or_default(),
            Frames::Shared(bytes) => bytes,
        }
    }

    /// The memory that other connections share.
    pub(super) fn shared(&self) -> Option<&'a Bytes> {
        match self {
            Frames::Buffered(_) => None,
            Frames::Shared(bytes) => Some(bytes),
        }
    }
}

/// The last of a connection's segments, from which the others follow in a ring. While it has any, its socket
/// is writable and its outbox empty: the segments are its next output.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentRing(NonZeroU16);

impl SegmentRing {
    fn at(last: usize) -> Option<Self> {
        u16::try_from(last + 1).ok().and_then(NonZeroU16::new).map(SegmentRing)
    }

    fn last(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// All segments of the turn.
#[derive(Debug, Default)]
pub(super) struct Output {
    segments: Vec<Segment>,
    /// The frames of segments that are pushes.
    pushes: Vec<Bytes>,
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether some of the segments are pushes: others may follow for the same receivers.
    pub(super) fn has_pushes(&self) -> bool {
        !self.pushes.is_empty()
    }

    /// Appends a push like any other frames.
    pub(super) fn push_shared(&mut self, to: ConnectionId, ring: &mut Option<SegmentRing>, frames: Bytes) {
        let (place, len) = (Place::Shared(self.pushes.len()), frames.len());
        self.pushes.push(frames);
        *ring = self.push(to, *ring, place, len);
    }

    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Whether another segment can be named.
    #[inline]
    pub(super) fn has_capacity(&self) -> bool {
        self.segments.len() < FULL_SEGMENTS
    }

    /// Whether to write all segments now, given the bytes in the write buffer.
    #[inline]
    pub(super) fn is_full(&self, buffered_bytes: usize) -> bool {
        buffered_bytes >= FULL_BYTES || !self.has_capacity()
    }

    /// Appends frames in this range of the write buffer to the ring of their receiver, and returns the ring.
    /// They are written at the end of the turn, with all else that the receiver is sent.
    #[inline(always)]
    pub(super) fn push_buffered(
        &mut self,
        receiver: ConnectionId,
        ring: Option<SegmentRing>,
        range: Range<usize>,
    ) -> Option<SegmentRing> {
        self.push(receiver, ring, Place::Buffered(range.start, range.end), range.len())
    }

    #[inline(always)]
    fn push(
        &mut self,
        receiver: ConnectionId,
        ring: Option<SegmentRing>,
        place: Place,
        len: usize,
    ) -> Option<SegmentRing> {
        let index = self.segments.len();
        if let Some(ring) = ring {
            self.push_behind(ring, receiver, place, len);
        } else {
            let segment = Segment { receiver, place, total: len, next: index, needs_update: false };
            self.segments.push(segment);
        }
        SegmentRing::at(index)
    }

    /// Appends a segment to a ring that has others.
    #[inline(never)]
    fn push_behind(&mut self, ring: SegmentRing, receiver: ConnectionId, place: Place, len: usize) {
        let index = self.segments.len();
        let mut segment = Segment { receiver, place, total: len, next: index, needs_update: false };
        if let Some(last) = self.segments.get_mut(ring.last()) {
            segment.next = std::mem::replace(&mut last.next, segment.next);
            segment.total += last.total;
            segment.needs_update = last.needs_update;
        }
        self.segments.push(segment);
    }

    /// Bytes of the segments in a ring.
    pub(super) fn bytes(&self, ring: Option<SegmentRing>) -> usize {
        ring.and_then(|ring| self.segments.get(ring.last())).map_or(0, |last| last.total)
    }

    /// Has the connection's state updated once the segments of its ring are written.
    pub(super) fn update_later(&mut self, ring: SegmentRing) {
        if let Some(last) = self.segments.get_mut(ring.last()) {
            last.needs_update = true;
        }
    }

    /// The connection that gets a segment.
    pub(super) fn receiver(&self, index: usize) -> Option<ConnectionId> {
        self.segments.get(index).map(|segment| segment.receiver)
    }

    /// The range of the write buffer that a ring consists of, if nothing but one write has to follow: most
    /// rings.
    #[inline(always)]
    pub(super) fn only_reply(&self, ring: SegmentRing) -> Option<Range<usize>> {
        match self.segments.get(ring.last())? {
            &Segment { place: Place::Buffered(start, end), next, needs_update: false, .. }
                if next == ring.last() =>
            {
                Some(start..end)
            }
            _ => None,
        }
    }

    /// The connection that gets a segment, if that is a push.
    pub(super) fn pushed_to(&self, index: usize) -> Option<ConnectionId> {
        let segment = self.segments.get(index)?;
        matches!(segment.place, Place::Shared(_)).then_some(segment.receiver)
    }

    /// The segments of a ring, in order.
    pub(super) fn ring(&self, ring: SegmentRing) -> Option<Segments<'_>> {
        let last = self.segments.get(ring.last())?;
        Some(Segments { output: self, last, at: last.next, end: ring.last(), is_over: false })
    }

    /// The frames of a segment.
    fn frames(&self, segment: &Segment) -> Option<Frames<'_>> {
        Some(match segment.place {
            Place::Buffered(start, end) => Frames::Buffered(start..end),
            Place::Shared(number) => Frames::Shared(self.pushes.get(number)?),
        })
    }

    /// Forgets all segments, which have been written.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.segments.shrink_to(KEPT_SEGMENTS);
        self.pushes.clear();
        self.pushes.shrink_to(KEPT_SEGMENTS);
    }
}

/// The segments of one connection: an iterator over their frames, in order.
pub(super) struct Segments<'a> {
    output: &'a Output,
    last: &'a Segment,
    at: usize,
    end: usize,
    is_over: bool,
}

impl<'a> Segments<'a> {
    /// The frames, if there is only one segment.
    pub(super) fn only(&self) -> Option<Frames<'a>> {
        self.output.frames(self.last).filter(|_| self.last.next == self.end)
    }

    /// Bytes of all of them.
    pub(super) fn total(&self) -> usize {
        self.last.total
    }

    /// Whether to update the connection's state when they are written. Several come from several calls, and
    /// one update covers all of them.
    pub(super) fn needs_update(&self) -> bool {
        self.last.needs_update || self.last.next != self.end
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Frames<'a>;

    fn next(&mut self) -> Option<Frames<'a>> {
        let segment = self.output.segments.get(self.at).filter(|_| !self.is_over)?;
        self.is_over = self.at == self.end;
        self.at = segment.next;
        self.output.frames(segment)
    }
}
