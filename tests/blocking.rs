//! Handlers that block delay all clients. However often clients cause this, no timer is late by more than one
//! period.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{UPGRADE, packet, with};
use sysconn::config::Listen;
use sysconn::sim::{Network, StreamState};
use sysconn::{Access, Application, Config, Context, Module, Outcome, Peer, Reactor, Request, Route, Router};

const BLOCK: u16 = 2101;
/// The longest step of time between two checks of the clients.
const STEP_MS: u64 = 10;
const HANDSHAKE_MS: u64 = 10_000;

struct Game {
    network: Network,
    blocked_ms: u64,
}

impl Application for Game {
    type Session = ();
}

/// milliseconds:32 → no Data, after that time.
fn block(game: &mut Game, request: Request<'_>, _: &mut Context<'_>) -> Outcome {
    let ms = u32::from_be_bytes(request.data().try_into().unwrap());
    game.network.advance(Duration::from_millis(ms.into()));
    game.blocked_ms += u64::from(ms);
    Outcome::Done
}

static MODULE: Module<Game> = Module::new(21, "block", [Route::new(BLOCK, "block", Access::Anyone, block)]);
static ROUTER: Router<Game> = Router::new([&MODULE]);

/// The time at which half a request times out, if a handler blocks for `block_ms` every `gap_ms`, `times` in
/// all. Also returns for how long the handler has blocked by then.
fn play(block_ms: u32, gap_ms: u64, times: u32) -> (u64, u64) {
    let network = Network::new(7);
    let config = with(Config::default(), |config| {
        config.listen = vec![Listen::Tcp(([10, 0, 0, 9], 1).into())];
        config.timers.handshake = Some(Duration::from_millis(HANDSHAKE_MS));
        config.timers.account_check = None;
    });
    let game = Game { network: network.clone(), blocked_ms: 0 };
    let mut reactor = Reactor::simulated(&config, &ROUTER, game, &network).unwrap();
    let connect = |port| network.connect(Peer::Ip([10, 0, 0, 1].into(), port)).unwrap();
    let (mut half, mut blocker) = (connect(1), connect(2));
    half.send(b"GET / HTTP/1.1\r\n");
    blocker.send(UPGRADE);
    let now_ms = || network.now().as_millis() as u64;
    let (began, mut next, mut left, mut answer) = (now_ms(), now_ms(), times, vec![]);
    while answer.is_empty() {
        if left > 0 && now_ms() >= next {
            blocker.send(&packet(BLOCK, 1, &block_ms.to_be_bytes()));
            (next, left) = (now_ms() + gap_ms, left - 1);
        }
        reactor.turn(Some(Duration::from_millis(STEP_MS))).unwrap();
        let line = half.receive(&mut answer);
        assert!(line == StreamState::Open || !answer.is_empty());
        assert!(now_ms() - began < 10 * HANDSHAKE_MS, "no answer");
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    (now_ms() - began, reactor.state().blocked_ms)
}

#[test]
fn a_blocking_handler_delays_a_timer_by_at_most_one_period() {
    for (block_ms, gap_ms, times) in [
        (0, 1000, 0),
        // Too short to be a stall.
        (60, 200, u32::MAX),
        (700, 2000, 1),
        (700, 2000, 3),
        (300, 400, u32::MAX),
        (5000, 5100, u32::MAX),
        (30_000, 31_000, u32::MAX),
    ] {
        let (answered_ms, blocked_ms) = play(block_ms, gap_ms, times);
        let case = format!("{times} times {block_ms} ms each {gap_ms} ms: answered after {answered_ms} ms");
        let moved_ms = if block_ms < 100 { 0 } else { blocked_ms.min(HANDSHAKE_MS) };
        // It can become due while the handler blocks for the last time.
        let slack_ms = u64::from(block_ms) + 2 * STEP_MS;
        assert!(answered_ms >= HANDSHAKE_MS, "{case}");
        assert!(answered_ms + slack_ms >= HANDSHAKE_MS + moved_ms, "{case}");
        assert!(answered_ms <= HANDSHAKE_MS + moved_ms + slack_ms, "{case}");
    }
}
