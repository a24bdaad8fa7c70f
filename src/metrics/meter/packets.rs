//! What a meter is told of packets: of their bytes' arrival, their handlers and what is sent.

use std::time::Duration;

use super::{Meter, add};
use crate::metrics::labels::{BadRequest, Layer, SendError, SentKind, error_index};
use crate::metrics::pulse::Work;
use crate::metrics::stamp::Stamp;
use crate::packet::ErrorId;

impl Meter {
    /// When the input in hand arrived.
    #[inline]
    pub(crate) fn arrived(&self) -> Stamp {
        self.on().map_or(Stamp::default(), |on| on.arrived.get())
    }

    /// The next input arrived then; none for input that the poll of this turn has announced.
    #[inline]
    pub(crate) fn set_arrived(&self, at: Option<Stamp>) {
        if let Some(on) = self.on() {
            on.arrived.set(at.filter(|at| *at != Stamp::default()).unwrap_or(on.polled.get()));
        }
    }

    /// A packet or message came. Without a command it is too short for a packet.
    #[inline]
    pub(crate) fn received(&self, cmd: Option<u16>, payload: usize) {
        let Some(on) = self.on() else { return };
        let number = cmd.map_or(0, |cmd| on.routes.number(cmd));
        if let Some(route) = on.numbers.routes.get(number) {
            route.received.add(1);
        }
        add(&on.numbers.received, Layer::Payload as usize, payload as u64);
    }

    /// When the last handler ended, or else when the turn began.
    #[inline]
    pub(crate) fn last_mark(&self) -> Stamp {
        let Some(on) = self.on() else { return Stamp::default() };
        on.mark.get().max(on.polled.get())
    }

    /// When the handler in hand began, as a time since the server's clock started.
    pub(crate) fn handler_began(&self) -> Option<Duration> {
        let mark = self.on().map(|on| on.mark.get()).filter(|mark| *mark != Stamp::default())?;
        Some(Duration::from_nanos(mark.as_ns()))
    }

    /// A handler begins.
    #[inline]
    pub(crate) fn handler_begins(&self, cmd: u16) {
        let Some(on) = self.on() else { return };
        if on.mark.get() == Stamp::default() {
            on.mark.set((on.clock)());
        }
        on.numbers.heart.begin(Work::Handler, cmd);
    }

    /// The handler has ended, at this time if it is known.
    #[inline]
    pub(crate) fn handler_ended(&self, cmd: u16, at: Option<Duration>) {
        let Some(on) = self.on() else { return };
        let (began, ended) = (on.mark.get(), at.map_or_else(|| (on.clock)(), Stamp::from));
        on.numbers.heart.begin(Work::Reactor, 0);
        on.mark.set(ended);
        if let Some(route) = on.route(cmd) {
            route.handler.observe(ended.since(began));
            route.request.observe(ended.since(on.arrived.get()));
        }
    }

    /// A packet was written or queued, with a payload of this many bytes.
    #[inline]
    pub(crate) fn sent(&self, kind: SentKind, cmd: u16, payload: usize) {
        if let Some(on) = self.on()
            && let Some(route) = on.route(cmd)
        {
            add(&route.sent, kind as usize, 1);
            add(&on.numbers.sent, Layer::Payload as usize, payload as u64);
        }
    }

    /// A request was refused, whether or not the refusal could be sent.
    pub(crate) fn refused(&self, cmd: u16, error_id: ErrorId) {
        if let Some(on) = self.on()
            && let Some(route) = on.route(cmd)
        {
            add(&route.refusals, error_index(error_id), 1);
        }
    }

    /// A request came that no correct client sends.
    pub(crate) fn bad_request(&self, error_id: ErrorId) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.bad_requests, BadRequest::of(error_id) as usize, 1);
        }
    }

    /// Packets did not fit an outbox.
    pub(crate) fn overflowed(&self, packets: u64) {
        if let Some(on) = self.on() {
            self.send_failed(on.overflow, packets);
        }
    }

    /// Packets were not sent.
    pub(crate) fn send_failed(&self, why: SendError, packets: u64) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.send_errors, why as usize, packets);
        }
    }

    /// Bytes came, without TLS. On a plain socket they are also what it has carried.
    #[inline]
    pub(crate) fn bytes_received(&self, bytes: usize, is_plain: bool) {
        let Some(numbers) = self.numbers() else { return };
        add(&numbers.received, Layer::Plaintext as usize, bytes as u64);
        add(&numbers.received, Layer::Socket as usize, if is_plain { bytes as u64 } else { 0 });
    }

    /// A socket took bytes, without TLS.
    #[inline]
    pub(crate) fn bytes_sent(&self, bytes: usize, is_plain: bool) {
        let Some(numbers) = self.numbers() else { return };
        add(&numbers.sent, Layer::Plaintext as usize, bytes as u64);
        add(&numbers.sent, Layer::Socket as usize, if is_plain { bytes as u64 } else { 0 });
    }

    /// A socket with TLS has carried this many bytes from and to its client.
    pub(crate) fn tls_bytes(&self, received: u64, sent: u64) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.received, Layer::Socket as usize, received);
            add(&numbers.sent, Layer::Socket as usize, sent);
        }
    }

    /// The output that was queued at `since` has been taken by its socket.
    pub(crate) fn output_taken(&self, since: Stamp, now: Stamp) {
        if let Some(numbers) = self.numbers() {
            numbers.reply_wait.observe(now.since(since));
        }
    }

    /// A Ping was answered after this many milliseconds.
    pub(crate) fn ponged(&self, ms: u64) {
        if let Some(numbers) = self.numbers() {
            numbers.rtt.observe(ms.saturating_mul(1_000_000));
        }
    }
}
