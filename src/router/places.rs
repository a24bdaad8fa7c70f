//! How many replies are compressed slice by slice at the same time, and whose turn is next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::id::ConnectionId;

/// Replies that one reactor compresses slice by slice at the same time: each takes a compressor of its own, 300 KB,
/// and has its compressed form in memory beside the plain one.
pub(crate) const MAX_PLACES: usize = 4;

/// The places of one reactor, and the connections that wait for one, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    waiting: VecDeque<ConnectionId>,
}

/// The right to compress. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Places {
    /// A place, if one is free and nobody waits for it. Otherwise [`next`](Self::next) will name the connection.
    pub(crate) fn ask(&mut self, id: ConnectionId) -> Option<Place> {
        let place = if self.waiting.is_empty() { self.take() } else { None };
        if place.is_none() {
            self.waiting.push_back(id);
        }
        place
    }

    /// A place for who has waited longest. That connection may be gone by now.
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, Place)> {
        if self.waiting.is_empty() {
            return None;
        }
        let place = self.take()?;
        self.waiting.pop_front().map(|id| (id, place))
    }

    fn take(&self) -> Option<Place> {
        let is_free = self.taken.load(Ordering::Relaxed) < MAX_PLACES;
        is_free.then(|| {
            self.taken.fetch_add(1, Ordering::Relaxed);
            Place(self.taken.clone())
        })
    }

    /// Places that are taken, and connections that wait.
    pub(crate) fn in_use(&self) -> usize {
        self.taken.load(Ordering::Relaxed) + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_in_which_they_were_asked_for() {
        let id = |slot| ConnectionId::new(0, slot, 1);
        let mut places = Places::default();
        let mut held: Vec<_> = (0..MAX_PLACES).map(|_| places.ask(id(0)).expect("it is free")).collect();
        assert!(places.ask(id(1)).is_none() && places.ask(id(2)).is_none() && places.next().is_none());
        held.pop();
        assert!(places.ask(id(3)).is_none(), "others wait for it");
        for slot in 1..4 {
            let (next, place) = places.next().expect("one is free");
            assert_eq!(next, id(slot));
            assert!(places.next().is_none(), "it is taken");
            drop(place);
        }
        assert!(places.next().is_none(), "nobody waits");
        drop(held);
        assert_eq!(places.in_use(), 0);
    }
}
