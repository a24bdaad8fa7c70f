//! Expires timers, for as long as a turn has time for it.
//!
//! Before a timer ends a connection because its client failed to do something, the socket is read: data may
//! have arrived that the poll has not reported yet.

use super::accept::TURN_ACCEPTS;
use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::effects;
use super::input::Input;
use super::requester::Requester;
use super::send::call;
use super::serve::serve;
use super::share::Share;
use super::wheel;
use crate::id::ConnectionId;
use crate::router::Application;

/// Steps of the wheel that count as one handler: each looks at one timer at most.
const STEPS: usize = 8;
/// The least number of connections per turn that timers may send to or end: as many as a turn accepts.
pub(super) const LEAST_CONSEQUENCES: usize = Step::Timers.least();

// Connections that come in with a deadline must be able to leave at least as fast.
const _: () = assert!(LEAST_CONSEQUENCES >= TURN_ACCEPTS);

/// Lets connections with a due deadline check their timers, in the order of the deadlines. If the turn runs
/// out of time, the rest follow in the next turn, which starts at once.
pub(super) fn expire<S: Application>(core: &mut Core<S>, input: &mut Input) {
    let before = consequences(core);
    loop {
        let now = core.lent.now();
        match core.connections.schedule_mut().step(now) {
            wheel::Step::Expired(slot) => expire_slot(core, input, slot),
            wheel::Step::Moved => {}
            wheel::Step::Idle => return,
        }
        core.lent.budget.charge(STEP_BYTES / STEPS);
        if !core.lent.budget.allows(Step::Timers, consequences(core).saturating_sub(before)) {
            return;
        }
    }
}

/// How much the end of the turn has to write or to bury.
fn consequences<S: Application>(core: &Core<S>) -> usize {
    core.lent.output.len() + core.connections.schedule().dead()
}

fn expire_slot<S: Application>(core: &mut Core<S>, input: &mut Input, slot: usize) {
    let Some(id) = core.connections.at(slot).map(|entry| entry.id()) else { return };
    read_before_the_end(core, input, id);
    if let Some(entry) = core.connections.get(id).filter(|entry| entry.conn.asks_for_report()) {
        core.lent.env.socket_report = Some(entry.socket_report());
    }
    call(core, id, |entry, env| entry.conn.handle_timeout(env));
    // Traffic moves deadlines without telling the wheel; this is where it catches up.
    if let Some(active) = core.activate(id) {
        active.schedule.arm(slot, active.entry.conn.next_deadline(&active.lent.env.settings));
    }
    effects::apply(core, Requester::Mail);
}

/// If a timer is about to end a connection because its client failed to do something: reads what has arrived,
/// then checks whether the client takes its output.
fn read_before_the_end<S: Application>(core: &mut Core<S>, input: &mut Input, id: ConnectionId) {
    let Some(active) = core.activate(id) else { return };
    if !active.entry.conn.is_about_to_end(active.lent.now(), &active.lent.env.settings) {
        return;
    }
    if !active.entry.standing.was_served() {
        active.entry.readable = true;
        active.entry.socket.expect_read();
        serve(core, input, id, Share::WHOLE);
    }
    let Some(active) = core.activate(id) else { return };
    if active.entry.conn.is_taken_for_silent(&active.lent.env)
        && let Some(outgoing) = active.entry.socket.outgoing()
    {
        active.entry.conn.handle_outgoing(outgoing, &mut active.lent.env);
    }
}
