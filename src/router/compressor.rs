//! Compresses short messages in one step.

use crate::deflate::{Deflate, SharedCodecs};

/// A message that was compressed in one step when a connection was recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordedMessage {
    /// Its length in compressed form, in bytes.
    pub(crate) len: usize,
    /// The frames that the call has cost with it, if no handler of the application sent it: what those cost
    /// is set by their replay.
    pub(crate) cost: Option<u32>,
}

/// The compressor for messages in one step, for all connections of a reactor.
#[cfg_attr(
    feature = "deflate",
    expect(clippy::large_enum_variant, reason = "a reactor has one, and it is the large one")
)]
pub(crate) enum Compressor {
    /// The connection's own compressor, or the shared one.
    Live(SharedCodecs),
    /// A recording, which has the current message if it was compressed.
    Recorded(Box<dyn FnMut() -> Option<RecordedMessage> + Send>),
}

impl Default for Compressor {
    fn default() -> Self {
        Compressor::Live(SharedCodecs::default())
    }
}

impl Compressor {
    /// The compressed form of the current message, if it comes from a recording.
    pub(super) fn recorded_message(&mut self) -> Option<RecordedMessage> {
        match self {
            Compressor::Live(_) => None,
            Compressor::Recorded(message) => message(),
        }
    }

    /// Compresses a message that consists of `parts`. No result if the message was not compressed in the
    /// recording.
    pub(super) fn compress(&mut self, deflate: &mut Deflate, parts: &[&[u8]]) -> &[u8] {
        match self {
            Compressor::Live(shared) => deflate.compress(parts, shared),
            Compressor::Recorded(_) => &[],
        }
    }
}
