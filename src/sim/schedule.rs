//! What happens by itself at a later time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something about which the poll can report an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The waker of a poll.
    Waker(usize),
    Listener(usize),
    Connection(usize),
}

/// What happens at a later time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheduled {
    Edge(Source),
    /// The event that a call is owed which was refused without a reason.
    Rearm(usize),
    /// A client's bytes arrive.
    Arrival(usize),
}

/// What is to happen, by its time in microseconds; what has the same time, in the order in which it was
/// added.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    entries: BinaryHeap<Reverse<(u64, u64, Scheduled)>>,
    added: u64,
}

impl Schedule {
    pub(super) fn add(&mut self, at: u64, scheduled: Scheduled) {
        self.added += 1;
        self.entries.push(Reverse((at, self.added, scheduled)));
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.entries.peek().map(|Reverse((at, _, _))| *at)
    }

    /// Takes the next thing that happens by `time`, and its own time.
    pub(super) fn take_due(&mut self, time: u64) -> Option<(u64, Scheduled)> {
        self.next_at().filter(|&at| at <= time)?;
        self.entries.pop().map(|Reverse((at, _, scheduled))| (at, scheduled))
    }
}
