//! Who requested an effect.

use crate::id::ConnectionId;
use crate::topics::Quota;

/// Who requested an effect: whoever it is has to wait if too many fan-outs are unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requester {
    /// A client, through its handler or hook. It is not read until its fan-outs are finished.
    Client(ConnectionId),
    /// Another thread, such as a call on the state, or a timer. No more mail is delivered while many of these
    /// fan-outs are unfinished.
    Mail,
    /// Whoever has published on another worker, or on a thread of the application. Their number is bounded by
    /// the permits of their publishes, so they hold back nothing here: two workers could wait for each other.
    Publisher,
    /// The application by itself: in a tick, between turns, or when a drain begins. It waits for nothing.
    Application,
}

impl Requester {
    /// The client that requested it.
    pub(super) fn client(self) -> Option<ConnectionId> {
        match self {
            Requester::Client(id) => Some(id),
            Requester::Mail | Requester::Publisher | Requester::Application => None,
        }
    }

    /// How much it may leave unfinished on other workers.
    pub(super) fn quota(self) -> Quota {
        match self {
            Requester::Application => Quota::Application,
            Requester::Client(_) | Requester::Mail | Requester::Publisher => Quota::Guest,
        }
    }
}
