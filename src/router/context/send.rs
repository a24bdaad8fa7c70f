//! Replies, pushes and messages to the connection itself.

use super::Context;
use crate::connection_log;
use crate::frame::{MessageKind, Opcode};
use crate::metrics::{self, SentKind};
use crate::packet::{DataStatus, Encode, ErrorId, REPLY_HEADER_BYTES, Reply};
use crate::push::Push;
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
    /// [`Output::overflow`](crate::config::Output::overflow) applies. A reply that can never fit is logged,
    /// and the client gets ErrorID 6 in its place. [`try_reply`](Self::try_reply) returns the error instead.
    #[inline]
    pub fn reply(&mut self, data: &[u8]) -> Outcome {
        if let Err(error) = self.send_reply(data) {
            self.reply_instead(error);
        }
        Outcome::Done
    }

    /// Answers a request whose reply was not sent.
    #[cold]
    fn reply_instead(&mut self, error: SendError) {
        // An overflow is counted, and by the overflow policy may close the connection.
        if let SendError::TooLarge { .. } = error {
            self.refuse(ErrorId::NOT_AVAILABLE);
        }
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
    /// [`SendError::OutboxFull`] or [`SendError::TooLarge`]. Nothing was sent then.
    #[inline]
    pub fn try_reply(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send_reply(data)
    }

    /// Sends a reply. It is a part of the handler, as most of them do nothing else.
    #[inline(always)]
    fn send_reply(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.replied = true;
        if self.compresses_data(data.len())
            && let Some(result) = self.send_compressed(data)
        {
            return result;
        }
        let sent = self.buffer.packet(&packet(self.cmd, self.flag, DataStatus::Raw, data));
        self.count(sent, SentKind::Reply, self.cmd, packet_len(data))
    }

    /// Whether Data of this length is compressed.
    #[inline]
    pub(crate) fn compresses_data(&self, len: usize) -> bool {
        cfg!(feature = "zlib") && len > self.buffer.tools.limits.compress_above
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
        self.replied = true;
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
            return Some(self.count(sent, SentKind::Reply, self.cmd, packet_len(data)));
        }
        self.buffer.tools.effects.add_work(cost_of(data.len()));
        self.send_encoded(DataStatus::Compressed, |tools, out| {
            let is_shorter = tools.codecs.compress(data, out);
            tools.meter.deflated(metrics::Compression::DeflateIn, data.len());
            tools.meter.deflated(metrics::Compression::DeflateOut, out.len());
            is_shorter
        })
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
        let payload = packet_len(&encoded);
        self.buffer.tools.encoded = encoded;
        sent.map(|sent| self.count(sent, SentKind::Reply, self.cmd, payload))
    }

    /// Sends an unrequested packet to this connection, under `cmd` with Flag 0. Its Data is never
    /// zlib-compressed.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`] or [`SendError::TooLarge`]. Nothing was sent then.
    pub fn push(&mut self, cmd: u16, data: &[u8]) -> Result<(), SendError> {
        let sent = self.buffer.packet(&packet(cmd, 0, DataStatus::Raw, data));
        self.count(sent, SentKind::Push, cmd, packet_len(data))
    }

    /// Sends a WebSocket message without a packet header, for a service of [plain
    /// messages](crate::Service::Messages).
    ///
    /// # Errors
    /// [`SendError::OutboxFull`] or [`SendError::TooLarge`]. Nothing was sent then.
    pub fn send_message(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        let opcode = match kind {
            MessageKind::Text => Opcode::Text,
            MessageKind::Binary => Opcode::Binary,
        };
        let sent = self.buffer.message(opcode, payload);
        self.count(sent, SentKind::Reply, self.cmd, payload.len())
    }

    /// Refuses the request with this ErrorID and with Data, which tells the client more. Return the result.
    ///
    /// The route must [say so](crate::Route::refusals_carry_data): otherwise the Data is left out, and the
    /// log names the command. Data that can never fit the outbox is left out too.
    pub fn refuse_with(&mut self, error_id: ErrorId, data: &[u8]) -> Outcome {
        self.after_call().refuses_with_data = true;
        let refusal = &mut self.buffer.tools.refusal;
        refusal.clear();
        refusal.extend_from_slice(data);
        Outcome::Refuse(error_id)
    }

    /// Refuses the request: sends a packet with this ErrorID and no Data.
    pub(crate) fn refuse(&mut self, error_id: ErrorId) {
        self.buffer.tools.meter.refused(self.cmd, error_id);
        let _ = self.send_refusal(error_id, &[]);
    }

    /// Refuses the request with Data, or without if that can never fit the outbox.
    #[cold]
    pub(crate) fn refuse_with_data(&mut self, error_id: ErrorId, data: &[u8]) {
        if let Err(SendError::TooLarge { .. }) = self.send_refusal(error_id, data) {
            return self.refuse(error_id);
        }
        self.buffer.tools.meter.refused(self.cmd, error_id);
    }

    fn send_refusal(&mut self, error_id: ErrorId, data: &[u8]) -> Result<(), SendError> {
        let sent = self.buffer.packet(&Reply { error_id, data, ..self.reply_head() });
        self.count(sent, SentKind::Refusal, self.cmd, packet_len(data))
    }

    /// Sends the packet or message that `send` puts into the buffer, and counts it.
    pub(crate) fn send_with(&mut self, send: impl FnOnce(&mut SendBuffer<'_, Session>) -> bool) {
        let sent = send(&mut self.buffer);
        let _ = self.count(sent, SentKind::Reply, self.cmd, 0);
    }

    /// Sends a push that is encoded already to this connection, and counts it.
    pub(crate) fn send_push(&mut self, push: &Push) {
        let sent = self.buffer.push(push);
        let _ = self.count(sent, SentKind::Push, push.cmd(), push.payload_len());
    }

    /// Counts packets that did not fit the outbox.
    pub(crate) fn fail_to_send(&mut self, packets: u32) {
        self.record.count_send_errors(packets);
        self.buffer.tools.totals.send_errors += u64::from(packets);
        self.buffer.tools.meter.overflowed(packets.into());
        if packets > 0 {
            self.after_call().overflowed = true;
        }
    }

    /// In a replay: counts packets that could never fit the outbox.
    pub(crate) fn count_too_large(&mut self, packets: u32) {
        self.record.count_send_errors(packets);
        self.buffer.tools.totals.send_errors += u64::from(packets);
        self.buffer.tools.meter.send_failed(metrics::SendError::TooLarge, packets.into());
        self.buffer.tools.too_large = self.buffer.tools.too_large.saturating_add(packets);
    }

    /// Counts a packet or message that was sent, or did not fit the outbox. Its payload has this many bytes.
    #[inline]
    pub(crate) fn count(
        &mut self,
        sent: bool,
        kind: SentKind,
        cmd: u16,
        payload: usize,
    ) -> Result<(), SendError> {
        if sent {
            self.record.count_packet_out();
            self.buffer.tools.totals.count_packet_out();
            self.buffer.tools.meter.sent(kind, cmd, payload);
            Ok(())
        } else {
            Err(self.count_failure(cmd))
        }
    }

    /// Counts a packet that did not fit the outbox. If it never can, that is no fault of the client.
    #[cold]
    fn count_failure(&mut self, cmd: u16) -> SendError {
        let bytes = std::mem::take(&mut self.buffer.tools.oversized);
        if bytes == 0 {
            self.fail_to_send(1);
            return SendError::OutboxFull;
        }
        self.count_too_large(1);
        let Tools { log, now, limits, .. } = &mut *self.buffer.tools;
        connection_log::oversized(self.record, log, *now, cmd, bytes, limits.outbox);
        SendError::TooLarge { bytes }
    }
}

/// The length of a packet with this Data.
fn packet_len(data: &[u8]) -> usize {
    REPLY_HEADER_BYTES + data.len()
}

/// A packet without an ErrorID.
fn packet(cmd: u16, flag: u32, data_status: DataStatus, data: &[u8]) -> Reply<'_> {
    Reply { error_id: ErrorId::NONE, data_status: data_status as u8, flag, cmd, data }
}
