//! The roles of a server with several workers: one table for all, behind a lock.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::players::Players;
use crate::id::ConnectionId;
use crate::presence::{RoleClaim, Told};

/// The role holders of all workers. Workers take its lock when a client logs in or out, when a handler asks
/// who holds a role, and when a logged-in client ends. Clones share the table.
#[derive(Clone, Debug)]
pub(crate) struct SharedRoles(Arc<Mutex<Table>>);

#[derive(Debug)]
struct Table {
    players: Players,
    /// Replaced connections that have not been told: the mail for them is on its way. Each gets one such
    /// mail, so that two clients cannot fill a mailbox by taking roles from each other.
    untold: HashSet<ConnectionId>,
}

impl SharedRoles {
    pub(super) fn new(told: Told) -> Self {
        let players = Players::new(told);
        SharedRoles(Arc::new(Mutex::new(Table { players, untold: HashSet::new() })))
    }

    /// Gives a role to a connection. Returns the previous holder, if it is another connection and must be
    /// told.
    pub(super) fn enter(&self, id: ConnectionId, role_id: u64) -> Option<ConnectionId> {
        let mut table = self.table();
        let older = table.players.enter(id, role_id)?;
        table.untold.insert(older).then_some(older)
    }

    /// Takes a role from a connection, unless another one holds it by now.
    pub(super) fn leave(&self, id: ConnectionId, role_id: u64) {
        self.table().players.leave(id, role_id);
    }

    /// Takes a role from the connection that has claimed it, if it still has this claim. Returns whether that
    /// must be told.
    pub(super) fn revoke(&self, claim: RoleClaim) -> bool {
        let mut table = self.table();
        table.players.revoke(claim) && table.untold.insert(claim.connection)
    }

    /// Records that a connection is being told that it was replaced.
    pub(super) fn note_told(&self, id: ConnectionId) {
        self.table().untold.remove(&id);
    }

    pub(super) fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.table().players.player(role_id)
    }

    /// The numbers of roles that are held, and of replaced connections that have not been told.
    pub(super) fn len(&self) -> usize {
        let table = self.table();
        table.players.len() + table.untold.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing under the lock can panic half-way, so the data behind a poisoned lock is consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
