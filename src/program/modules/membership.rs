//! Which connections are in which rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sysconn::ConnectionId;

/// Bytes of a room's name; at least 1.
const MAX_NAME_BYTES: usize = 64;
/// Rooms that one connection may be in.
const MAX_ROOMS: usize = 100;

/// A connection may not enter a room: the name is no room's, or it is in too many already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAdmitted;

/// Rooms and their members. A room exists while it has members.
///
/// Invariant: a connection is in a room's set of members if and only if the room is in the
/// connection's set of rooms; no set is empty. To join or to leave takes the same time however many
/// rooms and members there are.
#[derive(Debug, Default)]
pub(super) struct Membership {
    members: HashMap<Arc<str>, HashSet<ConnectionId>>,
    rooms: HashMap<ConnectionId, HashSet<Arc<str>>>,
}

impl Membership {
    /// Lets a connection into a room; it may be in it already. How many members the room has now.
    ///
    /// # Errors
    /// [`NotAdmitted`], and then nothing has changed.
    pub(super) fn join(&mut self, id: ConnectionId, room: &str) -> Result<usize, NotAdmitted> {
        if let Some(members) = self.of(room, id) {
            return Ok(members.len());
        }
        let is_full = self.rooms.get(&id).is_some_and(|rooms| rooms.len() >= MAX_ROOMS);
        if is_full || !(1..=MAX_NAME_BYTES).contains(&room.len()) {
            return Err(NotAdmitted);
        }
        let room = self.members.get_key_value(room).map_or_else(|| Arc::from(room), |(room, _)| room.clone());
        self.rooms.entry(id).or_default().insert(room.clone());
        let members = self.members.entry(room).or_default();
        members.insert(id);
        Ok(members.len())
    }

    /// Takes a connection out of a room; it need not be in it. How many members remain.
    pub(super) fn leave(&mut self, id: ConnectionId, room: &str) -> usize {
        if let Some(rooms) = self.rooms.get_mut(&id) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.rooms.remove(&id);
            }
        }
        self.remove_member(id, room)
    }

    /// Takes a connection out of all rooms.
    pub(super) fn leave_all(&mut self, id: ConnectionId) {
        for room in self.rooms.remove(&id).unwrap_or_default() {
            self.remove_member(id, &room);
        }
    }

    /// The members of a room, or none if the connection is not one of them.
    pub(super) fn of(&self, room: &str, id: ConnectionId) -> Option<&HashSet<ConnectionId>> {
        self.members.get(room).filter(|members| members.contains(&id))
    }

    fn remove_member(&mut self, id: ConnectionId, room: &str) -> usize {
        let Some(members) = self.members.get_mut(room) else { return 0 };
        members.remove(&id);
        let remaining = members.len();
        if remaining == 0 {
            self.members.remove(room);
        } else if remaining < members.capacity() / 8 {
            // To go through a set takes time by its capacity, not by its length.
            members.shrink_to(remaining * 2);
        }
        remaining
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_u64(number)
    }

    impl Membership {
        fn check_invariants(&self) {
            let by_room: HashSet<_> =
                self.members.iter().flat_map(|(room, ids)| ids.iter().map(move |id| (room, id))).collect();
            let by_id: HashSet<_> =
                self.rooms.iter().flat_map(|(id, rooms)| rooms.iter().map(move |room| (room, id))).collect();
            assert_eq!(by_room, by_id);
            assert!(!self.members.values().any(HashSet::is_empty));
            assert!(!self.rooms.values().any(HashSet::is_empty));
        }
    }

    #[test]
    fn whoever_joins_and_leaves_is_counted() {
        let mut membership = Membership::default();
        let long = "x".repeat(MAX_NAME_BYTES);
        for (number, room, expected) in
            [(1, "a", 1), (2, "a", 2), (2, "a", 2), (2, "b", 1), (3, long.as_str(), 1), (3, "a", 3)]
        {
            assert_eq!(membership.join(id(number), room), Ok(expected), "{number} joins {room}");
            membership.check_invariants();
        }
        for (number, room, expected) in
            [(1, "b", 1), (1, "nowhere", 0), (1, "a", 2), (1, "a", 2), (2, "b", 0)]
        {
            assert_eq!(membership.leave(id(number), room), expected, "{number} leaves {room}");
            membership.check_invariants();
        }
        assert_eq!(membership.of("a", id(1)), None);
        assert_eq!(membership.of("a", id(2)), Some(&HashSet::from([id(2), id(3)])));
        membership.leave_all(id(3));
        membership.check_invariants();
        membership.leave_all(id(2));
        assert!(membership.members.is_empty() && membership.rooms.is_empty());
    }

    #[test]
    fn names_and_rooms_of_one_connection_are_bounded() {
        let mut membership = Membership::default();
        assert_eq!(membership.join(id(1), ""), Err(NotAdmitted));
        assert_eq!(membership.join(id(1), &"x".repeat(MAX_NAME_BYTES + 1)), Err(NotAdmitted));
        for number in 0..MAX_ROOMS {
            assert_eq!(membership.join(id(1), &number.to_string()), Ok(1));
        }
        assert_eq!(membership.join(id(1), "one more"), Err(NotAdmitted));
        assert_eq!(membership.join(id(1), "0"), Ok(1), "it is in there already");
        membership.check_invariants();
        membership.leave(id(1), "0");
        assert_eq!(membership.join(id(1), "one more"), Ok(1));
    }

    #[test]
    fn a_room_that_was_large_is_gone_through_quickly() {
        let mut membership = Membership::default();
        for number in 0..10_000 {
            membership.join(id(number), "a").expect("there is room");
        }
        for number in 2..10_000 {
            membership.leave(id(number), "a");
        }
        let capacity = membership.of("a", id(0)).expect("it has stayed").capacity();
        assert!(capacity < 64, "{capacity}");
        membership.check_invariants();
    }
}
