//! Which connection of this worker plays a role, and what becomes of one whose role a newer one has taken over.

use std::panic::{AssertUnwindSafe, catch_unwind};

use log::kv::Value;

use super::core::Core;
use super::send::call;
use crate::cause::Cause;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::router::Application;

/// The connection of this worker that plays a role.
pub(super) fn with_role<S>(core: &Core<S>, role_id: u64) -> Option<ConnectionId> {
    core.lent.env.tools.roles.player(role_id).filter(|id| id.worker() == core.links.own())
}

/// Tells the application, and closes the connection, whatever it has done since it was replaced.
pub(super) fn replace<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    let Env { state, tools, .. } = &mut core.lent.env;
    tools.roles.note_told(id);
    let Some(entry) = core.connections.get(id) else { return };
    let record = &entry.conn.record;
    // It may play another one by now, and is not to be replaced a second time.
    tools.roles.leave(id, record.role_id());
    // Also if it is closing already: that can take its client a while, in which the newer one plays.
    if catch_unwind(AssertUnwindSafe(|| state.replaced(record, &mut tools.effects))).is_err() {
        tools.log.panicked(tools.now, "replaced hook", &("id", Value::from_display(&id)));
    }
    call(core, id, |entry, env| entry.conn.close(Cause::Replaced, env));
}
