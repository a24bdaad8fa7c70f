//! What waits for a client, and how it is compressed.

use super::bounds::{MAX_DEFLATE_LEVEL, OUTBOX_LIMIT, PACKET_OVERHEAD_BYTES};
use super::choices::{DeflateMode, Overflow};
use super::error::{ConfigError, not_zero};

/// What waits for a client, and how it is compressed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Output {
    /// The most bytes that may wait for a client that does not read. Default: 1 MiB. `None`: no limit.
    ///
    /// Above half of it nothing more is read from the client. Without a limit reading never pauses.
    pub outbox_limit: Option<usize>,
    /// What happens to a packet that does not fit the outbox. Default: the connection closes.
    pub overflow: Overflow,
    /// Replies with more than this many bytes of Data are sent zlib-compressed (DataStatus 1) where that
    /// makes them shorter. Default: `None`, never.
    ///
    /// Pushes are never compressed this way. Without the feature `zlib` it has no effect.
    pub compress_above: Option<usize>,
    /// How messages are compressed on the wire (permessage-deflate). Default: not at all. Needs the feature
    /// `deflate`.
    ///
    /// A push to many connections is sent uncompressed.
    pub deflate: DeflateMode,
    /// Messages of fewer bytes are not compressed by [`deflate`](Self::deflate). Default: 128.
    pub deflate_above: usize,
    /// How much [`deflate`](Self::deflate) compresses, 1 to [`MAX_DEFLATE_LEVEL`]. Default: 1.
    ///
    /// Level 1 is an encoder for short messages, which takes 20 KiB for each connection with
    /// [`DeflateMode::Dedicated`]. The other levels are zlib's. They save a fifth of the bytes and more, cost
    /// more time, and take 300 KB for each connection with [`DeflateMode::Dedicated`].
    pub deflate_level: u8,
}

impl Default for Output {
    fn default() -> Self {
        Output {
            outbox_limit: Some(OUTBOX_LIMIT),
            overflow: Overflow::Close,
            compress_above: None,
            deflate: DeflateMode::Off,
            deflate_above: 128,
            deflate_level: 1,
        }
    }
}

impl Output {
    /// The outbox limit that suits messages of up to `max_len` bytes: 1 MiB, or twice `max_len` if that is
    /// more.
    #[must_use]
    pub fn outbox_limit_for(max_len: usize) -> usize {
        OUTBOX_LIMIT.max(max_len.saturating_mul(2))
    }

    pub(super) fn validate(&self, max_len: usize) -> Result<(), ConfigError> {
        not_zero("output.outbox_limit", self.outbox_limit)?;
        not_zero("output.compress_above", self.compress_above)?;
        if self.outbox_limit.is_some_and(|limit| limit < max_len.saturating_add(PACKET_OVERHEAD_BYTES)) {
            return Err(ConfigError::OutboxLimit);
        }
        if self.deflate != DeflateMode::Off && !cfg!(feature = "deflate") {
            return Err(ConfigError::NoDeflate);
        }
        if !(1..=MAX_DEFLATE_LEVEL).contains(&self.deflate_level) {
            return Err(ConfigError::DeflateLevel);
        }
        Ok(())
    }
}
