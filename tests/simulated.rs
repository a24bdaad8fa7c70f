//! The reactor on a simulated network: whatever the network does to its calls, clients get what they are
//! owed, and the same seed does the same.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{Event, Game, ROUTER, UPGRADE, packet};
use sysconn::config::Listen;
use sysconn::packet::Reply;
use sysconn::sim::{Buffers, Client, Fault, Faults, Injected, Ledger, Network, StreamState};
use sysconn::{Config, Peer, Reactor, Turn};

/// The longest step of time between two looks at the clients.
const STEP: Duration = Duration::from_millis(10);

struct Player {
    client: Client,
    to_send: Vec<u8>,
    received: Vec<u8>,
    line: StreamState,
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
    let config = Config { drain_timeout: Duration::from_secs(60), ..Config::default() };
    let (mut reactor, _seen) = server(&network, &config);
    network.set_faults(faults);
    let mut players: Vec<_> = (0..players)
        .map(|port| Player {
            client: network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024 + port)).unwrap(),
            to_send: requests(&network, 20),
            received: vec![],
            line: StreamState::Open,
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
            if player.line != StreamState::Open {
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
        assert!(activity.accepts <= if drains { 64 } else { 16 });
        assert!(network.now() < Duration::from_secs(50), "seed {seed}: no end");
    }
    drop(reactor);
    for player in &mut players {
        player.line = player.client.receive(&mut player.received);
        assert_ne!(player.line, StreamState::Open, "seed {seed}");
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
    for seed in 0..8 {
        let buffers = if seed % 2 == 0 { Buffers::default() } else { small };
        // There is one wake-up in each.
        let faults = Faults::harmless(0.1).with(Fault::Stall, 0.1).with(Fault::LateWake, 0.5);
        let outcome = play(seed, faults, 30, buffers);
        for received in &outcome.received {
            assert_eq!(replies(received), (1..=20).collect::<Vec<_>>(), "seed {seed}");
        }
        let Ledger { accepted, closed_twice, unasked_reads, unasked_writes, .. } = outcome.ledger;
        assert_eq!((accepted, outcome.ledger.open(), closed_twice), (30, 0, 0), "seed {seed}");
        assert_eq!((unasked_reads, unasked_writes), (0, 0), "seed {seed}");
        sum.add(&outcome.injected);
    }
    for fault in Fault::HARMLESS {
        assert!(sum.of(fault) > 0, "{fault:?} never happened");
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let faults = Faults::harmless(0.05).with(Fault::Stall, 0.05).with(Fault::SlowReader, 0.2);
    let [one, same] = [7, 7].map(|seed| play(seed, faults, 20, Buffers::default()));
    assert_eq!((one.turns, one.end, one.ledger), (same.turns, same.end, same.ledger));
    assert_eq!(one.injected, same.injected);
    assert!(one.received == same.received);
    let other = play(8, faults, 20, Buffers::default());
    assert_ne!((one.turns, one.end), (other.turns, other.end));
}

/// A server, and the events of its game.
fn server(network: &Network, config: &Config) -> (Reactor<Game>, Receiver<Event>) {
    let (events, seen) = channel();
    (Reactor::simulated(config, &ROUTER, Game::new(events), network).unwrap(), seen)
}

fn connect(network: &Network) -> Client {
    let mut client = network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024)).unwrap();
    client.send(UPGRADE);
    client
}

/// Turns a few times, and then takes what has come.
fn after_turns(reactor: &mut Reactor<Game>, client: &mut Client) -> (Vec<u8>, StreamState) {
    for _ in 0..5 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let mut bytes = vec![];
    let line = client.receive(&mut bytes);
    (bytes, line)
}

#[test]
fn all_at_once_leaves_nothing_open() {
    let mut sum = Injected::default();
    for seed in 0..10 {
        let network = Network::new(seed);
        let (mut reactor, _seen) = server(&network, &Config::default());
        network.set_faults(Faults::all(0.05).with(Fault::LateWake, 0.5));
        let mut random = network.random();
        let mut clients = vec![];
        for _ in 0..300 {
            let port = random.between(1, 60_000) as u16;
            if let Ok(mut client) = network.connect(Peer::Ip([10, 0, 0, 2].into(), port)) {
                client.send(&requests(&network, 5));
                clients.push(client);
            }
            reactor.turn(Some(STEP)).unwrap();
            if random.chance(0.1) {
                // Something for the waker to do.
                reactor.handle().survey(|_| {}).unwrap();
            }
            if random.chance(0.3) && !clients.is_empty() {
                clients.swap_remove(random.index(clients.len()));
            }
        }
        drop(clients);
        reactor.handle().drain();
        while reactor.turn(Some(STEP)).unwrap() == Turn::Running {}
        drop(reactor);
        let ledger = network.ledger();
        assert_eq!((ledger.open(), ledger.closed_twice), (0, 0), "seed {seed}");
        assert_eq!((ledger.unasked_reads, ledger.unasked_writes), (0, 0), "seed {seed}");
        assert!(ledger.gone.read <= ledger.gone.sent && ledger.gone.received <= ledger.gone.written);
        sum.add(&network.injected());
    }
    for fault in Fault::ALL {
        assert!(sum.of(fault) > 0, "{fault:?} never happened: {sum}");
    }
}

#[test]
fn who_sends_more_than_a_turn_takes_is_answered_without_another_event() {
    let network = Network::new(1);
    let large = 4 << 20;
    network.set_buffers(Buffers {
        client_send: large,
        server_receive: large,
        server_send: large,
        client_receive: large,
    });
    let (mut reactor, _seen) = server(&network, &Config::default());
    let mut client = connect(&network);
    after_turns(&mut reactor, &mut client);
    let flood: Vec<_> = (1..=3000).flat_map(|flag| packet(1101, flag, &[0; 100])).collect();
    assert_eq!(client.send(&flood), flood.len());
    let mut bytes = b"\r\n\r\n".to_vec();
    let mut most_read = 0;
    for _ in 0..20 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        most_read = network.take_activity().most_read_bytes.max(most_read);
        client.receive(&mut bytes);
    }
    assert_eq!(replies(&bytes), (1..=3000).collect::<Vec<_>>());
    assert!(most_read < flood.len() as u64, "one turn took all");
    assert_eq!(network.ledger().unasked_reads, 0);
}

#[test]
fn a_ticket_is_answered_between_turns_and_a_handle_pushes() {
    let network = Network::new(1);
    let (mut reactor, seen) = server(&network, &Config::default());
    let mut client = connect(&network);
    client.send(&packet(1105, 77, b""));
    assert!(after_turns(&mut reactor, &mut client).0.starts_with(b"HTTP/1.1 101 "));
    let Ok(Event::Deferred(ticket)) = seen.try_recv() else { panic!("no ticket") };
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(!network.has_events(), "nothing is left to happen");
    ticket.reply(b"at last");
    assert!(network.has_events());
    assert!(after_turns(&mut reactor, &mut client).0.ends_with(b"at last"));
}

#[test]
fn without_a_free_descriptor_clients_are_told() {
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    // The listener, the spare one, and one client.
    network.set_descriptor_limit(3);
    let mut first = connect(&network);
    assert!(after_turns(&mut reactor, &mut first).0.starts_with(b"HTTP/1.1 101 "));
    let mut second = connect(&network);
    let (told, line) = after_turns(&mut reactor, &mut second);
    assert!(told.starts_with(b"HTTP/1.1 503 ") && line == StreamState::Ended);
    drop(first);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let mut third = connect(&network);
    assert!(after_turns(&mut reactor, &mut third).0.starts_with(b"HTTP/1.1 101 "));
    assert!(network.ledger().open() <= 3);
}

/// Turns until the server has drained, or that time has come.
fn turn_until(reactor: &mut Reactor<Game>, network: &Network, until: Duration) -> Turn {
    while network.now() < until {
        let step = STEP.min(until - network.now());
        if reactor.turn(Some(step)).unwrap() == Turn::Drained {
            return Turn::Drained;
        }
    }
    Turn::Running
}

#[test]
fn a_drain_waits_for_its_delay_and_then_answers_those_who_wait() {
    const DELAY: Duration = Duration::from_secs(3);
    // Clients that speak after they were answered, which does not harm them. And so few descriptors that most clients
    // are answered in place of the spare one, and not waited for.
    for (descriptors, speaks_late) in [(u64::MAX, true), (20, false)] {
        let network = Network::new(1);
        network.set_descriptor_limit(descriptors);
        let config = Config { drain_delay: DELAY, ..Config::default() };
        let (mut reactor, _seen) = server(&network, &config);
        let mut before = connect(&network);
        let mut head = after_turns(&mut reactor, &mut before).0;
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        let began = network.now();
        reactor.handle().drain();
        assert_eq!(turn_until(&mut reactor, &network, began + DELAY / 2), Turn::Running);
        // Another word changes nothing.
        reactor.handle().drain();
        let mut meanwhile = connect(&network);
        assert!(after_turns(&mut reactor, &mut meanwhile).0.starts_with(b"HTTP/1.1 101 "));
        before.send(&packet(1101, 1, b"served on"));
        assert!(after_turns(&mut reactor, &mut before).0.ends_with(b"served on"));
        network.advance(DELAY - (network.now() - began));
        let mut waiting: Vec<_> = (0..500)
            .map(|port| network.connect(Peer::Ip([10, 0, 0, 1].into(), 2000 + port)).unwrap())
            .collect();
        if !speaks_late {
            waiting.iter_mut().for_each(|client| assert_eq!(client.send(UPGRADE), UPGRADE.len()));
            network.advance(STEP);
        }
        for _ in 0..600 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        for client in &mut waiting {
            if speaks_late {
                client.send(UPGRADE);
            }
            head.clear();
            let line = client.receive(&mut head);
            assert!(head.starts_with(b"HTTP/1.1 503 "), "{descriptors}: {}", String::from_utf8_lossy(&head));
            assert_eq!(line, StreamState::Ended, "{descriptors}");
        }
        assert!(network.connect(Peer::Local).is_err(), "nobody listens");
        for client in [&mut before, &mut meanwhile] {
            let (close, _) = after_turns(&mut reactor, client);
            assert_eq!(close.get(2..4), Some(&1001u16.to_be_bytes()[..]));
        }
        drop((before, meanwhile, waiting));
        assert_eq!(turn_until(&mut reactor, &network, began + 2 * DELAY), Turn::Drained);
    }
}

#[test]
fn a_drain_accepts_for_a_second_and_not_beyond_its_timeout() {
    for (timeout_ms, ends_ms) in [(0, 1000), (60_000, 1000), (400, 400)] {
        let network = Network::new(1);
        let config = Config { drain_timeout: Duration::from_millis(timeout_ms), ..Config::default() };
        let (mut reactor, _seen) = server(&network, &config);
        reactor.turn(Some(STEP)).unwrap();
        network.set_faults(Faults::NONE.with(Fault::NoBuffers, 1.0));
        let mut waiting = connect(&network);
        let began = network.now();
        reactor.handle().drain();
        assert_eq!(turn_until(&mut reactor, &network, began + Duration::from_secs(50)), Turn::Drained);
        let took = network.now() - began;
        let ends = Duration::from_millis(ends_ms);
        assert!(took >= ends && took <= ends + 2 * STEP, "{timeout_ms}: {took:?}");
        assert_eq!(waiting.receive(&mut vec![]), StreamState::Reset);
    }
}

#[test]
fn who_has_written_while_the_server_stood_still_is_not_closed_for_silence() {
    // A poll in which a process was stopped and continued fails with EINTR.
    for interrupted in [0.0, 1.0] {
        let network = Network::new(1);
        let (mut reactor, _seen) = server(&network, &Config::default());
        let mut talks = connect(&network);
        after_turns(&mut reactor, &mut talks);
        network.advance(STEP);
        let mut silent = connect(&network);
        after_turns(&mut reactor, &mut silent);
        network.advance(Duration::from_secs(59));
        talks.send(&packet(1101, 1, b"here"));
        network.advance(Duration::from_secs(30));
        network.set_faults(Faults::NONE.with(Fault::PollInterrupted, interrupted));
        reactor.turn(Some(Duration::ZERO)).unwrap();
        network.set_faults(Faults::NONE);
        assert!(after_turns(&mut reactor, &mut talks).0.ends_with(b"here"));
        assert!(talks.is_held());
        // Who may not have been heard is asked with a Ping first, and closed once it has not answered.
        assert_eq!(after_turns(&mut reactor, &mut silent).0.first(), Some(&0x89));
        for _ in 0..60 {
            reactor.turn(Some(Duration::from_secs(1))).unwrap();
        }
        let (told, line) = after_turns(&mut reactor, &mut silent);
        assert_eq!((told.contains(&0x88), line), (true, StreamState::Ended));
    }
}

#[test]
fn spinning_ends() {
    let network = Network::new(1);
    let config = Config { spin: Duration::from_micros(50), ..Config::default() };
    let (mut reactor, _seen) = server(&network, &config);
    reactor.turn(Some(STEP)).unwrap();
    network.take_activity();
    let began = network.now();
    reactor.turn(Some(STEP)).unwrap();
    let polls = network.take_activity().polls;
    assert!((10..=60).contains(&polls), "{polls}");
    assert!(network.now() - began >= STEP);
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
