//! A table of the connections that play roles.

use std::collections::HashMap;

use crate::id::ConnectionId;

/// Roles that are played, each with the connection that plays it.
#[derive(Debug, Default)]
pub(crate) struct Players {
    by_role: HashMap<u64, ConnectionId>,
}

impl Players {
    /// Gives a role to a connection. Returns the other connection that played it before.
    pub(super) fn enter(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        self.by_role.insert(role_id, id).filter(|&older| older != id)
    }

    /// Takes a role from a connection, unless another one plays it by now.
    pub(super) fn leave(&mut self, id: ConnectionId, role_id: u64) {
        if self.by_role.get(&role_id) == Some(&id) {
            self.by_role.remove(&role_id);
        }
    }

    pub(super) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.by_role.get(&role_id).copied()
    }

    /// Roles that are played.
    pub(super) fn len(&self) -> usize {
        self.by_role.len()
    }
}
