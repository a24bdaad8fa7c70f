//! A table of the connections that hold roles.

use std::collections::HashMap;

use crate::id::ConnectionId;

/// The roles that are held, each with its connection.
#[derive(Debug, Default)]
pub(crate) struct Players {
    by_role: HashMap<u64, ConnectionId>,
}

impl Players {
    /// Gives a role to a connection. Returns the previous holder, if it is another connection.
    pub(super) fn enter(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        self.by_role.insert(role_id, id).filter(|&older| older != id)
    }

    /// Takes a role from a connection, unless another one holds it by now.
    pub(super) fn leave(&mut self, id: ConnectionId, role_id: u64) {
        if self.by_role.get(&role_id) == Some(&id) {
            self.by_role.remove(&role_id);
        }
    }

    pub(super) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.by_role.get(&role_id).copied()
    }

    /// The number of roles that are held.
    pub(super) fn len(&self) -> usize {
        self.by_role.len()
    }
}
