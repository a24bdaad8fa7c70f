//! The reactor on a simulated network: whatever faults its calls meet, clients get their replies, and the
//! same seed gives the same run.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod acts;
mod bank;
mod costs;
mod draining;
mod long_turns;
mod population;
mod presence;
mod rows;
mod shares;
mod skipping;
mod ticks;
mod turns;
mod workers;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{Event, Game, ROUTER, UPGRADE};
use sysconn::sim::{Client, Network, StreamState};
use sysconn::{Application, Config, Peer, Reactor, Turn};

/// The longest timeout of a turn.
const STEP: Duration = Duration::from_millis(10);

/// Starts a server. Returns it and the events of its game.
fn server(network: &Network, config: &Config) -> (Reactor<Game>, Receiver<Event>) {
    let (events, seen) = channel();
    (Reactor::simulated(config, &ROUTER, Game::new(events), network).unwrap(), seen)
}

fn connect(network: &Network) -> Client {
    let mut client = network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024)).unwrap();
    client.send(UPGRADE);
    client
}

/// Turns a few times. Returns what the client has received then.
fn after_turns(reactor: &mut Reactor<Game>, client: &mut Client) -> (Vec<u8>, StreamState) {
    for _ in 0..5 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let mut bytes = vec![];
    let state = client.receive(&mut bytes);
    (bytes, state)
}

/// Turns until the server has drained or the time is `until`.
fn turn_until<S: Application>(reactor: &mut Reactor<S>, network: &Network, until: Duration) -> Turn {
    while network.now() < until {
        let step = STEP.min(until - network.now());
        if reactor.turn(Some(step)).unwrap() == Turn::Drained {
            return Turn::Drained;
        }
    }
    Turn::Running
}
