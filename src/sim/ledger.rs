//! Counts of the server's actions, for the checks of invariants.

use std::time::Duration;

/// The bytes of one connection in both directions, in the order in which they travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Sent by the client.
    pub sent: u64,
    /// Read by the server.
    pub read: u64,
    /// Written by the server.
    pub written: u64,
    /// Received by the client.
    pub received: u64,
}

/// The server's actions since the network began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Clients that connected.
    pub connected: u64,
    /// Clients that were accepted.
    pub accepted: u64,
    /// Descriptors that were opened: listeners, clients, the spare one.
    pub opened: u64,
    /// Descriptors that were closed.
    pub closed: u64,
    /// Descriptors that were closed again after that. Always 0 in a correct server.
    pub closed_twice: u64,
    /// Reads of a registered socket without an event since it was drained. Always 0, unless the server
    /// mistakes an event for another connection's, or spins.
    pub unasked_reads: u64,
    /// Writes to a full socket without an event since. Always 0 in a correct server.
    pub unasked_writes: u64,
    /// The bytes of all connections that are gone.
    pub gone: Traffic,
}

impl Ledger {
    /// Descriptors that are open.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.opened.saturating_sub(self.closed)
    }
}

/// What the server has done since [`take_activity`](super::Network::take_activity) was last called: in one
/// turn, if it is called after each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Polls. More than one in a turn means that it spins before it sleeps.
    pub polls: u64,
    /// The timeout of the last poll. `None`: it had none.
    pub timeout: Option<Duration>,
    /// How long the last poll waited.
    pub waited: Duration,
    /// Events that the polls reported, including those that are faults.
    pub events: u64,
    /// Tries to accept, including those that failed.
    pub accepts: u64,
    /// Reads, including those that failed.
    pub reads: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// The most bytes that were read of one connection.
    pub most_read_bytes: u64,
    /// Writes, including those that failed.
    pub writes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// The most bytes that were written to one connection.
    pub most_written_bytes: u64,
}
