//! Reassembly of a message from fragments and pieces (RFC 6455 §5.4), with the UTF-8 check of text (§8.1).

use super::error::Error;
use super::mask::apply_mask;
use super::utf8::Utf8Validator;

/// The least capacity of a buffer, in bytes, unless the message is known to be shorter.
const MIN_CAPACITY_BYTES: usize = 256;
/// The least free space in a buffer, in bytes, for which a read straight into it is worth the system call.
const MIN_FREE_BYTES: usize = 16 * 1024;

/// Whether a message is text or binary (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// The bytes of an unfinished message. The buffer stays allocated for the next message.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    /// The first `filled` bytes are the unmasked bytes of the unfinished message, or of the last one if none
    /// has begun. The bytes after them are free space to read into.
    buffer: Vec<u8>,
    filled: usize,
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    kind: MessageKind,
    compressed: bool,
    /// The number of frames whose headers have arrived.
    fragments: usize,
    utf8: Utf8Validator,
}

impl Assembly {
    /// Begins a message. Its first fragment must be counted like the others.
    pub(super) fn begin(&mut self, kind: MessageKind, compressed: bool) {
        self.filled = 0;
        self.begun = Some(Begun { kind, compressed, fragments: 0, utf8: Utf8Validator::default() });
    }

    /// Counts `more` frames of the message, once their headers have arrived.
    pub(super) fn count_fragments(&mut self, more: usize) {
        if let Some(begun) = &mut self.begun {
            begun.fragments += more;
        }
    }

    /// The number of fragments of the unfinished message; `None` if there is no such message.
    pub(super) fn fragments(&self) -> Option<usize> {
        self.begun.map(|begun| begun.fragments)
    }

    /// The number of bytes of the unfinished message that have arrived.
    pub(super) fn len(&self) -> usize {
        if self.begun.is_some() { self.filled } else { 0 }
    }

    /// Appends a piece that is still masked with `key`. `ceiling` is the greatest length that the message can
    /// have as far as is known. The buffer grows by doubling, but never beyond it.
    pub(super) fn append(&mut self, piece: &[u8], key: Option<[u8; 4]>, ceiling: usize) -> Result<(), Error> {
        let needed = self.filled.saturating_add(piece.len());
        self.reserve(needed, ceiling);
        let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let (first, rest) = piece.split_at(piece.len().min(free.len()));
        if let Some(free) = free.get_mut(..first.len()) {
            free.copy_from_slice(first);
        }
        self.buffer.extend_from_slice(rest);
        self.commit(piece.len(), key)
    }

    /// Free space for the next of `remaining` bytes, so that they can be received without a copy; `None` if
    /// that is not worth it. The buffer at most doubles: a length that is only announced allocates nothing.
    pub(super) fn free_space(&mut self, remaining: usize) -> Option<&mut [u8]> {
        let ceiling = self.filled.saturating_add(remaining);
        if self.buffer.len() == self.filled && self.filled >= MIN_FREE_BYTES {
            if self.buffer.capacity() == self.filled {
                self.reserve(self.filled.saturating_add(1), ceiling);
            }
            self.buffer.resize(self.buffer.capacity().min(ceiling), 0);
        }
        let end = ceiling.min(self.buffer.len());
        self.buffer.get_mut(self.filled..end).filter(|free| free.len() >= MIN_FREE_BYTES)
    }

    /// Grows the capacity to at least `needed` bytes.
    fn reserve(&mut self, needed: usize, ceiling: usize) {
        let capacity = self.buffer.capacity();
        if needed > capacity {
            let wished = capacity.saturating_mul(2).max(MIN_CAPACITY_BYTES).min(ceiling);
            self.buffer.reserve_exact(wished.max(needed) - self.buffer.len());
        }
    }

    /// Adds the `count` bytes that were written to the free space: unmasks and checks them.
    pub(super) fn commit(&mut self, count: usize, key: Option<[u8; 4]>) -> Result<(), Error> {
        let from = self.filled;
        self.filled = from.saturating_add(count).min(self.buffer.len());
        let piece = self.buffer.get_mut(from..self.filled).unwrap_or_default();
        if let Some(key) = key {
            apply_mask(piece, key);
        }
        match &mut self.begun {
            Some(Begun { kind: MessageKind::Text, compressed: false, utf8, .. }) => utf8.push(piece),
            Some(_) | None => Ok(()),
        }
    }

    /// Ends the message. Returns its kind and whether it is compressed; [`payload`](Self::payload) has its
    /// bytes until another message begins.
    pub(super) fn finish(&mut self) -> Result<(MessageKind, bool), Error> {
        let begun = self.begun.take().ok_or(Error::UnexpectedContinuation)?;
        // If the message was not checked, the validator is at its start, and this succeeds.
        begun.utf8.finish()?;
        Ok((begun.kind, begun.compressed))
    }

    /// The bytes of the last finished message.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.filled).unwrap_or_default()
    }

    /// [`payload`](Self::payload), read-only.
    pub(super) fn last_payload(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// The number of bytes allocated.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Frees the capacity beyond the unfinished message.
    pub(super) fn trim(&mut self) {
        self.filled = self.len();
        self.buffer.truncate(self.filled);
        self.buffer.shrink_to_fit();
    }
}
