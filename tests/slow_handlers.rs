//! Handlers, ticks and hooks that take longer than `Config::slow_handler` are named in the log, on a virtual
//! clock.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{LINES, UPGRADE, frame, message, packet, with};
use sysconn::frame::Opcode;
use sysconn::packet::{Cipher, Undecodable};
use sysconn::sim::{Client, Network};
use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Identity, Link, Login, Module,
    Outcome, Peer, Reactor, Record, Request, Route, Router, Tick,
};

const LIMIT: Duration = Duration::from_millis(2);

/// All that it does takes the same time.
struct Slow {
    network: Network,
    takes: Duration,
    links: Vec<Link>,
}

impl Slow {
    fn work(&self) {
        self.network.advance(self.takes);
    }
}

/// For functions that are not given the state.
#[derive(Default)]
struct Guest(Option<(Network, Duration)>);

impl Guest {
    fn work(&self) {
        let (network, takes) = self.0.as_ref().unwrap();
        network.advance(*takes);
    }
}

/// Data as it is, slowly.
impl Cipher for Guest {
    fn decrypt(&mut self, _: ConnectionId, data: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        self.work();
        plain.extend_from_slice(data);
        Ok(())
    }

    fn encrypt(&mut self, _: ConnectionId, plain: &[u8], data: &mut Vec<u8>) {
        data.extend_from_slice(plain);
    }
}

impl Application for Slow {
    type Session = Guest;

    fn cipher(&mut self) -> Option<Box<dyn Cipher>> {
        Some(Box::new(Guest(Some((self.network.clone(), self.takes)))))
    }

    fn upgrade(&mut self, _: &upgrade::Request<'_>, _: Peer) -> Result<Guest, Refusal> {
        self.work();
        Ok(Guest(Some((self.network.clone(), self.takes))))
    }

    fn opened(&mut self, _: &mut Context<'_, Guest>) {
        self.work();
    }

    fn closed(&mut self, _: &Record, _: Guest, _: Cause, _: &mut Effects) {
        self.work();
    }

    fn replaced(&mut self, _: &Record, _: &mut Guest, _: &mut Effects) {
        self.work();
    }

    fn offence(&mut self, _: &Record, _: &mut Guest, _: Undecodable) {
        self.work();
    }

    fn tick(&mut self, _: Tick, _: &mut Effects) {
        self.work();
    }

    fn draining(&mut self, _: &mut Effects) {
        self.work();
    }
}

fn work(slow: &mut Slow, request: Request<'_>, context: &mut Context<'_, Guest>) -> Outcome {
    slow.work();
    context.reply(request.data())
}

fn login(_: &mut Slow, _: Request<'_>, context: &mut Context<'_, Guest>) -> Outcome {
    let identity = Identity { role_id: 7, ..Identity::default() };
    context.login(Login { identity, ..Login::default() }).unwrap();
    context.reply(b"")
}

fn may(_: &Record, guest: &Guest) -> bool {
    guest.work();
    true
}

static MODULE: Module<Slow> = Module::new(
    15,
    "slow",
    [
        Route::new(1501, "work", Access::Anyone, work),
        Route::new(1502, "login", Access::Anyone, login),
        Route::new(1503, "undecodable", Access::Anyone, |_, _, _| Outcome::Undecodable),
        Route::new(1504, "asks", Access::If(may), |_, _, _| Outcome::Done),
        Route::new(1505, "links", Access::Anyone, |slow, _, context| {
            let (network, takes) = (slow.network.clone(), slow.takes);
            slow.links.push(context.link(move |_| network.advance(takes)));
            Outcome::Done
        }),
    ],
);
static ROUTES: Router<Slow> = Router::new([&MODULE]);

fn connect(network: &Network) -> Client {
    let mut client = network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024)).unwrap();
    client.send(UPGRADE);
    client
}

/// Has a server do all that an application can be called for, each of which takes that time.
fn call_all(limit: Option<Duration>, takes: Duration) {
    let network = Network::new(1);
    let config = with(Config::default(), |config| {
        (config.slow_handler, config.tick) = (limit, Some(Duration::from_secs(1)));
    });
    let state = Slow { network: network.clone(), takes, links: vec![] };
    let mut reactor = Reactor::simulated(&config, &ROUTES, state, &network).unwrap();
    let turn = |reactor: &mut Reactor<Slow>| {
        for _ in 0..5 {
            reactor.turn(Some(LIMIT)).unwrap();
        }
    };
    let (mut first, mut second) = (connect(&network), connect(&network));
    turn(&mut reactor);
    first.send(&packet(1501, 1, b"slow"));
    first.send(&packet(1502, 2, b""));
    turn(&mut reactor);
    first.send(&packet(1504, 3, b""));
    first.send(&packet(1505, 4, b""));
    turn(&mut reactor);
    first.send(&frame(Opcode::Binary, &message(1504, 5, 2, b"encrypted")));
    turn(&mut reactor);
    second.send(&packet(1502, 1, b""));
    turn(&mut reactor);
    second.send(&packet(1503, 2, b""));
    turn(&mut reactor);
    drop((first, second));
    network.advance(Duration::from_secs(2));
    turn(&mut reactor);
    let handle = reactor.handle();
    handle.call(0, |slow: &mut Slow, _: &mut Effects| slow.work()).unwrap();
    handle.survey(move |_| network.advance(takes)).unwrap();
    handle.drain();
    turn(&mut reactor);
}

#[test]
fn what_takes_too_long_is_named_with_its_command_and_time() {
    LINES.keep();
    call_all(None, Duration::from_secs(1));
    call_all(Some(LIMIT), LIMIT);
    assert_eq!(LINES.with("slow handler"), 0, "off, and at the limit");
    call_all(Some(LIMIT), LIMIT + Duration::from_micros(1));
    for (what, count) in [
        ("handler", 1),
        ("access predicate", 2),
        ("cipher", 1),
        ("survey", 1),
        ("object's end hook", 1),
        ("upgrade hook", 2),
        ("opened hook", 2),
        ("offence hook", 1),
        ("replaced hook", 1),
        ("end hook", 2),
        ("draining hook", 1),
        ("call on a worker's state", 1),
    ] {
        assert_eq!(LINES.with(&format!("slow handler what=\"{what}\" ")), count, "{what}");
    }
    assert!(LINES.with("slow handler what=\"tick\" number=2 took_us=2001") > 0);
    assert_eq!(LINES.with("role_id=0 cmd=1501 route=\"work\" took_us=2001"), 1);
    assert_eq!(LINES.with("role_id=7 cmd=1504 route=\"asks\" took_us=2001"), 3);

    // A client cannot flood the log with what it has the server do.
    LINES.clear();
    let network = Network::new(1);
    let config = with(Config::default(), |config| config.slow_handler = Some(LIMIT));
    let state = Slow { network: network.clone(), takes: 2 * LIMIT, links: vec![] };
    let mut reactor = Reactor::simulated(&config, &ROUTES, state, &network).unwrap();
    let mut client = connect(&network);
    client.send(&(0..100).flat_map(|flag| packet(1501, flag, b"")).collect::<Vec<_>>());
    while network.now() < Duration::from_secs(2) {
        reactor.turn(Some(LIMIT)).unwrap();
    }
    assert_eq!(LINES.with("slow handler what="), 20, "and not 102");
    assert_eq!(LINES.with("lines left out about=\"slow handlers\" lines=82"), 1);
}
