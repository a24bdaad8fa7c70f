//! What handlers want done to connections, as data: the reactor does it after they have returned.

use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::id::ConnectionId;
use crate::push::Push;

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Effect {
    Send { to: ConnectionId, push: Push },
    Broadcast { to: Vec<ConnectionId>, push: Push },
    Close { to: ConnectionId, cause: Cause },
}

/// A list of things to be done to connections once the current call has returned, in order. One
/// that names a connection that has ended does nothing.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<Effect>,
}

impl Effects {
    /// Sends a push to a connection. Where its outbox is full that connection's overflow policy
    /// applies, and its record counts it.
    pub fn send(&mut self, to: ConnectionId, push: Push) {
        self.list.push(Effect::Send { to, push });
    }

    /// Sends one push to many connections, which share its bytes.
    pub fn broadcast(&mut self, to: impl IntoIterator<Item = ConnectionId>, push: Push) {
        self.list.push(Effect::Broadcast { to: to.into_iter().collect(), push });
    }

    /// Closes a connection with a code of the application's.
    pub fn close(&mut self, to: ConnectionId, code: CloseCode) {
        self.list.push(Effect::Close { to, cause: Cause::Application(code) });
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.list)
    }

    pub(crate) fn put_back(&mut self, list: Vec<Effect>) {
        debug_assert!(list.is_empty());
        if self.list.is_empty() {
            self.list = list;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
