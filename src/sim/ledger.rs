//! What the server has done, in numbers that invariants can be held against.

use std::time::Duration;

/// Bytes of one connection, both ways, in the order in which they travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The client has sent them.
    pub sent: u64,
    /// The server has read them.
    pub read: u64,
    /// The server has written them.
    pub written: u64,
    /// The client has taken them.
    pub received: u64,
}

/// What the server has done since the network began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Clients that asked for a connection.
    pub connected: u64,
    /// Clients that were accepted.
    pub accepted: u64,
    /// Descriptors that were opened: listeners, clients, the spare one.
    pub opened: u64,
    /// Descriptors that were closed.
    pub closed: u64,
    /// Those of them that were closed before: always 0, or the server is wrong.
    pub closed_twice: u64,
    /// Reads of a registered socket that no event had asked for since it was drained: always 0, or the server
    /// takes an event for another connection's, or spins.
    pub unasked_reads: u64,
    /// Writes to one that was full, and of which no event has said that it is not: always 0.
    pub unasked_writes: u64,
    /// Bytes of all connections that are gone.
    pub gone: Traffic,
}

impl Ledger {
    /// Descriptors that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

/// What the server has done since it was last asked: of one turn, if it is asked after each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Polls. More than one in a turn means that it spins before it sleeps.
    pub polls: u64,
    /// For how long the last poll was to wait at most; none: for as long as it takes.
    pub timeout: Option<Duration>,
    /// For how long it waited in fact.
    pub waited: Duration,
    /// Events that it was given, those that are faults included.
    pub events: u64,
    /// Tries to accept, those that failed included.
    pub accepts: u64,
    /// Reads, those that failed included.
    pub reads: u64,
    /// Bytes that they brought.
    pub read_bytes: u64,
    /// The most that they brought of one connection.
    pub most_read_bytes: u64,
    /// Writes, those that failed included.
    pub writes: u64,
    /// Bytes that they took.
    pub written_bytes: u64,
    /// The most that they took for one connection.
    pub most_written_bytes: u64,
}
