//! Leases of compressors: limits the replies that are compressed slice by slice, and orders the waiting ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::id::ConnectionId;

/// Replies that one reactor compresses slice by slice at the same time. Each takes its own compressor of 300
/// KB, and holds its compressed form in memory beside the plain one.
pub(crate) const MAX_LEASES: usize = 4;

/// The leases of one reactor, and the connections that wait for one, in order.
#[derive(Debug, Default)]
pub(crate) struct CompressorLeases {
    leased: Arc<AtomicUsize>,
    waiting: VecDeque<ConnectionId>,
}

/// The right to compress a reply slice by slice. Dropping it returns it.
#[derive(Debug)]
pub(crate) struct CompressorLease(Arc<AtomicUsize>);

impl Drop for CompressorLease {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CompressorLeases {
    /// A lease, if one is free and no other connection waits for it. Otherwise [`next`](Self::next) will name
    /// this connection.
    pub(crate) fn ask(&mut self, id: ConnectionId) -> Option<CompressorLease> {
        let lease = if self.waiting.is_empty() { self.take() } else { None };
        if lease.is_none() {
            self.waiting.push_back(id);
        }
        lease
    }

    /// A lease for the connection that has waited longest. It may have ended by now.
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, CompressorLease)> {
        if self.waiting.is_empty() {
            return None;
        }
        let lease = self.take()?;
        self.waiting.pop_front().map(|id| (id, lease))
    }

    fn take(&self) -> Option<CompressorLease> {
        let is_free = self.leased.load(Ordering::Relaxed) < MAX_LEASES;
        is_free.then(|| {
            self.leased.fetch_add(1, Ordering::Relaxed);
            CompressorLease(self.leased.clone())
        })
    }

    /// The numbers of leases in use and of waiting connections.
    pub(crate) fn in_use(&self) -> usize {
        self.leased.load(Ordering::Relaxed) + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_given_in_the_order_in_which_they_were_asked_for() {
        let id = |slot| ConnectionId::new(0, slot, 1);
        let mut leases = CompressorLeases::default();
        let mut held: Vec<_> = (0..MAX_LEASES).map(|_| leases.ask(id(0)).expect("it is free")).collect();
        assert!(leases.ask(id(1)).is_none() && leases.ask(id(2)).is_none() && leases.next().is_none());
        held.pop();
        assert!(leases.ask(id(3)).is_none(), "others wait for it");
        for slot in 1..4 {
            let (next, lease) = leases.next().expect("one is free");
            assert_eq!(next, id(slot));
            assert!(leases.next().is_none(), "it is taken");
            drop(lease);
        }
        assert!(leases.next().is_none(), "nobody waits");
        drop(held);
        assert_eq!(leases.in_use(), 0);
    }
}
