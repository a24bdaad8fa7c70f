//! Single turns: budgets, tickets, descriptors, stops of the process, spinning, listeners.

use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::sim::{Buffers, Fault, Faults, Network, StreamState};
use sysconn::{Config, Peer, Reactor};

use crate::common::{Event, Game, ROUTER, packet, with};
use crate::population::replies;
use crate::{STEP, after_turns, connect, server};

#[test]
fn input_beyond_a_turns_budget_is_answered_without_another_event() {
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
    assert!(!network.has_events(), "nothing more can happen");
    ticket.reply(b"at last");
    assert!(network.has_events());
    assert!(after_turns(&mut reactor, &mut client).0.ends_with(b"at last"));
}

#[test]
fn without_a_free_descriptor_clients_are_refused() {
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    // The listener, the spare one, and one client.
    network.set_descriptor_limit(3);
    let mut first = connect(&network);
    assert!(after_turns(&mut reactor, &mut first).0.starts_with(b"HTTP/1.1 101 "));
    let mut second = connect(&network);
    let (received, state) = after_turns(&mut reactor, &mut second);
    assert!(received.starts_with(b"HTTP/1.1 503 ") && state == StreamState::Ended);
    drop(first);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let mut third = connect(&network);
    assert!(after_turns(&mut reactor, &mut third).0.starts_with(b"HTTP/1.1 101 "));
    assert!(network.ledger().open() <= 3);
}

#[test]
fn a_client_that_wrote_while_the_server_was_stopped_is_not_closed_as_idle() {
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
        // A client whose input may have been missed gets a Ping first, and is closed if it does not answer.
        assert_eq!(after_turns(&mut reactor, &mut silent).0.first(), Some(&0x89));
        for _ in 0..60 {
            reactor.turn(Some(Duration::from_secs(1))).unwrap();
        }
        let (received, state) = after_turns(&mut reactor, &mut silent);
        assert_eq!((received.contains(&0x88), state), (true, StreamState::Ended));
    }
}

#[test]
fn spinning_ends_with_the_timeout() {
    let network = Network::new(1);
    let config = with(Config::default(), |config| config.reactor.spin = Some(Duration::from_micros(50)));
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
    let config = with(Config::default(), |config| config.listen = listen);
    let reactor = Reactor::simulated(&config, &ROUTER, Game::new(events), &network).unwrap();
    let port = reactor.local_addr().unwrap().port();
    assert_ne!(port, 0);
    assert!(network.connect(Peer::Local).is_ok());
    assert!(network.connect(Peer::Ip([10, 0, 0, 1].into(), 9)).is_ok());
    drop(reactor);
    assert!(network.connect(Peer::Local).is_err());
}
