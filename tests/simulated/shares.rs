//! Fan-outs of several clients advance evenly, however few receivers a turn has time for.

use std::time::Duration;

use sysconn::sim::{Buffers, Client, Network};
use sysconn::{Application, Config, ConnectionId, Context, Outcome, Push, Reactor, Request, Service};

use crate::common::{packet, with};
use crate::connect;

const JOIN: u16 = 1401;
/// Data: 0 or 1 → nothing; that half of the receivers gets a push.
const PUSH: u16 = 1402;
const PUSHED: u16 = 1499;

const RECEIVERS: usize = 100;
/// So large that a turn which has no time left reaches an odd number of receivers.
const PUSH_BYTES: usize = 350 * 1024;

#[derive(Default)]
struct Halves {
    receivers: Vec<ConnectionId>,
}

impl Application for Halves {
    type Session = ();
}

fn run(halves: &mut Halves, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some(&half) = request.data().first() else {
        halves.receivers.push(context.id());
        return Outcome::Done;
    };
    let receivers = halves.receivers.iter().skip(half.into()).step_by(2).copied();
    context.effects().broadcast(receivers, &Push::new(PUSHED, &vec![half; PUSH_BYTES]));
    Outcome::Done
}

/// The last byte that has come.
fn last_byte(client: &mut Client) -> Option<u8> {
    let mut bytes = vec![];
    client.receive(&mut bytes);
    bytes.last().copied()
}

#[test]
fn fan_outs_of_two_clients_advance_evenly_in_turns_without_time() {
    let network = Network::new(1);
    let bytes = 2 * PUSH_BYTES;
    network.set_buffers(Buffers { server_send: bytes, client_receive: bytes, ..Buffers::default() });
    let config =
        with(Config::default(), |config| config.reactor.turn_time = Some(Duration::from_micros(100)));
    let mut reactor = Reactor::simulated(&config, Service::Any(run), Halves::default(), &network).unwrap();
    let mut clients: Vec<_> = (0..RECEIVERS).map(|_| connect(&network)).collect();
    clients.iter_mut().for_each(|client| _ = client.send(&packet(JOIN, 1, b"")));
    while reactor.state().receivers.len() < RECEIVERS {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    clients.iter_mut().for_each(|client| assert!(last_byte(client).is_some(), "the 101"));
    let mut requesters = [0, 1].map(|half| {
        let mut client = connect(&network);
        client.send(&packet(PUSH, 2, &[half]));
        client
    });
    let (mut reached, mut turns) = ([0, 0], 0);
    while reached != [RECEIVERS / 2; 2] {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        turns += 1;
        clients.iter_mut().filter_map(last_byte).for_each(|half| reached[usize::from(half)] += 1);
        assert!(reached[0].abs_diff(reached[1]) <= 1, "{reached:?} after {turns} turns");
    }
    assert!(turns > 10, "each had time for many");
    assert!(requesters.iter_mut().all(|client| last_byte(client).is_some()));
}
