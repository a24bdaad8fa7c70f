//! Shared code of the tests over sockets: a server on a thread of its own, a client that returns every frame,
//! and the server's game.
//!
//! Nothing here sleeps. A test fails if it waits for longer than [`PATIENCE`].

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod counted;
mod docs;
mod game;
mod ledger;
mod lines;
mod server;
mod wire;
mod witness;

use std::time::{Duration, Instant};

pub(crate) use client::{Client, Frame, Reply};
pub(crate) use counted::{Counted, Counts};
pub(crate) use docs::{PROTOCOL, close_codes, statuses, table};
pub(crate) use game::{Event, Game, ROUTER, any, echo};
pub(crate) use ledger::Ledger;
pub(crate) use lines::LINES;
pub(crate) use server::{SHORT, Server, config, still_echoes, still_serves, with};
pub(crate) use wire::{ACCEPT, UPGRADE, frame, join, message, packet, part, upgrade_of, zlib_stored};
pub(crate) use witness::{hooks_and_handlers_see, peers};

/// The longest time that a test waits for an event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Polls until `holds`, for conditions that no event reports.
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}
