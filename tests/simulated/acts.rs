//! The application between two turns of its own loop: `Reactor::act`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sysconn::sim::Network;
use sysconn::{Config, ConnectionId, Effects, Push};

use crate::common::packet;
use crate::population::data_of;
use crate::{STEP, after_turns, connect, server};

fn push(data: &[u8]) -> Push {
    Push::new(1499, data)
}

#[test]
fn effects_between_turns_are_due_at_once_and_come_before_what_follows() {
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    let mut client = connect(&network);
    after_turns(&mut reactor, &mut client);
    let id: ConnectionId = reactor.connection_ids().next().unwrap();

    // Nothing is to do: a turn would wait.
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let idle_until = reactor.next_deadline().unwrap();
    let returned = reactor.act(|game, _| game.open());
    assert_eq!((returned, reactor.next_deadline()), (1, Some(idle_until)), "without effects nothing is due");

    client.send(&packet(1101, 7, b"asked later"));
    reactor.act(|_, effects| effects.send(id, &push(b"one")));
    reactor.act(|_, effects| effects.broadcast([id], &push(b"two")));
    assert!(reactor.next_deadline().unwrap() < idle_until, "the effects are due");
    network.take_activity();
    let before = network.now();
    reactor.turn(None).unwrap();
    assert_eq!(network.take_activity().timeout, Some(Duration::ZERO), "the poll does not wait");
    assert!(network.now() - before < Duration::from_millis(1));

    let mut received = vec![];
    client.receive(&mut received);
    assert_eq!(data_of(&received), [&b"one"[..], b"two", b"asked later"]);
    assert_eq!(network.ledger().unasked_writes, 0);
}

#[test]
fn whoever_asks_is_served_in_the_turn_that_sends_much_for_the_application() {
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    let mut listener = connect(&network);
    after_turns(&mut reactor, &mut listener);
    let id: ConnectionId = reactor.connection_ids().next().unwrap();
    let mut clients: Vec<_> = (0..20).map(|_| connect(&network)).collect();
    clients.iter_mut().for_each(|client| drop(after_turns(&mut reactor, client)));
    for client in &mut clients {
        client.send(&packet(1101, 7, b"asked"));
    }
    // More than one turn writes.
    let numbers: Vec<[u8; 2]> = (0..3000_u16).map(u16::to_be_bytes).collect();
    reactor.act(|_, effects| numbers.iter().for_each(|number| effects.send(id, &push(number))));
    reactor.turn(Some(Duration::ZERO)).unwrap();
    for client in &mut clients {
        let mut received = vec![];
        client.receive(&mut received);
        assert_eq!(data_of(&received), [b"asked"]);
    }
    let mut received = vec![];
    while data_of(&received).len() < numbers.len() {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        listener.receive(&mut received);
    }
    assert!(data_of(&received) == numbers, "all follow, in order");
}

#[test]
fn a_panic_between_turns_reaches_the_caller_and_harms_nothing() {
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    let mut client = connect(&network);
    after_turns(&mut reactor, &mut client);
    let id = reactor.connection_ids().next().unwrap();
    let act = |effects: &mut Effects| {
        effects.send(id, &push(b"before"));
        panic!("as the test asked")
    };
    let result = catch_unwind(AssertUnwindSafe(|| reactor.act(|_, effects| act(effects))));
    assert!(result.is_err());
    client.send(&packet(1101, 7, b"and on"));
    let received = after_turns(&mut reactor, &mut client).0;
    assert_eq!(data_of(&received), [&b"before"[..], b"and on"]);
}

#[test]
fn a_poll_that_brings_all_events_that_it_can_leaves_the_next_turn_due_at_once() {
    // A loop that waits for edges, as tokio's does, gets none for the events that are left.
    let network = Network::new(1);
    let (mut reactor, _seen) = server(&network, &Config::default());
    let mut clients: Vec<_> = (0..1500).map(|_| connect(&network)).collect();
    while reactor.state().open() < clients.len() {
        reactor.turn(Some(STEP)).unwrap();
    }
    while network.has_events() {
        reactor.turn(Some(STEP)).unwrap();
    }
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let idle_until = reactor.next_deadline().unwrap();
    // Too little to leave work behind, but too many for one poll.
    clients.iter_mut().for_each(|client| assert_eq!(client.send(&packet(1102, 1, b"")[..1]), 1));
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(network.has_events() && reactor.next_deadline().unwrap() < idle_until, "more is to come");
    for _ in 0..5 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    assert!(!network.has_events() && reactor.next_deadline().unwrap() >= idle_until);
}
