//! What the application is told of a connection that a newer login replaces, in each order of the two ends,
//! and logins by effects.

#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::{UPGRADE, frame, packet};
use sysconn::frame::{CloseCode, Opcode};
use sysconn::sim::{Client, Network};
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Identity, Login, LoginError,
    LoginTicket, Module, Outcome, Peer, Reactor, Record, Request, Route, Router,
};

const LOGIN: u16 = 1201;
/// Its Data never decodes.
const UNDECODABLE: u16 = 1202;
/// A login that is decided later.
const LATER: u16 = 1203;

/// Notes what it is told.
#[derive(Default)]
struct Game {
    told: Vec<(ConnectionId, Told)>,
    tickets: Vec<LoginTicket>,
    /// The roles with which the next login logs other connections in, before its own.
    effects: Vec<(ConnectionId, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Replaced,
    Closed(Cause, u64),
}

impl Application for Game {
    type Session = ();

    fn replaced(&mut self, record: &Record, (): &mut (), _: &mut Effects) {
        self.told.push((record.id(), Told::Replaced));
    }

    fn closed(&mut self, record: &Record, (): (), cause: Cause, _: &mut Effects) {
        self.told.push((record.id(), Told::Closed(cause, record.role_id())));
    }
}

fn login_of(role_id: u64) -> Login {
    Login { identity: Identity { role_id, ..Identity::default() }, ..Login::default() }
}

fn login(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    for (id, role_id) in game.effects.drain(..) {
        context.effects().login(id, login_of(role_id)).unwrap();
    }
    context.login(login_of(7)).unwrap();
    context.reply(b"in")
}

fn later(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.tickets.push(context.defer_login(request).unwrap());
    Outcome::Done
}

static MODULE: Module<Game> = Module::new(
    12,
    "game",
    [
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(UNDECODABLE, "undecodable", Access::Anyone, |_, _, _| Outcome::Undecodable),
        Route::new(LATER, "later", Access::Anyone, later),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

/// A server on a simulated network, and the number of its next client.
struct Town {
    network: Network,
    reactor: Reactor<Game>,
    clients: u16,
}

impl Town {
    fn new() -> Self {
        let network = Network::new(1);
        let reactor = Reactor::simulated(&Config::default(), &ROUTER, Game::default(), &network).unwrap();
        Town { network, reactor, clients: 0 }
    }

    fn turns(&mut self) {
        for _ in 0..8 {
            self.reactor.turn(Some(Duration::from_millis(10))).unwrap();
        }
    }

    fn connect(&mut self) -> Client {
        self.clients += 1;
        let mut client = self.network.connect(Peer::Ip([10, 0, 0, 1].into(), self.clients)).unwrap();
        client.send(UPGRADE);
        self.turns();
        client
    }

    /// A client that is logged in with the role.
    fn logged_in(&mut self) -> (Client, ConnectionId) {
        let mut client = self.connect();
        client.send(&packet(LOGIN, 1, b""));
        self.turns();
        let id = client.connection().unwrap();
        (client, id)
    }

    /// The Close that the client was sent.
    fn close_of(&mut self, client: &mut Client) -> Option<u16> {
        let mut bytes = vec![];
        client.receive(&mut bytes);
        let at = bytes.windows(2).rposition(|head| head[0] == 0x88 && head[1] >= 2)?;
        Some(u16::from_be_bytes(bytes[at + 2..at + 4].try_into().unwrap()))
    }

    fn told(&mut self, id: ConnectionId) -> Vec<Told> {
        self.reactor
            .act(|game, _| game.told.iter().filter(|(of, _)| *of == id).map(|(_, told)| *told).collect())
    }
}

#[test]
fn closed_shows_that_a_connection_was_replaced_whatever_it_was_closing_for() {
    let application = CloseCode::new(4100).unwrap();
    type Act = fn(&mut Town, &mut Client, ConnectionId);
    let nothing: Act = |_, _, _| {};
    let kick: Act = |town, _, id| town.reactor.act(|_, effects| effects.kick(id));
    let close: Act =
        |town, _, id| town.reactor.act(|_, effects| effects.close(id, CloseCode::new(4100).unwrap()));
    let sends_garbage: Act = |_, client, _| {
        client.send(&packet(UNDECODABLE, 1, b""));
    };
    let replaced = vec![Told::Replaced, Told::Closed(Cause::Replaced, 7)];
    // What happens to the older connection before and after the newer login, and the Close that it gets.
    let cases: [(&str, Act, Act, u16, Vec<Told>); 6] = [
        ("replaced", nothing, nothing, 4007, replaced.clone()),
        ("kicked, then replaced", kick, nothing, 4010, replaced.clone()),
        ("closed, then replaced", close, nothing, 4100, replaced.clone()),
        ("closed for its Data, then replaced", sends_garbage, nothing, 4001, replaced.clone()),
        ("replaced, then kicked", nothing, kick, 4007, replaced),
        (
            "logged out, then closed",
            logout_and_close,
            nothing,
            4100,
            vec![Told::Closed(Cause::Application(application), 0)],
        ),
    ];
    for (name, before, after, code, told) in cases {
        let mut town = Town::new();
        let (mut older, id) = town.logged_in();
        before(&mut town, &mut older, id);
        town.turns();
        assert_eq!(town.told(id), [], "{name}: the client has not ended its side");
        let (_newer, newer_id) = town.logged_in();
        after(&mut town, &mut older, id);
        town.turns();
        assert_eq!(town.close_of(&mut older), Some(code), "{name}");
        older.send(&frame(Opcode::Close, &code.to_be_bytes()));
        older.finish();
        town.turns();
        assert_eq!(town.told(id), told, "{name}");
        assert_eq!(town.told(newer_id), [], "{name}");
    }
}

fn logout_and_close(town: &mut Town, _: &mut Client, id: ConnectionId) {
    town.reactor.act(|_, effects| {
        effects.logout(id);
        effects.close(id, CloseCode::new(4100).unwrap());
    });
}

#[test]
fn a_connection_that_was_gone_before_the_login_was_not_replaced() {
    let mut town = Town::new();
    let (mut older, id) = town.logged_in();
    older.reset();
    town.turns();
    let (_newer, newer_id) = town.logged_in();
    assert_eq!(town.told(id), [Told::Closed(Cause::Reset, 7)]);
    assert_eq!(town.told(newer_id), []);
}

#[test]
fn effects_log_in_and_replace_at_once() {
    let mut town = Town::new();
    let ids: Vec<_> =
        (0..3).map(|_| town.connect()).map(|client| (client.connection().unwrap(), client)).collect();
    let [a, b, c] = [ids[0].0, ids[1].0, ids[2].0];
    // Within one list of effects each login counts before the next: nobody is told twice.
    town.reactor.act(|_, effects| {
        assert_eq!(effects.login(a, login_of(0)), Err(LoginError::NoRole));
        for id in [a, b] {
            effects.login(id, login_of(7)).unwrap();
        }
        effects.logout(a);
        effects.login(a, login_of(7)).unwrap();
        effects.login(c, login_of(7)).unwrap();
    });
    town.turns();
    // The first was closing when it was to log in again.
    assert_eq!((town.told(a), town.told(b)), (vec![Told::Replaced], vec![Told::Replaced]));
    assert_eq!(town.told(c), []);
    let (_newer, newer_id) = town.logged_in();
    assert_eq!((town.told(c), town.told(newer_id)), (vec![Told::Replaced], vec![]));
}

#[test]
fn a_ticket_that_logs_in_replaces_before_any_other_effect() {
    for (name, of_mail) in [("by an effect", false), ("by mail", true)] {
        let mut town = Town::new();
        let (mut older, id) = town.logged_in();
        let mut newer = town.connect();
        newer.send(&packet(LATER, 1, b""));
        town.turns();
        let newer_id = newer.connection().unwrap();
        town.reactor.act(|game, effects| {
            let ticket = game.tickets.pop().unwrap();
            if of_mail {
                ticket.login(login_of(7), *b"").unwrap();
                return;
            }
            effects.reply_login(ticket, login_of(7), *b"").unwrap();
            // The older connection is closing by then, so neither of these has an effect on it.
            effects.close(id, CloseCode::new(4100).unwrap());
            effects.login(id, login_of(8)).unwrap();
        });
        town.turns();
        assert_eq!((town.told(id), town.told(newer_id)), (vec![Told::Replaced], vec![]), "{name}");
        assert_eq!(town.close_of(&mut older), Some(4007), "{name}");
        assert_eq!(town.close_of(&mut newer), None, "{name}");
    }
}

#[test]
fn a_connection_is_told_once_that_it_was_replaced() {
    let mut town = Town::new();
    let (mut older, id) = town.logged_in();
    let (between, mut newest) = (town.connect(), town.connect());
    let [b, c] = [&between, &newest].map(|client| client.connection().unwrap());
    // The handler of the third connection asks for these, and then logs in itself.
    town.reactor.act(|game, _| game.effects = vec![(id, 8), (id, 7), (b, 7)]);
    newest.send(&packet(LOGIN, 1, b""));
    town.turns();
    assert_eq!((town.told(id), town.close_of(&mut older)), (vec![Told::Replaced], Some(4007)));
    assert_eq!((town.told(b), town.told(c)), (vec![], vec![Told::Replaced]));
}
