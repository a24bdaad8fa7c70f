//! What a simulation checks between two turns.

use super::accept::TURN_LAST_ACCEPTS;
use super::budget::{TURN_BYTES, TURN_FRAMES};
use super::core::Core;
use super::prepared::EVENTS;
use super::public::Reactor;
use super::ready::Queue;
use super::turn::next_at;
use crate::conn::LARGE_READ_BYTES;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::observer::Observer;
use crate::router::Application;

/// The most that one turn may do.
pub(crate) const BUDGET: TurnLimits = TurnLimits {
    events: EVENTS as u64,
    // A client that is refused with the spare descriptor takes two attempts.
    accepts: 2 * TURN_LAST_ACCEPTS as u64,
    // The last read may exceed the budget.
    read_bytes: (TURN_BYTES + LARGE_READ_BYTES) as u64,
    packets: TURN_FRAMES as u64,
};

/// Limits of one turn. Bytes and packets count for one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnLimits {
    pub(crate) events: u64,
    pub(crate) accepts: u64,
    pub(crate) read_bytes: u64,
    pub(crate) packets: u64,
}

/// One connection between two turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audited {
    pub(crate) id: ConnectionId,
    pub(crate) held_bytes: usize,
    /// Bytes of an incomplete message that have come out of an inflater, in addition to those.
    pub(crate) inflated_bytes: usize,
    /// The connection would take bytes from its socket, and is on no ready queue.
    pub(crate) waits_for_input: bool,
    /// The connection has bytes for its socket.
    pub(crate) waits_for_room: bool,
    /// When the connection has to be looked at (`deadline`), and when its timer fires (`armed_at`).
    pub(crate) deadline: Moment,
    pub(crate) armed_at: Moment,
    /// Packets received.
    pub(crate) packets: u64,
}

impl<S: Application> Reactor<S> {
    /// Reports to `observer` from now on.
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.core.lent.env.tools.observed.set(observer);
    }

    /// The connection in a slot.
    pub(crate) fn audit(&self, slot: usize) -> Option<Audited> {
        let core = &self.core;
        let entry = core.connections.at(slot)?;
        Some(Audited {
            id: entry.id(),
            held_bytes: entry.conn.held_bytes(),
            inflated_bytes: entry.conn.inflated_bytes(),
            waits_for_input: !entry.standing.is_ready() && entry.conn.wants_read(&core.lent.env.settings),
            waits_for_room: entry.conn.outbox.is_ready(),
            deadline: entry.conn.next_deadline(&core.lent.env.settings),
            armed_at: core.connections.schedule().armed_at(slot),
            packets: entry.conn.record.recv_count(),
        })
    }

    /// When the reactor says that it has something to do without an event, by its own clock.
    pub(crate) fn audit_next_at(&self) -> Moment {
        next_at(&self.core)
    }

    /// When the reactor wants its next turn even without an event, by its own clock.
    pub(crate) fn audit_due_at(&self) -> Moment {
        self.due_at()
    }

    /// The number of its poll in the simulated network.
    pub(crate) fn audit_poll(&self) -> usize {
        self.core.registry.simulated_poll()
    }

    /// Descriptors in use: of clients, of listeners, and the spare one.
    pub(crate) fn audit_descriptors(&self) -> u64 {
        (self.core.connections.len() + self.core.listeners.descriptors()) as u64
    }

    /// Connections that the application has seen open but not yet end.
    pub(crate) fn audit_opened(&self) -> usize {
        self.core.connections.iter().filter(|entry| entry.conn.was_opened()).count()
    }

    /// Describes anything left once all clients are gone. None if nothing is.
    pub(crate) fn audit_left_over(&self) -> Option<String> {
        let Core { connections, lent, mail, .. } = &self.core;
        let (admitted, addresses) = lent.admission.counted();
        let (schedule, tools) = (connections.schedule(), &lent.env.tools);
        let with_work = schedule.waiting(Queue::Quiet) + schedule.waiting(Queue::Busy) + schedule.dead();
        let counts = [
            ("connections", connections.len()),
            ("connections that are refused", lent.refusals.count()),
            ("roles", tools.roles.len()),
            ("sessions", tools.sessions.len()),
            ("permits", admitted),
            ("addresses", addresses),
            ("connections with work left", with_work),
            ("fan-outs", lent.fan_outs.len()),
            ("mails", mail.len() + tools.mailbox.len()),
            ("segments", lent.output.len()),
            ("inflaters", lent.env.inflaters.in_use()),
            ("leases of compressors, or connections that wait for one", tools.leases.in_use()),
            ("topics and their subscribers", tools.effects.topics.len()),
            ("publishes, or topics of the server", {
                let (topics, publishes, bytes) = tools.effects.topics.shared().counted();
                topics + publishes + bytes
            }),
            ("figures of metrics that are wrong", tools.meter.audit(&tools.totals)),
            ("effects", usize::from(!tools.effects.is_empty())),
            ("timers", usize::from(schedule.next_timer_at() != Moment::NEVER)),
        ];
        counts.into_iter().find(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}"))
    }
}
