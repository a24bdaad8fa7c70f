//! The poll: edge-triggered as epoll is, in an order that nobody may rely on.

use std::io;
use std::time::Duration;

use super::fault::Fault;
use super::link::{Held, Readiness};
use super::world::{Source, World, timeout_us};

/// The longest that a process stands still, in microseconds.
const JUMP_US: u64 = 60_000_000;
/// Places in which a connection is looked for that the server holds, among all that ever were.
const TRIES: u32 = 8;

impl World {
    /// Waits until something has happened, or until the time is up, and tells what it was.
    ///
    /// # Errors
    /// `Interrupted`, as a fault. `Deadlock`: it would wait for ever, since nothing can happen any more.
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
            self.stand_still();
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.sleep(timeout)?;
        self.stand_still();
        self.tell(events, capacity);
        self.add_false_events(events, capacity);
        self.activity.waited = Duration::from_micros(self.now - began);
        self.activity.events += events.len() as u64;
        // A poll takes time, or spinning would never end.
        self.now += 1;
        Ok(())
    }

    /// Perhaps lets time pass in which the process does nothing.
    fn stand_still(&mut self) {
        if self.strikes(Fault::TimeJump) {
            let jump = self.random.between(1, JUMP_US);
            self.pass_until(self.now + jump);
        }
    }

    /// Lets time pass until there is something to tell.
    fn sleep(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let until = timeout.map(|timeout| self.now.saturating_add(timeout_us(timeout)));
        while !self.has_something_to_tell() {
            match (self.next_later(), until) {
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

    /// Forgets edges whose cause is gone, and says whether others are left.
    fn has_something_to_tell(&mut self) -> bool {
        let mut edges = std::mem::take(&mut self.edges);
        edges.retain(|&source| {
            let is_left = self.says(source).is_some();
            if !is_left {
                self.clear_edge(source);
            }
            is_left
        });
        self.edges = edges;
        !self.edges.is_empty()
    }

    /// Tells what has happened, each source once, as it is now.
    fn tell(&mut self, events: &mut Vec<Readiness>, capacity: usize) {
        let mut edges = std::mem::take(&mut self.edges);
        self.random.shuffle(&mut edges);
        let is_partial = edges.len() > 1 && self.strikes(Fault::PartialBatch);
        for source in edges.drain(..) {
            let Some(raised_at) = self.raised_at(source) else { continue };
            // What has happened in this very instant could as well have happened just after.
            let held_back = is_partial && raised_at == self.now && self.random.chance(0.5);
            if held_back || events.len() >= capacity {
                self.edges.push(source);
            } else {
                self.clear_edge(source);
                events.extend(self.says(source));
            }
        }
    }

    fn raised_at(&mut self, source: Source) -> Option<u64> {
        match source {
            Source::Waker => self.woken,
            Source::Entrance(index) => self.entrances.get(index)?.as_ref()?.edge,
            Source::Link(number) => self.look_at(number)?.edge,
        }
    }

    /// What there is to tell of a source now.
    fn says(&self, source: Source) -> Option<Readiness> {
        match source {
            Source::Waker => self.waker.map(readable),
            Source::Entrance(index) => {
                let entrance = self.entrances.get(index)?.as_ref()?;
                entrance.token.filter(|_| !entrance.backlog.is_empty()).map(readable)
            }
            Source::Link(number) => self.look_at(number)?.readiness(number),
        }
    }

    fn clear_edge(&mut self, source: Source) {
        match source {
            Source::Waker => self.woken = None,
            Source::Entrance(index) => {
                if let Some(entrance) = self.entrances.get_mut(index).and_then(Option::as_mut) {
                    entrance.edge = None;
                }
            }
            Source::Link(number) => {
                if let Some(link) = self.link(number) {
                    link.edge = None;
                }
            }
        }
    }

    /// Events for nothing, and for connections that are gone.
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
        let token = number.and_then(|number| self.look_at(number)?.token);
        // The poll has at most one event for each token.
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

    /// A connection that the server holds, if it is easily found. Newer ones are found more often.
    fn any_open(&mut self) -> Option<usize> {
        (0..TRIES).find_map(|_| {
            let links = self.links();
            let least = links.saturating_sub(1 + self.random.index(links));
            let number = least + self.random.index(links - least);
            let link = self.look_at(number).filter(|link| link.held == Held::Open && link.token.is_some());
            link.map(|_| number)
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
