//! The memory that one hostile connection makes the server hold: a counting allocator watches the reactor's
//! thread, and the most that is held between two turns stays under `max_len + outbox_limit` and 64 KiB,
//! whatever the client does. With `--nocapture` it prints the counts.

#![cfg(feature = "deflate")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod ground;
mod shapes;

use common::{config, with};
use ground::Ground;
use shapes::{SHAPES, SMALL};
use sysconn::config::{DeflateMode, MAX_LEN, OUTBOX_LIMIT, Overflow};

/// The limit of one connection, in bytes.
const MOST: i64 = (MAX_LEN + OUTBOX_LIMIT + 64 * 1024) as i64;
/// The additional limit if compression keeps windows between messages.
const WINDOWS: i64 = 32_000;
/// The additional memory, in bytes, that 15 bytes of a client may cause.
const SMALL_MOST: i64 = 4096;

/// Runs a shape twice, the first time to grow the shared buffers. Returns the most memory that the server
/// held for it.
fn held(deflate: DeflateMode, shape: fn(&mut Ground)) -> i64 {
    // The memory must not depend on how much a turn does on this machine.
    let config = with(config(), |config| {
        config.output.deflate = deflate;
        config.output.deflate_above = 0;
        config.output.overflow = Overflow::Drop;
        config.reactor.turn_time = None;
    });
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
