//! The poll: edge-triggered like epoll, with events in random order.

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
    /// Waits until something has happened or the timeout is over, and reports it.
    ///
    /// # Errors
    /// `Interrupted`, as a fault. `Deadlock`: nothing can happen any more, and there is no timeout.
    pub(super) fn poll(
        &mut self,
        events: &mut Vec<Readiness>,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.clear();
        self.activity.polls += 1;
        self.activity.timeout = timeout;
        let began = self.now;
        self.pass_until(began);
        if self.strikes(Fault::PollInterrupted) {
            let most = timeout.map_or(0, timeout_us).min(10_000);
            let part = self.random.below(most);
            self.pass_until(began + part);
            self.stop_process();
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.sleep(timeout)?;
        self.stop_process();
        self.report(events, capacity);
        self.add_false_events(events, capacity);
        self.activity.waited = Duration::from_micros(self.now - began);
        self.activity.events += events.len() as u64;
        // A poll takes time, or spinning would never end.
        self.now += 1;
        Ok(())
    }

    /// Perhaps stops the process for some time.
    fn stop_process(&mut self) {
        if self.strikes(Fault::TimeJump) {
            let jump = self.random.between(1, JUMP_US);
            self.pass_until(self.now + jump);
        }
    }

    /// Lets time pass until there is something to report.
    fn sleep(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let until = timeout.map(|timeout| self.now.saturating_add(timeout_us(timeout)));
        while !self.has_events() {
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

    /// Forgets edges whose cause is gone. Returns whether others are left.
    fn has_events(&mut self) -> bool {
        let mut edges = std::mem::take(&mut self.edges);
        edges.retain(|&source| {
            let is_left = self.readiness(source).is_some();
            if !is_left {
                self.clear_edge(source);
            }
            is_left
        });
        self.edges = edges;
        !self.edges.is_empty()
    }

    /// Reports the readiness of each source to which something has happened.
    fn report(&mut self, events: &mut Vec<Readiness>, capacity: usize) {
        let mut edges = std::mem::take(&mut self.edges);
        self.random.shuffle(&mut edges);
        let is_partial = edges.len() > 1 && self.strikes(Fault::PartialBatch);
        for source in edges.drain(..) {
            let Some(raised_at) = self.raised_at(source) else { continue };
            // Changes at this very time could as well have come just after it.
            let held_back = is_partial && raised_at == self.now && self.random.chance(0.5);
            if held_back || events.len() >= capacity {
                self.edges.push(source);
            } else {
                self.clear_edge(source);
                events.extend(self.readiness(source));
            }
        }
    }

    fn raised_at(&mut self, source: Source) -> Option<u64> {
        match source {
            Source::Waker => self.woken,
            Source::AcceptQueue(index) => self.accept_queues.get(index)?.as_ref()?.edge,
            Source::Connection(number) => self.connection(number)?.edge,
        }
    }

    /// The readiness of a source now, if there is any.
    fn readiness(&self, source: Source) -> Option<Readiness> {
        match source {
            Source::Waker => self.waker.map(readable),
            Source::AcceptQueue(index) => {
                let queue = self.accept_queues.get(index)?.as_ref()?;
                queue.token.filter(|_| !queue.backlog.is_empty()).map(readable)
            }
            Source::Connection(number) => self.connection(number)?.readiness(number),
        }
    }

    fn clear_edge(&mut self, source: Source) {
        match source {
            Source::Waker => self.woken = None,
            Source::AcceptQueue(index) => {
                if let Some(queue) = self.accept_queues.get_mut(index).and_then(Option::as_mut) {
                    queue.edge = None;
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
    fn add_false_events(&mut self, events: &mut Vec<Readiness>, capacity: usize) {
        if events.len() >= capacity {
            return;
        }
        if !self.gone_tokens.is_empty() && self.strikes(Fault::StaleEvent) {
            let at = self.random.index(self.gone_tokens.len());
            if let Some(&token) = self.gone_tokens.get(at) {
                let error = self.random.chance(0.5);
                let all =
                    Readiness { writable: true, read_closed: true, error, priority: true, ..readable(token) };
                self.insert(events, all);
            }
        }
        if events.len() < capacity && self.random.chance(self.faults.of(Fault::SpuriousEvent)) {
            self.add_spurious(events);
        }
    }

    fn add_spurious(&mut self, events: &mut Vec<Readiness>) {
        let kind = self.random.below(4);
        let number = self.any_open();
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

    /// A random connection that the server holds, newer ones more often. May find none.
    fn any_open(&mut self) -> Option<usize> {
        (0..TRIES).find_map(|_| {
            let connections = self.connections();
            let least = connections.saturating_sub(1 + self.random.index(connections));
            let number = least + self.random.index(connections - least);
            let connection = self
                .connection(number)
                .filter(|connection| connection.held == Held::Open && connection.token.is_some());
            connection.map(|_| number)
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
