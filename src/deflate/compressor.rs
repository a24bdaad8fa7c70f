//! The compressors that messages can have, by level.

use flate2::{Compress, Compression, FlushCompress};

use super::encoder::Encoder;
use super::{OWN_LEVEL, bound};

/// The end of each message that zlib compresses, which is left out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The least number of bytes by which output grows.
const STEP_BYTES: usize = 4 * 1024;

/// What a compressor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// 1: this library's encoder; 2 to 6: zlib's levels.
    pub(super) level: u8,
    /// The base-2 logarithm of the farthest reference back, 9 to 15.
    pub(super) window_bits: u8,
    /// It serves one connection, so its memory matters.
    pub(super) is_dedicated: bool,
}

/// A compressor, which can be within a message.
#[derive(Debug)]
pub(super) enum Compressor {
    Own(Encoder),
    /// It takes 300 KB, whatever its window.
    Zlib(Compress),
}

impl Compressor {
    pub(super) fn new(setting: Setting) -> Self {
        let Setting { level, window_bits, is_dedicated } = setting;
        match level {
            ..=OWN_LEVEL if is_dedicated => Compressor::Own(Encoder::dedicated(window_bits)),
            ..=OWN_LEVEL => Compressor::Own(Encoder::shared(window_bits)),
            _ => {
                let level = Compression::new(level.into());
                Compressor::Zlib(Compress::new_with_window_bits(level, false, window_bits))
            }
        }
    }

    /// The next message refers back to none before it.
    pub(super) fn forget(&mut self) {
        match self {
            Compressor::Own(encoder) => encoder.forget(),
            Compressor::Zlib(compress) => compress.reset(),
        }
    }

    /// Compresses the next slice of a message, which consists of `parts`, and appends the result to `out`, in
    /// which the message begins at `begin`.
    pub(super) fn push(&mut self, parts: &[&[u8]], is_last: bool, out: &mut Vec<u8>, begin: usize) {
        match self {
            Compressor::Own(encoder) => {
                out.reserve(bound(parts.iter().map(|part| part.len()).sum()));
                encoder.encode(parts, out);
                if is_last {
                    encoder.end(out);
                }
            }
            Compressor::Zlib(compress) => {
                parts.iter().for_each(|part| push_zlib(compress, part, FlushCompress::None, out));
                if is_last {
                    push_zlib(compress, &[], FlushCompress::Sync, out);
                    end_zlib(out, begin);
                }
            }
        }
    }
}

/// Compresses `input`, and appends the result.
fn push_zlib(compress: &mut Compress, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    loop {
        out.reserve(bound(input.len()).max(STEP_BYTES));
        let before = compress.total_in();
        let written = out.len();
        let failed = compress.compress_vec(input, out, flush).is_err();
        let read = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(read..).unwrap_or_default();
        // A call that does not fill the output has nothing more to write.
        if failed || (input.is_empty() && out.len() < out.capacity()) || (read == 0 && out.len() == written) {
            return;
        }
    }
}

/// Ends a message whose compressed form begins at `begin`: removes its tail.
fn end_zlib(out: &mut Vec<u8>, begin: usize) {
    let form = out.get(begin..).unwrap_or_default();
    if form.ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
    if out.len() <= begin {
        // An empty message: a flush right after another one produces nothing (§7.2.3.6).
        out.push(0);
    }
}
