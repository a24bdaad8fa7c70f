//! A table of the connections that hold roles.

use std::collections::HashMap;

use crate::id::ConnectionId;
use crate::presence::{RoleClaim, Told};

/// The roles that are held, each with its connection.
#[derive(Debug, Default)]
pub(crate) struct Players {
    by_role: HashMap<u64, ConnectionId>,
    claims: Claims,
}

/// The numbers of the logins, for whoever is told of them.
#[derive(Debug, Default)]
struct Claims {
    told: Told,
    /// The number of each role's last login. Empty if nobody is told.
    by_role: HashMap<u64, u64>,
    last: u64,
}

impl Players {
    pub(super) fn new(told: Told) -> Self {
        Players { by_role: HashMap::new(), claims: Claims { told, ..Claims::default() } }
    }

    /// Gives a role to a connection. Returns the previous holder, if it is another connection.
    pub(super) fn enter(&mut self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        let older = self.by_role.insert(role_id, id);
        self.claims.enter(id, role_id);
        older.filter(|&older| older != id)
    }

    /// Takes a role from a connection, unless another one holds it by now.
    pub(super) fn leave(&mut self, id: ConnectionId, role_id: u64) {
        if self.by_role.get(&role_id) == Some(&id) {
            self.by_role.remove(&role_id);
            self.claims.leave(id, role_id);
        }
    }

    /// Takes a role from the connection that has claimed it. False if this is not the last claim, or has
    /// ended.
    pub(super) fn revoke(&mut self, claim: RoleClaim) -> bool {
        let RoleClaim { role_id, connection, number } = claim;
        if self.claims.by_role.get(&role_id) != Some(&number) || self.player(role_id) != Some(connection) {
            return false;
        }
        self.leave(connection, role_id);
        true
    }

    pub(super) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.by_role.get(&role_id).copied()
    }

    /// The number of roles that are held.
    pub(super) fn len(&self) -> usize {
        self.by_role.len()
    }
}

impl Claims {
    fn enter(&mut self, connection: ConnectionId, role_id: u64) {
        if self.told.is_nobody() {
            return;
        }
        self.last += 1;
        let number = self.last;
        self.by_role.insert(role_id, number);
        self.told.tell(|presence| presence.role_entered(RoleClaim { role_id, connection, number }));
    }

    fn leave(&mut self, connection: ConnectionId, role_id: u64) {
        if let Some(number) = self.by_role.remove(&role_id) {
            self.told.tell(|presence| presence.role_left(RoleClaim { role_id, connection, number }));
        }
    }
}
