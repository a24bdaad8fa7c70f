//! The compressor for messages that are compressed at once.

use crate::deflate::{Deflate, SharedCodecs};

/// What compresses messages at once, for all connections of a reactor.
#[cfg_attr(
    feature = "deflate",
    expect(clippy::large_enum_variant, reason = "a reactor has one, and it is the large one")
)]
pub(crate) enum Compressor {
    /// The connection's own compressor, or the shared one.
    Live(SharedCodecs),
    /// A recording, which says how long the message in hand became, if it was compressed.
    Recorded(Box<dyn FnMut() -> Option<usize> + Send>),
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor::Live(SharedCodecs::default())
    }
}

impl Compressor {
    /// The compressed length of the message in hand, if only a recording knows it.
    pub(super) fn recorded_len(&mut self) -> Option<usize> {
        match self {
            Compressor::Live(_) => None,
            Compressor::Recorded(len) => len(),
        }
    }

    /// Compresses a message that consists of `parts`. A message that was not compressed in the recording has
    /// no result.
    pub(super) fn compress(&mut self, deflate: &mut Deflate, parts: &[&[u8]]) -> &[u8] {
        match self {
            Compressor::Live(shared) => deflate.compress(parts, shared),
            Compressor::Recorded(_) => &[],
        }
    }
}
