//! The rooms whose home is this worker, and their members.
//!
//! Every room has a home, one of the workers, chosen by its name. Everything in the room happens there, in
//! one order, so counts are exact and all members receive the same messages.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use sysconn::ConnectionId;

/// The index of the worker that is the home of a room.
pub(super) fn home(room: &str, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    room.hash(&mut hasher);
    (hasher.finish() % workers.max(1) as u64) as usize
}

/// Rooms and their members, on any worker. A room exists while it has members.
///
/// Invariant: no set is empty. Joining and leaving take constant time.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    members: HashMap<Arc<str>, HashSet<ConnectionId>>,
}

impl Rooms {
    /// Adds a connection, if it is not a member. Returns the number of members.
    pub(super) fn join(&mut self, id: ConnectionId, room: &Arc<str>) -> usize {
        let members = match self.members.get_mut(room) {
            Some(members) => members,
            None => self.members.entry(room.clone()).or_default(),
        };
        members.insert(id);
        members.len()
    }

    /// Removes a connection, if it is a member. Returns the number of remaining members.
    pub(super) fn leave(&mut self, id: ConnectionId, room: &str) -> usize {
        let Some(members) = self.members.get_mut(room) else { return 0 };
        members.remove(&id);
        let remaining = members.len();
        if remaining == 0 {
            self.members.remove(room);
        } else if remaining < members.capacity() / 8 {
            // Iterating over a set takes time by its capacity, not by its length.
            members.shrink_to(remaining * 2);
        }
        remaining
    }

    /// The members of a room, or `None` if the connection is not one of them.
    pub(super) fn of(&self, room: &str, id: ConnectionId) -> Option<&HashSet<ConnectionId>> {
        self.members.get(room).filter(|members| members.contains(&id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_u64(number)
    }

    #[test]
    fn whoever_joins_and_leaves_is_counted() {
        let mut rooms = Rooms::default();
        for (number, room, expected) in [(1, "a", 1), (2, "a", 2), (2, "a", 2), (2, "b", 1), (3, "a", 3)] {
            assert_eq!(rooms.join(id(number), &room.into()), expected, "{number} joins {room}");
        }
        for (number, room, expected) in
            [(1, "b", 1), (1, "nowhere", 0), (1, "a", 2), (1, "a", 2), (2, "b", 0)]
        {
            assert_eq!(rooms.leave(id(number), room), expected, "{number} leaves {room}");
        }
        assert_eq!(rooms.of("a", id(1)), None);
        assert_eq!(rooms.of("a", id(2)), Some(&HashSet::from([id(2), id(3)])));
        rooms.leave(id(3), "a");
        rooms.leave(id(2), "a");
        assert!(rooms.members.is_empty());
    }

    #[test]
    fn a_room_that_was_large_is_gone_through_quickly() {
        let mut rooms = Rooms::default();
        for number in 0..10_000 {
            rooms.join(id(number), &"a".into());
        }
        for number in 2..10_000 {
            rooms.leave(id(number), "a");
        }
        let capacity = rooms.of("a", id(0)).expect("it has stayed").capacity();
        assert!(capacity < 64, "{capacity}");
    }

    #[test]
    fn every_worker_is_home_to_some_rooms() {
        for workers in 1..=8 {
            let homes: HashSet<_> = (0..200).map(|room| home(&room.to_string(), workers)).collect();
            assert_eq!(homes, (0..workers).collect());
        }
    }
}
