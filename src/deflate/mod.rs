//! permessage-deflate: compression of WebSocket messages (RFC 7692).
//!
//! [`offer`] negotiates the extension by the client's offers, and [`codec`] compresses and inflates by
//! the [`Agreement`]. There are two modes: in `shared` each message begins with an empty window, so that one
//! compressor and one inflater serve all connections; in `dedicated` each connection has its own windows.
//! A [`compressor`] is this library's [`encoder`], or zlib's for the higher levels.

#[cfg(feature = "deflate")]
mod bit_writer;
#[cfg(feature = "deflate")]
mod client_window;
#[cfg_attr(not(feature = "deflate"), path = "absent.rs")]
mod codec;
#[cfg(feature = "deflate")]
mod compressor;
#[cfg(feature = "deflate")]
mod encoder;
#[cfg(feature = "deflate")]
mod fixed_codes;
#[cfg(feature = "deflate")]
mod history;
mod offer;
#[cfg(test)]
#[cfg(feature = "deflate")]
mod tests;

use crate::frame::Error;
use crate::inflate::Fault;
pub use codec::{Deflate, SharedCodecs, Window};

pub use offer::{Agreement, negotiate};

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken => Error::BadDeflate,
            Fault::TooLong => Error::TooBig,
        }
    }
}

/// How many bytes at level 1 take as long as one byte at this level, in the worst case: levels above 3 follow
/// chains of earlier places, the longer the higher the level. (Measured, in ns: 11 up to level 3, 16, 21,
/// 57.)
#[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "nothing is compressed"))]
const fn effort(level: u8) -> usize {
    match level {
        0..=3 => 1,
        4 | 5 => 2,
        _ => 8,
    }
}

/// The cost of a message beside its bytes, in the bytes at level 1 that take as long, in the worst case: zlib
/// makes codes for each message. (Measured: up to 11 µs, for messages of 200 bytes and more.)
#[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "nothing is compressed"))]
const fn message_effort(level: u8) -> usize {
    if level <= OWN_LEVEL { 0 } else { 1024 }
}

/// The highest level at which this library's encoder compresses.
const OWN_LEVEL: u8 = 1;

/// The most bytes that a message of `len` bytes can have once it is compressed.
pub(crate) const fn bound(len: usize) -> usize {
    // Level 1 codes a byte in at most 9 bits; block headers and the flush add a little.
    len + len / 8 + (len / 16_383 + 2) * 5 + 64
}
