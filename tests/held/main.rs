//! The memory that one hostile connection makes the server hold: a counting allocator watches the reactor's
//! thread, and the most that is held between two turns stays under `max_len + outbox_limit` and 64 KiB,
//! whatever the client does. Run with `--nocapture` it shows what was counted.

#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod ground;
mod shapes;

use std::time::Duration;

use common::config;
use ground::Ground;
use shapes::{SHAPES, SMALL};
use sysconn::Config;
use sysconn::config::{DeflateMode, MAX_LEN, OUTBOX_LIMIT, Overflow};

/// What a connection may hold, in bytes.
const MOST: i64 = (MAX_LEN + OUTBOX_LIMIT + 64 * 1024) as i64;
/// What it may hold beside where messages are compressed with windows that outlive them.
const WINDOWS: i64 = 448 * 1024;
/// What 15 bytes of a client may make the server hold more, in bytes.
const SMALL_MOST: i64 = 4096;

/// Plays a shape twice, the first time for the buffers that all connections share. The most that it made the
/// server hold.
fn held(deflate: DeflateMode, shape: fn(&mut Ground)) -> i64 {
    // What is held must not depend on how far a turn comes on this machine.
    let turn_time = Duration::ZERO;
    let config = Config { deflate, deflate_above: 0, overflow: Overflow::Drop, turn_time, ..config() };
    let mut ground = Ground::new(&config);
    shape(&mut ground);
    ground.let_all_go();
    let before = ground.held();
    ground.forget_peak();
    shape(&mut ground);
    let most = ground.peak() - before;
    ground.let_all_go();
    let left = ground.held() - before;
    assert!(left <= 1024, "{left} bytes stay when the client has gone");
    most
}

#[test]
fn no_hostile_connection_holds_more_than_the_bound() {
    let mut faults = vec![];
    for (name, deflate, shape) in SHAPES {
        let most = held(*deflate, *shape);
        let promised = if *deflate == DeflateMode::Dedicated { MOST + WINDOWS } else { MOST };
        println!("{name}: {most} bytes, {:.1} % of {promised}", 100.0 * most as f64 / promised as f64);
        if most > promised {
            faults.push(format!("{name}: {most} bytes, and not {promised}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn fifteen_bytes_hold_less_than_4_kib() {
    for (name, upgraded, bytes) in SMALL {
        let mut ground = Ground::new(&config());
        let mut client = ground.raw();
        if *upgraded {
            ground.upgrade(&mut client);
        }
        ground.settle();
        let before = ground.held();
        ground.forget_peak();
        ground.send(&mut client, bytes);
        ground.settle();
        let more = ground.peak() - before;
        println!("{name}: {more} bytes for {}", bytes.len());
        assert!(more < SMALL_MOST, "{name}: {more} bytes");
        ground.keep(client);
    }
}
