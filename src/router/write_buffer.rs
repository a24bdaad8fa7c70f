//! The write buffer of a reactor, into which connections and handlers put their output.

use super::borrowed::{Borrowings, Origin};

/// The output of this turn's connections, one after the other, with references to the parts stored elsewhere.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    /// The output of this turn's connections, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// The start of the current connection's output.
    pub(crate) start: usize,
    /// Data that is sent with it but is not in `bytes`.
    pub(crate) borrowed: Borrowings,
}

impl WriteBuffer {
    /// Starts the output of another connection.
    #[inline]
    pub(crate) fn begin(&mut self) {
        self.start = self.bytes.len();
    }

    /// The size of the current connection's output that is neither written nor queued yet, in bytes.
    pub(crate) fn gathered(&self) -> usize {
        // Neither can wrap: `bytes` is never cut before `start`, and `borrowed` stays far below the maximum.
        self.bytes.len().wrapping_sub(self.start).wrapping_add(self.borrowed.bytes())
    }

    /// Copies the parts borrowed from `held`, the connection's own buffer, into place: that buffer is about
    /// to be reused.
    pub(crate) fn copy_held(&mut self, held: &[u8]) {
        while let Some(borrowed) = self.borrowed.pop_held() {
            let data = held.get(held.len().saturating_sub(borrowed.len)..).unwrap_or_default();
            self.bytes.splice(borrowed.at..borrowed.at, data.iter().copied());
        }
    }

    /// Whether something is borrowed that vanishes when the connection gets more bytes.
    pub(crate) fn lends_held(&self) -> bool {
        self.borrowed.last().is_some_and(|borrowed| borrowed.origin == Origin::Held)
    }

    /// Forgets the output of the current connection, which has been written or queued.
    pub(crate) fn clear_gathered(&mut self) {
        self.bytes.truncate(self.start);
        self.borrowed.clear();
    }
}
