//! Data that goes out without a copy in the write buffer: echoed Data leaves from the client's own bytes, and
//! in a replay some Data only counts, because a recording does not hold it.

use std::ops::Deref;

/// One piece of Data that is not copied to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrowed {
    /// It follows this many bytes of the write buffer.
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) origin: Origin,
}

/// Bytes from which on Data may be borrowed, wherever it lies.
pub(crate) const MIN_BORROWED_BYTES: usize = 4 * 1024;

/// Pieces that are borrowed at once, at most. More are copied.
pub(crate) const MAX_BORROWED: usize = 31;

/// The largest number of bytes that is counted: half of what can be addressed, so that no sum overflows.
const MAX_BYTES: usize = usize::MAX / 2;

/// Where a message lies while it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the bytes that were read, where it ends at this index.
    Input { end: usize },
    /// At the end of the connection's own buffer.
    Held,
    /// Nowhere: a replay counts it, and it is not written.
    Absent,
}

impl Origin {
    /// Bytes from which on Data of a message from here is borrowed. Less is copied in less time than the
    /// system needs to gather it, or than a write of its own takes where the connection holds it.
    pub(super) fn min_bytes(self) -> usize {
        match self {
            Origin::Input { .. } => MIN_BORROWED_BYTES,
            Origin::Held => 64 * 1024,
            Origin::Absent => 0,
        }
    }
}

/// The Data that replies can borrow: the end of the message that is being handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lender<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) origin: Origin,
}

impl Lender<'_> {
    /// Whether `data` lies in the lent bytes, and one more piece can be borrowed.
    pub(super) fn lends(&self, data: &[u8], borrowed: &Borrowings) -> bool {
        std::ptr::eq(self.data, data) && (borrowed.len() < MAX_BORROWED || self.origin == Origin::Absent)
    }
}

/// All pieces that are borrowed, in the order in which they go out.
#[derive(Debug, Default)]
pub(crate) struct Borrowings {
    pieces: Vec<Borrowed>,
    bytes: usize,
}

impl Borrowings {
    /// Bytes that go out without lying in the write buffer.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, borrowed: Borrowed) {
        self.count_absent(borrowed.len);
        self.pieces.push(borrowed);
    }

    /// Takes the last piece if it lies in the connection's own buffer.
    pub(super) fn pop_held(&mut self) -> Option<Borrowed> {
        let borrowed = self.pieces.pop_if(|borrowed| borrowed.origin == Origin::Held)?;
        self.bytes = self.bytes.saturating_sub(borrowed.len);
        Some(borrowed)
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Counts bytes that go out without lying in the write buffer. A replay counts the output of earlier
    /// calls, and a recording may claim more than is possible.
    pub(crate) fn count_absent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes).min(MAX_BYTES);
    }

    /// The absent pieces behind the first `from` bytes of the write buffer: how far behind them each is, and
    /// its length.
    pub(crate) fn absent_from(&self, from: usize) -> impl Iterator<Item = (usize, usize)> {
        // A piece that follows exactly these bytes belongs to a frame that begins before them.
        let first = self.pieces.partition_point(|borrowed| borrowed.at <= from);
        let behind = self.pieces.get(first..).unwrap_or_default().iter();
        behind
            .filter(|borrowed| borrowed.origin == Origin::Absent)
            .map(move |borrowed| (borrowed.at.saturating_sub(from), borrowed.len))
    }
}

impl Deref for Borrowings {
    type Target = [Borrowed];

    fn deref(&self) -> &[Borrowed] {
        &self.pieces
    }
}
