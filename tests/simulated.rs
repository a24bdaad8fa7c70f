//! The reactor on a simulated network: whatever the network does to its calls, clients get what they are
//! owed, and the same seed does the same.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Game, ROUTER, UPGRADE, packet};
use sysconn::config::Listen;
use sysconn::packet::Reply;
use sysconn::sim::{Buffers, Client, Fault, Faults, Injected, Ledger, Line, Network};
use sysconn::{Config, Peer, Reactor, Turn};

/// The longest step of time between two looks at the clients.
const STEP: Duration = Duration::from_millis(10);

struct Player {
    client: Client,
    to_send: Vec<u8>,
    received: Vec<u8>,
    line: Line,
}

struct Outcome {
    received: Vec<Vec<u8>>,
    ledger: Ledger,
    injected: Injected,
    turns: u64,
    end: Duration,
}

/// What each client sends: an upgrade and echoes of all sizes.
fn requests(network: &Network, count: u32) -> Vec<u8> {
    let mut random = network.random();
    let mut bytes = UPGRADE.to_vec();
    for flag in 1..=count {
        let most = if random.chance(0.1) { 20_000 } else { 200 };
        let mut data = vec![0; random.index(most)];
        random.fill(&mut data);
        bytes.extend(packet(1101, flag, &data));
    }
    bytes
}

fn play(seed: u64, faults: Faults, players: u16, buffers: Buffers) -> Outcome {
    let network = Network::new(seed);
    network.set_buffers(buffers);
    let (events, _seen) = channel();
    let config = Config { drain_timeout: Duration::from_secs(60), ..Config::default() };
    let mut reactor = Reactor::simulated(&config, &ROUTER, Game::new(events), &network).unwrap();
    network.set_faults(faults);
    let mut players: Vec<_> = (0..players)
        .map(|port| Player {
            client: network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024 + port)).unwrap(),
            to_send: requests(&network, 20),
            received: vec![],
            line: Line::Open,
        })
        .collect();
    let mut random = network.random();
    let mut turns = 0;
    let mut drains = false;
    loop {
        for player in &mut players {
            let piece = player.to_send.len().min(1 + random.index(5000));
            let taken = player.client.send(&player.to_send[..piece]);
            player.to_send.drain(..taken);
            player.line = player.client.receive(&mut player.received);
            if player.line != Line::Open {
                player.client.finish();
            }
        }
        let all_answered = players.iter().all(|player| replies(&player.received).len() == 20);
        if all_answered && !drains {
            drains = true;
            reactor.handle().drain();
        }
        turns += 1;
        if reactor.turn(Some(STEP)).unwrap() == Turn::Drained {
            break;
        }
        let activity = network.take_activity();
        assert!(activity.accepts <= 16);
        assert!(network.now() < Duration::from_secs(50), "seed {seed}: no end");
    }
    drop(reactor);
    for player in &mut players {
        player.line = player.client.receive(&mut player.received);
        assert_ne!(player.line, Line::Open, "seed {seed}");
    }
    Outcome {
        received: players.into_iter().map(|player| player.received).collect(),
        ledger: network.ledger(),
        injected: network.injected(),
        turns,
        end: network.now(),
    }
}

/// The Flags of the replies behind the 101.
fn replies(bytes: &[u8]) -> Vec<u32> {
    let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return vec![] };
    let mut rest = &bytes[head + 4..];
    let mut flags = vec![];
    while let [first, second, behind @ ..] = rest {
        let (len, behind) = match (second, behind) {
            (126, [a, b, behind @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), behind),
            (len @ 0..126, behind) => (usize::from(*len), behind),
            _ => break,
        };
        let Some((payload, behind)) = behind.split_at_checked(len) else { break };
        if *first == 0x82 {
            flags.push(Reply::parse(payload).unwrap().flag);
        }
        rest = behind;
    }
    flags
}

#[test]
fn faults_that_do_no_harm_lose_nothing() {
    let small = Buffers { client_send: 700, server_receive: 300, server_send: 500, client_receive: 400 };
    let mut sum = Injected::default();
    for seed in 0..20 {
        let buffers = if seed % 2 == 0 { Buffers::default() } else { small };
        let faults = Faults::harmless(0.1).with(Fault::Stall, 0.1);
        let outcome = play(seed, faults, 30, buffers);
        for received in &outcome.received {
            assert_eq!(replies(received), (1..=20).collect::<Vec<_>>(), "seed {seed}");
        }
        let Ledger { accepted, opened, closed, closed_twice, unasked_reads, unasked_writes, .. } =
            outcome.ledger;
        assert_eq!((accepted, opened - closed, closed_twice), (30, 0, 0), "seed {seed}");
        assert_eq!((unasked_reads, unasked_writes), (0, 0), "seed {seed}");
        sum.add(&outcome.injected);
    }
    for fault in Fault::HARMLESS {
        assert!(sum.of(fault) > 0, "{fault:?} never happened");
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let faults =
        Faults::all(0.01).with(Fault::Reset, 0.0).with(Fault::Vanish, 0.0).with(Fault::HalfClose, 0.0);
    let faults = faults.with(Fault::ProcessDescriptors, 0.0).with(Fault::SystemDescriptors, 0.0);
    let faults = faults.with(Fault::NoWatch, 0.0).with(Fault::TimeJump, 0.0);
    let [one, same] = [7, 7].map(|seed| play(seed, faults, 20, Buffers::default()));
    assert_eq!((one.turns, one.end, one.ledger), (same.turns, same.end, same.ledger));
    assert_eq!(one.injected, same.injected);
    assert!(one.received == same.received);
    let other = play(8, faults, 20, Buffers::default());
    assert_ne!((one.turns, one.end), (other.turns, other.end));
}

#[test]
fn listeners_of_both_kinds_are_simulated() {
    let network = Network::new(1);
    let (events, _seen) = channel();
    let listen = vec![Listen::Unix("/nowhere/at/all".into()), Listen::Tcp("[::1]:0".parse().unwrap())];
    let config = Config { listen, ..Config::default() };
    let reactor = Reactor::simulated(&config, &ROUTER, Game::new(events), &network).unwrap();
    let port = reactor.local_addr().unwrap().port();
    assert_ne!(port, 0);
    assert!(network.connect(Peer::Local).is_ok());
    assert!(network.connect(Peer::Ip([10, 0, 0, 1].into(), 9)).is_ok());
    drop(reactor);
    assert!(network.connect(Peer::Local).is_err());
}
