//! What happened on the server's side that can end a connection in another way than its script expects.

use std::time::Duration;

/// The incidents so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incidents {
    /// The drain, once it was requested.
    pub(super) drain: Option<Drain>,
    /// When time last jumped. Jumps make timers late, never early.
    pub(super) jumped_at: Option<Duration>,
    /// Descriptors have run out at some time.
    pub(super) exhausted: bool,
}

impl Incidents {
    /// Whether time has jumped since then.
    pub(super) fn jumped_since(&self, began: Duration) -> bool {
        self.jumped_at.is_some_and(|at| at >= began)
    }
}

/// The drain of the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    pub(super) began_at: Duration,
    /// When the server closes its listeners, even if clients wait there.
    pub(super) accepts_until: Duration,
    /// When it cuts off the connections that are left.
    pub(super) gives_up_at: Duration,
    /// During the drain an accept reported no waiting client although one waited, a fault that no system is
    /// known to have: the server has closed that listener.
    pub(super) is_misled: bool,
}
