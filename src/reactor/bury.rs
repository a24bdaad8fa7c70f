//! The end of a turn: writes the remaining output, and removes connections that have ended.

use log::kv::Value;

use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::count::count_end;
use super::effects;
use super::entry::Entry;
use super::fan_out::leave_fan_outs;
use super::hook::call_hook;
use super::queue_output::write_all_segments;
use super::requester::Requester;
use crate::cause::Cause;
use crate::conn::Env;
use crate::connection_log;
use crate::metrics::Work;
use crate::moment::Moment;
use crate::observer;
use crate::router::Application;

/// Writes the remaining output, and removes connections that have ended. When told of an end, the application
/// may send to other connections, or end them.
pub(super) fn write_and_bury<S: Application>(core: &mut Core<S>) {
    let mut buried = 0;
    loop {
        write_all_segments(core);
        if core.connections.schedule().dead() == 0 || !core.lent.budget.allows(Step::Output, buried) {
            return;
        }
        bury_next(core);
        buried += 1;
    }
}

/// Removes the connection that has been dead longest, and tells the application.
fn bury_next<S: Application>(core: &mut Core<S>) {
    let Some(id) = core.connections.schedule_mut().pop_dead() else { return };
    core.lent.budget.charge(STEP_BYTES);
    let Some(mut entry) = core.connections.remove(id) else { return };
    if entry.standing.is_awaited() || entry.standing.owes() {
        leave_fan_outs(core, id);
    }
    core.lent.leave_topics(id);
    let role_id = entry.conn.record.role_id();
    if role_id != 0 {
        core.lent.env.tools.roles.leave(id, role_id);
    }
    if let Some(permit) = entry.permit.take() {
        core.lent.admission.leave(permit, entry.conn.record.peer());
        core.lent.env.tools.totals.closed += 1;
        core.lent.env.tools.meter.closed(entry.conn.cause().unwrap_or(Cause::Dropped));
    } else {
        core.lent.refusals.end();
    }
    count_end(&mut entry, &core.lent.env.tools.meter);
    tell_end(&mut entry, &mut core.lent.env);
    drop(entry);
    effects::apply(core, Requester::Client(id));
}

/// Tells the linked object, then the application.
fn tell_end<S: Application>(entry: &mut Entry, env: &mut Env<S>) {
    let Env { state, tools, .. } = env;
    let cause = entry.conn.cause().unwrap_or(Cause::Dropped);
    // What the application has been told before decides what it is told now.
    let told = if entry.standing.is_replaced() { Cause::Replaced } else { cause };
    if let Some(linked) = entry.conn.take_linked() {
        tools.observed.report(observer::Event::Unlinked(linked.number()));
        let (began, fields) = (tools.slow.begin(), ("id", Value::from_display(&entry.conn.record.id)));
        tools.meter.begins(Work::Hook, 0);
        let called = linked.tell(told);
        tools.meter.ends();
        if let Some(took) = tools.slow.slow_since(began) {
            tools.log.slow(tools.now, "object's end hook", took, &fields);
        }
        if called.is_err() {
            tools.log.panicked(tools.now, "object's end hook", &fields);
        }
    }
    let record = &entry.conn.record;
    // Refused clients and failed TLS handshakes have a log line already; and health checks come all the time.
    let has_failed = cause == Cause::Reset && entry.socket.is_handshaking();
    if !has_failed && !matches!(cause, Cause::Refused(_) | Cause::HealthCheck) {
        connection_log::ended(record, &mut tools.log, tools.now, cause);
    }
    if !entry.conn.was_opened() {
        return;
    }
    tools.observed.report(observer::Event::Closed { id: record.id, cause, packets: record.recv_count() });
    let Some(session) = tools.sessions.take(record.id) else { return };
    call_hook(tools, Work::Hook, "end hook", &("id", Value::from_display(&record.id)), |tools| {
        state.closed(record, session, told, &mut tools.effects);
    });
}

/// Ends every connection at once, without a Close frame.
pub(super) fn abort_all<S: Application>(core: &mut Core<S>) {
    let ids: Vec<_> = core.connections.ids().collect();
    for id in ids {
        if let Some(active) = core.activate(id) {
            active.entry.conn.abort(Cause::Dropped);
            active.schedule.push_dead(id);
        }
    }
    while core.connections.schedule().dead() > 0 {
        bury_next(core);
    }
    core.lent.env.tools.log.tell(Moment::NEVER);
}
