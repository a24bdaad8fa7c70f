//! Which connection plays which role: one each, the newest.

use super::core::Core;
use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// A connection has logged in. The one that held the role before closes.
    pub(super) fn enter_role(&mut self, id: ConnectionId, role_id: u64) {
        // Within one turn it can have logged out again, or have ended.
        if self.slots.get_mut(id).is_none_or(|entry| entry.conn.record.role_id() != role_id) {
            return;
        }
        if let Some(older) = self.roles.insert(role_id, id)
            && older != id
        {
            self.call(older, |entry, env| entry.conn.close(Cause::Replaced, env));
        }
    }

    /// A connection has logged out or ended. Its role is free, unless a newer one plays it by now.
    pub(super) fn leave_role(&mut self, id: ConnectionId, role_id: u64) {
        if self.roles.get(&role_id) == Some(&id) {
            self.roles.remove(&role_id);
        }
    }
}
