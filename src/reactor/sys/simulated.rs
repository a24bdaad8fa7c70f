//! The simulated clock, poll and sockets. `no_simulation.rs` replaces this file in a library without the
//! feature `sim`.

use std::io;
use std::time::Duration;

use mio::Token;

use super::event::Event;
use crate::sim::{Readiness, SimulatedSocket};

pub(crate) use crate::sim::{Network, SimulatedListener as Listener, SimulatedSpare as Spare};

/// Boxed, so that it does not enlarge the other sockets.
pub(crate) type Socket = Box<SimulatedSocket>;

/// A network's time since the server started.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    network: Network,
    began: Duration,
}

impl Clock {
    pub(crate) fn new(network: Network) -> Self {
        Clock { began: network.now(), network }
    }

    pub(crate) fn now(&self) -> Duration {
        self.network.reactor_now().saturating_sub(self.began)
    }

    /// Starts a turn, whose running time [`turn_now`](Self::turn_now) gives.
    pub(crate) fn begin_turn(&self) {
        self.network.begin_turn();
    }

    /// The time within a turn. It advances while [`now`](Self::now) stands still.
    pub(crate) fn turn_now(&self) -> Duration {
        self.network.turn_now().saturating_sub(self.began)
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        self.network.unix_ms()
    }
}

/// One poll of a network, with the events of its last wait.
#[derive(Debug)]
pub(crate) struct Poll {
    network: Network,
    number: usize,
    events: Vec<Readiness>,
    capacity: usize,
}

impl Poll {
    pub(crate) fn new(network: Network, capacity: usize) -> Self {
        Poll { number: network.add_poll(), network, events: Vec::new(), capacity }
    }

    /// The poll's number in its network.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn waker(&self, token: Token) -> Box<dyn Fn() + Send + Sync> {
        let (network, number) = (self.network.clone(), self.number);
        Box::new(move || network.wake(number, token))
    }

    pub(crate) fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.network.poll(self.number, &mut self.events, self.capacity, timeout)
    }

    pub(crate) fn clear(&mut self) {
        self.events.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= self.capacity
    }

    /// Calls `handle` for each event, and tells the network which ones the server has seen.
    pub(crate) fn for_each(&self, mut handle: impl FnMut(Event)) {
        for &readiness in &self.events {
            self.network.note_told(readiness);
            handle(Event {
                token: readiness.token,
                readable: readiness.readable,
                writable: readiness.writable,
                read_closed: readiness.read_closed,
                error: readiness.error,
                priority: readiness.priority,
            });
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.network.remove_poll(self.number);
    }
}
