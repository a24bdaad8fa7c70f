//! Recordings that begin beside open tickets: unordered ones, with deadlines, and logins.

use std::time::Duration;

use sysconn::packet::ErrorId;
use sysconn::sim::{Client, Network, StreamState};
use sysconn::{
    Access, Application, Context, Effects, Identity, Login, LoginTicket, Module, Outcome, Peer, Reactor,
    Request, Route, Router, Ticket,
};

use crate::common::{UPGRADE, join, packet, with};
use crate::recorded::{Directory, check, shown};

const LATER: u16 = 2101;
/// Is refused after 3 s.
const SOON: u16 = 2102;
const LOGIN: u16 = 2103;
const ORDERED: u16 = 2104;
const ECHO: u16 = 2105;
const ROLE: u16 = 2106;
/// Logs its own connection in by an effect.
const IN: u16 = 2107;

/// The open tickets, in the order of their requests.
#[derive(Default)]
struct Game {
    tickets: Vec<Ticket>,
    logins: Vec<LoginTicket>,
}

impl Application for Game {
    type Session = ();
}

fn defer(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.tickets.push(context.defer(request));
    Outcome::Done
}

fn log_in(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.logins.push(context.defer_login(request).unwrap());
    Outcome::Done
}

static MODULE: Module<Game> = Module::new(
    21,
    "tickets",
    [
        Route::new(LATER, "later", Access::Anyone, defer).unordered(),
        Route::new(SOON, "soon", Access::Anyone, defer).unordered().deadline(Duration::from_secs(3)),
        Route::new(LOGIN, "login", Access::Anyone, log_in).unordered(),
        Route::new(ORDERED, "ordered", Access::Anyone, defer),
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(IN, "in", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().login(id, login_of(7)).unwrap();
            context.reply(b"")
        }),
        Route::new(ROLE, "role", Access::Role, |_, request, context| context.reply(request.data())),
    ],
);
static ROUTES: Router<Game> = Router::new([&MODULE]);

fn login_of(role_id: u64) -> Login {
    Login { identity: Identity { role_id, ..Identity::default() }, ..Login::default() }
}

/// One client, which has made requests before its recording begins.
struct Scene {
    network: Network,
    reactor: Reactor<Game>,
    client: Client,
}

impl Scene {
    /// Lets that many seconds pass.
    fn pass(&mut self, seconds: u64) {
        let end = self.network.now() + Duration::from_secs(seconds);
        while self.network.now() < end {
            self.reactor.turn(Some(Duration::from_millis(100))).unwrap();
        }
    }

    fn send(&mut self, cmd: u16) {
        self.client.send(&packet(cmd, 9, b"data"));
        self.pass(1);
    }

    fn act(&mut self, act: impl FnOnce(&mut Game, &mut Effects)) {
        self.reactor.act(act);
        self.pass(1);
    }
}

/// Records a client from that many seconds after it has made these requests, until the server closes it or it
/// leaves.
fn record(before: &[u16], seconds: u64, after: impl FnOnce(&mut Scene)) -> Vec<u8> {
    let directory = Directory::new();
    let config = with(directory.config(), |config| {
        config.recording.as_mut().unwrap().debugged = true;
        config.timers.account_check = Some(Duration::from_secs(10));
    });
    let network = Network::new(1);
    let reactor = Reactor::simulated(&config, &ROUTES, Game::default(), &network).unwrap();
    let client = network.connect(Peer::Ip([10, 0, 0, 1].into(), 1)).unwrap();
    let mut scene = Scene { network, reactor, client };
    let requests: Vec<_> = before.iter().map(|cmd| packet(*cmd, 1, b"before")).collect();
    scene.client.send(&join(&[UPGRADE, &requests.concat()]));
    scene.pass(seconds);
    let id = scene.client.connection().unwrap();
    scene.act(|_, effects| effects.set_debug(id, true));
    after(&mut scene);
    let mut received = vec![];
    if scene.client.receive(&mut received) == StreamState::Open {
        scene.client.finish();
    }
    scene.pass(10);
    assert_eq!(scene.reactor.connections(), 0);
    drop(scene);
    directory.file()
}

/// The requests before the recording, the seconds from then to its beginning, what happens afterwards, and
/// what the recording then has.
type Case = (&'static str, &'static [u16], u64, fn(&mut Scene), &'static [&'static str]);

const TICKETS: [Case; 3] = [
    (
        "answered out of order",
        &[LATER, LATER, ECHO],
        1,
        |scene| {
            scene.send(ECHO);
            scene.act(|game, _| game.tickets.remove(1).reply(*b"the second"));
            scene.send(ECHO);
            scene.act(|game, _| game.tickets.remove(0).refuse(ErrorId(100)));
        },
        &[],
    ),
    (
        "with a deadline that passes, and one that does not",
        &[SOON, SOON],
        1,
        |scene| {
            scene.act(|game, _| game.tickets.remove(1).reply(*b"in time"));
            scene.send(ECHO);
            scene.pass(2);
            scene.send(LATER);
            scene.act(|game, _| game.tickets.drain(..).for_each(|ticket| ticket.reply(*b"late")));
        },
        &["the deadline of an answer"],
    ),
    (
        "an ordered one behind it",
        &[LATER, ORDERED, ECHO],
        1,
        |scene| {
            scene.act(|game, _| game.tickets.remove(0).reply(*b"the first"));
            scene.act(|game, _| game.tickets.remove(0).reply(*b"the second"));
            scene.send(ECHO);
        },
        &[],
    ),
];

const LOGINS: [Case; 6] = [
    (
        "a login that is accepted",
        &[LOGIN, LATER],
        1,
        |scene| {
            scene.send(ROLE);
            scene.pass(10);
            scene.act(|game, _| game.logins.remove(0).login(login_of(7), *b"in").unwrap());
            scene.send(ROLE);
            scene.act(|game, effects| {
                effects.reply(game.tickets.remove(0), *b"by an effect");
            });
        },
        &["role 7 is logged in"],
    ),
    (
        "a login by an effect, which counts for the next packet of the same read",
        &[LATER],
        1,
        |scene| {
            let requests = [IN, ROLE, ECHO].map(|cmd| packet(cmd, 9, b"data"));
            scene.client.send(&requests.concat());
            scene.act(|game, _| game.tickets.remove(0).reply(*b"later"));
        },
        &["the application logs role 7 in"],
    ),
    (
        "a login that fails before the account check",
        &[LOGIN],
        1,
        |scene| {
            scene.act(|game, _| game.logins.remove(0).refuse(ErrorId::LOGIN_REFUSED));
            scene.pass(10);
        },
        &["never logged in"],
    ),
    (
        "a login that fails behind the account check",
        &[LATER, LOGIN],
        1,
        |scene| {
            scene.pass(10);
            scene.send(ECHO);
            scene.act(|game, _| game.logins.remove(0).refuse(ErrorId::LOGIN_REFUSED));
            scene.send(ECHO);
        },
        &["never logged in"],
    ),
    (
        "a login for which the account check waits already, accepted",
        &[LOGIN],
        12,
        |scene| {
            scene.act(|game, _| game.logins.remove(0).login(login_of(7), *b"in").unwrap());
            scene.send(ROLE);
            scene.pass(10);
        },
        &["role 7 is logged in"],
    ),
    (
        "a login for which the account check waits already, refused",
        &[LOGIN],
        12,
        |scene| scene.act(|game, _| drop(game.logins.remove(0))),
        &["never logged in"],
    ),
];

#[test]
fn a_recording_that_begins_beside_open_tickets_is_replayed() {
    for (case, before, seconds, after, expected) in TICKETS.into_iter().chain(LOGINS) {
        let file = record(before, seconds, after);
        check(&file, case);
        let text = shown(&file);
        assert!(expected.iter().all(|part| text.contains(part)), "{case}\n{text}");
    }
}
