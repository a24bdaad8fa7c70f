//! Writes to a socket: new frames at once, or the contents of the outbox.

use std::io::{self, ErrorKind, IoSlice};

use bytes::Bytes;

use super::active::Active;
use super::budget::{STEP_BYTES, TurnBudget, WRITE_BYTES};
use super::entry::Entry;
use crate::cause::Cause;
use crate::conn::{Env, MAX_SLICES};
use crate::metrics::Meter;
use crate::router::Application;

/// The result of writing frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The socket took all of them.
    All,
    /// The rest waits in the outbox.
    Part,
    /// They wait behind other output in the outbox.
    Behind,
    /// The connection has ended.
    Nothing,
}

/// Writes whole frames to a connection that has no segments. Bytes that the socket does not take wait in the
/// outbox: as a copy, unless the frames are `shared`.
#[inline(always)]
pub(super) fn write_frames<S: Application>(
    entry: &mut Entry,
    env: &Env<S>,
    budget: &mut TurnBudget,
    frames: &[u8],
    shared: Option<&Bytes>,
) -> Written {
    if entry.conn.cause().is_some() {
        return Written::Nothing;
    }
    if !entry.writable || !entry.conn.outbox.is_empty() {
        entry.conn.outbox.push_unwritten(frames, 0);
        return Written::Behind;
    }
    let slice = frames.get(..WRITE_BYTES).unwrap_or(frames);
    match attempt(slice.len(), || entry.socket.write(slice), &mut entry.writable) {
        Attempt::Took(written) => {
            budget.charge(written + STEP_BYTES);
            entry.conn.record.count_sent(written);
            // The outbox is empty.
            entry.conn.count_written(written);
            if env.tools.meter.is_on() {
                env.tools.meter.bytes_sent(written, entry.socket.is_plain());
                env.tools.meter.lose_mark();
            }
            if written == frames.len() {
                return Written::All;
            }
            match shared {
                Some(frames) => entry.conn.outbox.push_partly_written(frames.clone(), written),
                None => entry.conn.outbox.push_unwritten(frames, written),
            }
            Written::Part
        }
        Attempt::Failed => {
            entry.conn.abort(Cause::Reset);
            Written::Nothing
        }
    }
}

impl<S: Application> Active<'_, S> {
    /// Writes from the outbox until it is empty, the socket takes no more, or a slice has been written.
    pub(super) fn write_outbox(&mut self) {
        let (entry, env) = (&mut *self.entry, &self.lent.env);
        let mut left = WRITE_BYTES;
        while left > 0 && entry.writable && entry.conn.outbox.is_ready() && entry.conn.cause().is_none() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = entry.conn.outbox.slices(&mut slices, left);
            let slices = slices.get(..count).unwrap_or_default();
            let offered = slices.iter().map(|slice| slice.len()).sum();
            match attempt(offered, || entry.socket.write_vectored(slices), &mut entry.writable) {
                Attempt::Took(0) => {}
                Attempt::Took(written) => {
                    entry.conn.record.count_sent(written);
                    env.tools.meter.bytes_sent(written, entry.socket.is_plain());
                    entry.conn.handle_written(written, env.tools.now, &env.settings);
                    advance(entry, written, &env.tools.meter);
                    left = left.saturating_sub(written);
                    self.lent.budget.charge(written + STEP_BYTES);
                }
                Attempt::Failed => entry.conn.abort(Cause::Reset),
            }
        }
        self.update_state();
    }
}

/// The socket took the next `written` bytes of the outbox.
fn advance(entry: &mut Entry, written: usize, meter: &Meter) {
    let (since, counted) = (entry.conn.outbox.since(), entry.conn.outbox.counted());
    entry.conn.outbox.advance(written);
    if meter.is_on() {
        meter.lose_mark();
        if entry.conn.outbox.is_empty() {
            meter.outbox(counted, 0);
            since.inspect(|since| meter.output_taken(*since, meter.now()));
        }
    }
}

/// The socket's answer to an attempt to write.
pub(super) enum Attempt {
    Took(usize),
    Failed,
}

/// One write. A short one means that the socket is full, and that an event comes when it has space again.
#[inline(always)]
pub(super) fn attempt(
    offered: usize,
    mut write: impl FnMut() -> io::Result<usize>,
    writable: &mut bool,
) -> Attempt {
    loop {
        match write() {
            Ok(written) => {
                *writable = written == offered;
                return Attempt::Took(written);
            }
            Err(error) => {
                if let Some(attempt) = failed(&error, writable) {
                    return attempt;
                }
            }
        }
    }
}

/// What a write that has failed comes to. None if it has to be tried again.
#[cold]
fn failed(error: &io::Error, writable: &mut bool) -> Option<Attempt> {
    match error.kind() {
        ErrorKind::Interrupted => None,
        ErrorKind::WouldBlock => {
            *writable = false;
            Some(Attempt::Took(0))
        }
        _ => Some(Attempt::Failed),
    }
}
