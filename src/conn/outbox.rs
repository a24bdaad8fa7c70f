//! Bytes that a socket did not take: the only place that knows how they wait.

mod boundary;
mod queue;
#[cfg(test)]
mod tests;

use std::io::IoSlice;

use bytes::Bytes;

use queue::Queue;

/// Slices that one vectored write is given at most.
pub(crate) const MAX_SLICES: usize = 64;

/// What waits for one connection's socket; nothing at all while the client keeps up.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Option<Box<Queue>>,
}

impl Outbox {
    /// An outbox in which so many bytes are said to wait, for who needs to know no more of them.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Outbox { queue: (bytes > 0).then(|| Box::new(Queue::of_bytes(bytes))) }
    }

    /// Bytes that wait, the Pong aside.
    pub(crate) fn queued(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.bytes())
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_none()
    }

    /// Queues whole frames, which others may share.
    pub(crate) fn push_shared(&mut self, frames: Bytes) {
        if !frames.is_empty() {
            self.queue.get_or_insert_default().push_shared(frames);
        }
    }

    /// Queues what is left of frames that others may share, of which the socket took the first `written`
    /// bytes. It can have taken some only if nothing else waits.
    pub(crate) fn push_partly_written(&mut self, frames: Bytes, written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        self.push_shared(frames);
        if written > 0 {
            self.advance(written);
        }
    }

    /// Queues what is left of `segment`, whole frames of which the socket took the first `written`
    /// bytes. It can have taken some only if nothing else waits.
    pub(crate) fn push_unwritten(&mut self, segment: &[u8], written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        if written < segment.len() {
            self.queue.get_or_insert_default().push_rest(segment, written);
        }
    }

    /// Queues a Pong ahead of all but the frame that is being written, in place of one that waits.
    /// Only for an outbox in which something waits: with nothing to overtake it goes out in order.
    #[cold]
    pub(crate) fn set_pong(&mut self, payload: &[u8]) {
        if let Some(queue) = &mut self.queue {
            queue.set_pong(payload);
        }
    }

    /// What to write next, in order, as slices for a vectored write: at most so many bytes.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES], most: usize) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.slices(slices, most))
    }

    /// The socket took the next `written` bytes.
    pub(crate) fn advance(&mut self, written: usize) {
        if let Some(queue) = &mut self.queue
            && queue.advance(written)
        {
            self.queue = None;
        }
    }

    /// Gives back capacity that is not in use.
    pub(crate) fn trim(&mut self) {
        if let Some(queue) = &mut self.queue {
            queue.trim();
        }
    }
}
