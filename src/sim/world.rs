//! All that a network holds: its time, its connections, and what happens when.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use mio::Token;

use super::fault::{Fault, Faults, Injected};
use super::ledger::{Activity, Ledger};
use super::link::{Held, Link};
use super::listener::Entrance;
use super::network::Buffers;
use super::random::Random;

/// Microseconds that a call which was refused for no reason takes to be made good, at most.
const REARM_US: u64 = 3_000;
/// Tokens of connections that are gone, for stale events.
const GONE_TOKENS: usize = 64;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Waker,
    Entrance(usize),
    Link(usize),
}

/// What happens at some time to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Edge(Source),
    Rearm(usize),
    Arrival(usize),
}

#[derive(Debug)]
pub(super) struct World {
    /// Microseconds since the network began.
    pub(super) now: u64,
    pub(super) random: Random,
    /// For what happens within a turn: how many questions are asked there changes nothing else.
    pub(super) turn_random: Random,
    /// What slow steps of this turn have taken, in microseconds.
    pub(super) turn_passed: u64,
    pub(super) faults: Faults,
    pub(super) injected: Injected,
    pub(super) ledger: Ledger,
    pub(super) activity: Activity,
    /// Of connections that are made from now on.
    pub(super) buffers: Buffers,
    pub(super) descriptor_limit: u64,
    pub(super) entrances: Vec<Option<Entrance>>,
    /// By number; none once neither end is held.
    links: Vec<Option<Box<Link>>>,
    /// What the poll has not told, once each.
    pub(super) edges: Vec<Source>,
    /// The waker, and since when it has been heard.
    pub(super) waker: Option<Token>,
    pub(super) woken: Option<u64>,
    pub(super) gone_tokens: VecDeque<Token>,
    pub(super) turn: u64,
    /// Clients that something has happened to.
    news: Vec<usize>,
    later: BinaryHeap<Reverse<(u64, u64, Later)>>,
    last_later: u64,
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
            entrances: Vec::new(),
            links: Vec::new(),
            edges: Vec::new(),
            waker: None,
            woken: None,
            gone_tokens: VecDeque::new(),
            turn: 1,
            news: Vec::new(),
            later: BinaryHeap::new(),
            last_later: 0,
        }
    }

    /// [`strikes`](Self::strikes), for what happens within a turn.
    pub(super) fn strikes_in_turn(&mut self, fault: Fault) -> bool {
        let strikes = self.turn_random.chance(self.faults.of(fault));
        if strikes {
            self.injected.count(fault);
        }
        strikes
    }

    /// Whether a fault happens now. It is counted, so only ask where it can.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.random.chance(self.faults.of(fault));
        if strikes {
            self.injected.count(fault);
        }
        strikes
    }

    pub(super) fn link(&mut self, number: usize) -> Option<&mut Link> {
        self.links.get_mut(number)?.as_deref_mut()
    }

    pub(super) fn look_at(&self, number: usize) -> Option<&Link> {
        self.links.get(number)?.as_deref()
    }

    pub(super) fn add(&mut self, link: Link) -> usize {
        self.links.push(Some(Box::new(link)));
        self.links.len() - 1
    }

    /// How many connections have ever been.
    pub(super) fn links(&self) -> usize {
        self.links.len()
    }

    /// Forgets a connection that neither end holds.
    pub(super) fn forget_if_over(&mut self, number: usize) {
        let Some(place) = self.links.get_mut(number) else { return };
        if let Some(link) = place.take_if(|link| link.is_over()) {
            let (gone, traffic) = (&mut self.ledger.gone, link.traffic);
            gone.sent += traffic.sent;
            gone.read += traffic.read;
            gone.written += traffic.written;
            gone.received += traffic.received;
        }
    }

    /// Something has happened: the poll will tell, once.
    pub(super) fn raise(&mut self, source: Source) {
        let now = self.now;
        let edge = match source {
            Source::Waker => Some(&mut self.woken),
            Source::Entrance(index) => {
                let entrance = self.entrances.get_mut(index).and_then(Option::as_mut);
                entrance.filter(|entrance| entrance.token.is_some()).map(|entrance| &mut entrance.edge)
            }
            Source::Link(number) => self
                .link(number)
                .filter(|link| link.token.is_some() && link.held == Held::Open)
                .map(|link| &mut link.edge),
        };
        if let Some(edge @ None) = edge {
            *edge = Some(now);
            self.edges.push(source);
        }
    }

    /// [`raise`](Self::raise), in a while.
    pub(super) fn raise_later(&mut self, source: Source, most_us: u64) {
        let at = self.now + self.random.below(most_us);
        self.at(at, Later::Edge(source));
    }

    /// A call was refused for no reason: the system makes it good soon.
    pub(super) fn rearm(&mut self, number: usize) {
        if let Some(link) = self.link(number) {
            link.rearms += 1;
            let at = self.now + self.random.below(REARM_US);
            self.at(at, Later::Rearm(number));
        }
    }

    /// The same, where a client waits to be accepted.
    pub(super) fn rearm_entrance(&mut self, index: usize) {
        self.raise_later(Source::Entrance(index), REARM_US);
    }

    /// Nothing that the client sends arrives for a while.
    pub(super) fn stall(&mut self, number: usize, us: u64) {
        let until = self.now + us;
        let Some(link) = self.link(number) else { return };
        link.stalled_until = link.stalled_until.max(until);
        self.at(until, Later::Arrival(number));
    }

    fn at(&mut self, at: u64, later: Later) {
        self.last_later += 1;
        self.later.push(Reverse((at, self.last_later, later)));
    }

    /// When the next thing happens by itself.
    pub(super) fn next_later(&self) -> Option<u64> {
        self.later.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Lets time pass, with all that happens in it.
    pub(super) fn pass_until(&mut self, time: u64) {
        while let Some(at) = self.next_later().filter(|&at| at <= time) {
            self.now = self.now.max(at);
            match self.later.pop() {
                Some(Reverse((_, _, Later::Edge(source)))) => self.raise(source),
                Some(Reverse((_, _, Later::Rearm(number)))) => {
                    if let Some(link) = self.link(number) {
                        link.rearms -= 1;
                        self.raise(Source::Link(number));
                    }
                }
                Some(Reverse((_, _, Later::Arrival(number)))) => self.carry_in(number),
                None => {}
            }
        }
        self.now = self.now.max(time);
    }

    /// Lets what a client has sent arrive.
    pub(super) fn carry_in(&mut self, number: usize) {
        let now = self.now;
        let Some(link) = self.link(number) else { return };
        if link.held == Held::Closed {
            // Nobody is there to take it, and the client is told so.
            if !link.under_way.is_empty() && !link.is_reset && link.stalled_until <= now {
                link.cut();
                self.tell_client(number);
            }
        } else if link.carry_in(now) {
            if std::mem::take(&mut link.client_wants_room) {
                self.tell_client(number);
            }
            self.raise(Source::Link(number));
        }
    }

    /// Lets what the server has written reach its client.
    pub(super) fn carry_out(&mut self, number: usize) {
        let Some(link) = self.link(number) else { return };
        if link.client_gone && !link.unsent.is_empty() {
            return self.reset(number);
        }
        let is_news = link.carry_out();
        let has_room = link.wants_room && link.has_room();
        link.wants_room &= !has_room;
        if is_news {
            self.tell_client(number);
        }
        if has_room {
            self.raise(Source::Link(number));
        }
    }

    /// The client's side cuts the connection off, and the server learns of it.
    pub(super) fn reset(&mut self, number: usize) {
        let Some(link) = self.link(number) else { return };
        if link.is_reset {
            return;
        }
        link.cut();
        link.owes_error = true;
        self.tell_client(number);
        self.raise(Source::Link(number));
    }

    /// Something has happened to a client.
    pub(super) fn tell_client(&mut self, number: usize) {
        if let Some(link) = self.link(number).filter(|link| !link.client_gone && !link.is_news) {
            link.is_news = true;
            self.news.push(number);
        }
    }

    /// The clients to whom something has happened since they were last asked for.
    pub(super) fn take_news(&mut self, numbers: &mut Vec<u64>) {
        let mut news = std::mem::take(&mut self.news);
        for number in news.drain(..) {
            if let Some(link) = self.link(number).filter(|link| !link.client_gone) {
                link.is_news = false;
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

    /// Remembers the name of a connection that is gone.
    pub(super) fn note_gone(&mut self, token: Token) {
        if self.gone_tokens.len() == GONE_TOKENS {
            self.gone_tokens.pop_front();
        }
        self.gone_tokens.push_back(token);
    }
}

/// As microseconds, rounded up to whole milliseconds as epoll counts them.
pub(super) fn timeout_us(timeout: Duration) -> u64 {
    crate::moment::whole_ms(timeout).saturating_mul(1000)
}
