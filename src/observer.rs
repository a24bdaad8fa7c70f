//! Reports the events of a reactor's connections to an observer. A simulation uses them to check that each
//! end is reported exactly once.

use std::fmt;

use crate::cause::Cause;
use crate::id::ConnectionId;

/// An event of a connection, or of an object that is linked to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The upgrade was accepted; the application is about to be told.
    Opened(ConnectionId),
    /// An open connection has ended after it received `packets`; the application is about to be told.
    Closed { id: ConnectionId, cause: Cause, packets: u64 },
    /// The object with this number was linked.
    Linked(u64),
    /// The object with this number is about to be told that its connection has ended.
    Unlinked(u64),
}

/// An observer of a reactor.
pub(crate) trait Observer: Send {
    /// Called on the reactor's thread, in the order of the events.
    fn see(&mut self, event: Event);
}

/// The observer of one reactor, if it has one.
#[derive(Default)]
pub(crate) struct Observed {
    observer: Option<Box<dyn Observer>>,
}

impl Observed {
    /// Reports to `observer` from now on.
    pub(crate) fn set(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    pub(crate) fn report(&mut self, event: Event) {
        if let Some(observer) = &mut self.observer {
            observer.see(event);
        }
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("is_observed", &self.observer.is_some()).finish()
    }
}
