//! Sends to a connection, or calls it, on behalf of others.

use super::core::Core;
use super::entry::Entry;
use super::queue_output::write_if_full;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::mailbox::Answer;
use crate::push::Push;
use crate::router::Application;

/// Sends a push to a connection, together with its other output of this turn.
pub(super) fn send<S: Application>(core: &mut Core<S>, to: ConnectionId, push: &Push) {
    let Some(mut active) = core.activate(to) else { return };
    active.send(push);
    write_if_full(core);
}

/// Calls a connection, after everything that it was sent before.
pub(super) fn call<S: Application>(
    core: &mut Core<S>,
    to: ConnectionId,
    call: impl FnOnce(&mut Entry, &mut Env<S>),
) {
    let Some(mut active) = core.activate(to) else { return };
    active.reach();
    active.begin_output();
    active.call(call);
    active.queue_output();
    write_if_full(core);
}

/// Gives a connection the answer to a request that it deferred.
pub(super) fn send_answer<S: Application>(core: &mut Core<S>, to: ConnectionId, seq: u64, answer: Answer) {
    let Some(mut active) = core.activate(to) else { return };
    active.reach();
    // Only then is it known what the outbox limit leaves for the reply.
    active.write_segments();
    active.begin_output();
    active.call(|entry, env| entry.conn.handle_answer(seq, answer, env));
    active.queue_output();
    write_if_full(core);
}
