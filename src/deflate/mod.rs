//! permessage-deflate (RFC 7692): whole messages compressed, by a window that may outlive them.
//!
//! [`Offer`](offer) reads what a client offers and says what is agreed; [`codec`] compresses and
//! inflates by that. Two ways to serve it: `shared`, where every message begins with an empty
//! window, so that one compressor and one inflater serve all connections, and `dedicated`, where
//! each connection has its own.

#[cfg_attr(not(feature = "deflate"), path = "absent.rs")]
mod codec;
mod offer;
#[cfg(test)]
#[cfg(feature = "deflate")]
mod tests;

use crate::frame::Error;
use crate::inflate::Fault;
pub use codec::{Deflate, Shared, Window};

pub use offer::{Agreement, negotiate};

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken => Error::BadDeflate,
            Fault::TooLong => Error::TooBig,
        }
    }
}

/// The most bytes that `len` bytes can become by being compressed.
pub(crate) const fn bound(len: usize) -> usize {
    // The fastest level codes each byte in at most 9 bits; blocks and the flush add a little.
    len + len / 8 + (len / 16_383 + 2) * 5 + 64
}
