//! The game on this machine, as the cluster sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::blacklist::BlacklistRecord;
use crate::core::Core;
use crate::counters::{Counters, Reason};
use crate::holder::Holder;
use crate::names::NodeName;
use crate::requests::What;
use crate::stamp::Stamp;
use crate::topic::TopicRef;
use crate::wire::Sender;

/// The most bytes that have come and were not yet given to the game, or are held by it.
pub const MAX_INBOUND_BYTES: usize = 64 << 20;

/// The game on this machine. The cluster's thread calls it, and must not be blocked; no lock is held
/// meanwhile.
pub trait Host: Send + Sync {
    /// A newer login holds the role on another machine: closes the connection as replaced.
    fn close_replaced(&self, role_id: u64, holder: Holder);

    /// A push for the holder of a role.
    fn push(&self, role_id: u64, holder: Holder, push: Delivery);

    /// A push for the subscribers of a topic on this machine.
    fn publish(&self, topic: TopicRef<'_>, push: Delivery);

    /// Entries of the black list from other machines: they count from now on, and are to be stored.
    fn blacklist_changed(&self, records: &[BlacklistRecord]);

    /// The black list was cleared elsewhere: entries with a stamp up to this one are gone, and it is to be
    /// stored.
    fn blacklist_cleared(&self, stamp: &Stamp);

    /// A request of another machine. It may be answered later, from any thread.
    fn request(&self, request: Request, responder: Responder);

    /// Another node has the name of this one, which has left the cluster.
    fn name_conflict(&self) {}
}

/// A push from another machine. While it is held, its bytes count in [`MAX_INBOUND_BYTES`].
#[derive(Debug)]
pub struct Delivery {
    /// Its command.
    pub cmd: u16,
    /// Its Data.
    pub data: Bytes,
    pub(crate) held: Held,
}

impl Delivery {
    /// Its Data, and what is to be held until it has been delivered.
    #[must_use]
    pub fn into_parts(self) -> (Bytes, Held) {
        (self.data, self.held)
    }

    /// The game has no place for it: it counts as dropped, like one that comes while too many bytes are held.
    pub fn refuse(self) {
        self.held.budget.counters.drop_for(Reason::Inbound, 1);
    }
}

/// A request of another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub from: NodeName,
    /// What for.
    pub what: What,
    /// Its own message.
    pub body: Bytes,
}

/// The right to answer a request. Dropped without an answer, it refuses with ErrorID 6.
pub struct Responder {
    pub(crate) core: Arc<Core>,
    pub(crate) to: Option<(Sender, u64)>,
}

/// The ErrorID of a request that nobody has answered.
const NOT_AVAILABLE: u16 = 6;

impl Responder {
    /// Answers.
    pub fn answer(mut self, body: impl Into<Bytes>) {
        self.finish(Ok(body.into()));
    }

    /// Refuses, with an ErrorID.
    pub fn refuse(mut self, error_id: u16) {
        self.finish(Err(error_id));
    }

    fn finish(&mut self, answer: Result<Bytes, u16>) {
        if let Some((to, id)) = self.to.take() {
            self.core.answer(&to, id, answer);
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.finish(Err(NOT_AVAILABLE));
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("to", &self.to).finish_non_exhaustive()
    }
}

/// The bytes that have come and were not yet delivered.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: AtomicUsize,
    counters: Arc<Counters>,
}

/// Some of these bytes. Dropped when they have been delivered.
#[derive(Debug)]
pub struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Budget { bytes: AtomicUsize::new(0), counters })
    }

    /// Holds so many bytes. None, and that counts as a drop, if they are too many.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let guard = Held { budget: self.clone(), bytes };
        if held.saturating_add(bytes) > MAX_INBOUND_BYTES {
            self.counters.drop_for(Reason::Inbound, 1);
            return None;
        }
        Some(guard)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Takes so many bytes out, or all that are left.
    pub(crate) fn part(&mut self, bytes: usize) -> Held {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Held { budget: self.budget.clone(), bytes }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_held_up_to_the_limit_and_given_back() {
        let counters = Arc::new(Counters::default());
        let budget = Budget::new(counters.clone());
        let held = budget.hold(MAX_INBOUND_BYTES - 1).unwrap();
        assert!(budget.hold(2).is_none());
        assert_eq!(counters.dropped(Reason::Inbound), 1);
        assert_eq!(budget.bytes(), MAX_INBOUND_BYTES - 1);
        let last = budget.hold(1).unwrap();
        drop(held);
        assert_eq!(budget.bytes(), 1);
        let mut three = budget.hold(3).unwrap();
        drop(three.part(2));
        assert_eq!(budget.bytes(), 2);
        drop((three.part(2), three));
        assert_eq!(budget.bytes(), 1);
        Delivery { cmd: 1, data: Bytes::new(), held: last }.refuse();
        assert_eq!((budget.bytes(), counters.dropped(Reason::Inbound)), (0, 2));
    }
}
