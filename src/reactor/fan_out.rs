//! Sends pushes to many connections, over several turns if one has too little time.
//!
//! A fan-out goes to the connections that were receivers when it was requested. It reaches them in the order
//! of their slots, and anything else that is sent to a receiver comes after it, because
//! [`Active::reach`](super::active::Active::reach) runs first. The client that requested it is not read until
//! it has reached all receivers, so that fan-outs cannot be added faster than they are finished.

use super::begun::FanOut;
use super::budget::{SLICE_BYTES, STEP_BYTES, Step};
use super::core::Core;
use super::queue_output::write_before_fan_outs;
use super::reach::RECEIVER_BYTES;
use super::requester::Requester;
use super::send::send;
use super::standing::Mark;
use crate::id::ConnectionId;
use crate::metrics::SendError;
use crate::push::{self, Push};
use crate::router::{Application, HeldByPublish};
use crate::topics::Receivers;

// A write counts the same here and there.
const _: () = assert!(push::WRITE_BYTES == STEP_BYTES);

/// The most bytes sent to one receiver at a time while a fan-out goes on: the turn may have no time left
/// then.
const RECEIVER_SLICE_BYTES: usize = 4 * SLICE_BYTES;

/// Sends a push to one connection: at once, or, if the application itself asks for more than its share of a
/// turn, when there is time.
#[inline]
pub(super) fn send_to_one<S: Application>(core: &mut Core<S>, by: Requester, to: ConnectionId, push: Push) {
    if by == Requester::Application && !core.lent.budget.allows_application() {
        return begin(core, FanOut { by, to: vec![to].into(), push, held: None });
    }
    send(core, to, &push);
}

/// Sends a push to many connections: at once, or when there is time. A publish is `held` until it
/// has reached everybody.
pub(super) fn send_to_many<S: Application>(
    core: &mut Core<S>,
    by: Requester,
    to: Receivers,
    push: Push,
    held: Option<HeldByPublish>,
) {
    if push.is_sent_at_once(to.len()) && has_time(core, by) {
        core.lent.budget.charge(to.len() * RECEIVER_BYTES);
        for id in to.iter() {
            send(core, id, &push);
        }
    } else if !to.is_empty() {
        begin(core, FanOut { by, to, push, held });
    }
}

/// Whether the turn has time for a push to a few.
fn has_time<S: Application>(core: &Core<S>, by: Requester) -> bool {
    match by {
        Requester::Application => core.lent.budget.allows_application(),
        _ => core.lent.budget.allows(Step::FanOut, usize::MAX),
    }
}

/// Queues a fan-out to go on when there is time, if there is capacity for it.
fn begin<S: Application>(core: &mut Core<S>, fan_out: FanOut) {
    let (connections, lent) = (&mut core.connections, &mut core.lent);
    if !lent.fan_outs.has_capacity_for(&fan_out) {
        let receivers = fan_out.to.len() as u64;
        lent.env.tools.totals.send_errors += receivers;
        lent.env.tools.meter.send_failed(SendError::FanOut, receivers);
        if let Some(dropped) = lent.fan_outs.dropped.count(receivers, lent.env.tools.now) {
            log::error!("too much waits to be sent to many: {dropped} messages were dropped");
        }
        return;
    }
    let mut mark = |id, mark| {
        let Some(entry) = connections.get_mut(id) else { return false };
        entry.standing.mark(mark);
        true
    };
    let Err(mut fan_out) = lent.fan_outs.join_newest(fan_out, &mut mark) else { return };
    lent.budget.charge(fan_out.to.len() * RECEIVER_BYTES);
    let is_here = fan_out.by.client().is_some_and(|by| mark(by, Mark::Owes));
    // Skip a connection that has ended, and a later one in the same slot.
    fan_out.to.retain(|id| mark(id, Mark::Awaited));
    if !fan_out.to.is_empty() {
        lent.fan_outs.begin(fan_out, is_here);
    }
}

/// Continues fan-outs, those of each client in turn, as long as there is time. A receiver is sent all of its
/// waiting pushes at once, with one write: little else of this turn follows them. Those of clients and of
/// mail begin to leave a turn after the first was requested, with what others have sent meanwhile.
#[inline]
pub(super) fn continue_fan_outs<S: Application>(core: &mut Core<S>) {
    if !core.lent.fan_outs.is_empty() && !core.lent.fan_outs.were_new() {
        continue_some(core);
    }
}

#[cold]
fn continue_some<S: Application>(core: &mut Core<S>) {
    write_before_fan_outs(core);
    let (mut done, mut slice) = (0, 0);
    while core.lent.budget.allows(Step::FanOut, done)
        && let Some(id) = next_receiver(core)
    {
        let reached = core.activate(id).map(|mut active| active.reach_now(RECEIVER_SLICE_BYTES));
        let bytes = reached.unwrap_or(0) + STEP_BYTES;
        // Work that is done regardless of the time still counts in bytes.
        (done, slice) = (done + bytes.div_ceil(SLICE_BYTES), slice + bytes);
        if slice >= SLICE_BYTES {
            core.lent.fan_outs.pass_turn();
            slice = 0;
        }
    }
    core.lent.budget.forget_writes();
    if slice > 0 {
        core.lent.fan_outs.pass_turn();
    }
}

fn next_receiver<S: Application>(core: &mut Core<S>) -> Option<ConnectionId> {
    let connections = &core.connections;
    let is_awaited = |id| connections.get(id).is_some_and(|entry| entry.standing.is_awaited());
    core.lent.fan_outs.next_receiver(is_awaited)
}

/// Handles the end of a connection: nothing more reaches it, and fan-outs that it requested go on.
#[cold]
pub(super) fn leave_fan_outs<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    core.lent.fan_outs.debts.leave(id);
    while core.lent.fan_outs.take_row_ahead(id).is_some() {
        core.lent.budget.charge(RECEIVER_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::super::public::Reactor;
    use super::super::sys::socket::{Absent, Socket};
    use super::*;
    use crate::config::{Config, Listen};
    use crate::conn::Conn;
    use crate::moment::Moment;
    use crate::record::Peer;
    use crate::router::{Outcome, Service};

    struct Nothing;

    impl Application for Nothing {
        type Session = ();
    }

    /// A reactor with members of a room.
    fn room(members: usize) -> (Reactor<Nothing>, Vec<ConnectionId>) {
        let config = Config::with(|config| config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())]);
        let service = Service::Messages(|_, _, _| Outcome::Done);
        let mut reactor = Reactor::bind(&config, service, Nothing).unwrap();
        let core = &mut reactor.core;
        let enter_one = |_| {
            let (now, settings) = (Moment::from_ms(0), &core.lent.env.settings);
            let permit = core.lent.admission.enter(Some(Peer::Local)).ok();
            let enter =
                |id| Entry::new(Socket::Absent(Absent), Conn::idle(id, Peer::Local, now, settings), permit);
            core.connections.insert(enter).unwrap()
        };
        let ids = (0..members).map(enter_one).collect();
        (reactor, ids)
    }

    /// The work that something counts as in the turn.
    fn charged(core: &mut Core<Nothing>, act: impl FnOnce(&mut Core<Nothing>)) -> usize {
        let began = core.lent.budget.unseen_bytes();
        act(core);
        core.lent.budget.unseen_bytes() - began
    }

    /// The first of some members says something to all.
    fn say(core: &mut Core<Nothing>, members: &[ConnectionId]) {
        let by = Requester::Client(members[0]);
        send_to_many(core, by, members.to_vec().into(), Push::new(1210, b"hello"), None);
    }

    #[test]
    fn each_receiver_counts_in_the_turn() {
        for few in [1, 4] {
            let (mut reactor, members) = room(few);
            let work = charged(&mut reactor.core, |core| say(core, &members));
            assert_eq!(work, few * RECEIVER_BYTES, "{few} at once");
        }
        let (mut reactor, members) = room(100);
        let frames = 2 * Push::new(1210, b"hello").frame().len();
        type Act = fn(&mut Core<Nothing>, &[ConnectionId]);
        let steps: [(&str, Act, usize); 5] = [
            ("a fan-out is asked for", say, 100 * RECEIVER_BYTES),
            ("a push joins it", say, 0),
            (
                "a receiver is sent something else first",
                |core, members| core.activate(members[1]).unwrap().reach(),
                frames + RECEIVER_BYTES,
            ),
            ("a receiver ends", |core, members| leave_fan_outs(core, members[2]), RECEIVER_BYTES),
            (
                "a receiver is written",
                |core, members| {
                    core.activate(members[3]).unwrap().reach_now(RECEIVER_SLICE_BYTES);
                },
                frames + RECEIVER_BYTES + STEP_BYTES,
            ),
        ];
        for (what, act, expected) in steps {
            assert_eq!(charged(&mut reactor.core, |core| act(core, &members)), expected, "{what}");
        }
    }

    #[test]
    fn pushes_of_clients_who_are_sent_what_others_said_before_are_one_row() {
        let (mut reactor, members) = room(200);
        let core = &mut reactor.core;
        let speakers = &members[50..60];
        for &speaker in speakers {
            // As before its request is handled.
            core.activate(speaker).unwrap().reach();
            let push = Push::new(1210, b"hello");
            send_to_many(core, Requester::Client(speaker), members.clone().into(), push, None);
        }
        for (at, &member) in members.iter().enumerate() {
            let row = core.lent.fan_outs.take_row(member).unwrap();
            let before = at.saturating_sub(50).min(if at < 60 { 10 } else { 0 });
            assert_eq!(row.pushes().len(), speakers.len() - before, "member {at}");
            assert!(core.lent.fan_outs.take_row(member).is_none());
        }
        assert!(core.lent.fan_outs.is_empty());
    }
}
