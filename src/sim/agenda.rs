//! The planned actions of simulated clients, by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// One connection of one client. Actions planned for an earlier connection of the same client are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClientKey {
    pub(super) number: u32,
    /// How often the client has connected or disconnected.
    pub(super) generation: u32,
}

/// The next action of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Connect,
    Act,
    Flush,
}

/// Actions in the order of their times; at equal times, in the order in which they were planned.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    actions: BinaryHeap<Reverse<(Duration, u64, ClientKey, Action)>>,
    planned: u64,
}

impl Agenda {
    pub(super) fn plan(&mut self, at: Duration, client: ClientKey, action: Action) {
        self.planned += 1;
        self.actions.push(Reverse((at, self.planned, client, action)));
    }

    /// The time of the next action.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.actions.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next action that is due by `now`.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<(ClientKey, Action)> {
        self.next_at().filter(|&at| at <= now)?;
        self.actions.pop().map(|Reverse((_, _, client, action))| (client, action))
    }
}
