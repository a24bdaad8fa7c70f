//! What a reactor, its connections and its handlers tell the metrics. If metrics are off, each of these
//! methods is one test.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::labels::{
    BadRequest, Compression, Layer, LoginResult, SendError, SentKind, Timer, TlsResult, error_index,
    status_index,
};
use super::number::Number;
use super::pulse::{PulseState, Work};
use super::routes::Routes;
use super::stamp::Stamp;
use super::worker_numbers::{RouteNumbers, WorkerNumbers};
use crate::cause::Cause;
use crate::config::Overflow;
use crate::packet::ErrorId;
use crate::record::Census;

/// Reads the server's clock.
type ClockFn = Box<dyn Fn() -> Stamp + Send>;

/// Counts and measures for one reactor, if its metrics are on.
#[derive(Default)]
pub(crate) struct Meter {
    on: Option<Box<Measuring>>,
}

/// The state of a meter that is on.
struct Measuring {
    numbers: Arc<WorkerNumbers>,
    routes: Arc<Routes>,
    clock: ClockFn,
    /// When the last handler ended, if nothing has happened since that takes long; otherwise 0. The next
    /// handler begins then: so the clock is read once for each packet.
    mark: Cell<Stamp>,
    /// When the poll of this turn returned.
    polled: Cell<Stamp>,
    /// When the input in hand arrived.
    arrived: Cell<Stamp>,
    /// What an outbox that is full means.
    overflow: SendError,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("is_on", &self.on.is_some()).finish_non_exhaustive()
    }
}

fn add<const N: usize>(numbers: &[Number; N], index: usize, more: u64) {
    if let Some(number) = numbers.get(index) {
        number.add(more);
    }
}

impl Measuring {
    #[inline]
    fn route(&self, cmd: u16) -> Option<&RouteNumbers> {
        self.numbers.routes.get(self.routes.number(cmd))
    }
}

impl Meter {
    pub(crate) fn new(
        numbers: Arc<WorkerNumbers>,
        routes: Arc<Routes>,
        clock: ClockFn,
        overflow: Overflow,
    ) -> Self {
        let none = || Cell::new(Stamp::default());
        let overflow = match overflow {
            Overflow::Close => SendError::Close,
            Overflow::Drop => SendError::Drop,
        };
        let on =
            Measuring { numbers, routes, clock, mark: none(), polled: none(), arrived: none(), overflow };
        Meter { on: Some(Box::new(on)) }
    }

    #[inline(always)]
    fn on(&self) -> Option<&Measuring> {
        if cfg!(feature = "metrics") { self.on.as_deref() } else { None }
    }

    /// Whether anything is counted.
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.on().is_some()
    }

    /// The numbers, for what is rarely counted.
    #[inline(always)]
    pub(crate) fn numbers(&self) -> Option<&WorkerNumbers> {
        self.on().map(|on| &*on.numbers)
    }

    /// The time now; 0 if metrics are off.
    pub(crate) fn now(&self) -> Stamp {
        self.on().map_or(Stamp::default(), |on| (on.clock)())
    }
}

/// Turns, and their pulse.
impl Meter {
    /// The reactor is about to poll, at this time. The turn before ended at `ended`.
    pub(crate) fn sleeps(&self, ended: Stamp) {
        let Some(on) = self.on() else { return };
        if on.numbers.heart.turn() > 0 {
            on.numbers.turn.observe(ended.since(on.polled.get()));
            on.numbers.turn_ended_ns.set(ended.as_ns());
        }
        on.numbers.heart.enter(PulseState::Sleeping);
    }

    /// The poll has returned, at this time: a turn begins.
    pub(crate) fn turn_began(&self, polled: Stamp) {
        let Some(on) = self.on() else { return };
        on.numbers.heart.enter(PulseState::InTurn);
        on.polled.set(polled);
        on.arrived.set(polled);
        on.mark.set(Stamp::default());
    }

    /// A turn is over; the thread may do something else, or has nothing more to do if the reactor has ended.
    pub(crate) fn turn_ended(&self, is_last: bool) {
        let Some(on) = self.on() else { return };
        on.numbers.heart.enter(if is_last { PulseState::Ended } else { PulseState::Away });
    }

    /// A call of the application begins.
    #[inline]
    pub(crate) fn begins(&self, work: Work, cmd: u16) {
        if let Some(on) = self.on() {
            on.numbers.heart.begin(work, cmd);
        }
    }

    /// A call of the application has ended that is no handler.
    #[inline]
    pub(crate) fn ends(&self) {
        if let Some(on) = self.on() {
            on.numbers.heart.begin(Work::Reactor, 0);
            on.mark.set(Stamp::default());
        }
    }

    /// Something happens that takes long compared with a packet, such as a system call: the next handler does
    /// not begin when the one before ended.
    #[inline]
    pub(crate) fn lose_mark(&self) {
        if let Some(on) = self.on() {
            on.mark.set(Stamp::default());
        }
    }
}

/// Requests, from their bytes' arrival on.
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

/// Connections, from their arrival to their end.
impl Meter {
    /// A client was admitted.
    pub(crate) fn accepted(&self, listener: usize) {
        if let Some(accepted) = self.numbers().and_then(|numbers| numbers.accepted.get(listener)) {
            accepted.add(1);
        }
    }

    /// An upgrade was refused.
    pub(crate) fn upgrade_refused(&self, status: u16) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.refused, status_index(status), 1);
        }
    }

    /// An admitted client is gone, or has given up its place.
    pub(crate) fn closed(&self, cause: Cause) {
        if let Some(numbers) = self.numbers() {
            // The label is all that it is counted by.
            let index = Cause::ALL.iter().position(|kind| kind.label() == cause.label());
            add(&numbers.closed, index.unwrap_or(usize::MAX), 1);
        }
    }

    /// A connection that was counted as `before` is to be counted as `now`.
    pub(crate) fn recount(&self, before: Census, now: Census) {
        let Some(numbers) = self.numbers() else { return };
        if let Some(place) =
            before.place().and_then(|(state, kind)| numbers.connections.get(state)?.get(kind))
        {
            place.take_off(1);
        }
        if let Some(place) = now.place().and_then(|(state, kind)| numbers.connections.get(state)?.get(kind)) {
            place.add(1);
        }
        numbers.reading_paused.take_off(before.is_paused().into());
        numbers.reading_paused.add(now.is_paused().into());
    }

    /// An outbox that was counted with `before` bytes has `now`; 0 is an empty one.
    pub(crate) fn outbox(&self, before: usize, now: usize) {
        let Some(numbers) = self.numbers() else { return };
        numbers.outbox_bytes.take_off(before as u64);
        numbers.outbox_bytes.add(now as u64);
        numbers.outbox_connections.take_off((before > 0).into());
        numbers.outbox_connections.add((now > 0).into());
    }

    /// A login was accepted or refused.
    pub(crate) fn login(&self, result: LoginResult) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.logins, result as usize, 1);
        }
    }

    /// A timer of a connection has fired.
    pub(crate) fn timer_fired(&self, timer: Timer) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.timers, timer as usize, 1);
        }
    }

    /// A TLS handshake is over.
    pub(crate) fn tls_handshake(&self, result: TlsResult) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.tls, result as usize, 1);
        }
    }

    /// Bytes went into compression, or came out of it.
    pub(crate) fn deflated(&self, what: Compression, bytes: usize) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.deflate, what as usize, bytes as u64);
        }
    }
}
