//! The write buffer of a reactor, into which connections and handlers write their output.

use super::borrowed::{Borrowings, Origin};

/// The output of the connections of one turn, one behind the other, and what of it lies elsewhere.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    /// Output of the connections of this turn, one behind the other.
    pub(crate) bytes: Vec<u8>,
    /// Where the output of the connection in hand begins.
    pub(crate) start: usize,
    /// Data that goes out with it without lying in `bytes`.
    pub(crate) borrowed: Borrowings,
}

impl WriteBuffer {
    /// Bytes that are appended from now on are the output of another connection.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.start = self.bytes.len();
    }

    /// Bytes gathered for the current connection: output that is neither written nor queued yet.
    pub(crate) fn gathered(&self) -> usize {
        self.bytes.len() - self.start + self.borrowed.bytes()
    }

    /// Copies Data that was borrowed from `held`, the connection's own buffer, into the write buffer: `held`
    /// is about to go.
    pub(crate) fn copy_held(&mut self, held: &[u8]) {
        while let Some(borrowed) = self.borrowed.pop_held() {
            let data = held.get(held.len().saturating_sub(borrowed.len)..).unwrap_or_default();
            self.bytes.splice(borrowed.at..borrowed.at, data.iter().copied());
        }
    }

    /// Whether something was borrowed that is gone once the connection is given more bytes.
    pub(crate) fn lends_held(&self) -> bool {
        self.borrowed.last().is_some_and(|borrowed| borrowed.origin == Origin::Held)
    }

    /// Forgets the output of the connection in hand, which has been written or queued.
    pub(crate) fn clear_gathered(&mut self) {
        self.bytes.truncate(self.start);
        self.borrowed.clear();
    }
}
