//! A million idle connections, without sockets: the bytes that each holds, and what a turn costs beside them.
//! Run with `--nocapture` the test shows the figures.

use std::time::Duration;

use allocation_counter::measure;

use super::Reactor;
use super::ready::Standing;
use super::slots::Entry;
use super::sys::socket::{Absent, Socket};
use crate::config::{Config, Listen};
use crate::conn::Conn;
use crate::moment::Moment;
use crate::record::Peer;
use crate::router::{Application, Service};

const CROWD: usize = 1_000_000;
/// What an idle connection may allocate: its entries in the slab and the wheel, each with the room that
/// doubling leaves.
const MAX_BYTES: usize = 220;
/// The time within which the crowd came in.
const SPREAD_MS: u64 = 60_000;

struct Nothing;

impl Application for Nothing {}

fn reactor() -> Reactor<Nothing> {
    let off = Duration::ZERO;
    let config = Config {
        listen: vec![Listen::Tcp(([127, 0, 0, 1], 0).into())],
        // Pings are all that their timers bring.
        read_timeout: off,
        client_check: off,
        account_check: off,
        housekeeping: off,
        ..Config::default()
    };
    Reactor::bind(&config, Service::Messages(|_, _, _| crate::router::Outcome::Done), Nothing).unwrap()
}

/// Lets in connections that have no socket, evenly spread over [`SPREAD_MS`].
fn fill(reactor: &mut Reactor<Nothing>) {
    let core = &mut reactor.core;
    for number in 0..CROWD {
        core.now = Moment::from_ms(number as u64 * SPREAD_MS / CROWD as u64);
        let (now, settings) = (core.now, &core.lent.settings);
        let id = core.slots.insert(|id| Entry {
            socket: Socket::Absent(Absent),
            conn: Conn::idle(id, Peer::Local, now, settings),
            readable: false,
            writable: true,
            read_on: false,
            place: core.common.admission.enter(Some(Peer::Local)).ok(),
            standing: Standing::default(),
            gathered: None,
            dead: false,
        });
        let id = id.unwrap();
        let at = core.slots.get(id).unwrap().conn.next_deadline(settings);
        core.wheel.arm(id.slot(), at);
    }
}

/// The median time of a turn in which nothing happens.
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn idle_turn(reactor: &mut Reactor<Nothing>) -> Duration {
    let mut times: Vec<_> = (0..1001)
        .map(|_| {
            let began = std::time::Instant::now();
            reactor.turn(Some(Duration::ZERO)).unwrap();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_million_idle_connections_hold_few_bytes_and_no_turn_walks_them() {
    let mut reactor = reactor();
    let alone = idle_turn(&mut reactor);
    let held = measure(|| fill(&mut reactor)).bytes_current;
    let each = usize::try_from(held).unwrap() / CROWD;
    let beside = idle_turn(&mut reactor);
    println!("{each} bytes for each of {CROWD}; a turn: {alone:?} alone, {beside:?} beside them");
    assert_eq!(reactor.connections(), CROWD);
    assert!(each <= MAX_BYTES, "{each} bytes");

    // Each is pinged in its time, and no turn pings more than it may.
    let (clock, core) = (reactor.clock.clone(), &mut reactor.core);
    let (mut turns, mut longest, mut pinged) = (0, 0, 0);
    core.now = Moment::from_ms(SPREAD_MS);
    while pinged < CROWD {
        core.begin_turn(clock.instant_now());
        core.expire();
        let now = core.segments.len();
        core.end_turn();
        (turns, longest, pinged) = (turns + 1, longest.max(now), pinged + now);
        if core.wheel.next_at() > core.now {
            core.now = core.wheel.next_at();
        }
        assert!(turns < 2 * CROWD, "{pinged} were pinged");
    }
    println!("{turns} turns pinged all of them, at most {longest} in one");
    // Each ping counts with the time that it takes to be written.
    assert!(longest <= 2000);
}
