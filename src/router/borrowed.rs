//! Data that is sent without being copied into the write buffer. Echoed bytes leave from their place in the
//! input; in a replay some Data is only counted, because the recording does not hold it.

use std::ops::Deref;

/// One piece of Data that is sent without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrowed {
    /// It follows this many bytes of the write buffer.
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) origin: Origin,
}

/// The least number of bytes that may be borrowed, wherever they are.
pub(crate) const MIN_BORROWED_BYTES: usize = 4 * 1024;

/// The most pieces that are borrowed at a time. Further pieces are copied.
pub(crate) const MAX_BORROWED: usize = 31;

/// The largest number of bytes that is counted: half of the address space, so that no sum overflows.
const MAX_BYTES: usize = usize::MAX / 2;

/// Where a message is stored while it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In the read buffer, where it ends at this index.
    Input { end: usize },
    /// At the end of the connection's own buffer.
    Held,
    /// Nowhere: a replay counts it, and does not write it.
    Absent,
}

impl Origin {
    /// The least number of bytes that may be borrowed from here. Copying fewer takes less time than the
    /// system needs to gather them, or, in the connection's own buffer, than a separate write.
    pub(super) fn min_bytes(self) -> usize {
        match self {
            Origin::Input { .. } => MIN_BORROWED_BYTES,
            Origin::Held => 64 * 1024,
            Origin::Absent => 0,
        }
    }
}

/// The Data that replies can borrow: the end of the current message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lender<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) origin: Origin,
}

impl Lender<'_> {
    /// Whether `data` is the lent Data, and one more piece can be borrowed.
    pub(super) fn lends(&self, data: &[u8], borrowed: &Borrowings) -> bool {
        std::ptr::eq(self.data, data) && (borrowed.len() < MAX_BORROWED || self.origin == Origin::Absent)
    }
}

/// All borrowed pieces, in the order in which they are sent.
#[derive(Debug, Default)]
pub(crate) struct Borrowings {
    pieces: Vec<Borrowed>,
    bytes: usize,
}

impl Borrowings {
    /// The number of bytes that are sent without being in the write buffer.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, borrowed: Borrowed) {
        self.count_absent(borrowed.len);
        self.pieces.push(borrowed);
    }

    /// Takes the last piece if it is in the connection's own buffer.
    pub(super) fn pop_held(&mut self) -> Option<Borrowed> {
        let borrowed = self.pieces.pop_if(|borrowed| borrowed.origin == Origin::Held)?;
        self.bytes = self.bytes.saturating_sub(borrowed.len);
        Some(borrowed)
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// Counts bytes that are sent without being in the write buffer. A replay passes the
    /// number of gathered bytes in the recording, which may be more than can exist.
    pub(crate) fn count_absent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes).min(MAX_BYTES);
    }

    /// The absent pieces after the first `from` bytes of the write buffer: the distance and length of each.
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
