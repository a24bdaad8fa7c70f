//! What the cluster promises, while everything fails that can.
//!
//! `SYSCONN_CLUSTER="SECONDS LOGINS"` says for how long, and how many logins there are in each fault; by
//! default each fault comes once.

use std::env;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::game::{Game, NAMES};
use super::nats;

/// What happens while the game goes on.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    NatsIsKilled,
    NatsHangs,
    NodeIsKilled(&'static str),
    NodeHangs(&'static str),
    RelayCloses,
    RelaySwallows,
    NodeRestarts(&'static str),
}

/// Each of them, and three nodes that restart one after the other.
const FAULTS: [Fault; 10] = [
    Fault::Nothing,
    Fault::NatsIsKilled,
    Fault::NatsHangs,
    Fault::NodeIsKilled("b"),
    Fault::NodeHangs("c"),
    Fault::RelayCloses,
    Fault::RelaySwallows,
    Fault::NodeRestarts("a"),
    Fault::NodeRestarts("b"),
    Fault::NodeRestarts("c"),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
fn roles_and_rooms_are_right_after_each_fault() {
    let form = env::var("SYSCONN_CLUSTER").unwrap_or("0 60".to_owned());
    let (seconds, logins) = form.split_once(' ').expect("SECONDS LOGINS");
    let (seconds, logins) = (seconds.parse().unwrap(), logins.parse().unwrap());
    let mut game = Game::start(23);
    let began = Instant::now();
    let mut rounds = 0;
    while rounds == 0 || began.elapsed() < Duration::from_secs(seconds) {
        for fault in FAULTS {
            let case = format!("{rounds}: {fault:?}");
            run(&mut game, fault, logins);
            game.check_rooms(&case);
            game.check_roles(&case);
        }
        rounds += 1;
    }
    let Game { logins, replaced, heard, .. } = game;
    println!("figure: {rounds} rounds of faults, {logins} logins, {replaced} replaced, {heard} texts heard");
}

/// Plays through a fault, and ends it.
fn run(game: &mut Game, fault: Fault, logins: usize) {
    match fault {
        Fault::Nothing => game.play(&NAMES, logins),
        Fault::NatsIsKilled => {
            let port = game.nodes.cut();
            game.play(&NAMES, logins);
            game.nodes.nats = Some(nats::Server::start_on(port, ""));
        }
        Fault::NatsHangs => {
            game.nodes.nats.as_ref().unwrap().stop();
            game.play(&NAMES, logins);
            game.nodes.nats.as_ref().unwrap().resume();
        }
        Fault::NodeIsKilled(name) => {
            // Its end is a kill.
            drop(game.nodes.take(name));
            game.leave(name);
            game.play(&others(name), logins);
            game.nodes.add(name);
            game.fill(name);
        }
        Fault::NodeHangs(name) => {
            game.nodes.of(name).signal(Signal::STOP);
            game.play(&others(name), logins);
            game.nodes.of(name).signal(Signal::CONT);
        }
        Fault::RelayCloses => {
            game.nodes.relay.as_ref().unwrap().0.cut();
            game.play(&NAMES, logins);
        }
        Fault::RelaySwallows => {
            game.nodes.relay.as_ref().unwrap().0.swallow(true, true);
            game.play(&NAMES, logins);
            game.nodes.relay.as_ref().unwrap().0.swallow(false, false);
        }
        Fault::NodeRestarts(name) => {
            let mut program = game.nodes.take(name);
            program.signal(Signal::TERM);
            game.leave(name);
            game.play(&others(name), logins);
            assert!(program.wait().0.success());
            game.nodes.add(name);
            game.fill(name);
        }
    }
}

fn others(name: &str) -> Vec<&'static str> {
    NAMES.into_iter().filter(|other| *other != name).collect()
}
