//! Schedules work without events: timers, the ready queues, and the end of dead connections.

use std::collections::VecDeque;

use super::ready::{Queue, ReadyQueues};
use super::slots::FIRST_SLOTS;
use super::wheel::{Step, Wheel};
use crate::id::ConnectionId;
use crate::metrics::Stamp;
use crate::moment::Moment;

/// Which connections need attention, and when.
#[derive(Debug)]
pub(super) struct Schedule {
    wheel: Wheel,
    /// Connections with work left.
    ready: ReadyQueues,
    /// Connections that are marked as served in this turn.
    served: Vec<ConnectionId>,
    /// Connections that have ended and still have their slots.
    dead: VecDeque<ConnectionId>,
}

impl Schedule {
    pub(super) fn new() -> Self {
        Schedule {
            wheel: Wheel::with_capacity(FIRST_SLOTS),
            ready: ReadyQueues::default(),
            served: Vec::new(),
            dead: VecDeque::new(),
        }
    }

    /// Whether the next turn has work that no event or timer announces.
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty() || !self.dead.is_empty()
    }

    /// When the next timer may be due.
    pub(super) fn next_timer_at(&self) -> Moment {
        self.wheel.next_at()
    }

    /// One step of the timer wheel.
    pub(super) fn step(&mut self, now: Moment) -> Step {
        self.wheel.step(now)
    }

    pub(super) fn arm(&mut self, slot: usize, at: Moment) {
        self.wheel.arm(slot, at);
    }

    pub(super) fn arm_no_later(&mut self, slot: usize, at: Moment) {
        self.wheel.arm_no_later(slot, at);
    }

    pub(super) fn disarm(&mut self, slot: usize) {
        self.wheel.disarm(slot);
    }

    pub(super) fn push_ready(&mut self, id: ConnectionId, queue: Queue, since: Stamp) {
        self.ready.push(id, queue, since);
    }

    pub(super) fn pop_ready(&mut self, queue: Queue) -> Option<(ConnectionId, Stamp)> {
        self.ready.pop(queue)
    }

    /// Connections in one of the ready queues.
    pub(super) fn waiting(&self, queue: Queue) -> usize {
        self.ready.waiting(queue)
    }

    /// Remembers that a connection is marked as served. The next turn begins by clearing the mark.
    pub(super) fn note_served(&mut self, id: ConnectionId) {
        self.served.push(id);
    }

    pub(super) fn pop_served(&mut self) -> Option<ConnectionId> {
        self.served.pop()
    }

    pub(super) fn push_dead(&mut self, id: ConnectionId) {
        self.dead.push_back(id);
    }

    pub(super) fn pop_dead(&mut self) -> Option<ConnectionId> {
        self.dead.pop_front()
    }

    /// Connections that have ended and still have their slots.
    pub(super) fn dead(&self) -> usize {
        self.dead.len()
    }

    pub(super) fn armed_at(&self, slot: usize) -> Moment {
        self.wheel.armed_at(slot)
    }
}
