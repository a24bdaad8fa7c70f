//! Connections that have work left and wait for no event, first come first served.

use std::collections::VecDeque;

use crate::id::ConnectionId;
use crate::metrics::Stamp;

/// One of the two queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Quiet connections: they are served first.
    Quiet,
    /// Connections that used up their share when they were last served or that have output waiting, and TLS
    /// handshakes.
    Busy,
}

impl Queue {
    pub(super) fn of(is_busy: bool) -> Self {
        if is_busy { Queue::Busy } else { Queue::Quiet }
    }
}

/// Two queues, so that a busy connection does not delay a quiet one.
#[derive(Debug, Default)]
pub(super) struct ReadyQueues {
    quiet: VecDeque<(ConnectionId, Stamp)>,
    busy: VecDeque<(ConnectionId, Stamp)>,
}

impl ReadyQueues {
    /// Appends a connection. Its input arrived at `since`, if that is measured.
    pub(super) fn push(&mut self, id: ConnectionId, queue: Queue, since: Stamp) {
        self.queue(queue).push_back((id, since));
    }

    pub(super) fn pop(&mut self, queue: Queue) -> Option<(ConnectionId, Stamp)> {
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

    fn queue(&mut self, queue: Queue) -> &mut VecDeque<(ConnectionId, Stamp)> {
        match queue {
            Queue::Quiet => &mut self.quiet,
            Queue::Busy => &mut self.busy,
        }
    }
}
