//! Counts connections for metrics: what each is, and what waits in its outbox.

use super::entry::Entry;
use crate::conn::Env;
use crate::metrics::{Meter, State, TlsResult};
use crate::record::Census;
use crate::router::Application;

/// Counts a connection as what it is now.
pub(super) fn recount<S: Application>(entry: &mut Entry, env: &Env<S>) {
    let meter = &env.tools.meter;
    let (conn, record) = (&entry.conn, &entry.conn.record);
    let state = if conn.is_open() {
        State::Open
    } else if conn.is_over() {
        State::Closing
    } else {
        State::Upgrading
    };
    let is_paused = state == State::Open && conn.is_held_back(&env.settings);
    let is_admitted = entry.permit.is_some();
    let now = if is_admitted { Census::new(state as u8, record.kind(), is_paused) } else { Census::NOWHERE };
    let before = record.census();
    if now != before {
        meter.recount(before, now);
        entry.conn.record.set_census(now);
    }
    if !entry.conn.outbox.is_empty() {
        let (before, now) = (entry.conn.outbox.counted(), entry.conn.outbox.queued());
        meter.outbox(before, now);
        entry.conn.outbox.set_counted(now);
        if entry.conn.outbox.since().is_none() {
            entry.conn.outbox.wait_since(meter.now());
        }
    }
    if let Some((received, sent)) = entry.socket.take_traffic() {
        meter.tls_bytes(received, sent);
    }
}

/// Takes a connection that has ended out of what metrics count.
pub(super) fn count_end(entry: &mut Entry, meter: &Meter) {
    if !meter.is_on() {
        return;
    }
    meter.recount(entry.conn.record.census(), Census::NOWHERE);
    meter.outbox(entry.conn.outbox.counted(), 0);
    if let Some((received, sent)) = entry.socket.take_traffic() {
        meter.tls_bytes(received, sent);
    }
    if entry.socket.has_unfinished_tls() {
        meter.tls_handshake(TlsResult::Failed);
    }
}
