//! Accepts clients, up to the limit of a turn, and admits or refuses each.

use super::active::Active;
use super::admission::Permit;
use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::entry::Entry;
use super::listeners::turn_away;
use super::queue_output::write_if_full;
use super::ready::Queue;
use super::sys::socket::Socket;
use super::tokens;
use super::watch::watch_from_the_start;
use crate::cause::Cause;
use crate::conn::{Conn, Draining};
use crate::id::ConnectionId;
use crate::metrics::TlsResult;
use crate::record::Peer;
use crate::router::Application;
use crate::upgrade::Refusal;

/// With this many connections ready to be served, a turn accepts only one client.
const MANY_READY: usize = 256;
/// The most clients that one turn accepts.
pub(super) const TURN_ACCEPTS: usize = 16;
/// The most clients that one turn accepts while the server drains and nothing else is urgent.
pub(super) const TURN_LAST_ACCEPTS: usize = 64;

/// Accepts clients, up to the limit of the turn. If too many clients are being refused, ends the first of
/// them, and answers those whose request is longest overdue.
pub(super) fn accept<S: Application>(core: &mut Core<S>) {
    // In most turns there is nobody.
    if core.listeners.next_at() <= core.lent.now() {
        accept_some(core);
    }
    end_refused_in_excess(core);
    while let Some(id) = core.lent.refusals.pop_unheard() {
        let due = core.connections.get(id).and_then(|entry| entry.conn.refusal_due());
        if let Some(refusal) = due {
            refuse(core, id, refusal);
        }
    }
}

/// Attempts that bring no client count towards the limit too.
#[inline(never)]
fn accept_some<S: Application>(core: &mut Core<S>) {
    for done in 0..attempts(core) {
        let now = core.lent.now();
        if core.listeners.next_at() > now || !core.lent.budget.allows(Step::Accept, done) {
            return;
        }
        if let Some((socket, peer, listener)) = core.listeners.accept(&mut core.lent.env.tools) {
            admit(core, socket, peer, listener);
        }
        core.lent.budget.charge(2 * STEP_BYTES);
    }
}

/// How often this turn tries to accept a client.
fn attempts<S: Application>(core: &Core<S>) -> usize {
    match core.lent.env.draining {
        Draining::Begun => TURN_LAST_ACCEPTS,
        // Waiting clients are not refused: there will be time for them in a moment.
        Draining::No | Draining::Announced if core.lent.fan_outs.hold_back_accepts() => 0,
        // Clients must not come faster than they can be served, or than what is posted for those that leave
        // is delivered.
        Draining::No | Draining::Announced
            if core.connections.schedule().waiting(Queue::Quiet) >= MANY_READY
                || core.lent.fan_outs.hold_back_mail() =>
        {
            1
        }
        Draining::No | Draining::Announced => TURN_ACCEPTS,
    }
}

/// Gives a client that this `listener` has accepted a slot, whether it is let in or only told that it is
/// refused.
fn admit<S: Application>(core: &mut Core<S>, socket: Socket, peer: Peer, listener: usize) {
    let settings = &core.lent.env.settings;
    let proxied = settings.trusts(peer);
    let Some(socket) = core.listeners.secure(socket, proxied) else {
        return core.lent.env.tools.meter.tls_handshake(TlsResult::Failed);
    };
    let is_hop = proxied || settings.trusts_headers_of(peer);
    let (mut permit, refusal) = match enter(core, (!is_hop).then_some(peer)) {
        Ok(permit) => (Some(permit), None),
        Err(refusal) => (None, Some(refusal)),
    };
    let now = core.lent.now();
    let inserted = core.connections.insert(|id| {
        let conn = if proxied { Conn::behind_proxy(id, peer, now) } else { Conn::new(id, peer, now) };
        Entry::new(socket, conn, permit.take())
    });
    let Some(id) = inserted else {
        let reason = "this worker has no slot left (max-connections, workers)";
        turn_away(peer, reason, &mut core.lent.env.tools);
        if let Some(permit) = permit {
            core.lent.admission.leave(permit, peer);
        }
        return;
    };
    if refusal.is_some() {
        core.lent.refusals.begin(id);
        end_refused_in_excess(core);
    } else {
        core.lent.env.tools.totals.accepted += 1;
        core.lent.env.tools.meter.accepted(listener);
        watch_from_the_start(core, id);
    }
    if register(core, id) {
        begin(core, id, refusal);
    }
}

/// Lets a client in and counts it, or returns the reason for refusing it.
fn enter<S: Application>(core: &Core<S>, client: Option<Peer>) -> Result<Permit, Refusal> {
    if core.lent.is_draining() {
        return Err(Refusal::Unavailable);
    }
    core.lent.admission.enter(client)
}

/// Starts a client that has a slot. With a `refusal`, the client is only told that.
fn begin<S: Application>(core: &mut Core<S>, id: ConnectionId, refusal: Option<Refusal>) {
    let Some(mut active) = core.activate(id) else { return };
    match refusal {
        Some(refusal) if active.lent.hears_refused() => {
            active.hear(refusal);
            active.update_state();
        }
        Some(refusal) if !is_refused_late(&active) => refuse(core, id, refusal),
        Some(_) | None => active.update_state(),
    }
}

/// Whether a refused client gets its answer only after its TLS handshake. A handshake can cost a signature: a
/// full server does not spend that on clients that it refuses, but a draining server does.
fn is_refused_late<S: Application>(active: &Active<'_, S>) -> bool {
    active.lent.is_draining() && active.entry.socket.answers_later()
}

/// Ends the first of the refused clients while there are too many of them. A draining server does not: there
/// only descriptors and the drain's time bound their number.
fn end_refused_in_excess<S: Application>(core: &mut Core<S>) {
    while let Some(first) = core.lent.refusals.pop_excess() {
        if !core.lent.is_draining()
            && let Some(mut active) = core.activate(first)
        {
            active.entry.conn.abort(Cause::Dropped);
            active.update_state();
        }
    }
}

/// Registers the socket of a connection with the poll. False if that fails: then the connection has ended.
fn register<S: Application>(core: &mut Core<S>, id: ConnectionId) -> bool {
    let Some(entry) = core.connections.get_mut(id) else { return false };
    let Err(error) = entry.socket.register(&core.registry, tokens::of_connection(id)) else { return true };
    core.listeners.log_unpolled(id, &error, core.lent.now());
    if let Some(mut active) = core.activate(id) {
        active.entry.conn.abort(Cause::Reset);
        active.update_state();
    }
    false
}

fn refuse<S: Application>(core: &mut Core<S>, id: ConnectionId, refusal: Refusal) {
    if let Some(mut active) = core.activate(id) {
        active.begin_output();
        active.refuse(refusal);
        active.queue_output();
    }
    write_if_full(core);
}
