//! Bytes that were read from the socket but have to wait.

use crate::metrics::Stamp;

/// The most taken bytes whose memory is still held.
const TAKEN_BYTES: usize = 16 * 1024;

/// The rest of one read; bytes are taken from its front without moving it.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// Bytes that have been taken.
    taken: usize,
    /// When the bytes arrived, if that is measured.
    arrived: Stamp,
}

impl Inbox {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Inbox { bytes: bytes.to_vec(), taken: 0, arrived: Stamp::default() }
    }

    pub(super) fn set_arrived(&mut self, at: Stamp) {
        self.arrived = at;
    }

    /// When the bytes arrived.
    pub(crate) fn arrived(&self) -> Stamp {
        self.arrived
    }

    /// The bytes that are left.
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// The bytes that are left, to be unmasked in place.
    pub(crate) fn rest_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.taken..).unwrap_or_default()
    }

    /// Takes `taken` more bytes. Frees their memory once there are many.
    pub(super) fn advance(&mut self, taken: usize) {
        self.taken += taken;
        if self.taken >= TAKEN_BYTES {
            self.trim();
        }
    }

    /// Bytes that are allocated.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Frees the memory of taken bytes.
    pub(super) fn trim(&mut self) {
        self.bytes.drain(..self.taken.min(self.bytes.len()));
        self.bytes.shrink_to_fit();
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trim_frees_bytes_that_were_taken() {
        let mut inbox = Inbox::new(&[7; 1000]);
        inbox.advance(400);
        inbox.advance(500);
        inbox.trim();
        assert_eq!((inbox.rest(), inbox.bytes.capacity()), (&[7; 100][..], 100));
        inbox.advance(99);
        assert_eq!((inbox.rest().len(), inbox.rest_mut().len()), (1, 1));
    }
}
