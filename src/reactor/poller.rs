//! What a reactor waits on, and what it learns by that.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use mio::event::Source;
use mio::{Events, Interest, Poll, Token, Waker};

use super::tokens::WAKER;
#[cfg(feature = "sim")]
use crate::sim::{Network, Readiness};

/// A poll, with the events of the last time that it was waited on.
#[derive(Debug)]
pub(super) enum Poller {
    Real {
        poll: Poll,
        events: Events,
    },
    #[cfg(feature = "sim")]
    Simulated {
        network: Network,
        events: Vec<Readiness>,
        capacity: usize,
    },
}

/// Where sockets are registered to be polled.
#[derive(Debug)]
pub(super) enum Registry {
    Real(mio::Registry),
    /// Simulated sockets know their network: nothing else can be registered.
    #[cfg(feature = "sim")]
    Simulated,
}

/// What the poll says of one token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    Real(&'a mio::event::Event),
    #[cfg(feature = "sim")]
    Simulated(&'a Readiness),
}

impl Event<'_> {
    pub(super) fn token(self) -> Token {
        match self {
            Event::Real(event) => event.token(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.token,
        }
    }

    pub(super) fn is_readable(self) -> bool {
        match self {
            Event::Real(event) => event.is_readable(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.readable,
        }
    }

    pub(super) fn is_writable(self) -> bool {
        match self {
            Event::Real(event) => event.is_writable(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.writable,
        }
    }

    pub(super) fn is_read_closed(self) -> bool {
        match self {
            Event::Real(event) => event.is_read_closed(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.read_closed,
        }
    }

    pub(super) fn is_error(self) -> bool {
        match self {
            Event::Real(event) => event.is_error(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.error,
        }
    }

    pub(super) fn is_priority(self) -> bool {
        match self {
            Event::Real(event) => event.is_priority(),
            #[cfg(feature = "sim")]
            Event::Simulated(readiness) => readiness.priority,
        }
    }
}

impl Poller {
    pub(super) fn real(events: usize) -> io::Result<Self> {
        Ok(Poller::Real { poll: Poll::new()?, events: Events::with_capacity(events) })
    }

    #[cfg(feature = "sim")]
    pub(super) fn simulated(network: Network, events: usize) -> Self {
        Poller::Simulated { network, events: Vec::new(), capacity: events }
    }

    pub(super) fn registry(&self) -> io::Result<Registry> {
        match self {
            Poller::Real { poll, .. } => poll.registry().try_clone().map(Registry::Real),
            #[cfg(feature = "sim")]
            Poller::Simulated { .. } => Ok(Registry::Simulated),
        }
    }

    /// What wakes the poll from any thread. There may be one for each poll.
    pub(super) fn waker(&self) -> io::Result<Box<dyn Fn() + Send + Sync>> {
        Ok(match self {
            Poller::Real { poll, .. } => {
                let waker = Waker::new(poll.registry(), WAKER)?;
                Box::new(move || {
                    // Mail whose wake-up was lost would wait for another's. Otherwise a waker fails only if
                    // the poll is gone, and then nobody is left to be woken.
                    while waker.wake().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
                })
            }
            #[cfg(feature = "sim")]
            Poller::Simulated { network, .. } => {
                let network = network.clone();
                Box::new(move || network.wake(WAKER))
            }
        })
    }

    /// Waits for events.
    pub(super) fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let result = match self {
            Poller::Real { poll, events } => poll.poll(events, timeout),
            #[cfg(feature = "sim")]
            Poller::Simulated { network, events, capacity } => network.poll(events, *capacity, timeout),
        };
        match result {
            // The events may be old ones then; those that wait come with the next poll.
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
            #[cfg(feature = "sim")]
            Poller::Simulated { events, .. } => events.clear(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Poller::Real { events, .. } => events.is_empty(),
            #[cfg(feature = "sim")]
            Poller::Simulated { events, .. } => events.is_empty(),
        }
    }

    /// Hands out the events of the last poll.
    pub(super) fn for_each(&self, mut handle: impl FnMut(Event<'_>)) {
        match self {
            Poller::Real { events, .. } => events.iter().for_each(|event| handle(Event::Real(event))),
            #[cfg(feature = "sim")]
            Poller::Simulated { network, events, .. } => events.iter().for_each(|readiness| {
                network.note_told(*readiness);
                handle(Event::Simulated(readiness));
            }),
        }
    }
}

/// A simulated poll has no descriptor: -1.
impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Poller::Real { poll, .. } => poll.as_raw_fd(),
            #[cfg(feature = "sim")]
            Poller::Simulated { .. } => -1,
        }
    }
}

impl Registry {
    pub(super) fn register(
        &self,
        source: &mut impl Source,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        match self {
            Registry::Real(registry) => registry.register(source, token, interest),
            #[cfg(feature = "sim")]
            Registry::Simulated => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}
