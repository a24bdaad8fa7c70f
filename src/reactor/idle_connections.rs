//! Measures a million idle connections without sockets: the bytes that each holds, and the time of a turn
//! beside them. Run with `--nocapture`, the test prints the figures.

use std::time::Duration;

use allocation_counter::measure;

use super::bury::write_and_bury;
use super::entry::Entry;
use super::expire::expire;
use super::hand_out::hand_out;
use super::public::Reactor;
use super::sys::socket::{Absent, Socket};
use super::turn::begin;
use crate::config::{Config, Listen};
use crate::conn::Conn;
use crate::moment::Moment;
use crate::record::Peer;
use crate::router::{Application, Service};

const POPULATION: usize = 1_000_000;
/// The most bytes that an idle connection may allocate: its entries in the slab and the wheel, each with the
/// spare capacity that doubling leaves.
const MAX_BYTES: usize = 188;
/// The connections come in within this time.
const SPREAD_MS: u64 = 60_000;

struct Nothing;

impl Application for Nothing {
    type Session = ();
}

fn reactor() -> Reactor<Nothing> {
    let config = Config::with(|config| {
        config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
        // Their timers send only Pings.
        (config.timers.read, config.timers.housekeeping) = (None, None);
    });
    Reactor::bind(&config, Service::Messages(|_, _, _| crate::router::Outcome::Done), Nothing).unwrap()
}

/// Lets in connections without sockets, evenly spread over [`SPREAD_MS`].
fn fill(reactor: &mut Reactor<Nothing>) {
    let core = &mut reactor.core;
    for number in 0..POPULATION {
        let now = Moment::from_ms(number as u64 * SPREAD_MS / POPULATION as u64);
        core.lent.env.tools.now = now;
        let settings = &core.lent.env.settings;
        let permit = core.lent.admission.enter(Some(Peer::Local)).ok();
        let id = core.connections.insert(|id| {
            Entry::new(Socket::Absent(Absent), Conn::idle(id, Peer::Local, now, settings), permit)
        });
        core.lent.env.tools.sessions.put(id.unwrap(), ());
        let active = core.activate(id.unwrap()).unwrap();
        let at = active.entry.conn.next_deadline(&active.lent.env.settings);
        active.schedule.arm(id.unwrap().slot(), at);
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
    let each = usize::try_from(held).unwrap() / POPULATION;
    let beside = idle_turn(&mut reactor);
    println!("{each} bytes for each of {POPULATION}; a turn: {alone:?} alone, {beside:?} beside them");
    assert_eq!(reactor.connections(), POPULATION);
    assert!(each <= MAX_BYTES, "{each} bytes");

    // Each is pinged on time, and no turn sends more Pings than it may.
    let Reactor { clock, core, input, .. } = &mut reactor;
    let (mut turns, mut longest, mut pinged) = (0, 0, 0);
    core.lent.env.tools.now = Moment::from_ms(SPREAD_MS);
    while pinged < POPULATION {
        begin(core, input, clock.instant_now());
        expire(core, input);
        let now = core.lent.output.len();
        write_and_bury(core);
        hand_out(core);
        (turns, longest, pinged) = (turns + 1, longest.max(now), pinged + now);
        let next_timer_at = core.connections.schedule().next_timer_at();
        if next_timer_at > core.lent.now() {
            core.lent.env.tools.now = next_timer_at;
        }
        assert!(turns < 2 * POPULATION, "{pinged} were pinged");
    }
    println!("{turns} turns pinged all of them, at most {longest} in one");
    // Each Ping counts with the time of writing it.
    assert!(longest <= 2000);
}
