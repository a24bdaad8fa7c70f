//! The end of what a client has sent, to which its next message can refer back.

/// A part of the window, beyond which the oldest bytes are dropped, and which is the least that is allocated.
const PARTS: usize = 8;

/// A window that is kept from message to message.
#[derive(Debug)]
pub(super) struct ClientWindow {
    /// The last bytes of the client's messages, and up to an eighth of a window before them.
    bytes: Vec<u8>,
    /// The size of the window; 0 if each message begins with an empty one.
    most: usize,
}

impl ClientWindow {
    /// A window of this many bytes.
    pub(super) fn new(most: usize) -> Self {
        ClientWindow { bytes: Vec::new(), most }
    }

    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(self.bytes.len().saturating_sub(self.most)..).unwrap_or_default()
    }

    /// Adds an inflated message.
    pub(super) fn remember(&mut self, message: &[u8]) {
        let (most, part) = (self.most, self.most / PARTS);
        let message = message.get(message.len().saturating_sub(most)..).unwrap_or_default();
        let len = self.bytes.len() + message.len();
        if len > most + part {
            self.bytes.drain(..(len - most).min(self.bytes.len()));
        }
        if self.bytes.capacity() - self.bytes.len() < message.len() {
            // All of it as soon as it holds more than a little.
            let capacity = if len < part { part } else { most + part };
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(message);
    }

    /// Frees all but the window.
    pub(super) fn trim(&mut self) {
        self.bytes.drain(..self.bytes.len().saturating_sub(self.most));
        self.bytes.shrink_to_fit();
    }
}
