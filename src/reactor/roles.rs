//! Roles from outside of requests: logs connections in, sends to whoever has a role, and ends a connection
//! whose role a newer one has taken over.

use log::kv::Value;

use super::core::Core;
use super::effects::apply_one;
use super::forward::forward;
use super::hook::call_hook;
use super::requester::Requester;
use super::send::{call, send_answer};
use super::topics::bequeath;
use crate::cause::Cause;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::mailbox::Answer;
use crate::metrics::Work;
use crate::presence::RoleClaim;
use crate::push::Push;
use crate::record::Login;
use crate::router::{Application, Effect};
use crate::topics::Topic;

/// The connection that holds a role. None if it is not on this worker.
pub(super) fn with_role<S: Application>(core: &Core<S>, role_id: u64) -> Option<ConnectionId> {
    core.lent.env.tools.roles.player(role_id).filter(|id| id.worker() == core.links.own())
}

/// Logs a connection in.
pub(super) fn log_in<S: Application>(core: &mut Core<S>, by: Requester, id: ConnectionId, login: &Login) {
    call(core, id, |entry, env| entry.conn.log_in(login, env));
    tell_replaced(core, by);
}

/// Answers a deferred request, which can log its connection in.
pub(super) fn answer_request<S: Application>(
    core: &mut Core<S>,
    by: Requester,
    id: ConnectionId,
    seq: u64,
    answer: Answer,
) {
    send_answer(core, id, seq, answer);
    tell_replaced(core, by);
}

/// Tells the older connection that the last login has replaced, if there is one: at once, before any other
/// effect can reach it.
fn tell_replaced<S: Application>(core: &mut Core<S>, by: Requester) {
    if let Some(effect) = core.lent.env.tools.effects.take_replaced()
        && let Some(Effect::Replace { to, heir, topics }) = forward(core, by, effect)
    {
        replace(core, to, heir, topics);
    }
}

/// Sends a push to the connection that has a role, on any worker.
pub(super) fn send_to_role<S: Application>(core: &mut Core<S>, role_id: u64, push: Push) {
    let Some(to) = core.lent.env.tools.roles.player(role_id) else { return };
    if let Some(effect) = forward(core, Requester::Mail, Effect::Send { to, push }) {
        apply_one(core, Requester::Mail, effect);
    }
}

/// A newer login on another machine has the role of a connection of this worker, unless that connection has
/// lost it meanwhile.
pub(super) fn replace_role<S: Application>(core: &mut Core<S>, claim: RoleClaim) {
    if core.lent.env.tools.roles.revoke(claim) {
        replace(core, claim.connection, None, vec![]);
    }
}

/// Tells the application that a connection was replaced, once, and closes it, even if it holds another role
/// by now. Its topics go to the `heir`, if there is one, on another worker; these `topics` have gone to one
/// on this worker.
pub(super) fn replace<S: Application>(
    core: &mut Core<S>,
    id: ConnectionId,
    heir: Option<ConnectionId>,
    mut topics: Vec<Topic>,
) {
    let Env { state, tools, .. } = &mut core.lent.env;
    tools.roles.note_told(id);
    if let Some(heir) = heir {
        core.heirs.note(id, heir);
    }
    let Some(entry) = core.connections.get_mut(id) else { return };
    if entry.standing.is_replaced() {
        return;
    }
    entry.standing.set_replaced();
    let record = &entry.conn.record;
    // It may hold another role by now. Without one it cannot be replaced a second time.
    tools.roles.leave(id, record.role_id());
    // Even if it is closing already: that can take a while, and the newer connection is in use meanwhile.
    topics.extend(tools.effects.topics.of(id).cloned());
    // The hook sees the same wherever the heir is, and what it changes does not matter to the heir.
    tools.effects.topics.show(id, topics);
    call_hook(tools, Work::Hook, "replaced hook", &("id", Value::from_display(&id)), |tools| {
        if let Some(session) = tools.sessions.get_mut(id) {
            state.replaced(record, session, &mut tools.effects);
        }
    });
    let topics = tools.effects.topics.take_shown();
    if let Some(heir) = heir.filter(|heir| heir.worker() != id.worker()) {
        bequeath(core, id, heir, topics);
    }
    call(core, id, |entry, env| entry.conn.close(Cause::Replaced, env));
}
