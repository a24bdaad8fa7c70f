//! The state of a network: its time, its connections, and what happens later.

use std::collections::VecDeque;
use std::time::Duration;

use mio::Token;

use super::accept_queue::AcceptQueue;
use super::buffers::Buffers;
use super::connection::{Connection, Held};
use super::fault::{Fault, Faults, Injected};
use super::ledger::{Activity, Ledger};
use super::random::Random;
use super::schedule::{Schedule, Scheduled, Source};

/// The longest time, in microseconds, until a call that was refused without a reason is followed by an event.
const REARM_US: u64 = 3_000;
/// How many tokens of closed connections are kept for stale events.
const GONE_TOKENS: usize = 64;

#[derive(Debug)]
pub(super) struct World {
    /// Microseconds since the network began.
    pub(super) now: u64,
    pub(super) random: Random,
    /// For faults within a turn, so that how often these are drawn changes nothing else.
    pub(super) turn_random: Random,
    /// How long the slow steps of this turn have taken, in microseconds.
    pub(super) turn_passed: u64,
    pub(super) faults: Faults,
    pub(super) injected: Injected,
    pub(super) ledger: Ledger,
    pub(super) activity: Activity,
    /// The buffers of connections that are made from now on.
    pub(super) buffers: Buffers,
    pub(super) descriptor_limit: u64,
    pub(super) accept_queues: Vec<Option<AcceptQueue>>,
    /// By number. `None` once both ends have closed.
    connections: Vec<Option<Box<Connection>>>,
    /// Changes that the poll has not reported, once each.
    pub(super) edges: Vec<Source>,
    /// The waker's token, and since when it waits to be reported.
    pub(super) waker: Option<Token>,
    pub(super) woken: Option<u64>,
    pub(super) gone_tokens: VecDeque<Token>,
    pub(super) turn: u64,
    /// Clients to which something has happened.
    news: Vec<usize>,
    schedule: Schedule,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        World {
            now: 0,
            random: Random::new(seed),
            turn_random: Random::new(!seed),
            turn_passed: 0,
            faults: Faults::NONE,
            injected: Injected::default(),
            ledger: Ledger::default(),
            activity: Activity::default(),
            buffers: Buffers::default(),
            descriptor_limit: u64::MAX,
            accept_queues: Vec::new(),
            connections: Vec::new(),
            edges: Vec::new(),
            waker: None,
            woken: None,
            gone_tokens: VecDeque::new(),
            turn: 1,
            news: Vec::new(),
            schedule: Schedule::default(),
        }
    }

    /// [`strikes`](Self::strikes), within a turn.
    pub(super) fn strikes_in_turn(&mut self, fault: Fault) -> bool {
        let strikes = self.turn_random.chance(self.faults.of(fault));
        if strikes {
            self.injected.count(fault);
        }
        strikes
    }

    /// Draws whether a fault happens now, and counts it: only to be called where it can happen.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.random.chance(self.faults.of(fault));
        if strikes {
            self.injected.count(fault);
        }
        strikes
    }

    pub(super) fn connection_mut(&mut self, number: usize) -> Option<&mut Connection> {
        self.connections.get_mut(number)?.as_deref_mut()
    }

    pub(super) fn connection(&self, number: usize) -> Option<&Connection> {
        self.connections.get(number)?.as_deref()
    }

    pub(super) fn add(&mut self, connection: Connection) -> usize {
        self.connections.push(Some(Box::new(connection)));
        self.connections.len() - 1
    }

    /// How many connections there have ever been.
    pub(super) fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Forgets a connection that both ends have closed.
    pub(super) fn forget_if_over(&mut self, number: usize) {
        let Some(entry) = self.connections.get_mut(number) else { return };
        if let Some(connection) = entry.take_if(|connection| connection.is_over()) {
            let (gone, traffic) = (&mut self.ledger.gone, connection.traffic);
            gone.sent += traffic.sent;
            gone.read += traffic.read;
            gone.written += traffic.written;
            gone.received += traffic.received;
        }
    }

    /// Something has happened: the poll will report it, once.
    pub(super) fn raise(&mut self, source: Source) {
        let now = self.now;
        let edge = match source {
            Source::Waker => Some(&mut self.woken),
            Source::AcceptQueue(index) => {
                let queue = self.accept_queues.get_mut(index).and_then(Option::as_mut);
                queue.filter(|queue| queue.token.is_some()).map(|queue| &mut queue.edge)
            }
            Source::Connection(number) => self
                .connection_mut(number)
                .filter(|connection| connection.token.is_some() && connection.held == Held::Open)
                .map(|connection| &mut connection.edge),
        };
        if let Some(edge @ None) = edge {
            *edge = Some(now);
            self.edges.push(source);
        }
    }

    /// Calls [`raise`](Self::raise) within `most_us` microseconds.
    pub(super) fn raise_later(&mut self, source: Source, most_us: u64) {
        let at = self.now + self.random.below(most_us);
        self.schedule.add(at, Scheduled::Edge(source));
    }

    /// A call was refused without a reason: an event follows soon.
    pub(super) fn rearm(&mut self, number: usize) {
        if let Some(connection) = self.connection_mut(number) {
            connection.rearms += 1;
            let at = self.now + self.random.below(REARM_US);
            self.schedule.add(at, Scheduled::Rearm(number));
        }
    }

    /// An accept was refused without a reason: an event follows soon.
    pub(super) fn rearm_accept(&mut self, index: usize) {
        self.raise_later(Source::AcceptQueue(index), REARM_US);
    }

    /// Nothing that the client sends arrives for a while.
    pub(super) fn stall(&mut self, number: usize, us: u64) {
        let until = self.now + us;
        let Some(connection) = self.connection_mut(number) else { return };
        connection.stalled_until = connection.stalled_until.max(until);
        self.schedule.add(until, Scheduled::Arrival(number));
    }

    /// When the next thing happens by itself.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.schedule.next_at()
    }

    /// Lets time pass, with all that happens in it.
    pub(super) fn pass_until(&mut self, time: u64) {
        while let Some((at, scheduled)) = self.schedule.take_due(time) {
            self.now = self.now.max(at);
            match scheduled {
                Scheduled::Edge(source) => self.raise(source),
                Scheduled::Rearm(number) => {
                    if let Some(connection) = self.connection_mut(number) {
                        connection.rearms -= 1;
                        self.raise(Source::Connection(number));
                    }
                }
                Scheduled::Arrival(number) => self.carry_in(number),
            }
        }
        self.now = self.now.max(time);
    }

    /// Delivers bytes of a client.
    pub(super) fn carry_in(&mut self, number: usize) {
        let now = self.now;
        let Some(connection) = self.connection_mut(number) else { return };
        if connection.held == Held::Closed {
            // The server has closed, and the client gets a reset.
            if !connection.under_way.is_empty() && !connection.is_reset && connection.stalled_until <= now {
                connection.cut();
                self.tell_client(number);
            }
        } else if connection.carry_in(now) {
            if std::mem::take(&mut connection.client_wants_space) {
                self.tell_client(number);
            }
            self.raise(Source::Connection(number));
        }
    }

    /// Delivers bytes of the server to its client.
    pub(super) fn carry_out(&mut self, number: usize) {
        let Some(connection) = self.connection_mut(number) else { return };
        if connection.client_gone && !connection.unsent.is_empty() {
            return self.reset(number);
        }
        let is_news = connection.carry_out();
        let has_space = connection.wants_space && connection.has_space();
        connection.wants_space &= !has_space;
        if is_news {
            self.tell_client(number);
        }
        if has_space {
            self.raise(Source::Connection(number));
        }
    }

    /// The client's side resets the connection, and the server learns of it.
    pub(super) fn reset(&mut self, number: usize) {
        let Some(connection) = self.connection_mut(number) else { return };
        if connection.is_reset {
            return;
        }
        connection.cut();
        connection.owes_error = true;
        self.tell_client(number);
        self.raise(Source::Connection(number));
    }

    /// Something has happened to a client.
    pub(super) fn tell_client(&mut self, number: usize) {
        if let Some(connection) =
            self.connection_mut(number).filter(|connection| !connection.client_gone && !connection.is_news)
        {
            connection.is_news = true;
            self.news.push(number);
        }
    }

    /// Appends the clients to which something has happened since this was last called.
    pub(super) fn take_news(&mut self, numbers: &mut Vec<u64>) {
        let mut news = std::mem::take(&mut self.news);
        for number in news.drain(..) {
            if let Some(connection) = self.connection_mut(number).filter(|connection| !connection.client_gone)
            {
                connection.is_news = false;
                numbers.push(number as u64);
            }
        }
        self.news = news;
    }

    pub(super) fn take_activity(&mut self) -> Activity {
        self.turn += 1;
        std::mem::take(&mut self.activity)
    }

    /// Whether another descriptor can be had.
    pub(super) fn has_descriptor(&self) -> bool {
        self.ledger.open() < self.descriptor_limit
    }

    /// Remembers the token of a closed connection, for stale events.
    pub(super) fn note_gone(&mut self, token: Token) {
        if self.gone_tokens.len() == GONE_TOKENS {
            self.gone_tokens.pop_front();
        }
        self.gone_tokens.push_back(token);
    }
}

/// In microseconds, rounded up to whole milliseconds as epoll rounds.
pub(super) fn timeout_us(timeout: Duration) -> u64 {
    crate::moment::whole_ms(timeout).saturating_mul(1000)
}
