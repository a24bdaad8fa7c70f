//! A game on a simulated network: it notes what it is told, and its clients log in in several ways.

use std::time::Duration;

use sysconn::sim::{Client, Network};
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Identity, Login, LoginTicket, Module,
    Outcome, Peer, Reactor, Record, Request, Route, Router,
};

use super::common::{UPGRADE, packet};

pub(crate) const LOGIN: u16 = 1201;
/// Its Data never decodes.
pub(crate) const UNDECODABLE: u16 = 1202;
/// A login that is decided later.
pub(crate) const LATER: u16 = 1203;

/// Notes what it is told.
#[derive(Default)]
pub(crate) struct Game {
    told: Vec<(ConnectionId, Told)>,
    pub(crate) tickets: Vec<LoginTicket>,
    /// The roles with which the next login logs other connections in, before its own.
    pub(crate) effects: Vec<(ConnectionId, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
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

pub(crate) fn login_of(role_id: u64) -> Login {
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
pub(crate) static ROUTER: Router<Game> = Router::new([&MODULE]);

/// A server on a simulated network, and the number of its next client.
pub(crate) struct Town {
    network: Network,
    pub(crate) reactor: Reactor<Game>,
    clients: u16,
}

impl Town {
    pub(crate) fn new() -> Self {
        let network = Network::new(1);
        let reactor = Reactor::simulated(&Config::default(), &ROUTER, Game::default(), &network).unwrap();
        Town { network, reactor, clients: 0 }
    }

    pub(crate) fn turns(&mut self) {
        for _ in 0..8 {
            self.reactor.turn(Some(Duration::from_millis(10))).unwrap();
        }
    }

    pub(crate) fn connect(&mut self) -> Client {
        self.clients += 1;
        let mut client = self.network.connect(Peer::Ip([10, 0, 0, 1].into(), self.clients)).unwrap();
        client.send(UPGRADE);
        self.turns();
        client
    }

    /// A client that is logged in with the role.
    pub(crate) fn logged_in(&mut self) -> (Client, ConnectionId) {
        let mut client = self.connect();
        client.send(&packet(LOGIN, 1, b""));
        self.turns();
        let id = client.connection().unwrap();
        (client, id)
    }

    /// The Close that the client was sent.
    pub(crate) fn close_of(&mut self, client: &mut Client) -> Option<u16> {
        let mut bytes = vec![];
        client.receive(&mut bytes);
        let at = bytes.windows(2).rposition(|head| head[0] == 0x88 && head[1] >= 2)?;
        Some(u16::from_be_bytes(bytes[at + 2..at + 4].try_into().unwrap()))
    }

    pub(crate) fn told(&mut self, id: ConnectionId) -> Vec<Told> {
        self.reactor
            .act(|game, _| game.told.iter().filter(|(of, _)| *of == id).map(|(_, told)| *told).collect())
    }
}
