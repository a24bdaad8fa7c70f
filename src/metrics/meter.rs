//! What a reactor, its connections and its handlers tell the metrics. If metrics are off, each of these
//! methods is one test.

mod connections;
mod packets;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use super::labels::SendError;
use super::number::Number;
use super::pulse::{PulseState, Work};
use super::routes::Routes;
use super::stamp::Stamp;
use super::worker_numbers::{RouteNumbers, WorkerNumbers};
use crate::config::Overflow;

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
