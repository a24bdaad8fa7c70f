//! Which connection of this worker plays which role, as far as rooms have to know.

use std::collections::HashMap;

use sysconn::ConnectionId;

/// The roles that have entered a room since they logged in on this worker. Those of the others, who are most
/// where clients are idle, take no memory here.
#[derive(Debug, Default)]
pub(super) struct Players(HashMap<u64, ConnectionId>);

impl Players {
    /// A role enters a room; it may have been in one before.
    pub(super) fn join(&mut self, id: ConnectionId, role_id: u64) {
        self.0.insert(role_id, id);
    }

    /// A role has logged in. Takes out the connection with which it may be in rooms, if that is another.
    pub(super) fn take_older(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        let older = *self.0.get(&role_id).filter(|&&older| older != id)?;
        self.leave(older, role_id);
        Some(older)
    }

    /// A role has logged out, or its connection has ended. A newer one goes on playing it.
    pub(super) fn leave(&mut self, id: ConnectionId, role_id: u64) {
        if self.0.get(&role_id) == Some(&id) {
            self.0.remove(&role_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_from_its_first_room_to_the_end_of_its_newest_connection() {
        let mut players = Players::default();
        let (older, newer) = (ConnectionId::from_u64(1), ConnectionId::from_u64(2));
        assert_eq!(players.take_older(older, 5), None);
        assert!(players.0.is_empty(), "it is in no room");
        players.join(older, 5);
        players.join(older, 5);
        assert_eq!(players.take_older(older, 5), None, "the same connection");
        assert_eq!(players.take_older(newer, 6), None, "another role");
        assert_eq!(players.take_older(newer, 5), Some(older));
        assert_eq!(players.take_older(newer, 5), None, "only once");
        players.join(newer, 5);
        players.leave(older, 5);
        assert_eq!(players.0, HashMap::from([(5, newer)]));
        players.leave(newer, 5);
        assert!(players.0.is_empty());
    }
}
