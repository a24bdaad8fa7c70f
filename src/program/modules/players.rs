//! Which connection of this worker plays which role.

use std::collections::HashMap;

use sysconn::ConnectionId;

/// The roles that are logged in on this worker.
#[derive(Debug, Default)]
pub(super) struct Players(HashMap<u64, ConnectionId>);

impl Players {
    /// A role has logged in. The connection of this worker that it was on before, if it was on another.
    pub(super) fn enter(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        self.0.insert(role_id, id).filter(|&older| older != id)
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
    fn a_role_is_forgotten_with_the_newest_connection_that_it_was_on() {
        let mut players = Players::default();
        let (older, newer) = (ConnectionId::from_u64(1), ConnectionId::from_u64(2));
        assert_eq!(players.enter(older, 5), None);
        assert_eq!(players.enter(older, 5), None);
        assert_eq!(players.enter(newer, 5), Some(older));
        players.leave(older, 5);
        assert_eq!(players.0, HashMap::from([(5, newer)]));
        players.leave(newer, 5);
        assert!(players.0.is_empty());
    }
}
