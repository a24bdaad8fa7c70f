//! The outbox: output that a socket did not take. Only this code knows how it is stored. Its limit is checked
//! in `router/outbox_limit.rs` for handlers, and in `pushes.rs`.

mod boundary;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use crate::metrics::Stamp;
use crate::router::{COMPRESSES, CompressJob, JOB_BYTES};
use queue::Queue;

/// The most slices in one vectored write.
pub(crate) const MAX_SLICES: usize = 64;

/// Output that waits for one connection's socket; nothing is allocated while the client keeps up.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Option<Box<Waiting>>,
}

/// Waiting output: at least one frame, or one reply that becomes one.
#[derive(Debug, Default)]
struct Waiting {
    ready: Queue,
    /// Replies to be compressed, which go out after the ready output.
    later: VecDeque<Later>,
    /// The size of `later` in bytes, for the outbox limit.
    later_bytes: usize,
    /// The size with which metrics count it, and since when something waits, if that is measured.
    counted: usize,
    since: Stamp,
}

/// A reply that is still being compressed, and the frames that go out after it.
#[derive(Debug)]
struct Later {
    job: CompressJob,
    behind: Queue,
}

// The weight of a short reply covers this and its allocation.
const _: () = assert!(size_of::<Later>() <= JOB_BYTES);

impl Outbox {
    /// An outbox for a replay, which knows only the number of waiting bytes.
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        let waiting = || Box::new(Waiting { ready: Queue::of_bytes(bytes), ..Waiting::default() });
        Outbox { waiting: (bytes > 0).then(waiting) }
    }

    /// Waiting bytes, without the Pong. A reply that is still to be compressed counts as its longest possible
    /// form.
    pub(crate) fn queued(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.ready.bytes() + waiting.later_bytes)
    }

    /// The bytes with which metrics count it.
    pub(crate) fn counted(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.counted)
    }

    pub(crate) fn set_counted(&mut self, bytes: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.counted = bytes;
        }
    }

    /// Since when something waits, if it does and that is measured.
    pub(crate) fn since(&self) -> Option<Stamp> {
        self.waiting.as_ref().map(|waiting| waiting.since).filter(|since| *since != Stamp::default())
    }

    /// Records when what waits was queued, unless something before it waits.
    pub(crate) fn wait_since(&mut self, at: Stamp) {
        if self.since().is_none()
            && let Some(waiting) = &mut self.waiting
        {
            waiting.since = at;
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// Whether output waits that can be written now.
    pub(crate) fn is_ready(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.later.is_empty() || !waiting.ready.is_empty())
    }

    /// Queues whole frames, which other connections may share.
    pub(crate) fn push_shared(&mut self, frames: Bytes) {
        if !frames.is_empty() {
            self.waiting.get_or_insert_default().queue_for(frames.len()).push_shared(frames);
        }
    }

    /// Queues the rest of shared frames of which the socket took the first `written` bytes. It can have taken
    /// some only if nothing else waits.
    pub(crate) fn push_partly_written(&mut self, frames: Bytes, written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        self.push_shared(frames);
        if written > 0 {
            self.advance(written);
        }
    }

    /// Queues the rest of `segment`, whole frames of which the socket took the first `written` bytes. It can
    /// have taken some only if nothing else waits.
    pub(crate) fn push_unwritten(&mut self, segment: &[u8], written: usize) {
        debug_assert!(written == 0 || self.is_empty());
        if written < segment.len() {
            let waiting = self.waiting.get_or_insert_default();
            waiting.queue_for(segment.len() - written).push_rest(segment, written);
        }
    }

    /// Queues a Pong ahead of all but the frame that is being written, replacing a waiting one. Only for an
    /// outbox that is not empty: with nothing to overtake, a Pong goes out in order.
    #[cold]
    pub(crate) fn set_pong(&mut self, payload: &[u8]) {
        if let Some(waiting) = &mut self.waiting {
            waiting.ready.set_pong(payload);
        }
    }

    /// Queues a reply that must be compressed before it goes out.
    pub(crate) fn push_job(&mut self, job: CompressJob) {
        let waiting = self.waiting.get_or_insert_default();
        waiting.later_bytes += job.weight();
        waiting.later.push_back(Later { job, behind: Queue::default() });
    }

    /// Whether replies wait to be compressed.
    pub(crate) fn has_jobs(&self) -> bool {
        self.job().is_some()
    }

    /// The next reply to compress.
    pub(crate) fn job(&self) -> Option<&CompressJob> {
        if !COMPRESSES {
            return None;
        }
        Some(&self.waiting.as_ref()?.later.front()?.job)
    }

    /// The reply that is to be compressed next, for compressing it.
    pub(crate) fn job_mut(&mut self) -> Option<&mut CompressJob> {
        Some(&mut self.waiting.as_mut()?.later.front_mut()?.job)
    }

    /// Replaces the next reply by its compressed `frame`, which can now go out with the frames after it.
    /// Returns the finished job.
    pub(crate) fn end_job(&mut self, frame: Bytes) -> Option<CompressJob> {
        let waiting = self.waiting.as_mut()?;
        let Later { job, behind } = waiting.later.pop_front()?;
        waiting.later_bytes -= job.weight() + behind.bytes();
        waiting.ready.begin_pong();
        waiting.ready.push_shared(frame);
        waiting.ready.append(behind);
        Some(job)
    }

    /// The slices of the next vectored write, of at most `most` bytes; none if nothing is
    /// [ready](Self::is_ready).
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES], most: usize) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.ready.slices(slices, most))
    }

    /// The socket took the next `written` bytes.
    pub(crate) fn advance(&mut self, written: usize) {
        let Some(waiting) = &mut self.waiting else { return };
        if !waiting.ready.advance(written) {
            return;
        }
        if waiting.later.is_empty() {
            self.waiting = None;
        } else {
            // The state of frames that have gone out does not apply to later ones.
            waiting.ready = Queue::default();
        }
    }

    /// Frees unused capacity.
    pub(crate) fn trim(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.ready.trim();
            waiting.later.shrink_to_fit();
        }
    }
}

impl Waiting {
    /// The queue for `len` more bytes of frames, which go after everything else.
    fn queue_for(&mut self, len: usize) -> &mut Queue {
        match self.later.back_mut() {
            Some(later) => {
                self.later_bytes += len;
                &mut later.behind
            }
            None => &mut self.ready,
        }
    }
}
