//! The rooms that each connection of this worker is in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sysconn::ConnectionId;

/// The most bytes in the name of a room; the least is 1.
const MAX_NAME_BYTES: usize = 64;
/// Rooms that one connection may be in.
const MAX_ROOMS: usize = 100;

/// A connection may not enter a room: the name is invalid, or it is in too many rooms already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAdmitted;

/// The rooms of each connection of this worker. The [home](super::rooms) of each room knows its members. A
/// connection is added here before the home hears that it joins, and removed before the home hears that it
/// leaves, so the end of a connection reaches every room.
///
/// Invariant: no set is empty.
#[derive(Debug, Default)]
pub(super) struct Membership {
    rooms: HashMap<ConnectionId, HashSet<Arc<str>>>,
}

impl Membership {
    /// Adds a connection to a room. False if it was in it already.
    ///
    /// # Errors
    /// [`NotAdmitted`]; nothing changes then.
    pub(super) fn join(&mut self, id: ConnectionId, room: &Arc<str>) -> Result<bool, NotAdmitted> {
        if self.is_in(id, room) {
            return Ok(false);
        }
        let is_full = self.rooms.get(&id).is_some_and(|rooms| rooms.len() >= MAX_ROOMS);
        if is_full || !(1..=MAX_NAME_BYTES).contains(&room.len()) {
            return Err(NotAdmitted);
        }
        self.rooms.entry(id).or_default().insert(room.clone());
        Ok(true)
    }

    /// Removes a connection from a room. False if it was not in it.
    pub(super) fn leave(&mut self, id: ConnectionId, room: &str) -> bool {
        let Some(rooms) = self.rooms.get_mut(&id) else { return false };
        let was_in = rooms.remove(room);
        if rooms.is_empty() {
            self.rooms.remove(&id);
        }
        was_in
    }

    /// Removes a connection from all rooms, and returns them.
    pub(super) fn leave_all(&mut self, id: ConnectionId) -> HashSet<Arc<str>> {
        self.rooms.remove(&id).unwrap_or_default()
    }

    /// Whether a connection is in a room.
    pub(super) fn is_in(&self, id: ConnectionId, room: &str) -> bool {
        self.rooms.get(&id).is_some_and(|rooms| rooms.contains(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_u64(number)
    }

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn whoever_joins_is_in_until_it_leaves() {
        let mut membership = Membership::default();
        let (a, b) = (name("a"), name("b"));
        for (number, room, is_new) in [(1, &a, true), (1, &a, false), (1, &b, true), (2, &a, true)] {
            assert_eq!(membership.join(id(number), room), Ok(is_new), "{number} joins {room}");
            assert!(membership.is_in(id(number), room));
        }
        assert!(!membership.is_in(id(2), "b"));
        for (number, room, was_in) in [(2, "b", false), (2, "a", true), (2, "a", false), (3, "a", false)] {
            assert_eq!(membership.leave(id(number), room), was_in, "{number} leaves {room}");
            assert!(!membership.is_in(id(number), room));
        }
        assert_eq!(membership.leave_all(id(1)), HashSet::from([a, b]));
        assert!(membership.leave_all(id(1)).is_empty());
        assert!(membership.rooms.is_empty());
    }

    #[test]
    fn names_and_rooms_of_one_connection_are_bounded() {
        let mut membership = Membership::default();
        assert_eq!(membership.join(id(1), &name("")), Err(NotAdmitted));
        assert_eq!(membership.join(id(1), &name(&"x".repeat(MAX_NAME_BYTES + 1))), Err(NotAdmitted));
        assert_eq!(membership.join(id(1), &name(&"x".repeat(MAX_NAME_BYTES))), Ok(true));
        for number in 1..MAX_ROOMS {
            assert_eq!(membership.join(id(1), &name(&number.to_string())), Ok(true));
        }
        assert_eq!(membership.join(id(1), &name("one more")), Err(NotAdmitted));
        assert_eq!(membership.join(id(1), &name("1")), Ok(false), "it is in there already");
        assert_eq!(membership.join(id(2), &name("one more")), Ok(true));
        membership.leave(id(1), "1");
        assert_eq!(membership.join(id(1), &name("one more")), Ok(true));
    }
}
