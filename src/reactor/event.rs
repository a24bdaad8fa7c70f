//! Handles poll events for connections, listeners and the waker.

use mio::Token;

use super::active::Active;
use super::budget::STEP_BYTES;
use super::core::Core;
use super::effects::conclude;
use super::entry::Entry;
use super::input::Input;
use super::queue_output::write_replies;
use super::read_ahead::{ReadAhead, handle_ahead, read_ahead};
use super::serve::serve;
use super::share::Share;
use super::sys::event::Event;
use super::tokens::{WAKER, id_of, is_connection};
use crate::cause::Cause;
use crate::conn::Settings;
use crate::router::Application;

/// Notes the event, and reads or serves its connection.
pub(super) fn handle_event<S: Application>(core: &mut Core<S>, input: &mut Input, event: Event) {
    if !is_connection(event.token) {
        return note_other(core, event.token);
    }
    let id = id_of(event.token);
    let Some(mut active) = core.activate(id) else { return };
    if event.is_unusual() {
        note_unusual(active.entry, event, &active.lent.env.settings);
    }
    if event.readable {
        active.entry.readable = true;
    }
    if event.writable {
        active.entry.writable = true;
        if !active.entry.socket.is_plain() {
            flush(&mut active);
        }
    }
    let entry = &*active.entry;
    if entry.standing.is_ready() {
        // It is served in its turn.
        return;
    }
    if entry.standing.was_served() || entry.is_busy() || !active.lent.budget.allows_quiet() {
        return active.reborrow().postpone();
    }
    match read_ahead(&mut active, input) {
        ReadAhead::Done => {
            if input.is_ahead_full() {
                handle_ahead(core, input);
                write_replies(core);
            }
        }
        ReadAhead::Serve => {
            active.reborrow().serve(input, Share::WHOLE);
            conclude(core, id);
        }
        ReadAhead::HandleAndServe => {
            let share = handle_ahead(core, input);
            serve(core, input, id, share);
        }
    }
}

/// Notes that the client has finished sending, has sent urgent data, or is gone.
#[cold]
#[inline(never)]
fn note_unusual(entry: &mut Entry, event: Event, settings: &Settings) {
    let closed = event.read_closed || event.error;
    if closed {
        entry.readable = true;
    }
    // A read stops before an urgent byte, even if more follows.
    entry.read_on = true;
    if event.error && !entry.conn.wants_read(settings) {
        // While reading is paused nothing else would read the error from the socket.
        entry.conn.abort(Cause::Reset);
    }
}

/// Gives the kernel what TLS has kept for it.
#[inline(never)]
fn flush<S: Application>(active: &mut Active<'_, S>) {
    let (entry, tools) = (&mut *active.entry, &mut active.lent.env.tools);
    match entry.socket.flush() {
        Ok(0) => {}
        Ok(flushed) => active.lent.budget.charge(flushed + STEP_BYTES),
        Err(error) => entry.fail(&error, &mut tools.log, tools.now),
    }
}

/// Notes the event of a listener, of the waker, or of the poll's own alarm, which has done its work.
#[cold]
#[inline(never)]
fn note_other<S: Application>(core: &mut Core<S>, token: Token) {
    if token == WAKER {
        core.mail.note_arrival();
    } else {
        core.listeners.note(token);
    }
}
