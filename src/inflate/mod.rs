//! Inflation in slices: each call has bounded input and output, whatever the client has compressed.
//!
//! An [`Inflater`] works on one message at a time. [`Inflaters`] are the inflaters of a reactor: one for
//! messages that need a single slice, and a few for longer messages, for which connections wait in the order
//! in which they came.

#[cfg(any(feature = "zlib", feature = "deflate"))]
mod inflater;
#[cfg(not(any(feature = "zlib", feature = "deflate")))]
#[path = "absent.rs"]
mod inflater;
mod pool;
#[cfg(test)]
#[cfg(all(feature = "zlib", feature = "deflate"))]
mod tests;

pub(crate) use inflater::Inflater;
pub(crate) use pool::Inflaters;
#[cfg(all(test, feature = "zlib", feature = "deflate"))]
pub(crate) use pool::MAX_LONG;

/// The number of compressed bytes that one slice can inflate, unless their output is too long for it.
pub(crate) const SHORT_BYTES: usize = 4 * 1024;

/// The number of input bytes that cost as much as a frame. The worst case are descriptions of codes that are
/// not used.
const INPUT_BYTES_PER_FRAME: usize = 16;
/// The number of output bytes, of an inflater or a cipher, that cost as much as a frame.
pub(crate) const OUTPUT_BYTES_PER_FRAME: usize = 512;

/// The format of compressed input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A whole zlib stream (RFC 1950), with nothing after it.
    Zlib,
    /// A message of permessage-deflate (RFC 7692 §7.2.2).
    Message,
}

/// Why input cannot be inflated.
#[cfg_attr(
    not(any(feature = "zlib", feature = "deflate")),
    expect(dead_code, reason = "nothing is inflated")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is corrupt or truncated.
    Broken,
    /// The output is longer than it may be.
    TooLong,
}

/// The result of one slice.
#[cfg_attr(
    not(any(feature = "zlib", feature = "deflate")),
    expect(dead_code, reason = "nothing is inflated")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    /// All of the input is inflated.
    Done,
    /// More slices are needed.
    Unfinished,
}

/// The cost, in frames, of inflating `input` bytes to `output` bytes, in the worst case.
pub(crate) fn frames(input: usize, output: usize) -> u32 {
    let frames = input / INPUT_BYTES_PER_FRAME + output / OUTPUT_BYTES_PER_FRAME;
    u32::try_from(frames).unwrap_or(u32::MAX)
}
