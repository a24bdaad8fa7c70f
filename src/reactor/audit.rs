//! What a simulation looks at between two turns.

use super::core::Core;
use super::{EVENTS, Reactor, accept, budget};
use crate::conn::LARGE_READ_BYTES;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::observer::Observer;
use crate::router::Application;

/// The most that one turn may do.
pub(crate) const BUDGET: TurnBudget = TurnBudget {
    events: EVENTS as u64,
    // A client that is refused in place of the spare descriptor takes a second try.
    accepts: 2 * accept::TURN_LAST_ACCEPTS as u64,
    // The last read may go beyond.
    read_bytes: (budget::TURN_BYTES + LARGE_READ_BYTES) as u64,
    packets: budget::TURN_FRAMES as u64,
};

/// Of which what is read and taken is of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TurnBudget {
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
    /// Besides, bytes that have come out of an inflater, of a message that is not whole.
    pub(crate) inflated_bytes: usize,
    /// It would take bytes from its socket, and is not on the list of those with work left.
    pub(crate) waits_for_input: bool,
    /// It has bytes for its socket.
    pub(crate) waits_for_room: bool,
    /// When it has to be looked at, and when it will be.
    pub(crate) deadline: Moment,
    pub(crate) armed_at: Moment,
    /// Packets received.
    pub(crate) packets: u64,
}

impl<S: Application> Reactor<S> {
    /// Reports to `observer` from now on.
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer>) {
        self.core.lent.tools.observed.set(observer);
    }

    /// The connection in a slot.
    pub(crate) fn audit(&self, slot: usize) -> Option<Audited> {
        let core = &self.core;
        let entry = core.slots.at(slot)?;
        Some(Audited {
            id: entry.id(),
            held_bytes: entry.conn.held_bytes(),
            inflated_bytes: entry.conn.inflated_bytes(),
            waits_for_input: !entry.standing.is_ready() && entry.conn.wants_read(&core.lent.settings),
            waits_for_room: entry.conn.outbox.is_ready(),
            deadline: entry.conn.next_deadline(&core.lent.settings),
            armed_at: core.wheel.armed_at(slot),
            packets: entry.conn.record.recv_count,
        })
    }

    /// When the reactor says that it has something to do without an event, in its own time.
    pub(crate) fn audit_next_at(&self) -> Moment {
        self.core.next_at()
    }

    /// Descriptors in use: of clients, of listeners, and the spare one.
    pub(crate) fn audit_descriptors(&self) -> u64 {
        (self.core.slots.len() + self.core.listeners.descriptors()) as u64
    }

    /// Connections that the application was told of, and of whose end it was not.
    pub(crate) fn audit_opened(&self) -> usize {
        self.core.slots.iter().filter(|entry| entry.conn.was_opened()).count()
    }

    /// What is left of clients that are all gone: nothing, or what it is.
    pub(crate) fn audit_left_over(&self) -> Option<String> {
        let Core { slots, refusals, common, ready, fan_outs, dead, mails, segments, lent, wheel, .. } =
            &self.core;
        let (inside, addresses) = common.admission.counted();
        let timer = if wheel.next_at() == Moment::NEVER { 0 } else { 1 };
        let counts = [
            ("connections", slots.len()),
            ("connections that are refused", refusals.count()),
            ("roles", lent.tools.roles.len()),
            ("places", inside),
            ("addresses", addresses),
            ("connections with work left", ready.len() + dead.len()),
            ("fan-outs", fan_outs.len()),
            ("mails", mails.len() + lent.tools.mailbox.len()),
            ("segments", segments.len()),
            ("inflaters", lent.inflaters.in_use()),
            ("places to compress, or who waits for one", lent.tools.places.in_use()),
            ("effects", usize::from(!lent.tools.effects.is_empty())),
            ("timers", timer),
        ];
        counts.into_iter().find(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}"))
    }
}
