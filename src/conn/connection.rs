//! The state of one connection, and the queries on it.

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::phase::Phase;
use super::rare_state::RareState;
use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::object::Linked;
use crate::record::{Flag, Peer, Record};

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) record: Record,
    pub(crate) outbox: Outbox,
    pub(super) phase: Phase,
    pub(super) rare: RareState,
}

// Most connections are idle: this is the size of each.
const _: () = assert!(size_of::<Conn>() <= 136);

impl Conn {
    /// A newly accepted connection.
    pub(crate) fn new(id: ConnectionId, peer: Peer, now: Moment) -> Self {
        let mut record = Record::new(id, peer, now);
        record.set(Flag::REARM, true);
        Conn { record, outbox: Outbox::default(), phase: Phase::upgrading(), rare: RareState::default() }
    }

    /// A connection newly accepted from a trusted proxy. `proxy` counts as its peer until it names another.
    pub(crate) fn behind_proxy(id: ConnectionId, proxy: Peer, now: Moment) -> Self {
        Conn { phase: Phase::proxied(), ..Conn::new(id, proxy, now) }
    }

    /// A connection whose upgrade was accepted.
    #[cfg(test)]
    pub(crate) fn idle(
        id: ConnectionId,
        peer: Peer,
        now: Moment,
        settings: &super::settings::Settings,
    ) -> Self {
        let deadlines = super::deadlines::Deadlines::new(now, settings);
        let mut conn = Conn { phase: Phase::open(deadlines), ..Conn::new(id, peer, now) };
        conn.record.set(Flag::OPENED, true);
        conn
    }

    /// Whether it has nothing to do until the next event.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_open() && !self.has_ended() && !self.record.has(Flag::REARM) && !self.rare.has_input()
    }

    /// Whether a deadline may have become earlier since the last call.
    pub(crate) fn take_rearm(&mut self) -> bool {
        let rearm = self.record.has(Flag::REARM);
        self.record.set(Flag::REARM, false);
        rearm
    }

    /// Records that bytes came. Call it before their packets are counted against the packet rate.
    #[inline(always)]
    pub(super) fn seen(&mut self, now: Moment) {
        let Phase::Open(open) = &mut self.phase else { return };
        let rate = &mut self.record.packet_rate;
        if !rate.is_full() {
            rate.refill(now.since(open.deadlines.last_seen()));
        }
        open.deadlines.seen(now);
    }

    /// Restarts the read timer, if there is one.
    #[inline(always)]
    pub(super) fn read_since(&mut self, now: Moment) {
        if let Phase::Open(open) = &mut self.phase {
            open.deadlines.read_since(now);
        }
    }

    /// The same, for a message that began or ended with the bytes that have just been [seen](Self::seen).
    #[inline(always)]
    pub(super) fn read_since_seen(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.deadlines.read_since_seen();
        }
    }

    /// Whether the peer will send no more.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.record.has(Flag::ENDED)
    }

    /// Why the connection has ended, or none. Once it has, its socket is to be closed.
    pub(crate) fn cause(&self) -> Option<Cause> {
        match &self.phase {
            Phase::Closed(cause) => Some(*cause),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) | Phase::Closing(_) => None,
        }
    }

    /// Takes the linked player's object, which has to be told of the end.
    pub(crate) fn take_linked(&mut self) -> Option<Linked> {
        self.rare.take_linked()
    }

    /// Whether it takes packets: the upgrade is complete, and the connection is not closing.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether it discards all input.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// Whether it discards all input, or has ended.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closing(_) | Phase::Closed(_))
    }

    /// Whether `Application::opened` was called.
    pub(crate) fn was_opened(&self) -> bool {
        self.record.has(Flag::OPENED)
    }

    /// Bytes held for the connection: input and output that wait, and the buffers of unfinished messages.
    pub(crate) fn held_bytes(&self) -> usize {
        let unfinished = match &self.phase {
            Phase::Upgrading(upgrading) => upgrading.head.capacity(),
            Phase::Open(open) => open.decoder.held_bytes(),
            Phase::Proxied(_) | Phase::Closing(_) | Phase::Closed(_) => 0,
        };
        let inflating = self.rare.job().map_or(0, |job| job.message.capacity());
        unfinished + inflating + self.rare.inbox().map_or(0, Inbox::held_bytes) + self.outbox.queued()
    }

    /// Bytes held of the inflated part of an unfinished message.
    pub(crate) fn inflated_bytes(&self) -> usize {
        self.rare.job().map_or(0, |job| job.work.out.capacity())
    }
}
