//! What a server tells about itself while it runs: who holds which role, and which topics have subscribers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::id::ConnectionId;
use crate::topics::Topic;

/// Is told which roles are held on this server, and which topics have subscribers: what several machines must
/// know of each other. [`Config::presence`](crate::Config::presence) sets it.
///
/// Calls about one role come in order, and so do calls about one topic, whichever workers they come from.
/// Each call is made on a worker's thread, under a lock that other workers may wait for. So it must return at
/// once, and must not use the [`ServerHandle`](crate::ServerHandle): let it put what it is told into a queue
/// for another thread. A panic in it is caught and logged.
pub trait Presence: fmt::Debug + Send + Sync {
    /// A connection has logged in with a role. If another one had it, this claim takes the place of the
    /// older, for which [`role_left`](Self::role_left) is not called.
    fn role_entered(&self, claim: RoleClaim) {
        let _ = claim;
    }

    /// Nobody has a role any more: its last connection has logged out, has ended, or was
    /// [replaced](crate::ServerHandle::replace_role).
    fn role_left(&self, claim: RoleClaim) {
        let _ = claim;
    }

    /// A topic has its first subscriber on this server.
    fn topic_begun(&self, topic: &Topic) {
        let _ = topic;
    }

    /// A topic has lost its last subscriber on this server.
    fn topic_ended(&self, topic: &Topic) {
        let _ = topic;
    }
}

/// A role that a connection has, from a login until the next one with this role, a logout, or the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RoleClaim {
    /// The role, never 0.
    pub role_id: u64,
    /// The connection that has it.
    pub connection: ConnectionId,
    /// The number of the login, from 1: a later login on this server has a higher one.
    pub number: u64,
}

/// Who is told, if anybody is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told(Option<Arc<dyn Presence>>);

impl Told {
    pub(crate) fn new(presence: Option<Arc<dyn Presence>>) -> Self {
        Told(presence)
    }

    /// Whether nobody is told.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// Calls `tell`, if there is somebody to be told. Whoever holds a lock must have finished what it
    /// protects.
    #[inline]
    pub(crate) fn tell(&self, tell: impl FnOnce(&dyn Presence)) {
        if let Some(presence) = &self.0 {
            call(|| tell(&**presence));
        }
    }
}

#[cold]
fn call(tell: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(tell)) {
        let message = panic.downcast_ref::<&str>().copied();
        let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        log::error!("a presence hook panicked: {:?}", message.unwrap_or("no message"));
    }
}
