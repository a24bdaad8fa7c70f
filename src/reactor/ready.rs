//! Connections that have work left and wait for no event, in the order in which they wait.

use std::collections::VecDeque;

use crate::id::ConnectionId;

/// Whether one connection waits to be served, and how it was served last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing(u8);

impl Standing {
    const READY: u8 = 1;
    const BUSY: u8 = 2;
    const SERVED: u8 = 4;
    const AWAITED: u8 = 8;
    const OWES: u8 = 16;

    /// Whether it is in one of the queues.
    pub(super) fn is_ready(self) -> bool {
        self.0 & Self::READY != 0
    }

    pub(super) fn set_ready(&mut self, is_ready: bool) {
        self.set(Self::READY, is_ready);
    }

    /// Whether it used up its share of the turn when it was served last.
    pub(super) fn is_busy(self) -> bool {
        self.0 & Self::BUSY != 0
    }

    pub(super) fn set_busy(&mut self, is_busy: bool) {
        self.set(Self::BUSY, is_busy);
    }

    /// Whether it was served in this turn, and may be asked for again: once in each is enough.
    pub(super) fn was_served(self) -> bool {
        self.0 & Self::SERVED != 0
    }

    pub(super) fn set_served(&mut self, was_served: bool) {
        self.set(Self::SERVED, was_served);
    }

    /// Whether a fan-out may have it among the receivers that it has not reached.
    pub(super) fn is_awaited(self) -> bool {
        self.0 & Self::AWAITED != 0
    }

    pub(super) fn set_awaited(&mut self, is_awaited: bool) {
        self.set(Self::AWAITED, is_awaited);
    }

    /// Whether a fan-out that it has asked for may be unfinished.
    pub(super) fn owes(self) -> bool {
        self.0 & Self::OWES != 0
    }

    pub(super) fn set_owes(&mut self, owes: bool) {
        self.set(Self::OWES, owes);
    }

    fn set(&mut self, bit: u8, is_set: bool) {
        self.0 = if is_set { self.0 | bit } else { self.0 & !bit };
    }
}

/// Two queues, so that whoever has much to do delays nobody who has little.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Those that say little: they go first.
    quiet: VecDeque<ConnectionId>,
    /// Those that used up their share of the turn when they were served last, those for whom output waits, and TLS
    /// handshakes.
    busy: VecDeque<ConnectionId>,
}

impl Ready {
    pub(super) fn push(&mut self, id: ConnectionId, is_busy: bool) {
        self.queue(is_busy).push_back(id);
    }

    pub(super) fn pop(&mut self, is_busy: bool) -> Option<ConnectionId> {
        self.queue(is_busy).pop_front()
    }

    /// Those that wait in one of the queues.
    pub(super) fn waiting(&mut self, is_busy: bool) -> usize {
        self.queue(is_busy).len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.quiet.is_empty() && self.busy.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.quiet.len() + self.busy.len()
    }

    fn queue(&mut self, is_busy: bool) -> &mut VecDeque<ConnectionId> {
        if is_busy { &mut self.busy } else { &mut self.quiet }
    }
}
