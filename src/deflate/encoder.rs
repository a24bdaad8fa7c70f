//! An encoder of deflate blocks (RFC 1951) for messages of a few hundred bytes: its memory is a window and a
//! table of a few KiB, of which nothing has to be cleared between messages.
//!
//! It looks for each group of four bytes at one earlier place, prefers a longer match that begins a byte
//! later, and writes blocks with the fixed codes. So each byte costs about the same, whatever the input.

use super::bit_writer::BitWriter;
use super::fixed_codes::{BLOCK_HEADER, Bits, END_OF_BLOCK, distance, length, literal};
use super::history::{Finder, History, Size};

/// The memory of an encoder for one connection, 20 KiB. With half of the positions, or of the window,
/// messages of 200 bytes become longer than by zlib's fastest level.
const DEDICATED: Size = Size { window_bits: 13, slack_bytes: 4 * 1024, position_bits: 12 };
/// The memory of an encoder that many connections share, 64 KiB. A message that is compressed in one step
/// fits without being split, so that its form does not depend on those before.
const SHARED: Size = Size { window_bits: 15, slack_bytes: 24 * 1024, position_bits: 12 };
/// A match of this many bytes is taken without a look for a longer one.
const LONG_MATCH_BYTES: usize = 32;

/// Encodes messages, each of which can refer back to earlier ones.
#[derive(Debug)]
pub(super) struct Encoder {
    history: History,
    writer: BitWriter,
    /// A block has begun.
    is_open: bool,
}

impl Encoder {
    /// An encoder for one connection, which refers back at most `1 << window_bits` bytes.
    pub(super) fn dedicated(window_bits: u8) -> Self {
        Self::new(DEDICATED, window_bits)
    }

    /// An encoder for many connections.
    pub(super) fn shared(window_bits: u8) -> Self {
        Self::new(SHARED, window_bits)
    }

    fn new(size: Size, window_bits: u8) -> Self {
        let size = Size { window_bits: size.window_bits.min(window_bits), ..size };
        Encoder { history: History::new(size), writer: BitWriter::default(), is_open: false }
    }

    /// The next message refers back to none before it.
    pub(super) fn forget(&mut self) {
        self.history.forget();
    }

    /// Encodes a slice of a message, which consists of `parts`, and appends the result, except for some bits,
    /// to `out`.
    pub(super) fn encode(&mut self, parts: &[&[u8]], out: &mut Vec<u8>) {
        // Parts are encoded together where they fit, so that matches can go beyond their ends.
        let mut waiting = 0;
        for part in parts {
            let mut rest = *part;
            while !rest.is_empty() {
                if self.history.space() < rest.len() {
                    self.encode_last(std::mem::take(&mut waiting), out);
                }
                let taken = self.history.take(rest);
                waiting += taken;
                rest = rest.get(taken..).unwrap_or_default();
            }
        }
        self.encode_last(waiting, out);
    }

    /// Encodes the last bytes of the history.
    fn encode_last(&mut self, count: usize, out: &mut Vec<u8>) {
        if count == 0 {
            return;
        }
        let mut writer = self.writer;
        if !std::mem::replace(&mut self.is_open, true) {
            push(&mut writer, BLOCK_HEADER);
        }
        let finder = &mut self.history.finder();
        encode_from(finder.bytes.len().saturating_sub(count), finder, &mut writer, out);
        self.writer = writer;
    }

    /// Ends a message: appends the rest of it, without the four bytes that are left out on the wire (RFC 7692
    /// §7.2.1).
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_open) {
            push(&mut self.writer, END_OF_BLOCK);
        }
        // The header of an empty block, whose length is left out.
        self.writer.push(0, 3);
        self.writer.align(out);
    }
}

/// Encodes the bytes from `at` to the last one.
#[inline(always)]
fn encode_from(mut at: usize, finder: &mut Finder<'_>, writer: &mut BitWriter, out: &mut Vec<u8>) {
    while let Some(&byte) = finder.bytes.get(at) {
        writer.write(out);
        let Some(mut found) = finder.find(at) else {
            push(writer, literal(byte));
            at += 1;
            continue;
        };
        if found.len < LONG_MATCH_BYTES
            && let Some(longer) = finder.find(at + 1).filter(|next| next.len > found.len + 1)
        {
            push(writer, literal(byte));
            (at, found) = (at + 1, longer);
        }
        push(writer, length(found.len));
        push(writer, distance(found.distance));
        finder.skip(at + 2, at + found.len);
        at += found.len;
    }
}

#[inline(always)]
fn push(writer: &mut BitWriter, bits: Bits) {
    let (bits, count) = bits.parts();
    writer.push(bits, count);
}
