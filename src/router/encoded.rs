//! Packets whose Data is encoded where it leaves from: in the write buffer, behind its headers.

use super::context::Context;
use super::error::SendError;
use super::send_buffer::SendBuffer;
use crate::metrics::SentKind;
use crate::packet::{REPLY_HEADER_BYTES, Reply, framed_len, push_packet_head};

/// Bytes that are being appended to a buffer: it gets all of them or, if encoding panics, none.
struct Appending<'a> {
    bytes: &'a mut Vec<u8>,
    /// The length to which the buffer goes back.
    keep: usize,
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.keep);
    }
}

impl Appending<'_> {
    /// Appends what `encode` appends.
    ///
    /// # Panics
    /// If that is not exactly `len` bytes: a header in front of them has promised as many.
    fn encode(&mut self, len: usize, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        encode(self.bytes);
        assert_eq!(self.bytes.len(), start + len, "a message has not the length that it has said");
        self.keep = self.bytes.len();
    }
}

impl<Session> SendBuffer<'_, Session> {
    /// Appends a whole packet, or nothing: the headers of `head`, and Data of `len` bytes that `encode`
    /// appends. False if there is no space for it. The packet must not be one that is compressed.
    ///
    /// # Panics
    /// If `encode` panics, or appends other than `len` bytes. Nothing is appended then.
    #[must_use]
    pub(super) fn encoded_packet(
        &mut self,
        head: &Reply<'_>,
        len: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let fits = self.fits(framed_len(len));
        if fits {
            let bytes = &mut self.tools.write_buffer.bytes;
            let keep = bytes.len();
            bytes.reserve(framed_len(len));
            push_packet_head(bytes, head, len);
            Appending { bytes, keep }.encode(len, encode);
        }
        fits
    }
}

impl<Session> Context<'_, Session> {
    /// Replies to the request with Data of `len` bytes that `encode` appends, as
    /// [`try_reply`](Self::try_reply) does. In steady state it allocates nothing.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`] or [`SendError::TooLarge`]. Nothing was sent then.
    ///
    /// # Panics
    /// If `encode` panics, or appends other than `len` bytes. Nothing was sent then.
    pub(crate) fn try_reply_encoded(
        &mut self,
        len: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SendError> {
        self.replied = true;
        if self.compresses_data(len) || self.buffer.compresses(REPLY_HEADER_BYTES + len) {
            return self.with_encoded(len, encode, Self::try_reply);
        }
        let sent = self.buffer.encoded_packet(&self.reply_head(), len, encode);
        self.count(sent, SentKind::Reply, self.cmd, REPLY_HEADER_BYTES + len)
    }

    /// Sends an unrequested packet with Data of `len` bytes that `encode` appends, as [`push`](Self::push)
    /// does.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    ///
    /// # Panics
    /// If `encode` panics, or appends other than `len` bytes. Nothing was sent then.
    pub(crate) fn push_encoded(
        &mut self,
        cmd: u16,
        len: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), SendError> {
        if self.buffer.compresses(REPLY_HEADER_BYTES + len) {
            return self.with_encoded(len, encode, |context, data| context.push(cmd, data));
        }
        let sent = self.buffer.encoded_packet(&Reply { cmd, flag: 0, ..self.reply_head() }, len, encode);
        self.count(sent, SentKind::Push, cmd, REPLY_HEADER_BYTES + len)
    }

    /// Encodes Data beside the write buffer, for `send` to compress it from there.
    #[inline(never)]
    fn with_encoded(
        &mut self,
        len: usize,
        encode: impl FnOnce(&mut Vec<u8>),
        send: impl FnOnce(&mut Self, &[u8]) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut message = std::mem::take(&mut self.buffer.tools.message);
        message.clear();
        Appending { keep: 0, bytes: &mut message }.encode(len, encode);
        let sent = send(self, &message);
        self.buffer.tools.message = message;
        sent
    }
}
