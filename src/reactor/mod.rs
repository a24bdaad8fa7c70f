//! One thread, one poll, every socket: turns events into calls of connections, and what they gather
//! into writes.
//!
//! A turn is: poll, accept and read, hand on mail and effects, write, expire timers, bury the dead.
//! Its time is what the clock says behind the poll. Whatever could take long is counted: bytes and packets of one
//! connection, accepts, timers, mails. Work that is left goes on a list, and the next poll does not
//! sleep. The contract of mio's `Poll` is kept as its documentation states it: events may be spurious,
//! an edge is not repeated, and one that names an earlier life of a slot is dropped.

mod accept;
mod across;
mod admission;
mod ahead;
pub(crate) mod audit;
mod bind_error;
mod borrow;
mod budget;
mod compress;
mod core;
#[cfg(test)]
mod crowd;
mod deliver;
mod drain;
mod expire;
mod fan_out;
mod fan_outs;
mod gather;
mod inflaters;
mod judge;
mod prepared;
mod ready;
mod record;
mod refusals;
mod roles;
mod serve;
mod slots;
mod survey;
pub(crate) mod sys;
mod waiting;
pub(crate) mod wheel;
mod write;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use mio::Token;

use crate::config::{Config, Listen};
use crate::handle::ServerHandle;
use crate::id::ConnectionId;
use crate::mailboxes::Mailboxes;
use crate::moment::{Moment, whole_ms};
use crate::packet::Cipher;
use crate::router::{Application, Service};

pub use bind_error::BindError;
pub(crate) use prepared::Prepared;

use core::Core;
use sys::clock::Clock;
use sys::poller::Poller;

/// Events that one poll brings at most.
const EVENTS: usize = 1024;
/// The waker's token; listeners count down from here.
const WAKER: Token = Token(usize::MAX);
/// Milliseconds that a poll waits at most. What it takes beyond that is time in which the process did not run.
const MAX_WAIT_MS: u64 = 1000;

/// What a turn leaves to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Go on: call [`Reactor::turn`] again.
    Running,
    /// The server was drained and every client is gone.
    Drained,
}

/// A gateway: its listeners, its clients, and the application's state. One core serves all of it;
/// [`Workers`](crate::Workers) are several of these.
///
/// Give it a thread with [`run`](Self::run), or turn it by hand with [`turn`](Self::turn) within a
/// loop that exists already: its [descriptor](AsRawFd) becomes readable when there is something to do,
/// and [`next_deadline`](Self::next_deadline) says when there will be something to do without that.
///
/// Dropping a reactor closes every socket at once, without Close frames; drain it first.
pub struct Reactor<S: Application> {
    poller: Poller,
    clock: Clock,
    spin: Duration,
    /// When the last turn ended, if the next one does not follow at once.
    ended: Option<Instant>,
    core: Core<S>,
}

impl<S: Application> Reactor<S> {
    /// Binds the listeners. Clients are accepted from now on, and served by turns.
    ///
    /// # Errors
    /// [`BindError`]: the configuration is not valid, or an address cannot be listened on.
    pub fn bind(config: &Config, service: impl Into<Service<S>>, state: S) -> Result<Self, BindError> {
        Reactor::bind_with_cipher(config, service, state, None)
    }

    /// [`bind`](Self::bind), with a cipher for Data of status 2.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn bind_with_cipher(
        config: &Config,
        service: impl Into<Service<S>>,
        state: S,
        cipher: Option<Box<dyn Cipher>>,
    ) -> Result<Self, BindError> {
        let service = service.into();
        let (prepared, _) = Prepared::bind(config, &service, 0)?;
        Ok(prepared.finish(config, service, state, cipher))
    }

    /// The address of the first TCP listener, with the port that it was given. None if all listeners
    /// are Unix sockets, or once a drain has closed them.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listening().find_map(|listen| match listen {
            Listen::Tcp(address) => Some(address),
            Listen::Unix(_) => None,
        })
    }

    /// Where clients are accepted, in the order of the configuration, with the ports that were given.
    pub fn listening(&self) -> impl Iterator<Item = Listen> {
        self.core.listeners.listening()
    }

    /// A handle to the reactor, for other threads.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(self.core.common.mailboxes.clone())
    }

    /// The application's state.
    #[must_use]
    pub fn state(&self) -> &S {
        &self.core.lent.state
    }

    /// The application's state, between two turns.
    #[must_use]
    pub fn state_mut(&mut self) -> &mut S {
        &mut self.core.lent.state
    }

    /// Clients that are connected, those that are still upgrading or closing included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.core.slots.len()
    }

    /// The ids of all connections, in no particular order.
    pub fn connection_ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.core.slots.ids()
    }

    /// Turns until the server has been drained.
    ///
    /// # Errors
    /// As [`turn`](Self::turn).
    pub fn run(&mut self) -> io::Result<()> {
        while !self.core.is_drained() {
            self.turn(None)?;
        }
        Ok(())
    }

    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.core.common.mailboxes
    }

    /// Ends every connection at once, and takes neither clients nor mail any more.
    pub(crate) fn give_up(&mut self) {
        self.core.listeners.close();
        self.core.abort_all();
        self.core.lent.tools.mailbox.close();
        // Whoever waits for an answer to what was collected learns that there is none.
        self.core.mails.clear();
    }

    /// One turn: waits for something to do, at most for `timeout` (none: as long as it takes), and does a
    /// bounded amount of it.
    ///
    /// # Errors
    /// The poll failed, which no client can bring about.
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<Turn> {
        let (worked_at, due_at) = (self.core.now, self.due_at());
        let began = self.clock.instant_now();
        let began_at = self.clock.moment(began);
        let ended = self.ended.take();
        if self.core.lent.settings.stalls.can_be(began_at.since(worked_at)) {
            // What the turn before has taken, and by how much this one comes later than it was due.
            let ended_at = ended.map_or(began_at, |ended| self.clock.moment(ended));
            let turn_ms = ended_at.since(worked_at) + began_at.since(ended_at.max(due_at));
            self.core.lent.settings.stalls.in_turn(turn_ms, began_at);
        }
        let asked_ms = self.wait(began, due_at.since(began_at), timeout)?;
        let polled = self.clock.instant_now();
        self.core.now = self.clock.moment(polled);
        let poll_ms = self.core.now.since(began_at).saturating_sub(asked_ms);
        self.core.lent.settings.stalls.in_poll(poll_ms, self.core.now);
        self.core.begin_turn(polled);
        self.core.serve_quiet();
        self.poller.for_each(|event| self.core.handle_event(event));
        self.core.handle_ahead();
        self.core.serve_busy();
        self.core.deliver_mail();
        self.core.accept();
        self.core.expire();
        self.core.drain();
        self.core.fan_out();
        self.core.end_turn();
        self.core.lent.tools.log.tell(self.core.now);
        // Who says how long to wait may wait elsewhere before the next turn.
        self.ended = timeout.map(|_| self.clock.instant_now());
        Ok(if self.core.is_drained() { Turn::Drained } else { Turn::Running })
    }

    /// When [`turn`](Self::turn) is to be called even if the descriptor does not become readable: a second from the
    /// last turn at the latest. Time beyond that counts as one in which the clients were not heard. None only
    /// beyond what the clock can tell.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.clock.instant(self.due_at())
    }

    fn due_at(&self) -> Moment {
        self.core.next_at().min(self.core.now.after(MAX_WAIT_MS))
    }

    /// Waits for events: without sleeping at first, if that was asked for. For how many milliseconds it was to wait at
    /// most.
    fn wait(&mut self, began: Instant, until_due_ms: u64, timeout: Option<Duration>) -> io::Result<u64> {
        let longest_ms = until_due_ms.min(MAX_WAIT_MS);
        let longest = Duration::from_millis(longest_ms);
        let timeout = timeout.map_or(longest, |timeout| timeout.min(longest));
        if self.spin.is_zero() {
            self.poller.poll(Some(timeout))?;
        } else {
            self.spin_and_poll(began, timeout)?;
        }
        Ok(whole_ms(timeout))
    }

    #[cold]
    fn spin_and_poll(&mut self, began: Instant, timeout: Duration) -> io::Result<()> {
        let spin = timeout.min(self.spin);
        let mut waited = Duration::ZERO;
        while waited < spin {
            self.poller.poll(Some(Duration::ZERO))?;
            if !self.poller.is_empty() {
                return Ok(());
            }
            waited = self.clock.instant_now().saturating_duration_since(began);
        }
        self.poller.poll(Some(timeout.saturating_sub(waited)))
    }
}

/// The descriptor to wait on within another loop. It belongs to the reactor: only wait on it. A
/// simulated reactor has none: -1.
impl<S: Application> AsRawFd for Reactor<S> {
    fn as_raw_fd(&self) -> RawFd {
        self.poller.as_raw_fd()
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
        fn check<S: Application + Send>() {
            is_send::<Reactor<S>>();
        }
        struct Nothing;
        impl Application for Nothing {}
        check::<Nothing>();
    }
}
