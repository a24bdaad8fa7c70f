//! Measures how long output waits for its socket: most of it until the end of its turn.

use super::entry::Entry;
use super::output::Output;
use crate::metrics::{Meter, Stamp};

/// Writes after which the clock is read. So a wait is measured with an error of as many writes.
const WRITES: usize = 16;

/// When the output of this turn was queued. Nothing is kept if it is not measured.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// The segment, and when it was queued, in the order of the segments.
    queued: Vec<(usize, Stamp)>,
    /// The ones before this have been written.
    next: usize,
    /// When those were queued whose sockets have taken them, since the clock was read.
    taken: Vec<Stamp>,
}

impl Waits {
    /// Records that the last segment of `output` was queued.
    #[inline(always)]
    pub(super) fn queued(&mut self, output: &Output, meter: &Meter) {
        if meter.is_on() {
            self.queued.push((output.len() - 1, meter.last_mark()));
        }
    }

    /// A segment has been written, with all else that its receiver is sent.
    pub(super) fn written(&mut self, segment: usize, entry: &mut Entry, meter: &Meter) {
        // Those in between went to connections that are gone.
        while self.queued.get(self.next).is_some_and(|(queued, _)| *queued < segment) {
            self.next += 1;
        }
        let queued = self.queued.get(self.next).filter(|(queued, _)| *queued == segment);
        let Some(&(_, since)) = queued else { return };
        self.next += 1;
        if entry.conn.outbox.is_empty() {
            self.taken.push(since);
        } else {
            entry.conn.outbox.wait_since(since);
        }
        if self.taken.len() >= WRITES {
            self.measure(meter);
        }
    }

    /// All segments have been written.
    pub(super) fn end(&mut self, meter: &Meter) {
        self.measure(meter);
        self.queued.clear();
        self.next = 0;
    }

    fn measure(&mut self, meter: &Meter) {
        if self.taken.is_empty() {
            return;
        }
        let now = meter.now();
        for since in self.taken.drain(..) {
            meter.output_taken(since, now);
        }
    }
}
