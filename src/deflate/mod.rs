//! permessage-deflate: compression of WebSocket messages (RFC 7692).
//!
//! [`offer`] negotiates the extension by the client's offers, and [`codec`] compresses and inflates by
//! the [`Agreement`]. There are two modes: in `shared` each message begins with an empty window, so that one
//! compressor and one inflater serve all connections; in `dedicated` each connection has its own windows.

#[cfg_attr(not(feature = "deflate"), path = "absent.rs")]
mod codec;
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

/// The most bytes that a message of `len` bytes can have once it is compressed.
pub(crate) const fn bound(len: usize) -> usize {
    // The fastest level codes a byte in at most 9 bits; block headers and the flush add a little.
    len + len / 8 + (len / 16_383 + 2) * 5 + 64
}
