//! The bytes that a client has yet to send, and how fast it sends them.

use std::time::Duration;

/// A queue of bytes, sent all at once or at a pace.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` have been sent.
    sent: usize,
    /// The most bytes that are sent at once, and the time between.
    pub(super) pace: Option<(usize, Duration)>,
}

impl Outgoing {
    /// The buffer to append bytes to.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Whether all has been sent.
    pub(super) fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// The bytes to send now.
    pub(super) fn next_piece(&self) -> &[u8] {
        let rest = self.bytes.get(self.sent..).unwrap_or_default();
        let most = self.pace.map_or(usize::MAX, |(most, _)| most);
        rest.get(..most.min(rest.len())).unwrap_or_default()
    }

    /// Notes that `count` bytes were sent.
    pub(super) fn note_sent(&mut self, count: usize) {
        self.sent += count;
        if self.is_empty() {
            self.bytes.clear();
            self.sent = 0;
        }
    }

    /// Drops unsent bytes, and the pace.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        self.pace = None;
    }
}
