//! Draining: the delay before it, clients that wait to be accepted, and its timeout.

use std::time::Duration;

use sysconn::sim::{Client, Fault, Faults, Network, StreamState};
use sysconn::{
    Application, Config, ConnectionId, Context, Effects, Module, Peer, Push, Reactor, Router, Turn,
};

use crate::common::{UPGRADE, packet, with};
use crate::population::frames;
use crate::{STEP, after_turns, connect, server, turn_until};

#[test]
fn a_drain_waits_for_its_delay_and_then_refuses_waiting_clients() {
    const DELAY: Duration = Duration::from_secs(3);
    // First, clients send after they were refused, which does not harm them. Then there are so few
    // descriptors that most clients are refused on the spare one, without waiting for their request.
    for (descriptors, sends_late) in [(u64::MAX, true), (20, false)] {
        let network = Network::new(1);
        network.set_descriptor_limit(descriptors);
        let config = with(Config::default(), |config| config.drain.delay = DELAY);
        let (mut reactor, _seen) = server(&network, &config);
        let mut before = connect(&network);
        let mut head = after_turns(&mut reactor, &mut before).0;
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        let began = network.now();
        reactor.handle().drain();
        assert_eq!(turn_until(&mut reactor, &network, began + DELAY / 2), Turn::Running);
        // A second request to drain changes nothing.
        reactor.handle().drain();
        let mut meanwhile = connect(&network);
        assert!(after_turns(&mut reactor, &mut meanwhile).0.starts_with(b"HTTP/1.1 101 "));
        before.send(&packet(1101, 1, b"served on"));
        assert!(after_turns(&mut reactor, &mut before).0.ends_with(b"served on"));
        network.advance(DELAY - (network.now() - began));
        let mut waiting: Vec<_> = (0..500)
            .map(|port| network.connect(Peer::Ip([10, 0, 0, 1].into(), 2000 + port)).unwrap())
            .collect();
        if !sends_late {
            waiting.iter_mut().for_each(|client| assert_eq!(client.send(UPGRADE), UPGRADE.len()));
            network.advance(STEP);
        }
        for _ in 0..600 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        for client in &mut waiting {
            if sends_late {
                client.send(UPGRADE);
            }
            head.clear();
            let state = client.receive(&mut head);
            assert!(head.starts_with(b"HTTP/1.1 503 "), "{descriptors}: {}", String::from_utf8_lossy(&head));
            assert_eq!(state, StreamState::Ended, "{descriptors}");
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
    for (timeout_ms, ends_ms) in [(None, 1000), (Some(60_000), 1000), (Some(400), 400)] {
        let network = Network::new(1);
        let config =
            with(Config::default(), |config| config.drain.timeout = timeout_ms.map(Duration::from_millis));
        let (mut reactor, _seen) = server(&network, &config);
        reactor.turn(Some(STEP)).unwrap();
        network.set_faults(Faults::NONE.with(Fault::NoBuffers, 1.0));
        let mut waiting = connect(&network);
        let began = network.now();
        reactor.handle().drain();
        assert_eq!(turn_until(&mut reactor, &network, began + Duration::from_secs(50)), Turn::Drained);
        let took = network.now() - began;
        let ends = Duration::from_millis(ends_ms);
        assert!(took >= ends && took <= ends + 2 * STEP, "{timeout_ms:?}: {took:?}");
        assert_eq!(waiting.receive(&mut vec![]), StreamState::Reset);
    }
}

/// Tells its members that the server drains.
#[derive(Default)]
struct Host {
    members: Vec<ConnectionId>,
    told: u32,
    panics: bool,
}

impl Application for Host {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.members.push(context.id());
    }

    fn draining(&mut self, effects: &mut Effects) {
        self.told += 1;
        effects.broadcast(self.members.iter().copied(), &Push::new(1401, b"saved"));
        assert!(!self.panics, "as the test asked");
    }
}

static NOTHING: Module<Host> = Module::new(14, "nothing", []);
static HOST: Router<Host> = Router::new([&NOTHING]);

#[test]
fn the_application_is_told_once_before_clients_are_closed() {
    let seconds = Duration::from_secs;
    for (delay, panics) in [(seconds(0), false), (seconds(3), false), (seconds(0), true)] {
        let network = Network::new(1);
        let config = with(Config::default(), |config| config.drain.delay = delay);
        let state = Host { panics, ..Host::default() };
        let mut reactor = Reactor::simulated(&config, &HOST, state, &network).unwrap();
        // So many that one turn does not reach all of them.
        let mut clients: Vec<_> = (0..1500).map(|_| connect(&network)).collect();
        while reactor.state().members.len() < clients.len() {
            reactor.turn(Some(STEP)).unwrap();
        }
        let mut received = vec![vec![]; clients.len()];
        let mut hear = |clients: &mut Vec<Client>, expected: &[u8]| {
            for (client, bytes) in clients.iter_mut().zip(&mut received) {
                client.receive(bytes);
                let firsts: Vec<_> = frames(bytes).iter().map(|(first, _)| *first).collect();
                assert_eq!(firsts, expected, "after a delay of {delay:?}");
            }
        };
        hear(&mut clients, &[]);
        reactor.handle().drain();
        reactor.handle().drain();
        if delay > seconds(0) {
            let before = network.now() + delay - STEP;
            assert_eq!(turn_until(&mut reactor, &network, before), Turn::Running);
            hear(&mut clients, &[0x82]);
        }
        let until = network.now() + seconds(1);
        turn_until(&mut reactor, &network, until);
        hear(&mut clients, &[0x82, 0x88]);
        assert_eq!(reactor.state().told, 1);
    }
}
