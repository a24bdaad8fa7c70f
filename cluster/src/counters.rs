//! What is counted: messages in and out by kind, and what was dropped and why.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::wire::{KINDS, Kind};

/// Why something was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The channel to the bus was full.
    Full,
    /// It is longer than the server takes.
    TooLarge,
    /// The bus was not connected, or was lost before it had sent it.
    NotConnected,
    /// It is no message.
    Garbage,
    /// It is in another version of the format.
    Version,
    /// The sender's clock is too far ahead.
    ClockAhead,
    /// What had come and not yet been delivered was at its limit.
    Inbound,
    /// It came, and was dropped for a slow consumer; a cut counts as one more.
    Gap,
    /// A push for a role that is not held where it has come to.
    NotHeld,
    /// There are too many nodes, roles, entries of the black list, or requests.
    TooMany,
    /// The bus does not let this node publish it.
    Refused,
}

/// All reasons, in the order of their numbers.
pub const REASONS: [Reason; 11] = [
    Reason::Full,
    Reason::TooLarge,
    Reason::NotConnected,
    Reason::Garbage,
    Reason::Version,
    Reason::ClockAhead,
    Reason::Inbound,
    Reason::Gap,
    Reason::NotHeld,
    Reason::TooMany,
    Reason::Refused,
];

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From another node.
    In,
    /// To other nodes.
    Out,
}

/// The counters of a node, shared by its threads.
#[derive(Debug, Default)]
pub struct Counters {
    messages: [[AtomicU64; KINDS.len()]; 2],
    dropped: [AtomicU64; REASONS.len()],
}

impl Reason {
    /// Its name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Reason::Full => "full",
            Reason::TooLarge => "too_large",
            Reason::NotConnected => "not_connected",
            Reason::Garbage => "garbage",
            Reason::Version => "version",
            Reason::ClockAhead => "clock_ahead",
            Reason::Inbound => "inbound",
            Reason::Gap => "gap",
            Reason::NotHeld => "not_held",
            Reason::TooMany => "too_many",
            Reason::Refused => "refused",
        }
    }
}

impl Direction {
    /// Its name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Direction::In => "in",
            Direction::Out => "out",
        }
    }
}

impl Counters {
    /// Counts a message.
    pub fn count(&self, direction: Direction, kind: Kind) {
        if let Some(counter) = self.message(direction, kind) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts what was dropped.
    pub fn drop_for(&self, reason: Reason, count: u64) {
        if let Some(counter) = self.dropped.get(reason as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many messages of a kind there were.
    #[must_use]
    pub fn messages(&self, direction: Direction, kind: Kind) -> u64 {
        self.message(direction, kind).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// How much was dropped for a reason.
    #[must_use]
    pub fn dropped(&self, reason: Reason) -> u64 {
        self.dropped.get(reason as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn message(&self, direction: Direction, kind: Kind) -> Option<&AtomicU64> {
        let [received, sent] = &self.messages;
        let counters = match direction {
            Direction::In => received,
            Direction::Out => sent,
        };
        // Kinds are numbered from 1.
        counters.get((kind as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_and_reason_has_a_counter_of_its_own() {
        let counters = Counters::default();
        for (at, kind) in (1..).zip(KINDS) {
            for _ in 0..at {
                counters.count(Direction::Out, kind);
            }
        }
        for (at, reason) in (1..).zip(REASONS) {
            counters.drop_for(reason, at);
        }
        for (at, kind) in (1..).zip(KINDS) {
            assert_eq!(counters.messages(Direction::Out, kind), at, "{kind:?}");
            assert_eq!(counters.messages(Direction::In, kind), 0);
        }
        for (at, reason) in (1..).zip(REASONS) {
            assert_eq!(counters.dropped(reason), at, "{reason:?}");
        }
        let mut names: Vec<_> =
            REASONS.iter().map(|reason| reason.name()).chain(KINDS.map(Kind::name)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), REASONS.len() + KINDS.len());
    }
}
