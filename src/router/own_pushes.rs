//! Pushes of a handler to its own connection: they follow its replies, and precede those to later requests.
//!
//! The other effects of a connection's handlers are applied once the packets of one read are handled. A push
//! to the connection itself cannot wait for that: the replies to the packets behind it would overtake it.

use crate::id::ConnectionId;
use crate::push::Push;

/// When a push of a handler to its own connection goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnTurn {
    /// After the handler's replies.
    Now,
    /// With the other effects, of which one that the connection waits for comes before it.
    Later,
}

/// What the handler that runs sends to its own connection.
#[derive(Debug, Default)]
pub(super) struct OwnPushes {
    /// The connection whose handler runs, once that asks for effects.
    connection: Option<ConnectionId>,
    pushes: Vec<Push>,
    /// Another effect on the connection waits to be applied, and later pushes come after it.
    is_late: bool,
}

impl OwnPushes {
    /// A handler of this connection asks for effects.
    pub(super) fn begin(&mut self, connection: ConnectionId) {
        self.connection = Some(connection);
    }

    /// Whether this is the connection whose handler runs.
    pub(super) fn is_own(&self, id: ConnectionId) -> bool {
        self.connection == Some(id)
    }

    /// The connection whose handler runs, if that has asked for effects, and when a push to it goes out.
    pub(super) fn turn(&self) -> Option<(ConnectionId, OwnTurn)> {
        Some((self.connection?, if self.is_late { OwnTurn::Later } else { OwnTurn::Now }))
    }

    pub(super) fn push(&mut self, push: Push) {
        self.pushes.push(push);
    }

    /// Lets the pushes that follow come after the other effects.
    pub(super) fn wait(&mut self) {
        self.is_late = true;
    }

    /// The handler has returned. Takes what it has sent.
    pub(super) fn end(&mut self) -> Vec<Push> {
        self.connection = None;
        std::mem::take(&mut self.pushes)
    }

    /// Returns the empty list, to reuse its allocation.
    pub(super) fn put_back(&mut self, pushes: Vec<Push>) {
        self.pushes = pushes;
    }

    /// The other effects have been applied, or are about to be.
    pub(super) fn catch_up(&mut self) {
        self.is_late = false;
    }
}
