//! Polls: edge-triggered like epoll, with events in random order.

use std::io;
use std::time::Duration;

use super::connection::{Held, Readiness};
use super::fault::Fault;
use super::schedule::Source;
use super::world::{World, timeout_us};

/// The longest time for which a process is stopped, in microseconds.
const JUMP_US: u64 = 60_000_000;
/// How many random connections are tried to find one that is open.
const TRIES: u32 = 8;

impl World {
    /// Waits until something has happened or the timeout is over, and reports it. The wait also ends when
    /// something has happened that another poll is to report.
    ///
    /// # Errors
    /// `Interrupted`, as a fault. `Deadlock`: nothing can happen any more, and there is no timeout.
    pub(super) fn poll(
        &mut self,
        poll: usize,
        events: &mut Vec<Readiness>,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.clear();
        self.activity.polls += 1;
        self.activity.timeout = timeout;
        let began = self.asleep_since.take().unwrap_or(self.now);
        self.pass_until(self.now);
        if self.strikes(Fault::PollInterrupted) {
            let most = timeout.map_or(0, timeout_us).min(10_000);
            let part = self.random.below(most);
            self.pass_until(began + part);
            self.stop_process();
            self.note_return(poll);
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.sleep(timeout.map(|timeout| began.saturating_add(timeout_us(timeout))))?;
        self.stop_process();
        self.report(poll, events, capacity);
        self.add_false_events(poll, events, capacity);
        self.activity.waited = Duration::from_micros(self.now - began);
        self.activity.events += events.len() as u64;
        // A poll takes time, or spinning would never end.
        self.now += 1;
        self.note_return(poll);
        Ok(())
    }

    fn note_return(&mut self, poll: usize) {
        let now = self.now;
        if let Some(state) = self.poll_mut(poll) {
            state.returned_at = now;
        }
    }

    /// Perhaps stops the process for some time.
    fn stop_process(&mut self) {
        if self.strikes(Fault::TimeJump) {
            let jump = self.random.between(1, JUMP_US);
            self.pass_until(self.now + jump);
        }
    }

    /// Lets time pass until there is something to report, or until that time.
    fn sleep(&mut self, until: Option<u64>) -> io::Result<()> {
        while !self.have_events() {
            match (self.next_at(), until) {
                (Some(next), Some(until)) if next <= until => self.pass_until(next),
                (Some(next), None) => self.pass_until(next),
                (_, Some(until)) => {
                    self.pass_until(until);
                    return Ok(());
                }
                (None, None) => {
                    return Err(io::Error::new(io::ErrorKind::Deadlock, "nothing can happen any more"));
                }
            }
        }
        Ok(())
    }

    /// Whether any poll has something to report.
    fn have_events(&mut self) -> bool {
        (0..self.polls.len()).any(|poll| self.has_events(poll))
    }

    /// Forgets edges of a poll whose cause is gone. Returns whether others are left.
    pub(super) fn has_events(&mut self, poll: usize) -> bool {
        let Some(state) = self.poll_mut(poll) else { return false };
        let mut edges = std::mem::take(&mut state.edges);
        edges.retain(|&source| {
            let is_left = self.readiness(source).is_some();
            if !is_left {
                self.clear_edge(source);
            }
            is_left
        });
        let has_events = !edges.is_empty();
        if let Some(state) = self.poll_mut(poll) {
            state.edges = edges;
        }
        has_events
    }

    /// Reports the readiness of each source to which something has happened.
    fn report(&mut self, poll: usize, events: &mut Vec<Readiness>, capacity: usize) {
        let Some(state) = self.poll_mut(poll) else { return };
        let mut edges = std::mem::take(&mut state.edges);
        let mut later = vec![];
        self.random.shuffle(&mut edges);
        let is_partial = edges.len() > 1 && self.strikes(Fault::PartialBatch);
        for source in edges.drain(..) {
            let Some(raised_at) = self.raised_at(source) else { continue };
            // Changes at this very time could as well have come just after it.
            let held_back = is_partial && raised_at == self.now && self.random.chance(0.5);
            if held_back || events.len() >= capacity {
                later.push(source);
            } else {
                self.clear_edge(source);
                events.extend(self.readiness(source));
            }
        }
        if let Some(state) = self.poll_mut(poll) {
            state.edges = later;
        }
    }

    fn raised_at(&mut self, source: Source) -> Option<u64> {
        match source {
            Source::Waker(poll) => self.polls.get(poll)?.as_ref()?.woken,
            Source::Listener(index) => self.listeners.get(index)?.as_ref()?.edge,
            Source::Connection(number) => self.connection(number)?.edge,
        }
    }

    /// The readiness of a source now, if there is any.
    fn readiness(&self, source: Source) -> Option<Readiness> {
        match source {
            Source::Waker(poll) => self.polls.get(poll)?.as_ref()?.waker.map(readable),
            Source::Listener(index) => {
                let listener = self.listeners.get(index)?.as_ref()?;
                let queue = self.accept_queues.get(listener.queue)?.as_ref()?;
                listener.token.filter(|_| !queue.backlog.is_empty()).map(readable)
            }
            Source::Connection(number) => self.connection(number)?.readiness(number),
        }
    }

    fn clear_edge(&mut self, source: Source) {
        match source {
            Source::Waker(poll) => {
                if let Some(state) = self.poll_mut(poll) {
                    state.woken = None;
                }
            }
            Source::Listener(index) => {
                if let Some(listener) = self.listeners.get_mut(index).and_then(Option::as_mut) {
                    listener.edge = None;
                }
            }
            Source::Connection(number) => {
                if let Some(connection) = self.connection_mut(number) {
                    connection.edge = None;
                }
            }
        }
    }

    /// Adds events without a reason, and events for connections that are closed.
    fn add_false_events(&mut self, poll: usize, events: &mut Vec<Readiness>, capacity: usize) {
        if events.len() >= capacity {
            return;
        }
        let gone = self.poll_mut(poll).map_or(0, |state| state.gone_tokens.len());
        if gone > 0 && self.strikes(Fault::StaleEvent) {
            let at = self.random.index(gone);
            if let Some(&token) = self.poll_mut(poll).and_then(|state| state.gone_tokens.get(at)) {
                let error = self.random.chance(0.5);
                let all =
                    Readiness { writable: true, read_closed: true, error, priority: true, ..readable(token) };
                self.insert(events, all);
            }
        }
        if events.len() < capacity && self.random.chance(self.faults.of(Fault::SpuriousEvent)) {
            self.add_spurious(poll, events);
        }
    }

    fn add_spurious(&mut self, poll: usize, events: &mut Vec<Readiness>) {
        let kind = self.random.below(4);
        let number = self.any_open(poll);
        let token = number.and_then(|number| self.connection(number)?.token);
        // A poll has at most one event for each token.
        let Some(token) = token.filter(|&token| events.iter().all(|event| event.token != token)) else {
            return;
        };
        let (readable, writable, priority) = (kind != 0, kind != 1, kind == 3);
        let spurious =
            Readiness { token, number, readable, writable, read_closed: false, error: false, priority };
        self.injected.count(Fault::SpuriousEvent);
        self.insert(events, spurious);
    }

    fn insert(&mut self, events: &mut Vec<Readiness>, readiness: Readiness) {
        let at = self.random.index(events.len() + 1);
        events.insert(at, readiness);
    }

    /// A random connection of this poll that the server holds, newer ones more often. May find none.
    fn any_open(&mut self, poll: usize) -> Option<usize> {
        (0..TRIES).find_map(|_| {
            let connections = self.connections();
            let least = connections.saturating_sub(1 + self.random.index(connections));
            let number = least + self.random.index(connections - least);
            let connection = self.connection(number)?;
            let is_open =
                connection.held == Held::Open && connection.token.is_some() && connection.poll == poll;
            is_open.then_some(number)
        })
    }
}

fn readable(token: mio::Token) -> Readiness {
    Readiness {
        token,
        number: None,
        readable: true,
        writable: false,
        read_closed: false,
        error: false,
        priority: false,
    }
}
