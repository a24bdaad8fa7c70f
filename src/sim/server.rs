//! The server of a simulation: one worker or several, of which one at a time takes a turn.

use std::io;
use std::time::Duration;

use super::network::Network;
use super::random::Random;
use super::simulation::{Simulated, Simulation};
use super::watch::Watch;
use crate::handle::ServerHandle;
use crate::moment::Moment;
use crate::reactor::audit::Audited;
use crate::reactor::{BindError, Reactor, Turn};
use crate::router::{Application, Effects, Service};
use crate::workers::Worker;

/// The probability that a worker is held back, at each choice.
const HOLD_CHANCE: f64 = 0.02;
/// For how many choices at most.
const MAX_HELD: u64 = 40;

/// A reactor of the server.
struct Seat<S: Application> {
    reactor: Reactor<S>,
    /// When its application wants to be called again between two turns.
    wakes_at: Option<Duration>,
    has_drained: bool,
}

/// All workers of a simulated server.
pub(super) struct Server<S: Application> {
    seats: Vec<Seat<S>>,
    workers: Vec<Worker<S>>,
    handle: ServerHandle,
    network: Network,
    /// Chooses among workers, and among nothing else.
    random: Random,
    /// A worker that gets no turn while others want one, and for how many choices more.
    held: (usize, u64),
}

impl<S: Simulated> Server<S> {
    pub(super) fn new(
        plan: &Simulation,
        service: Service<S>,
        mut state: impl FnMut(Worker<S>) -> S,
        network: &Network,
        watch: &Watch,
    ) -> Result<Self, BindError> {
        let mut workers = vec![];
        let state = |worker: Worker<S>| {
            workers.push(worker.clone());
            state(worker)
        };
        #[cfg_attr(not(feature = "metrics"), expect(unused_mut, reason = "there are none to switch on"))]
        let mut config = plan.config.clone();
        #[cfg(feature = "metrics")]
        {
            // What they count is checked at the end.
            config.metrics = true;
        }
        let reactors = Reactor::simulated_workers(&config, service, state, network)?;
        // There is always one.
        let handle = reactors.first().map(Reactor::handle).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        let seat = |mut reactor: Reactor<S>| {
            reactor.observe(Box::new(watch.clone()));
            Seat { reactor, wakes_at: None, has_drained: false }
        };
        Ok(Server {
            workers,
            handle,
            seats: reactors.into_iter().map(seat).collect(),
            network: network.clone(),
            random: Random::new(plan.seed.rotate_left(32)),
            held: (0, 0),
        })
    }

    /// Calls the application of a worker before its turn.
    pub(super) fn between_turns(&mut self, worker: usize, now: Duration, random: &mut Random) {
        let Some(seat) = self.seats.get_mut(worker) else { return };
        let again = seat.reactor.act(|state, effects| state.between_turns(effects, now, random));
        seat.wakes_at = again.map(|again| now + again);
    }

    /// What the first application says is left over.
    pub(super) fn left_over(&self) -> Option<String> {
        self.seats.iter().find_map(|seat| seat.reactor.state().left_over())
    }
}

impl<S: Application> Server<S> {
    /// The number of workers.
    pub(super) fn count(&self) -> usize {
        self.seats.len()
    }

    /// Chooses the worker whose turn it is: one that has something to do, or any if none has.
    pub(super) fn choose(&mut self, now: Duration) -> usize {
        if self.seats.len() == 1 {
            return 0;
        }
        let mut ready: Vec<_> = (0..self.seats.len()).filter(|&worker| self.is_ready(worker, now)).collect();
        if self.random.chance(HOLD_CHANCE) {
            self.held = (self.random.index(self.seats.len()), self.random.below(MAX_HELD));
        }
        let (held, left) = &mut self.held;
        if *left > 0 && ready.len() > 1 {
            *left -= 1;
            ready.retain(|worker| worker != held);
        }
        let any = self.random.index(self.seats.len());
        ready.get(self.random.index(ready.len())).copied().unwrap_or(any)
    }

    fn is_ready(&self, worker: usize, now: Duration) -> bool {
        self.seats.get(worker).is_some_and(|seat| {
            seat.due_in(now).is_zero() || self.network.has_events_now(seat.reactor.audit_poll())
        })
    }

    /// The time until another worker than this one is due, or the application of this one. `None`: never.
    pub(super) fn due_in(&self, worker: usize, now: Duration) -> Option<Duration> {
        let due = self.seats.iter().enumerate().filter_map(|(number, seat)| {
            if number == worker {
                seat.wakes_at.map(|at| at.saturating_sub(now))
            } else {
                Some(seat.due_in(now))
            }
        });
        due.min()
    }

    /// When the poll of a worker's next turn begins: since its last turn it sleeps, whatever the others do.
    pub(super) fn asleep_since(&self, worker: usize, now: Duration) -> Duration {
        match self.seats.get(worker) {
            Some(seat) if self.seats.len() > 1 => self.network.returned_at(seat.reactor.audit_poll()),
            _ => now,
        }
    }

    /// Takes a turn of one worker, which sleeps for `timeout` from now at most. Returns whether all are
    /// drained.
    pub(super) fn turn(&mut self, worker: usize, now: Duration, timeout: Duration) -> io::Result<Turn> {
        let has_slept = now.saturating_sub(self.asleep_since(worker, now));
        let is_alone = self.seats.len() == 1;
        if let Some(seat) = self.seats.get_mut(worker) {
            if !is_alone {
                self.network.was_asleep(seat.reactor.audit_poll());
            }
            let turn = seat.reactor.turn(Some(timeout + has_slept))?;
            seat.has_drained |= turn == Turn::Drained;
        }
        // A drained worker goes on with the others: their clients' requests to it must be answered.
        Ok(if self.seats.iter().all(|seat| seat.has_drained) { Turn::Drained } else { Turn::Running })
    }

    /// A worker's reactor.
    pub(super) fn reactor(&self, worker: usize) -> Option<&Reactor<S>> {
        self.seats.get(worker).map(|seat| &seat.reactor)
    }

    /// See [`Reactor::act`]. `None` if there is no such worker.
    pub(super) fn act<R>(&mut self, worker: usize, act: impl FnOnce(&mut S, &mut Effects) -> R) -> Option<R> {
        self.seats.get_mut(worker).map(|seat| seat.reactor.act(act))
    }

    pub(super) fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// A worker's access to the others.
    pub(super) fn worker(&self, worker: usize) -> Option<&Worker<S>> {
        self.workers.get(worker)
    }

    /// The connection in a slot of a worker.
    pub(super) fn audit(&self, worker: usize, slot: usize) -> Option<Audited> {
        self.reactor(worker)?.audit(slot)
    }

    /// When a worker has something to do without an event.
    pub(super) fn next_at(&self, worker: usize) -> Moment {
        self.reactor(worker).map_or(Moment::NEVER, Reactor::audit_next_at)
    }

    /// The number of connected clients, of all workers.
    pub(super) fn connections(&self) -> usize {
        self.seats.iter().map(|seat| seat.reactor.connections()).sum()
    }

    /// Connections whose opening the applications have seen, and not their end.
    pub(super) fn opened(&self) -> usize {
        self.seats.iter().map(|seat| seat.reactor.audit_opened()).sum()
    }

    /// Descriptors in use.
    pub(super) fn descriptors(&self) -> u64 {
        self.seats.iter().map(|seat| seat.reactor.audit_descriptors()).sum()
    }

    /// What is left over of a worker's clients after all are gone.
    pub(super) fn left_of(&self, worker: usize) -> Option<String> {
        self.reactor(worker)?.audit_left_over()
    }
}

impl<S: Application> Seat<S> {
    /// The time until it wants a turn even if nothing happens.
    fn due_in(&self, now: Duration) -> Duration {
        let due_at = Duration::from_millis(self.reactor.audit_due_at().as_ms());
        self.wakes_at.map_or(due_at, |at| at.min(due_at)).saturating_sub(now)
    }
}
