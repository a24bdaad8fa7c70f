//! The next client does not pay for what the application does at once, in whichever hook.

use std::time::Duration;

use sysconn::sim::{Client, Network};
use sysconn::{
    Application, Cause, Config, ConnectionId, Context, Effects, Identity, Login, Outcome, Reactor, Record,
    Request, Service, Tick, Topic,
};

use crate::common::{packet, with};
use crate::connect;
use crate::population::data_of;

const LOGIN: u16 = 1402;

/// Does much in each hook, and adds no effect.
struct Busy;

fn work(effects: &mut Effects) {
    // More than a client may do in a turn.
    let id = ConnectionId::from_u64(1);
    (0..1000).for_each(|number| effects.unsubscribe(id, &Topic::from(number)));
}

impl Application for Busy {
    type Session = ();

    fn replaced(&mut self, _: &Record, (): &mut (), effects: &mut Effects) {
        work(effects);
    }

    fn closed(&mut self, _: &Record, (): (), _: Cause, effects: &mut Effects) {
        work(effects);
    }

    fn tick(&mut self, _: Tick, effects: &mut Effects) {
        work(effects);
    }
}

fn run(_: &mut Busy, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    if request.cmd() == LOGIN {
        let identity = Identity { role_id: 5, ..Identity::default() };
        context.login(Login { identity, ..Login::default() }).unwrap();
    }
    context.reply(request.data())
}

/// Turns once. Returns how many replies the client has received then.
fn replies_of_a_turn(reactor: &mut Reactor<Busy>, client: &mut Client) -> usize {
    let requests: Vec<u8> = (0..100).flat_map(|flag| packet(1401, flag, b"asked")).collect();
    client.send(&requests);
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let mut received = vec![];
    client.receive(&mut received);
    data_of(&received).len()
}

#[test]
fn the_next_client_does_not_pay_for_hooks() {
    type Prepare = fn(&mut Reactor<Busy>, &Network, &mut Vec<Client>);
    let cases: [(&str, Prepare); 5] = [
        ("nothing", |_, _, _| {}),
        ("act", |reactor, _, _| reactor.act(|_, effects| work(effects))),
        ("a call", |reactor, _, _| reactor.handle().call(0, |_: &mut Busy, effects| work(effects)).unwrap()),
        ("a tick", |_, network, _| network.advance(Duration::from_secs(1))),
        ("an end", |_, _, others| drop(others.pop())),
    ];
    for (case, prepare) in cases {
        let network = Network::new(1);
        let config = with(Config::default(), |config| config.tick = Some(Duration::from_secs(1)));
        let mut reactor = Reactor::simulated(&config, Service::Any(run), Busy, &network).unwrap();
        let mut clients: Vec<_> = (0..2).map(|_| connect(&network)).collect();
        let mut client = clients.remove(0);
        while reactor.connections() < 2 || client.receive(&mut vec![]) != sysconn::sim::StreamState::Open {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        for _ in 0..3 {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        }
        client.receive(&mut vec![]);
        prepare(&mut reactor, &network, &mut clients);
        // One turn does the work, if it does not come before the client in this one.
        for turn in 0..2 {
            assert_eq!(replies_of_a_turn(&mut reactor, &mut client), 100, "{case}, turn {turn}");
        }
    }
}

#[test]
fn a_client_does_not_pay_for_being_told_that_it_was_replaced() {
    let network = Network::new(1);
    let mut reactor = Reactor::simulated(&Config::default(), Service::Any(run), Busy, &network).unwrap();
    let [mut older, mut newer, mut client] = [(); 3].map(|()| connect(&network));
    older.send(&packet(LOGIN, 1, b""));
    for _ in 0..5 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    client.receive(&mut vec![]);
    newer.send(&packet(LOGIN, 1, b""));
    for turn in 0..2 {
        assert_eq!(replies_of_a_turn(&mut reactor, &mut client), 100, "turn {turn}");
    }
}
