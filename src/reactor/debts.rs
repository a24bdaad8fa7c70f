//! Which clients wait for fan-outs that they have requested, and how many are left of clients that have gone.

use std::collections::HashMap;

use crate::id::ConnectionId;

/// The unfinished fan-outs of clients.
#[derive(Debug, Default)]
pub(super) struct Debts {
    /// The number of each client that is connected.
    owed: HashMap<ConnectionId, usize>,
    /// The number of those whose clients have left.
    departed: usize,
}

impl Debts {
    /// Counts a fan-out that a client has requested. `is_here` says whether the client is still connected.
    pub(super) fn begin(&mut self, by: ConnectionId, is_here: bool) {
        if is_here {
            *self.owed.entry(by).or_default() += 1;
        } else {
            self.departed += 1;
        }
    }

    /// Counts one fan-out of a client as finished.
    pub(super) fn finish(&mut self, by: ConnectionId) {
        match self.owed.get_mut(&by) {
            Some(1) => drop(self.owed.remove(&by)),
            Some(count) => *count -= 1,
            None => self.departed -= 1,
        }
    }

    /// Notes that a client has left.
    pub(super) fn leave(&mut self, id: ConnectionId) {
        self.departed += self.owed.remove(&id).unwrap_or(0);
    }

    /// Whether a client has unfinished fan-outs.
    pub(super) fn owes(&self, id: ConnectionId) -> bool {
        self.owed.contains_key(&id)
    }

    /// The number of unfinished fan-outs of clients that have left.
    pub(super) fn departed(&self) -> usize {
        self.departed
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty() && self.departed == 0
    }
}
