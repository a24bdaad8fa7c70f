//! A message put together from pieces: RFC 6455 §5.4, and §8.1 for text.

use super::error::Error;
use super::mask::apply_mask;
use super::utf8::Utf8Validator;

/// What a buffer holds room for at least, in bytes, unless the message cannot be so long.
const MIN_CAPACITY_BYTES: usize = 256;
/// Room in a buffer that is worth a read of its own, in bytes.
const MIN_ROOM_BYTES: usize = 16 * 1024;

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// A message of which not all bytes have come. It keeps its buffer for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    /// The bytes that came, unmasked, are the first `filled`; those of the last message if none is
    /// begun. What lies behind them is room to read into.
    buffer: Vec<u8>,
    filled: usize,
    begun: Option<Begun>,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    kind: MessageKind,
    compressed: bool,
    /// Frames whose headers have come.
    fragments: usize,
    utf8: Utf8Validator,
}

impl Assembly {
    /// Begins a message; its first fragment is to be counted like the others.
    pub(super) fn begin(&mut self, kind: MessageKind, compressed: bool) {
        self.filled = 0;
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
        if self.begun.is_some() { self.filled } else { 0 }
    }

    /// Adds a piece, still masked with `key`. `ceiling` is the length that the message can reach by
    /// what is known of it: room is made for what comes, twice over, but never for more than that.
    pub(super) fn append(&mut self, piece: &[u8], key: Option<[u8; 4]>, ceiling: usize) -> Result<(), Error> {
        let needed = self.filled.saturating_add(piece.len());
        self.reserve(needed, ceiling);
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let (into_room, behind) = piece.split_at(piece.len().min(room.len()));
        if let Some(room) = room.get_mut(..into_room.len()) {
            room.copy_from_slice(into_room);
        }
        self.buffer.extend_from_slice(behind);
        self.commit(piece.len(), key)
    }

    /// Where the next of `remaining` bytes can be put without a copy, if so many are expected that it
    /// is worth it. Room is made for as many bytes as have come, and no more.
    pub(super) fn room(&mut self, remaining: usize) -> Option<&mut [u8]> {
        let ceiling = self.filled.saturating_add(remaining);
        if self.buffer.len() == self.filled && self.filled >= MIN_ROOM_BYTES {
            if self.buffer.capacity() == self.filled {
                self.reserve(self.filled.saturating_add(1), ceiling);
            }
            self.buffer.resize(self.buffer.capacity().min(ceiling), 0);
        }
        let end = ceiling.min(self.buffer.len());
        self.buffer.get_mut(self.filled..end).filter(|room| room.len() >= MIN_ROOM_BYTES)
    }

    /// Makes room for `needed` bytes in all.
    fn reserve(&mut self, needed: usize, ceiling: usize) {
        let capacity = self.buffer.capacity();
        if needed > capacity {
            let wished = capacity.saturating_mul(2).max(MIN_CAPACITY_BYTES).min(ceiling);
            self.buffer.reserve_exact(wished.max(needed) - self.buffer.len());
        }
    }

    /// Takes the `count` bytes that were put behind the others: unmasks and checks them.
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

    /// Ends the message: its kind, and whether it is compressed. Its bytes stay in [`payload`](Self::payload) until another one begins.
    pub(super) fn finish(&mut self) -> Result<(MessageKind, bool), Error> {
        let begun = self.begun.take().ok_or(Error::UnexpectedContinuation)?;
        // Of what was not looked at nothing is unfinished.
        begun.utf8.finish()?;
        Ok((begun.kind, begun.compressed))
    }

    /// The bytes of the message last finished.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.filled).unwrap_or_default()
    }

    /// The same, to be looked at.
    pub(super) fn last_payload(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Bytes allocated.
    pub(super) fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Gives back what is allocated beyond the unfinished message.
    pub(super) fn trim(&mut self) {
        self.filled = self.len();
        self.buffer.truncate(self.filled);
        self.buffer.shrink_to_fit();
    }
}
