//! The roles of a server with several workers: one table for all, behind a lock.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::players::Players;
use crate::id::ConnectionId;

/// The players of all workers. Workers take its lock when a client logs in or out, when a handler asks who
/// plays a role, and when a client ends while it is logged in. A clone is the same table.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedRoles(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    players: Players,
    /// Connections that were replaced and do not know it yet: the mail that tells them is under way. Each
    /// gets one such mail, so that no two clients can fill a mailbox by taking roles from each other.
    untold: HashSet<ConnectionId>,
}

impl SharedRoles {
    /// Gives a role to a connection. Returns the other connection that played it before, if it must be
    /// told.
    pub(super) fn enter(&self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        let mut table = self.table();
        let older = table.players.enter(id, role_id)?;
        table.untold.insert(older).then_some(older)
    }

    /// Takes a role from a connection, unless another one plays it by now.
    pub(super) fn leave(&self, id: ConnectionId, role_id: u64) {
        self.table().players.leave(id, role_id);
    }

    /// Notes that a replaced connection is being closed.
    pub(super) fn note_told(&self, id: ConnectionId) {
        self.table().untold.remove(&id);
    }

    pub(super) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.table().players.player(role_id)
    }

    /// The numbers of roles that are played, and of replaced connections that have yet to be closed.
    pub(super) fn len(&self) -> usize {
        let table = self.table();
        table.players.len() + table.untold.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing that is done under the lock can panic half-way, so a poisoned lock is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
