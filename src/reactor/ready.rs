//! Connections that have work left and wait for no event, in the order in which they wait.

use std::collections::VecDeque;

use crate::id::ConnectionId;

/// One of the two queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Connections that say little: they are served first.
    Quiet,
    /// Connections that used up their share of the turn when they were served last, those for which output
    /// waits, and TLS handshakes.
    Busy,
}

impl Queue {
    pub(super) fn of(is_busy: bool) -> Self {
        if is_busy { Queue::Busy } else { Queue::Quiet }
    }
}

/// Two queues, so that a connection with much to do does not delay one with little.
#[derive(Debug, Default)]
pub(super) struct ReadyQueues {
    quiet: VecDeque<ConnectionId>,
    busy: VecDeque<ConnectionId>,
}

impl ReadyQueues {
    pub(super) fn push(&mut self, id: ConnectionId, queue: Queue) {
        self.queue(queue).push_back(id);
    }

    pub(super) fn pop(&mut self, queue: Queue) -> Option<ConnectionId> {
        self.queue(queue).pop_front()
    }

    /// Connections in one of the queues.
    pub(super) fn waiting(&self, queue: Queue) -> usize {
        match queue {
            Queue::Quiet => self.quiet.len(),
            Queue::Busy => self.busy.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.quiet.is_empty() && self.busy.is_empty()
    }

    fn queue(&mut self, queue: Queue) -> &mut VecDeque<ConnectionId> {
        match queue {
            Queue::Quiet => &mut self.quiet,
            Queue::Busy => &mut self.busy,
        }
    }
}
