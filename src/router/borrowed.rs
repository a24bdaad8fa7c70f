//! What goes out without lying in the write buffer: Data that is sent from where the client's own bytes lie, and,
//! in a replay, what stands for Data that a recording does not hold.

use std::ops::Deref;

/// Data that goes out from where the client's own bytes lie: what is echoed is not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Borrowed {
    /// It follows so many bytes of the write buffer.
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) origin: Origin,
}

/// Less is not borrowed, wherever it lies.
pub(crate) const MIN_BORROWED_BYTES: usize = 4 * 1024;

/// Pieces that are borrowed at once, at most; what is beyond that is copied.
pub(crate) const MAX_BORROWED: usize = 31;

/// The largest number of bytes that is counted, to which others can be added.
const MAX_BYTES: usize = usize::MAX / 2;

/// Where a message lies while it is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In what was read, which it takes up to this index.
    Input { end: usize },
    /// In the connection's own buffer, which it takes to the end.
    Held,
    /// Nowhere: a replay counts it, and nobody writes it.
    Absent,
}

impl Origin {
    /// Data of a message from here that need not be copied to be sent has at least so many bytes. Less
    /// is copied in less time than it takes to have the system gather it, or, of what is held, to be written by itself.
    pub(super) fn min_bytes(self) -> usize {
        match self {
            Origin::Input { .. } => MIN_BORROWED_BYTES,
            Origin::Held => 64 * 1024,
            Origin::Absent => 0,
        }
    }
}

/// What a reply can borrow: the end of the message that is being handled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lender<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) origin: Origin,
}

impl Lender<'_> {
    /// Whether it can lend one piece more.
    pub(super) fn lends(&self, data: &[u8], borrowed: &Borrowings) -> bool {
        std::ptr::eq(self.data, data) && (borrowed.len() < MAX_BORROWED || self.origin == Origin::Absent)
    }
}

/// All that is borrowed, in the order in which it goes out.
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

    /// Takes the last piece, if it lies in the connection's own buffer.
    pub(super) fn pop_held(&mut self) -> Option<Borrowed> {
        let borrowed = self.pieces.pop_if(|borrowed| borrowed.origin == Origin::Held)?;
        self.bytes = self.bytes.saturating_sub(borrowed.len);
        Some(borrowed)
    }

    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// So many bytes more go out without lying in the write buffer. A replay says so of what was gathered before, and
    /// may say more than there can be.
    pub(crate) fn count_absent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes).min(MAX_BYTES);
    }

    /// What is absent behind the first `from` bytes of the write buffer: how far behind them, and its length.
    pub(crate) fn absent_from(&self, from: usize) -> impl Iterator<Item = (usize, usize)> {
        // What follows exactly these belongs to a frame that begins before them.
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
