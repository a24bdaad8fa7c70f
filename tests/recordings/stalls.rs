//! A stalled server does not count the stall as silence of its clients, in a replay either.

use std::time::Duration;

use sysconn::config::Listen;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::sim::{Client, Network, StreamState};
use sysconn::{Application, Context, Message, Outcome, Peer, Reactor, Service};

use crate::common::{UPGRADE, with};
use crate::recorded::{Directory, check, shown};

/// An application that can let time pass while it handles a message.
struct Slow(Network);

impl Application for Slow {
    type Session = ();
}

const STANDS_STILL_FOR: Duration = Duration::from_secs(70);

fn stand_still(slow: &mut Slow, _: Message<'_>, _: &mut Context<'_>) -> Outcome {
    slow.0.advance(STANDS_STILL_FOR);
    Outcome::Done
}

/// A server whose clients are closed for silence only.
fn server(directory: &Directory) -> (Network, Reactor<Slow>) {
    let network = Network::new(1);
    let config = with(directory.config(), |config| {
        config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 9001).into())];
        config.timers.ping_interval = None;
        config.timers.client_check = None;
        config.timers.account_check = None;
    });
    let slow = Slow(network.clone());
    let reactor = Reactor::simulated(&config, Service::Messages(stand_still), slow, &network).unwrap();
    (network, reactor)
}

/// The clients of a server, upgraded.
fn connect<const N: usize>(ports: [u16; N], network: &Network, reactor: &mut Reactor<Slow>) -> [Client; N] {
    let mut clients = ports.map(|port| network.connect(Peer::Ip([10, 0, 0, 1].into(), port)).unwrap());
    for client in &mut clients {
        client.send(UPGRADE);
    }
    for _ in 0..10 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    clients
}

/// Has a server stand still.
fn stall(client: &mut Client, network: &Network, reactor: &mut Reactor<Slow>) {
    let (began, mut message) = (network.now(), vec![]);
    push_masked_frame(&mut message, true, Opcode::Binary, [1, 2, 3, 4], b"stand still");
    client.send(&message);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    assert!(network.now() >= began + STANDS_STILL_FOR);
}

#[test]
fn stalls_do_not_count_as_silence_in_a_replay() {
    let directory = Directory::new();
    let (network, mut reactor) = server(&directory);
    let mut clients = connect([1, 2], &network, &mut reactor);
    stall(&mut clients[0], &network, &mut reactor);
    // Both have been silent for longer than the read timer by now, while the server could not read.
    for _ in 0..10 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    assert_eq!(reactor.connections(), 2);
    let mut received = vec![];
    while clients.iter_mut().any(|client| client.receive(&mut received) == StreamState::Open) {
        reactor.turn(Some(Duration::from_secs(1))).unwrap();
        assert!(network.now() < STANDS_STILL_FOR * 3, "they are closed for silence in the end");
    }
    drop((clients, reactor));
    for file in directory.files() {
        assert!(shown(&file).contains("stood still"), "{}", shown(&file));
        check(&file, "stood still");
    }
}

#[test]
fn stalls_before_a_connection_are_not_in_its_recording() {
    let directory = Directory::new();
    let (network, mut reactor) = server(&directory);
    let [mut first] = connect([1], &network, &mut reactor);
    stall(&mut first, &network, &mut reactor);
    let [mut second] = connect([2], &network, &mut reactor);
    stall(&mut second, &network, &mut reactor);
    let [third] = connect([3], &network, &mut reactor);
    let mut received = vec![];
    for mut client in [first, second, third] {
        while client.receive(&mut received) == StreamState::Open {
            reactor.turn(Some(Duration::from_secs(1))).unwrap();
        }
    }
    drop(reactor);
    let of_line = |line: &str| if line.contains("stood still") { line.matches(", for ").count() } else { 0 };
    let most = |file: &Vec<u8>| shown(file).lines().map(of_line).max();
    assert_eq!(directory.files().iter().map(most).collect::<Vec<_>>(), [Some(2), Some(1), Some(0)]);
    for file in directory.files() {
        check(&file, "stood still");
    }
}
