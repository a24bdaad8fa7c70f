//! The state of a network: its time, its connections, and what happens later.

use std::time::Duration;

use mio::Token;

use super::accept_queue::{AcceptQueue, ListenerState};
use super::buffers::Buffers;
use super::connection::{Connection, Held};
use super::fault::{Fault, Faults, Injected};
use super::ledger::{Activity, Ledger};
use super::poll_state::PollState;
use super::random::Random;
use super::schedule::{Schedule, Scheduled, Source};

/// The longest time, in microseconds, until a call that was refused without a reason is followed by an event.
const REARM_US: u64 = 3_000;

#[derive(Debug)]
pub(super) struct World {
    /// Microseconds since the network began.
    pub(super) now: u64,
    /// What a reactor takes for the present, until its poll returns: when it went to sleep.
    pub(super) asleep_since: Option<u64>,
    pub(super) random: Random,
    /// Decides, with a client's address, which of several queues takes it.
    pub(super) queue_seed: u64,
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
    pub(super) listeners: Vec<Option<ListenerState>>,
    /// By number. `None` once both ends have closed.
    connections: Vec<Option<Box<Connection>>>,
    /// One for each reactor. `None` once that is gone.
    pub(super) polls: Vec<Option<PollState>>,
    pub(super) turn: u64,
    /// Clients to which something has happened.
    news: Vec<usize>,
    schedule: Schedule,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        World {
            now: 0,
            asleep_since: None,
            random: Random::new(seed),
            queue_seed: seed,
            turn_random: Random::new(!seed),
            turn_passed: 0,
            faults: Faults::NONE,
            injected: Injected::default(),
            ledger: Ledger::default(),
            activity: Activity::default(),
            buffers: Buffers::default(),
            descriptor_limit: u64::MAX,
            accept_queues: Vec::new(),
            listeners: Vec::new(),
            connections: Vec::new(),
            polls: Vec::new(),
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
        let raised = match source {
            Source::Waker(poll) => self.poll_mut(poll).map(|state| (poll, &mut state.woken)),
            Source::Listener(index) => {
                let listener = self.listeners.get_mut(index).and_then(Option::as_mut);
                let listener = listener.filter(|listener| listener.token.is_some());
                listener.map(|listener| (listener.poll, &mut listener.edge))
            }
            Source::Connection(number) => self
                .connection_mut(number)
                .filter(|connection| connection.token.is_some() && connection.held == Held::Open)
                .map(|connection| (connection.poll, &mut connection.edge)),
        };
        if let Some((poll, edge @ None)) = raised {
            *edge = Some(now);
            if let Some(state) = self.poll_mut(poll) {
                state.edges.push(source);
            }
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
        self.raise_later(Source::Listener(index), REARM_US);
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

    pub(super) fn poll_mut(&mut self, poll: usize) -> Option<&mut PollState> {
        self.polls.get_mut(poll)?.as_mut()
    }

    /// Remembers the token of a closed connection, for stale events.
    pub(super) fn note_gone(&mut self, poll: usize, token: Token) {
        if let Some(state) = self.poll_mut(poll) {
            state.note_gone(token);
        }
    }
}

/// In microseconds, rounded up to whole milliseconds as epoll rounds.
pub(super) fn timeout_us(timeout: Duration) -> u64 {
    crate::moment::whole_ms(timeout).saturating_mul(1000)
}
