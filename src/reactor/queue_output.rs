//! Output of one connection: small output waits for the end of the turn; large output leaves at once.

use super::active::Active;
use super::budget::{Step, TurnBudget};
use super::core::Core;
use super::entry::Entry;
use super::output::{Frames, SegmentRing, Segments};
use super::write::{Written, write_frames};
use crate::conn::Env;
use crate::router::Application;

/// Output of this many bytes is written at once. Less waits until the turn has done all its reads, so that
/// they are finished before the first reply wakes a client.
const LARGE_BYTES: usize = 16 * 1024;
/// Capacity of the write buffer that is kept from turn to turn.
const KEPT_BYTES: usize = 1024 * 1024;

impl<S: Application> Active<'_, S> {
    /// Queues or writes the connection's output in the write buffer, and updates its state.
    #[inline(always)]
    pub(super) fn queue_output(&mut self) {
        let (start, end) =
            (self.lent.env.tools.write_buffer.start, self.lent.env.tools.write_buffer.bytes.len());
        let entry = &mut *self.entry;
        if start >= end {
            if entry.has_output() {
                // The outbox goes out before a reply that is being compressed.
                return self.reborrow().write_outbox();
            }
            return self.reborrow().update_state();
        }
        let len = end - start;
        let may_wait = entry.writable && entry.conn.outbox.is_empty() && self.lent.output.has_capacity();
        if len >= LARGE_BYTES || !may_wait {
            self.reborrow().write_now();
            return self.reborrow().update_state();
        }
        // Most turns of most connections: the reply has to be written, and nothing else follows.
        // What TLS has carried is counted with the state.
        let is_counted = entry.socket.is_plain() || !self.lent.env.tools.meter.is_on();
        let is_at_rest = !entry.readable && is_counted && entry.conn.is_at_rest();
        let ring = entry.segments;
        self.lent.budget.expect_write(len, ring.is_none());
        entry.segments = self.lent.output.push_buffered(entry.id(), ring, start..end);
        self.lent.waits.queued(&self.lent.output, &self.lent.env.tools.meter);
        if !is_at_rest {
            self.reborrow().update_state();
        }
    }

    /// Writes what the connection has put into the write buffer at once, after its segments. Returns the
    /// number of bytes.
    pub(super) fn write_now(&mut self) -> usize {
        let (start, end) =
            (self.lent.env.tools.write_buffer.start, self.lent.env.tools.write_buffer.bytes.len());
        if start >= end {
            return 0;
        }
        self.write_segments();
        let (env, budget) = (&self.lent.env, &mut self.lent.budget);
        let since = env.tools.meter.now();
        let frames = env.tools.write_buffer.bytes.get(start..).unwrap_or_default();
        let written = write_frames(self.entry, env, budget, frames, None);
        if env.tools.meter.is_on() && written == Written::All {
            env.tools.meter.output_taken(since, env.tools.meter.now());
        }
        self.lent.env.tools.write_buffer.bytes.truncate(start);
        if written == Written::Behind && self.entry.writable {
            self.write_outbox();
        }
        end - start
    }

    /// Writes the connection's segments at once, so that later output follows them.
    #[inline(always)]
    pub(super) fn write_segments(&mut self) {
        if self.entry.segments.is_some() {
            self.reborrow().write_waiting_segments();
        }
    }

    #[inline(never)]
    fn write_waiting_segments(&mut self) {
        self.write_ring();
    }

    /// Writes the connection's segments, if it has any.
    #[inline(always)]
    fn write_ring(&mut self) {
        let Some(ring) = self.entry.segments.take() else { return };
        let Some(reply) = self.lent.output.only_reply(ring) else {
            return self.reborrow().write_other_ring(ring);
        };
        let (env, budget) = (&self.lent.env, &mut self.lent.budget);
        let Some(frames) = env.tools.write_buffer.bytes.get(reply) else { return };
        let written = write_frames(self.entry, env, budget, frames, None);
        if written != Written::All {
            self.reborrow().end_ring(written);
        }
    }

    /// Writes a ring of several segments, of a push, or with an update behind it.
    #[inline(never)]
    fn write_other_ring(&mut self, ring: SegmentRing) {
        let Some(segments) = self.lent.output.ring(ring) else { return };
        let needs_update = segments.needs_update();
        let (env, budget) = (&mut self.lent.env, &mut self.lent.budget);
        let written = match segments.only() {
            Some(frames) => {
                let (bytes, shared) = (frames.bytes(&env.tools.write_buffer.bytes), frames.shared());
                write_frames(self.entry, env, budget, bytes, shared)
            }
            None => write_several(segments, self.entry, env, budget),
        };
        if written != Written::All || needs_update {
            self.end_ring(written);
        }
    }

    /// Goes on after the connection's segments were `written`.
    #[inline(never)]
    fn end_ring(&mut self, written: Written) {
        if written == Written::Behind && self.entry.writable {
            self.write_outbox();
        } else {
            self.update_state();
        }
    }

    /// Moves the connection's segments to its outbox, which the next turn writes.
    fn postpone_segments(&mut self) {
        let Some(ring) = self.entry.segments.take() else { return };
        let Some(segments) = self.lent.output.ring(ring) else { return };
        move_to_outbox(segments, self.entry, &self.lent.env.tools.write_buffer.bytes);
        self.update_state();
    }
}

/// Writes the segments of a connection that has several.
#[inline(never)]
fn write_several<S: Application>(
    segments: Segments<'_>,
    entry: &mut Entry,
    env: &mut Env<S>,
    budget: &mut TurnBudget,
) -> Written {
    let buffer = &mut env.tools.write_buffer.bytes;
    if segments.total() >= LARGE_BYTES {
        move_to_outbox(segments, entry, buffer);
        return Written::Behind;
    }
    let start = buffer.len();
    for frames in segments {
        match frames {
            Frames::Buffered(range) => buffer.extend_from_within(range),
            Frames::Shared(push) => buffer.extend_from_slice(push),
        }
    }
    let together = env.tools.write_buffer.bytes.get(start..).unwrap_or_default();
    let written = write_frames(entry, env, budget, together, None);
    env.tools.write_buffer.bytes.truncate(start);
    written
}

/// Moves segments to the outbox of their connection. `buffer` is the write buffer.
fn move_to_outbox(segments: Segments<'_>, entry: &mut Entry, buffer: &[u8]) {
    for frames in segments {
        match frames {
            Frames::Buffered(_) => entry.conn.outbox.push_unwritten(frames.bytes(buffer), 0),
            Frames::Shared(push) => entry.conn.outbox.push_shared(push.clone()),
        }
    }
}

/// Writes the segments of every connection. If the turn runs out of time, the rest goes to the outboxes,
/// which the next turn writes.
pub(super) fn write_all_segments<S: Application>(core: &mut Core<S>) {
    if core.lent.output.is_empty() {
        return;
    }
    for index in 0..core.lent.output.len() {
        let has_time = core.lent.budget.allows(Step::Output, index);
        write_segment(core, index, has_time);
    }
    forget_segments(core);
}

/// Writes segments before fan-outs go on, so that no reply waits for those. Pushes to connections that a
/// fan-out has yet to reach stay, and leave with what it brings.
pub(super) fn write_before_fan_outs<S: Application>(core: &mut Core<S>) {
    if core.lent.output.is_empty() {
        return;
    }
    let mut some_stay = false;
    for index in 0..core.lent.output.len() {
        if !core.lent.budget.allows(Step::FanOut, index) {
            return;
        }
        let awaited = core.lent.output.pushed_to(index).and_then(|to| core.connections.get(to));
        if awaited.is_some_and(|entry| entry.standing.is_awaited()) {
            some_stay = true;
        } else {
            write_segment(core, index, true);
        }
    }
    if some_stay {
        core.lent.waits.end(&core.lent.env.tools.meter);
        core.lent.budget.forget_writes();
    } else {
        forget_segments(core);
    }
}

/// Writes one segment, with all others of its connection.
#[inline(always)]
fn write_segment<S: Application>(core: &mut Core<S>, index: usize, has_time: bool) {
    let Some(receiver) = core.lent.output.receiver(index) else { return };
    let Some(mut active) = core.activate(receiver) else { return };
    // The first of a connection's segments takes the others along.
    if has_time {
        active.write_ring();
    } else {
        active.reborrow().postpone_segments();
    }
    if core.lent.env.tools.meter.is_on()
        && let Some(entry) = core.connections.get_mut(receiver)
    {
        core.lent.waits.written(index, entry, &core.lent.env.tools.meter);
    }
}

/// Forgets all segments, which have been written.
fn forget_segments<S: Application>(core: &mut Core<S>) {
    core.lent.waits.end(&core.lent.env.tools.meter);
    core.lent.budget.forget_writes();
    core.lent.output.clear();
    let out = &mut core.lent.env.tools.write_buffer.bytes;
    out.clear();
    out.shrink_to(KEPT_BYTES);
}

/// Writes all segments before the turn has done all its reads, unless pushes have been asked for: more
/// may follow for the same receivers, and all leave together at the end of the turn.
#[inline]
pub(super) fn write_replies<S: Application>(core: &mut Core<S>) {
    if !core.lent.output.has_pushes() && core.lent.fan_outs.is_empty() {
        write_all_segments(core);
    }
}

/// Writes all segments if they are too many, or too large, to wait for the end of the turn. No connection may
/// have output in hand.
#[inline]
pub(super) fn write_if_full<S: Application>(core: &mut Core<S>) {
    if core.lent.output.is_full(core.lent.env.tools.write_buffer.bytes.len()) {
        write_all_segments(core);
    }
}
