//! The poll that a reactor waits on, and the registry for its sockets.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};

use super::alarm::Alarm;
use super::event::Event;
use super::simulated;
use crate::reactor::tokens::ALARM;

/// A poll, with the events of its last wait.
#[derive(Debug)]
pub(crate) enum Poller {
    Real {
        poll: Poll,
        events: Events,
        /// Ends a wait in place of a timeout, where the system has one.
        alarm: Option<Alarm>,
    },
    /// The second part is a descriptor that no system's poll takes, since the simulated one has none.
    Simulated(simulated::Poll, File),
}

/// Where sockets are registered to be polled.
#[derive(Debug)]
pub(crate) enum Registry {
    Real(mio::Registry),
    /// The number of a simulated poll. Simulated sockets register with their network: nothing else can be
    /// registered here.
    Simulated(usize),
}

impl Poller {
    /// A poll of the system that returns at most `events` events at a time.
    pub(crate) fn real(events: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let alarm = Alarm::new(poll.registry(), ALARM);
        Ok(Poller::Real { poll, events: Events::with_capacity(events), alarm })
    }

    /// A poll of a simulated network that returns at most `events` events at a time.
    pub(crate) fn simulated(network: simulated::Network, events: usize) -> io::Result<Self> {
        Ok(Poller::Simulated(simulated::Poll::new(network, events), File::open("/dev/null")?))
    }

    pub(crate) fn registry(&self) -> io::Result<Registry> {
        match self {
            Poller::Real { poll, .. } => poll.registry().try_clone().map(Registry::Real),
            Poller::Simulated(poll, _) => Ok(Registry::Simulated(poll.number())),
        }
    }

    /// Makes a function that wakes the poll from any thread, with an event for that token. A poll may have
    /// only one.
    pub(crate) fn waker(&self, token: Token) -> io::Result<Box<dyn Fn() + Send + Sync>> {
        Ok(match self {
            Poller::Real { poll, .. } => {
                let waker = Waker::new(poll.registry(), token)?;
                Box::new(move || {
                    // If a wake-up got lost, the mail would wait for the next one. Other errors mean that the
                    // poll is gone, and then there is nothing to wake.
                    while waker.wake().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
                })
            }
            Poller::Simulated(poll, _) => poll.waker(token),
        })
    }

    /// Waits for events, from `now` on and at most for `timeout`. A signal ends the wait without events.
    pub(crate) fn poll(&mut self, now: Instant, timeout: Duration) -> io::Result<()> {
        let result = match self {
            Poller::Real { poll, events, alarm } => {
                let is_set =
                    !timeout.is_zero() && alarm.as_mut().is_some_and(|alarm| alarm.set(now, timeout));
                poll.poll(events, (!is_set).then_some(timeout))
            }
            Poller::Simulated(poll, _) => poll.poll(Some(timeout)),
        };
        match result {
            // The events may be old ones; those that wait come with the next poll.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.clear();
                Ok(())
            }
            result => result,
        }
    }

    fn clear(&mut self) {
        match self {
            Poller::Real { events, .. } => events.clear(),
            Poller::Simulated(poll, _) => poll.clear(),
        }
    }

    /// Whether the last poll brought no events.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Poller::Real { events, .. } => events.is_empty(),
            Poller::Simulated(poll, _) => poll.is_empty(),
        }
    }

    /// Whether the last poll brought as many events as it can, so that more may wait without a new edge.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Poller::Real { events, .. } => events.iter().count() >= events.capacity(),
            Poller::Simulated(poll, _) => poll.is_full(),
        }
    }

    /// Calls `handle` for each event of the last poll.
    pub(crate) fn for_each(&self, mut handle: impl FnMut(Event)) {
        match self {
            Poller::Real { events, .. } => {
                events.iter().for_each(|event| handle(Event::from(event)));
            }
            Poller::Simulated(poll, _) => poll.for_each(handle),
        }
    }
}

/// The poll's descriptor.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Poller::Real { poll, .. } => poll.registry().as_fd(),
            Poller::Simulated(_, descriptor) => descriptor.as_fd(),
        }
    }
}

impl Registry {
    /// The number of the simulated poll. 0 for a real one.
    pub(crate) fn simulated_poll(&self) -> usize {
        match self {
            Registry::Real(_) => 0,
            Registry::Simulated(poll) => *poll,
        }
    }

    pub(crate) fn register(
        &self,
        source: &mut impl Source,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            Registry::Real(registry) => registry.register(source, token, interest),
            Registry::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Ends the events of a source. Closing the last descriptor of a socket does that too.
    pub(crate) fn deregister(&self, source: &mut impl Source) -> io::Result<()> {
        match self {
            Registry::Real(registry) => registry.deregister(source),
            Registry::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
