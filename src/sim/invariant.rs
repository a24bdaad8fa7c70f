//! What holds after every turn of a simulated server, whatever its clients and the network do.

use std::fmt;

/// A promise that a simulation holds the server to. Each can fail: `tests/mutants` puts a mistake
/// for each into a copy of the library, and the simulation finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Each accepted descriptor is closed exactly once.
    ClosedOnce,
    /// Each connection that was opened has exactly one end, and the application hears of both.
    OneEnd,
    /// Each linked object is told once of the end of its connection.
    ToldOnce,
    /// No reply is lost: those that come are a prefix of those expected, and complete where the connection
    /// was not cut.
    NoReplyLost,
    /// No reply comes twice.
    NoReplyDoubled,
    /// Replies come in the order of their requests.
    RepliesInOrder,
    /// A reply reaches the client that made the request, and nobody else.
    NoReplyMisdirected,
    /// A reply says what it should.
    RepliesRight,
    /// Each Pong answers a Ping, and they keep their order.
    PongsInOrder,
    /// A connection ends as the contract says: with the right close code or HTTP status, in time, and not
    /// otherwise.
    RightEnd,
    /// What the server sends is well-formed HTTP and RFC 6455.
    WellFormed,
    /// The bytes that are held for one connection stay under their cap.
    HeldBytes,
    /// Nothing that is meant for an earlier connection reaches the one that took over its slot.
    Generations,
    /// Where there is input to be read or room to write, and nothing keeps the server from it, it goes on.
    Progress,
    /// The poll never sleeps past the next deadline.
    PollTimeout,
    /// No turn takes more than its budget of bytes, frames, clients or timers.
    TurnBudget,
    /// The server does not turn without end and without doing anything.
    NoSpin,
    /// When all clients are gone nothing of them is left: no connection, role, timer, mail or place.
    NothingLeft,
    /// What a script has to say of what its client was sent.
    Script,
    /// What the application has to say of its own state.
    Application,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An invariant that does not hold, and how that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant.
    pub invariant: Invariant,
    /// What was seen, for people.
    pub seen: String,
}

impl Violation {
    /// A violation, with what was seen of it.
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
