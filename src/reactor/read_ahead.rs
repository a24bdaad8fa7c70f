//! Reads ahead: takes short reads from all sockets first and handles them later. So the system's code and
//! ours each stay in the processor's caches for a while.

use super::active::Active;
use super::budget::STEP_BYTES;
use super::core::Core;
use super::effects::conclude;
use super::input::{AheadRead, Input};
use super::read::Received;
use super::share::Share;
use crate::id::ConnectionId;
use crate::router::Application;

/// What to do next with a connection that was to be read ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadAhead {
    /// Nothing: its bytes were read, and are handled later.
    Done,
    /// Serve it by itself.
    Serve,
    /// Handle the bytes read, then serve it by itself: it filled the buffer and may have more.
    HandleAndServe,
}

/// Reads ahead from a connection that has probably sent little.
#[inline]
pub(super) fn read_ahead<S: Application>(active: &mut Active<'_, S>, input: &mut Input) -> ReadAhead {
    let (entry, env) = (&mut *active.entry, &mut active.lent.env);
    if !entry.may_be_read_ahead(&env.settings) {
        return ReadAhead::Serve;
    }
    let read = entry.socket.read(input.ahead_rest());
    let Received::Bytes(len) = entry.note_read(read, &mut env.tools.log, env.tools.now) else {
        return ReadAhead::Serve;
    };
    let work = len.saturating_add(entry.socket.take_overhead());
    if len == 0 {
        // TLS had work, and nothing for the connection, whose share would count the call.
        active.lent.budget.charge(work + STEP_BYTES);
        return if active.entry.readable { ReadAhead::Serve } else { ReadAhead::Done };
    }
    entry.conn.record.count_received(len);
    env.tools.meter.bytes_received(len, entry.socket.is_plain());
    input.push_ahead(entry.id(), len, work);
    active.lent.budget.charge(work);
    if !active.entry.readable {
        return ReadAhead::Done;
    }
    active.entry.conn.note_read(len);
    ReadAhead::HandleAndServe
}

/// Handles everything that was read ahead, in order. Returns the rest of the last connection's share.
#[inline]
pub(super) fn handle_ahead<S: Application>(core: &mut Core<S>, input: &mut Input) -> Share {
    let mut share = Share::WHOLE;
    let (reads, mut rest) = input.ahead();
    // The reads took longer than a handler.
    core.lent.env.tools.meter.lose_mark();
    for &AheadRead { id, len, work } in reads {
        let Some(bytes) = rest.split_off_mut(..len) else { break };
        share = Share::WHOLE;
        handle_read(core, id, bytes, work, &mut share);
    }
    input.clear_ahead();
    share
}

/// Gives a connection its bytes that were read ahead, which has cost `work`.
#[inline(always)]
fn handle_read<S: Application>(
    core: &mut Core<S>,
    id: ConnectionId,
    bytes: &mut [u8],
    work: usize,
    share: &mut Share,
) {
    share.take_bytes(work);
    let Some(mut active) = core.activate(id) else { return };
    if active.owes() || !active.lent.budget.allows_quiet() {
        keep_for_later(active.reborrow(), bytes);
        return share.use_up();
    }
    active.reach();
    active.write_segments();
    active.begin_output();
    let used = active.feed_inline(bytes, share);
    if used < bytes.len() {
        keep_rest(active.reborrow(), bytes, used);
    }
    active.end_share(share);
    active.queue_output();
    conclude(core, id);
}

/// Keeps bytes to be handled as soon as possible: the turn has no time left, or the client has to wait.
#[cold]
fn keep_for_later<S: Application>(mut active: Active<'_, S>, bytes: &[u8]) {
    keep_rest(active.reborrow(), bytes, 0);
    if active.entry.standing.owes() {
        active.entry.standing.set_busy(true);
    }
    active.postpone();
}

/// Keeps all but the first `used` bytes.
#[inline(never)]
fn keep_rest<S: Application>(active: Active<'_, S>, bytes: &[u8], used: usize) {
    active.entry.conn.keep(bytes.get(used..).unwrap_or_default());
    active.entry.conn.note_arrival(active.lent.env.tools.meter.arrived());
}
