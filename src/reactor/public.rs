//! The public reactor: an embedder binds it and runs its turns.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use super::bind_error::BindError;
use super::bury::abort_all;
use super::core::Core;
use super::drain::is_drained;
use super::input::Input;
use super::prepared::Prepared;
use super::shared::ServerShared;
use super::sys::clock::Clock;
use super::sys::poller::Poller;
use super::tick_grid::TickGrid;
use super::turn::{next_at, take_turn};
use crate::config::{Config, Listen};
use crate::handle::ServerHandle;
use crate::id::ConnectionId;
use crate::mailboxes::Mailboxes;
use crate::moment::{Moment, whole_ms};
use crate::router::{Application, Service};

/// The longest wait of a poll, in milliseconds. If a poll takes longer, the process was not running.
const MAX_WAIT_MS: u64 = 1000;

/// What a turn leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on: call [`Reactor::turn`] again.
    Running,
    /// The server has drained and every client is gone.
    Drained,
}

/// A gateway: its listeners, its clients, and the application's state. One core serves all of it;
/// [`Workers`](crate::Workers) runs several.
///
/// Give it a thread with [`run`](Self::run), or call [`turn`](Self::turn) from an existing loop.
///
/// # In a loop of yours
///
/// A loop that does nothing but the game's steps calls [`turn`](Self::turn) with the time until the next
/// step. A loop that waits for other things as well waits for the reactor's [descriptor](AsFd) too, which
/// becomes readable when there is something to do, and at most until [`next_deadline`](Self::next_deadline).
/// Then it calls `turn` with a timeout of 0, and asks for the deadline again: while work is left, that is not
/// in the future. The descriptor may be waited on by level or by edge. Three things end or change the loop:
///
/// - [`act`](Self::act) gives the game its state and its effects between two turns.
/// - [`ServerHandle::drain`] announces the end, from a signal's thread or from the loop itself. The loop goes
///   on until `turn` returns [`Turn::Drained`].
/// - Time in which the loop does not call `turn` although it is due counts as a stall: it is not held against
///   clients that were silent meanwhile.
///
/// `examples/own_loop.rs` is such a loop with epoll, `examples/tokio_loop.rs` with tokio. A game that lets
/// the reactor run has [ticks](Application::tick) instead.
///
/// Dropping a reactor closes every socket at once, without Close frames; drain it first.
pub struct Reactor<S: Application> {
    poller: Poller,
    pub(super) clock: Clock,
    spin: Option<Duration>,
    /// When the last turn ended, unless the next one follows at once.
    ended: Option<Instant>,
    pub(super) core: Core<S>,
    pub(super) input: Input,
}

impl<S: Application> Reactor<S> {
    /// Binds the listeners. Clients can connect from now on, and turns serve them.
    ///
    /// # Errors
    /// [`BindError`]: the configuration is not valid, or an address cannot be listened on.
    pub fn bind(config: &Config, service: impl Into<Service<S>>, state: S) -> Result<Self, BindError> {
        let service = service.into();
        let (prepared, _) = Prepared::bind(config, &service, 0)?;
        Ok(Reactor::from_prepared(prepared, config, service, state))
    }

    /// Makes a reactor from bound listeners and their application.
    pub(crate) fn from_prepared(prepared: Prepared, config: &Config, service: Service<S>, state: S) -> Self {
        let Prepared { poller, setup } = prepared;
        Reactor {
            poller,
            clock: setup.shared.clock.clone(),
            spin: config.reactor.spin,
            ended: None,
            core: Core::new(config, service, state, setup),
            input: Input::new(),
        }
    }

    /// The address of the first TCP listener, with its actual port. None if all listeners are Unix sockets,
    /// or once a drain has closed them.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listening().find_map(|listen| match listen {
            Listen::Tcp(address) => Some(address),
            Listen::Unix(_) => None,
        })
    }

    /// Where clients are accepted, in the order of the configuration, with the actual ports.
    pub fn listening(&self) -> impl Iterator<Item = Listen> {
        self.core.listeners.listening()
    }

    /// A handle to the reactor, for other threads.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        let ServerShared { mailboxes, topics, metrics, .. } = &self.core.shared;
        ServerHandle::new(mailboxes.clone(), topics.clone(), metrics.clone())
    }

    /// The application's state.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.core.lent.env.state
    }

    /// The number of connected clients, including those still upgrading or closing.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core.connections.len()
    }

    /// The ids of all connections, in no particular order.
    pub fn connection_ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.core.connections.ids()
    }

    /// Runs turns until the server has drained.
    ///
    /// # Errors
    /// As [`turn`](Self::turn).
    pub fn run(&mut self) -> io::Result<()> {
        while !is_drained(&self.core) {
            self.turn(None)?;
        }
        Ok(())
    }

    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.core.shared.mailboxes
    }

    /// Ends every connection at once, and takes no more clients or mail.
    pub(crate) fn give_up(&mut self) {
        self.core.listeners.close(&self.core.registry);
        abort_all(&mut self.core);
        self.core.lent.env.tools.meter.turn_ended(true);
        self.core.lent.env.tools.mailbox.close();
        self.core.mail.clear();
    }

    /// Runs one turn: waits for something to do, at most for `timeout` (none: without limit), and does a
    /// bounded amount of it.
    ///
    /// # Errors
    /// The poll failed, which no client can bring about.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Turn> {
        let polled = self.poll(timeout)?;
        take_turn(&mut self.core, &mut self.input, &self.poller, polled);
        // A caller that sets the timeout may itself wait elsewhere before the next turn.
        self.ended = timeout.map(|_| self.clock.instant_now());
        let is_over = is_drained(&self.core);
        self.core.lent.env.tools.meter.turn_ended(is_over);
        Ok(if is_over { Turn::Drained } else { Turn::Running })
    }

    /// Polls, and records stalls: time before or within the poll in which the process did not run. Returns
    /// when the poll returned, which is the time of this turn.
    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<Instant> {
        let (worked_at, due_at) = (self.core.lent.now(), self.due_at());
        let began = self.clock.instant_now();
        if let Some(ticks) = &mut self.core.ticks {
            ticks.begin(began);
        }
        let began_at = self.clock.moment(began);
        let ended = self.ended.take();
        let stalls = &mut self.core.lent.env.settings.stalls;
        if stalls.can_be(began_at.since(worked_at)) {
            // How long the previous turn took, and how late this one starts.
            let ended_at = ended.map_or(began_at, |ended| self.clock.moment(ended));
            let turn_ms = ended_at.since(worked_at) + began_at.since(ended_at.max(due_at));
            stalls.in_turn(turn_ms, began_at);
        }
        if self.core.lent.env.tools.meter.is_on() {
            self.core.lent.env.tools.meter.sleeps(self.clock.stamp(ended.unwrap_or(began)));
        }
        let asked_ms = self.wait(began, due_at.since(began_at), timeout)?;
        let polled = self.clock.instant_now();
        let now = self.clock.moment(polled);
        let env = &mut self.core.lent.env;
        env.tools.now = now;
        if env.tools.meter.is_on() {
            env.tools.meter.turn_began(self.clock.stamp(polled));
        }
        env.settings.stalls.in_poll(now.since(began_at).saturating_sub(asked_ms), now);
        Ok(polled)
    }

    /// When to call [`turn`](Self::turn) even if the descriptor does not become readable: at the latest a
    /// second after the last turn. Time beyond that counts as a stall, in which the clients were not heard.
    /// None only if the clock cannot represent the time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.poller.is_full() {
            return Some(self.clock.instant_now());
        }
        let due_at = self.clock.instant(self.due_at());
        // A tick's time is known more exactly than to the millisecond.
        [due_at, self.next_tick_at()].into_iter().flatten().min()
    }

    fn next_tick_at(&self) -> Option<Instant> {
        self.core.ticks.as_ref().and_then(TickGrid::next_at)
    }

    pub(super) fn due_at(&self) -> Moment {
        next_at(&self.core).min(self.core.lent.now().after(MAX_WAIT_MS))
    }

    /// Waits for events, first without sleeping if that is configured. Returns the longest wait it was
    /// allowed, in milliseconds.
    fn wait(&mut self, began: Instant, until_due_ms: u64, timeout: Option<Duration>) -> io::Result<u64> {
        let longest = Duration::from_millis(until_due_ms.min(MAX_WAIT_MS));
        let until_tick = self.next_tick_at().map_or(longest, |at| at.saturating_duration_since(began));
        let longest = longest.min(until_tick);
        let timeout = timeout.map_or(longest, |timeout| timeout.min(longest));
        match self.spin {
            None => self.poller.poll(began, timeout)?,
            Some(spin) => self.spin_and_poll(began, timeout, spin)?,
        }
        Ok(whole_ms(timeout))
    }

    #[cold]
    fn spin_and_poll(&mut self, began: Instant, timeout: Duration, spin: Duration) -> io::Result<()> {
        let spin = timeout.min(spin);
        let mut waited = Duration::ZERO;
        while waited < spin {
            self.poller.poll(began, Duration::ZERO)?;
            if !self.poller.is_empty() {
                return Ok(());
            }
            waited = self.clock.instant_now().saturating_duration_since(began);
        }
        self.poller.poll(began + waited, timeout.saturating_sub(waited))
    }
}

/// The descriptor to wait on in another loop: readable when there is something to do. It belongs to the
/// reactor: only wait on it. A simulated reactor's is one that no poll takes.
impl<S: Application> AsFd for Reactor<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.poller.as_fd()
    }
}

/// The same descriptor.
impl<S: Application> AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl<S: Application> Drop for Reactor<S> {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reactor_can_be_made_on_one_thread_and_run_on_another() {
        fn is_send<T: Send>() {}
        fn check<S: Application<Session: Send> + Send>() {
            is_send::<Reactor<S>>();
        }
        struct Nothing;
        impl Application for Nothing {
            type Session = ();
        }
        check::<Nothing>();
    }
}
