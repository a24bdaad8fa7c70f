//! Replies, pushes and messages to the connection itself.

use super::Context;
use crate::frame::{MessageKind, Opcode};
use crate::packet::{DataStatus, Encode, ErrorId, Reply};
use crate::router::compress_job::{SLICE_BYTES, cost_of};
use crate::router::error::SendError;
use crate::router::outcome::Outcome;
use crate::router::send_buffer::SendBuffer;
use crate::router::tools::Tools;

impl<Session> Context<'_, Session> {
    /// The most bytes of Data that a reply or [`push`](Self::push) can have now and will certainly be sent.
    ///
    /// It accounts for the outbox, the output of this handler, the headers, and the worst case of message
    /// compression, but not for bytes that the socket may accept meanwhile. Encrypted Data counts with its
    /// encrypted length. [`usize::MAX`] if [`outbox_limit`](crate::config::Output::outbox_limit) is off. At 0
    /// even a reply without Data may not fit.
    #[must_use]
    pub fn reply_capacity(&self) -> usize {
        self.buffer.data_space()
    }

    /// Whether `replies` replies with `data_len` bytes of Data each are certain to be sent.
    ///
    /// It accounts for the same as [`reply_capacity`](Self::reply_capacity). A handler that makes several
    /// replies can refuse the request before the first.
    #[must_use]
    pub fn has_capacity_for(&self, replies: usize, data_len: usize) -> bool {
        self.buffer.fits_packets(replies, data_len)
    }

    /// Replies to the request, under its Cmd and Flag, and returns [`Outcome::Done`].
    ///
    /// It can be the last expression of a handler. If the outbox is full,
    /// [`Output::overflow`](crate::config::Output::overflow) applies; [`try_reply`](Self::try_reply) returns
    /// the error instead.
    #[inline]
    pub fn reply(&mut self, data: &[u8]) -> Outcome {
        // An overflow is counted, and by the overflow policy may close the connection.
        let _ = self.try_reply(data);
        Outcome::Done
    }

    /// Replies with a message, from where it is or from the buffer in which it is encoded.
    #[inline]
    pub(crate) fn reply_encoded(&mut self, reply: &impl Encode) -> Outcome {
        if let Some(data) = reply.as_data() {
            return self.reply(data);
        }
        let mut message = std::mem::take(&mut self.buffer.tools.message);
        message.clear();
        reply.encode(&mut message);
        let outcome = self.reply(&message);
        self.buffer.tools.message = message;
        outcome
    }

    /// Replies to the request, under its Cmd and Flag. A request may have any number of replies.
    ///
    /// Data above [`compress_above`](crate::config::Output::compress_above) is compressed: up to 16 KiB at
    /// once, more in slices after the handler has returned. Until it is compressed, its full length counts
    /// against the outbox, and later output waits behind it.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    #[inline]
    pub fn try_reply(&mut self, data: &[u8]) -> Result<(), SendError> {
        if self.compresses_data(data.len())
            && let Some(result) = self.send_compressed(data)
        {
            return result;
        }
        let sent = self.buffer.packet(&packet(self.cmd, self.flag, DataStatus::Raw, data));
        self.count(sent)
    }

    /// Whether Data of this length is compressed.
    #[inline]
    pub(crate) fn compresses_data(&self, len: usize) -> bool {
        let threshold = self.buffer.tools.limits.compress_above;
        cfg!(feature = "zlib") && threshold != 0 && len > threshold
    }

    /// The headers of a reply to the request, without Data.
    pub(crate) fn reply_head(&self) -> Reply<'static> {
        packet(self.cmd, self.flag, DataStatus::Raw, &[])
    }

    /// Replies to the request with encrypted Data (DataStatus 2).
    ///
    /// # Errors
    /// [`SendError`]. Nothing was sent then.
    pub fn try_reply_encrypted(&mut self, data: &[u8]) -> Result<(), SendError> {
        let id = self.record.id;
        let result =
            self.send_encoded(DataStatus::Encrypted, |tools, out| tools.codecs.encrypt(id, data, out));
        result.unwrap_or(Err(SendError::NoCipher))
    }

    /// Sends a reply with compressed Data. `None`, and nothing is sent, if compression would not make it
    /// shorter.
    #[inline(never)]
    fn send_compressed(&mut self, data: &[u8]) -> Option<Result<(), SendError>> {
        if data.len() > SLICE_BYTES {
            let sent =
                self.buffer.packet_of_compressed_data(&packet(self.cmd, self.flag, DataStatus::Raw, data));
            return Some(self.count(sent));
        }
        self.buffer.tools.effects.add_work(cost_of(data.len()));
        self.send_encoded(DataStatus::Compressed, |tools, out| tools.codecs.compress(data, out))
    }

    /// Sends a reply with the Data that `encode` appends to a buffer. `None`, and nothing is sent, if
    /// `encode` returns false.
    fn send_encoded(
        &mut self,
        status: DataStatus,
        encode: impl FnOnce(&mut Tools<Session>, &mut Vec<u8>) -> bool,
    ) -> Option<Result<(), SendError>> {
        let mut encoded = std::mem::take(&mut self.buffer.tools.encoded);
        let is_encoded = encode(self.buffer.tools, &mut encoded);
        let sent = is_encoded.then(|| self.buffer.packet(&packet(self.cmd, self.flag, status, &encoded)));
        self.buffer.tools.encoded = encoded;
        sent.map(|sent| self.count(sent))
    }

    /// Sends an unrequested packet to this connection, under `cmd` with Flag 0. Its Data is never
    /// zlib-compressed.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    pub fn push(&mut self, cmd: u16, data: &[u8]) -> Result<(), SendError> {
        let sent = self.buffer.packet(&packet(cmd, 0, DataStatus::Raw, data));
        self.count(sent)
    }

    /// Sends a WebSocket message without a packet header, for a service of [plain
    /// messages](crate::Service::Messages).
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    pub fn send_message(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        let opcode = match kind {
            MessageKind::Text => Opcode::Text,
            MessageKind::Binary => Opcode::Binary,
        };
        let sent = self.buffer.message(opcode, payload);
        self.count(sent)
    }

    /// Refuses the request: sends a packet with this ErrorID and no Data.
    pub(crate) fn refuse(&mut self, error_id: ErrorId) {
        let sent = self.buffer.packet(&Reply { error_id, ..self.reply_head() });
        let _ = self.count(sent);
    }

    /// Sends the packet or message that `send` puts into the buffer, and counts it.
    pub(crate) fn send_with(&mut self, send: impl FnOnce(&mut SendBuffer<'_, Session>) -> bool) {
        let sent = send(&mut self.buffer);
        let _ = self.count(sent);
    }

    /// Counts packets that did not fit the outbox.
    pub(crate) fn fail_to_send(&mut self, packets: u32) {
        self.record.count_send_errors(packets);
        self.buffer.tools.totals.send_errors += u64::from(packets);
        self.overflowed |= packets > 0;
    }

    /// Counts a packet or message that was sent, or did not fit the outbox.
    #[inline]
    pub(crate) fn count(&mut self, sent: bool) -> Result<(), SendError> {
        if sent {
            self.record.send_count += 1;
            self.buffer.tools.totals.packets_sent += 1;
            Ok(())
        } else {
            self.record.count_send_error();
            self.buffer.tools.totals.send_errors += 1;
            self.overflowed = true;
            Err(SendError::OutboxFull)
        }
    }
}

/// A packet without an ErrorID.
fn packet(cmd: u16, flag: u32, data_status: DataStatus, data: &[u8]) -> Reply<'_> {
    Reply { error_id: ErrorId::NONE, data_status: data_status as u8, flag, cmd, data }
}
