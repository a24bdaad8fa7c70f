//! The bytes that a message can refer back to, and where each group of four was last seen.
//!
//! A position is only a hint: whoever finds it compares the bytes. So positions of bytes that are gone do no
//! harm.

use super::fixed_codes::MAX_MATCH_BYTES;

/// The number of bytes that are looked for together, and the shortest match found.
const GROUP_BYTES: usize = 4;

/// The memory of an encoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// The base-2 logarithm of the farthest reference back, at most 15.
    pub(super) window_bits: u8,
    /// The bytes that are held beside the window: what is encoded at once, and what is not yet dropped. At
    /// most 32 KiB less one byte.
    pub(super) slack_bytes: usize,
    /// The base-2 logarithm of the number of positions, of two bytes each.
    pub(super) position_bits: u8,
}

/// The window, the bytes that are being encoded, and positions.
#[derive(Debug)]
pub(super) struct History {
    bytes: Vec<u8>,
    /// The most that `bytes` holds.
    most: usize,
    /// The farthest reference back.
    window: usize,
    /// Nothing before this position may be referred to.
    begin: usize,
    /// By hash: one more than the last position of a group of bytes, or 0.
    positions: Box<[u16]>,
}

/// An earlier occurrence of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// 4 to 258.
    pub(super) len: usize,
    pub(super) distance: usize,
}

impl History {
    pub(super) fn new(size: Size) -> Self {
        let window = 1 << size.window_bits;
        History {
            bytes: Vec::new(),
            most: window + size.slack_bytes,
            window,
            begin: 0,
            positions: vec![0; 1 << size.position_bits].into_boxed_slice(),
        }
    }

    /// From here on nothing refers back to what came before. The next bytes, as many as three quarters of
    /// what is held beside the window, need not be split.
    pub(super) fn forget(&mut self) {
        self.begin = self.bytes.len();
        if self.space() < (self.most - self.window) / 4 * 3 {
            self.slide();
        }
    }

    /// Appends the first bytes of `input`, as many as are encoded at once. Returns their number.
    pub(super) fn take(&mut self, input: &[u8]) -> usize {
        if self.space() < input.len() {
            self.slide();
        }
        let input = input.get(..self.space()).unwrap_or(input);
        if self.bytes.capacity() < self.most {
            self.bytes.reserve_exact(self.space());
        }
        self.bytes.extend_from_slice(input);
        input.len()
    }

    /// Drops the bytes that nothing can refer to.
    fn slide(&mut self) {
        let by = self.begin.max(self.bytes.len().saturating_sub(self.window));
        self.bytes.drain(..by);
        self.begin = self.begin.saturating_sub(by);
        let by = u16::try_from(by).unwrap_or(u16::MAX);
        self.positions.iter_mut().for_each(|position| *position = position.saturating_sub(by));
    }

    /// The bytes that can be taken before any have to be dropped.
    pub(super) fn space(&self) -> usize {
        self.most - self.bytes.len()
    }

    pub(super) fn finder(&mut self) -> Finder<'_> {
        Finder {
            bytes: &self.bytes,
            shift: u32::BITS - self.positions.len().trailing_zeros(),
            positions: &mut self.positions,
            window: self.window,
            begin: self.begin,
        }
    }
}

/// Finds earlier occurrences of bytes.
pub(super) struct Finder<'h> {
    pub(super) bytes: &'h [u8],
    positions: &'h mut [u16],
    /// The number of bits by which a hash is longer than an index of `positions`.
    shift: u32,
    window: usize,
    begin: usize,
}

impl Finder<'_> {
    /// The last occurrence of the bytes at `at`, as far as it is known. Their position is kept.
    #[inline(always)]
    pub(super) fn find(&mut self, at: usize) -> Option<Match> {
        let here = self.bytes.get(at..)?;
        let group = here.first_chunk::<GROUP_BYTES>()?;
        let before = usize::from(self.keep(*group, at)?).wrapping_sub(1);
        if before < self.begin {
            return None;
        }
        // None if there is no position.
        let there = self.bytes.get(before..)?;
        // Wraps if the position belongs to bytes that are gone.
        let distance = at.wrapping_sub(before);
        if there.first_chunk() != Some(group) || distance.wrapping_sub(1) >= self.window {
            return None;
        }
        let here = here.get(..MAX_MATCH_BYTES).unwrap_or(here);
        Some(Match { len: common(here, there), distance })
    }

    /// Keeps every other position between `from` and `to`.
    #[inline(always)]
    pub(super) fn skip(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let Some(group) = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk()) else { return };
            self.keep(*group, at);
            at += 2;
        }
    }

    /// Keeps the position of a group of bytes, and returns the previous one.
    #[inline(always)]
    fn keep(&mut self, group: [u8; GROUP_BYTES], at: usize) -> Option<u16> {
        // The multiplier is 2^32 divided by the golden ratio: the highest bits depend on all four bytes.
        let hash = u32::from_le_bytes(group).wrapping_mul(0x9e37_79b1);
        let index = hash.wrapping_shr(self.shift);
        Some(std::mem::replace(self.positions.get_mut(index as usize)?, at.wrapping_add(1) as u16))
    }
}

/// The number of equal bytes at the beginning.
#[inline(always)]
fn common(one: &[u8], other: &[u8]) -> usize {
    let mut len = 0;
    let mut rest = (one.chunks_exact(8), other.chunks_exact(8));
    for (one, other) in rest.0.by_ref().zip(rest.1.by_ref()) {
        let differ = number(one) ^ number(other);
        if differ != 0 {
            return len + differ.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    let rest = (one.get(len..).unwrap_or_default(), other.get(len..).unwrap_or_default());
    len + rest.0.iter().zip(rest.1).take_while(|(one, other)| one == other).count()
}

#[inline(always)]
fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
