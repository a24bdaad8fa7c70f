//! What becomes of a connection whose role a newer one has taken over.

use std::panic::{AssertUnwindSafe, catch_unwind};

use log::kv::Value;

use super::core::Core;
use crate::cause::Cause;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// The connection of this worker that plays a role.
    pub(super) fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        self.lent.tools.roles.player(role_id).filter(|id| id.worker() == self.others.own())
    }

    /// Tells the application, and closes the connection, whatever it has done since it was replaced.
    pub(super) fn replace(&mut self, id: ConnectionId) {
        let Env { state, tools, .. } = &mut self.lent;
        tools.roles.note_told(id);
        let Some(entry) = self.slots.get(id) else { return };
        let record = &entry.conn.record;
        // It may play another one by now, and is not to be replaced a second time.
        tools.roles.leave(id, record.role_id());
        // Also if it is closing already: that can take its client a while, in which the newer one plays.
        if catch_unwind(AssertUnwindSafe(|| state.replaced(record, &mut tools.effects))).is_err() {
            tools.log.panicked(self.now, "replaced hook", &("id", Value::from_display(&id)));
        }
        self.call(id, |entry, env| entry.conn.close(Cause::Replaced, env));
    }
}
