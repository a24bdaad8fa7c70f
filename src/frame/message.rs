//! A message put together from pieces: RFC 6455 §5.4, and §8.1 for text.

use super::error::Error;
use super::mask::apply_mask;
use super::utf8::Utf8Validator;

/// What a buffer holds room for at least, in bytes, unless the message cannot be so long.
const MIN_CAPACITY_BYTES: usize = 256;

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message of which not all bytes have come. It keeps its buffer for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    /// The bytes that came, unmasked; those of the last message if none is begun.
    buffer: Vec<u8>,
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    kind: Kind,
    compressed: bool,
    /// Frames whose headers have come.
    fragments: usize,
    utf8: Utf8Validator,
}

impl Assembly {
    /// Begins a message; its first fragment is to be counted like the others.
    pub(super) fn begin(&mut self, kind: Kind, compressed: bool) {
        self.buffer.clear();
        self.begun = Some(Begun { kind, compressed, fragments: 0, utf8: Utf8Validator::default() });
    }

    /// Counts a frame of the message whose header has come.
    pub(super) fn count_fragment(&mut self) {
        if let Some(begun) = &mut self.begun {
            begun.fragments += 1;
        }
    }

    /// The number of fragments of the unfinished message, if there is one.
    pub(super) fn fragments(&self) -> Option<usize> {
        self.begun.map(|begun| begun.fragments)
    }

    /// Bytes of the unfinished message that have come.
    pub(super) fn len(&self) -> usize {
        if self.begun.is_some() { self.buffer.len() } else { 0 }
    }

    /// Adds a piece, still masked with `key`. `ceiling` is the length that the message can reach by
    /// what is known of it: room is made for what comes, twice over, but never for more than that.
    pub(super) fn append(&mut self, piece: &[u8], key: Option<[u8; 4]>, ceiling: usize) -> Result<(), Error> {
        let from = self.buffer.len();
        let needed = from.saturating_add(piece.len());
        let capacity = self.buffer.capacity();
        if needed > capacity {
            let wished = capacity.saturating_mul(2).max(MIN_CAPACITY_BYTES).min(ceiling);
            self.buffer.reserve_exact(wished.max(needed) - from);
        }
        self.buffer.extend_from_slice(piece);
        self.commit(from, key)
    }

    /// Unmasks and checks what lies in the buffer from the index `from` on.
    fn commit(&mut self, from: usize, key: Option<[u8; 4]>) -> Result<(), Error> {
        let piece = self.buffer.get_mut(from..).unwrap_or_default();
        if let Some(key) = key {
            apply_mask(piece, key);
        }
        match &mut self.begun {
            Some(Begun { kind: Kind::Text, compressed: false, utf8, .. }) => utf8.push(piece),
            Some(_) | None => Ok(()),
        }
    }

    /// Ends the message: its kind, and whether it is compressed. Its bytes stay in [`payload`](Self::payload) until another one begins.
    pub(super) fn finish(&mut self) -> Result<(Kind, bool), Error> {
        let begun = self.begun.take().ok_or(Error::UnexpectedContinuation)?;
        // Of what was not looked at nothing is unfinished.
        begun.utf8.finish()?;
        Ok((begun.kind, begun.compressed))
    }

    /// The bytes of the message last finished.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    /// Bytes allocated.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Gives back what is allocated beyond the unfinished message.
    pub(super) fn trim(&mut self) {
        self.buffer.truncate(self.len());
        self.buffer.shrink_to_fit();
    }
}
