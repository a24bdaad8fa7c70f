//! Writing to sockets: at once, or from what waits in outboxes.

use std::io::{ErrorKind, IoSlice};

use bytes::Bytes;

use super::budget::{STEP_BYTES, WRITE_BYTES};
use super::core::Core;
use super::gather::Frames;
use crate::cause::Cause;
use crate::conn::MAX_SLICES;
use crate::id::ConnectionId;
use crate::router::Application;

/// Output that leaves at once. Less than that waits for the end of the turn's reads, so that all of
/// them are done before the first reply wakes a client.
pub(super) const LARGE_BYTES: usize = 16 * 1024;

/// What the socket took of an attempt to write.
pub(super) enum Written {
    Bytes(usize),
    Failed,
}

impl<S: Application> Core<S> {
    /// Sees to what a connection gathered from `start` on, and to what follows from the call it made.
    pub(super) fn settle(&mut self, id: ConnectionId, start: usize) {
        let len = self.lent.tools.out.len() - start;
        let Some(entry) = self.slots.get_mut(id) else { return self.lent.tools.out.truncate(start) };
        let small = len < LARGE_BYTES && entry.writable && entry.conn.outbox.is_empty();
        let is_at_rest = !entry.readable && entry.socket.is_plain() && entry.conn.is_at_rest();
        if len > 0 && small {
            self.gather(id, Frames::Gathered(start..self.lent.tools.out.len()), len);
            if is_at_rest {
                // Most turns of most connections: nothing follows from a reply but its being written.
                return;
            }
        } else if len > 0 {
            self.write_now(id, start);
        } else if entry.writable && entry.conn.outbox.is_ready() {
            // What goes out before a reply that is being compressed.
            return self.write_outbox(id);
        }
        self.finish(id);
    }

    /// Writes what a connection has gathered from `start` on, if that is anything. How many bytes it was.
    pub(super) fn write_now(&mut self, id: ConnectionId, start: usize) -> usize {
        let len = self.lent.tools.out.len() - start;
        if len == 0 {
            return 0;
        }
        self.write_gathered_for(id);
        let mut out = std::mem::take(&mut self.lent.tools.out);
        if let Some(bytes) = out.get(start..) {
            self.write(id, bytes, None);
        }
        out.truncate(start);
        self.lent.tools.out = out;
        len
    }

    /// Writes whole frames to a connection, behind all that it was sent before. What the socket does
    /// not take waits in the outbox: as a copy, unless the frames are `shared`. True if it took all.
    pub(super) fn write(&mut self, id: ConnectionId, bytes: &[u8], shared: Option<&Bytes>) -> bool {
        let (now, settings) = (self.now, &self.lent.settings);
        let Some(entry) = self.slots.get_mut(id) else { return false };
        if entry.conn.cause().is_some() {
            return false;
        }
        if !entry.writable || !entry.conn.outbox.is_empty() {
            entry.conn.outbox.push_unwritten(bytes, 0);
            if entry.writable {
                self.write_outbox(id);
            }
            return false;
        }
        let slice = bytes.get(..WRITE_BYTES).unwrap_or(bytes);
        match attempt(slice.len(), || entry.socket.write(slice), &mut entry.writable) {
            Written::Bytes(written) => {
                self.turn.charge(written + STEP_BYTES);
                if written > 0 {
                    entry.conn.record.count_sent(written);
                    entry.conn.handle_written(written, now, settings);
                }
                if written < bytes.len() {
                    match shared {
                        Some(frames) => entry.conn.outbox.push_partly_written(frames.clone(), written),
                        None => entry.conn.outbox.push_unwritten(bytes, written),
                    }
                }
                written == bytes.len()
            }
            Written::Failed => {
                entry.conn.abort(Cause::Reset);
                false
            }
        }
    }

    /// Writes from a connection's outbox until it is empty, the socket takes no more, or this was a slice.
    pub(super) fn write_outbox(&mut self, id: ConnectionId) {
        let (now, settings) = (self.now, &self.lent.settings);
        let Some(entry) = self.slots.get_mut(id) else { return };
        let mut left = WRITE_BYTES;
        while left > 0 && entry.writable && entry.conn.outbox.is_ready() && entry.conn.cause().is_none() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = entry.conn.outbox.slices(&mut slices, left);
            let slices = slices.get(..count).unwrap_or_default();
            let offered = slices.iter().map(|slice| slice.len()).sum();
            match attempt(offered, || entry.socket.write_vectored(slices), &mut entry.writable) {
                Written::Bytes(0) => {}
                Written::Bytes(written) => {
                    entry.conn.record.count_sent(written);
                    entry.conn.handle_written(written, now, settings);
                    entry.conn.outbox.advance(written);
                    left = left.saturating_sub(written);
                    self.turn.charge(written + STEP_BYTES);
                }
                Written::Failed => entry.conn.abort(Cause::Reset),
            }
        }
        self.finish(id);
    }

    /// Sees to what follows once a connection has nothing gathered: its end, its deadline, or the
    /// input that had to wait.
    pub(super) fn finish(&mut self, id: ConnectionId) {
        if self.finishes_later(id) {
            return;
        }
        let settings = &self.lent.settings;
        let Some(entry) = self.slots.get_mut(id).filter(|entry| !entry.dead) else { return };
        let is_end = entry.socket.has_flushed() && entry.conn.handle_flushed(self.now);
        // To close a plain socket at once says all that a shutdown would.
        if is_end && (entry.conn.cause().is_none() || entry.socket.says_goodbye()) {
            entry.socket.shutdown_write();
        }
        if entry.conn.cause().is_some() {
            entry.dead = true;
            self.dead.push_back(id);
            return;
        }
        if entry.conn.take_rearm() {
            self.wheel.arm_no_later(id.slot(), entry.conn.next_deadline(settings));
        }
        let has_work = entry.has_output()
            || entry.conn.can_resume(settings)
            || (entry.readable && entry.conn.wants_read(settings))
            || entry.conn.has_job();
        if has_work {
            self.postpone(id);
        }
    }

    /// Has a connection go on when it is its turn.
    pub(super) fn postpone(&mut self, id: ConnectionId) {
        if let Some(entry) = self.slots.get_mut(id).filter(|entry| !entry.standing.is_ready()) {
            entry.standing.set_ready(true);
            // A slice of what is compressed or inflated takes as long as a share.
            let is_busy = entry.is_busy() || entry.conn.has_job() || entry.conn.inflates();
            self.ready.push(id, is_busy);
        }
    }
}

/// One write, told apart by what has to follow. A short one means that the socket is full, and that an
/// event comes when it is no longer.
pub(super) fn attempt(
    offered: usize,
    mut write: impl FnMut() -> std::io::Result<usize>,
    writable: &mut bool,
) -> Written {
    loop {
        match write() {
            Ok(written) => {
                *writable = written == offered;
                return Written::Bytes(written);
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => {
                    *writable = false;
                    return Written::Bytes(0);
                }
                _ => return Written::Failed,
            },
        }
    }
}
