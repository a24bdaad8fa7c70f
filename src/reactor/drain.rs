//! Drains the server: refuses waiting clients, and closes the others at a limited pace. The pace lets other
//! servers take over the clients.

use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::effects::apply;
use super::hook::{NO_FIELDS, call_own_hook};
use super::queue_output::write_all_segments;
use super::requester::Requester;
use super::send::call;
use crate::cause::Cause;
use crate::conn::{Draining, Env};
use crate::id::ConnectionId;
use crate::metrics::Work;
use crate::router::Application;

/// Announces the drain, which begins after the drain delay. A second call changes nothing.
pub(super) fn announce_drain<S: Application>(core: &mut Core<S>) {
    if !core.drain.is_serving() {
        return;
    }
    tell_application(core);
    let delay_ms = core.drain.delay_ms();
    if delay_ms == 0 {
        return begin(core);
    }
    log::info!("draining in {delay_ms} ms: health checks fail from now on");
    core.lent.env.draining = Draining::Announced;
    core.drain.announce(core.lent.now());
}

/// Calls the application's hook. Its effects are applied before the first client is closed.
fn tell_application<S: Application>(core: &mut Core<S>) {
    let Env { state, tools, .. } = &mut core.lent.env;
    call_own_hook(tools, Work::Hook, "draining hook", &NO_FIELDS, |tools| state.draining(&mut tools.effects));
    core.lent.budget.read_clock();
    apply(core, Requester::Application);
}

/// Begins to refuse clients that wait to be accepted, and to close the others.
fn begin<S: Application>(core: &mut Core<S>) {
    log::info!("draining {} connections", core.connections.len());
    core.lent.env.draining = Draining::Begun;
    core.listeners.accept_the_last(&core.registry);
    core.drain.begin(core.lent.now(), core.connections.ids().collect());
}

/// Closes as many clients as the pace allows, and aborts all when the time is up.
pub(super) fn drain<S: Application>(core: &mut Core<S>) {
    let now = core.lent.now();
    if core.drain.is_due(now) {
        begin(core);
    }
    for done in 0..core.drain.allowance(now) {
        if !core.lent.budget.allows(Step::FanOut, done) {
            break;
        }
        let Some(id) = core.drain.pop_waiting() else { break };
        tell_to_go(core, id);
        core.lent.budget.charge(STEP_BYTES);
    }
    let is_over = core.drain.is_over(now);
    if (is_over || core.drain.is_accept_over(now)) && !core.listeners.are_closed() {
        log::warn!("clients that still wait to be accepted are cut off");
        core.listeners.close(&core.registry);
    }
    if is_over && !core.connections.is_empty() {
        log::warn!("{} connections did not end in time", core.connections.len());
        give_up(core);
    }
}

/// Closes one client. If its TLS handshake is not complete, it is told after that.
fn tell_to_go<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    if core.connections.get(id).is_some_and(|entry| !entry.socket.answers_later()) {
        call(core, id, |entry, env| entry.conn.close(Cause::GoingAway, env));
    }
}

/// Sends a last Close to clients that have had none, and ends all of them.
fn give_up<S: Application>(core: &mut Core<S>) {
    let ids: Vec<_> = core.connections.ids().collect();
    for &id in &ids {
        call(core, id, |entry, env| entry.conn.close(Cause::GoingAway, env));
    }
    write_all_segments(core);
    for id in ids {
        if let Some(mut active) = core.activate(id) {
            active.entry.conn.abort(Cause::GoingAway);
            active.update_state();
        }
    }
}

/// Whether the server has drained and every client is gone.
pub(super) fn is_drained<S: Application>(core: &Core<S>) -> bool {
    core.drain.has_begun() && core.listeners.are_closed() && core.connections.is_empty()
}
