//! Inflating in slices: however a client has compressed something, the work of one call is bounded, by what goes in
//! as well as by what comes out.
//!
//! An [`Inflater`] works on one message at a time. [`Inflaters`] are those of a reactor: one for messages that take
//! a single slice, and a few for longer ones, whose connections wait for each other in the order in which they came.

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

/// Compressed bytes that one slice can take, unless more comes out of them than it may.
pub(crate) const SHORT_BYTES: usize = 4 * 1024;

/// Bytes that go into an inflater at the cost of a frame. At their worst they describe codes that nothing is coded by.
const INPUT_BYTES_PER_FRAME: usize = 16;
/// Bytes that come out of an inflater or a cipher at the cost of a frame.
pub(crate) const OUTPUT_BYTES_PER_FRAME: usize = 512;

/// How a compressor has packed what is to be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A zlib stream (RFC 1950), whole and with nothing behind it.
    Zlib,
    /// A message of permessage-deflate (RFC 7692 §7.2.2).
    Message,
}

/// Why something cannot be inflated.
#[cfg_attr(
    not(any(feature = "zlib", feature = "deflate")),
    expect(dead_code, reason = "nothing is inflated")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not what a compressor makes, or was cut.
    Broken,
    /// More comes out than may.
    TooLong,
}

/// How far a slice has come.
#[cfg_attr(
    not(any(feature = "zlib", feature = "deflate")),
    expect(dead_code, reason = "nothing is inflated")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slice {
    /// All is inflated.
    Done,
    /// There is more to do.
    Unfinished,
}

/// What it costs to inflate so many bytes to so many, in frames, at worst.
pub(crate) fn frames(input: usize, output: usize) -> u32 {
    let frames = input / INPUT_BYTES_PER_FRAME + output / OUTPUT_BYTES_PER_FRAME;
    u32::try_from(frames).unwrap_or(u32::MAX)
}
