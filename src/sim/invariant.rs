//! The invariants of a simulation: what holds after every turn, whatever the clients and the network do.

use std::fmt;

/// A promise of the server that a simulation checks. Each can fail: `tests/mutants` puts a mistake
/// for each into a copy of the library, and the simulation finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// Each accepted descriptor is closed exactly once.
    ClosedOnce,
    /// The application's hooks report the opening and exactly one end of each connection.
    OneEnd,
    /// Each linked object gets the end of its connection exactly once.
    ToldOnce,
    /// No reply is lost: the received replies are a prefix of the expected ones, and complete if the
    /// connection was not cut.
    NoReplyLost,
    /// No reply comes twice.
    NoReplyDoubled,
    /// Replies come in the order of their requests.
    RepliesInOrder,
    /// A reply reaches the client that made the request, and no other.
    NoReplyMisdirected,
    /// A reply has the expected command, ErrorID and Data.
    RepliesRight,
    /// Each Pong answers a Ping, in their order.
    PongsInOrder,
    /// A connection ends as the contract says: with the right close code or HTTP status, and in time.
    RightEnd,
    /// The server's bytes are well-formed HTTP and RFC 6455.
    WellFormed,
    /// The bytes that are held for one connection stay within their limit.
    HeldBytes,
    /// Nothing that is meant for an earlier connection reaches the connection that has its slot now.
    Generations,
    /// The server reads input, and uses space for output, unless it has a reason to wait.
    Progress,
    /// The poll never sleeps past the next deadline.
    PollTimeout,
    /// No turn exceeds its budget of bytes, packets, events or accepts.
    TurnBudget,
    /// The server does not turn again and again without doing anything.
    NoSpin,
    /// When all clients are gone nothing of them is left: no connection, role, timer, mail or permit.
    NothingLeft,
    /// A script accepts what its client received.
    Script,
    /// The application finds its own state right.
    Application,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A violated invariant, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// The evidence, in words.
    pub seen: String,
}

impl Violation {
    /// A violation, with the evidence.
    pub fn new(invariant: Invariant, seen: impl Into<String>) -> Self {
        Violation { invariant, seen: seen.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.seen)
    }
}

impl std::error::Error for Violation {}
