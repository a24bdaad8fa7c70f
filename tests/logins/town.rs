//! A game on a simulated network: it notes what it is told, and its clients log in in several ways.

use std::time::Duration;

use sysconn::sim::{Client, Network};
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Identity, Login, LoginTicket, Module,
    Outcome, Peer, Push, Reactor, Record, Request, Route, Router,
};

use super::common::{UPGRADE, packet};

pub(crate) const LOGIN: u16 = 1201;
/// Its Data never decodes.
pub(crate) const UNDECODABLE: u16 = 1202;
/// A login that is decided later. Other packets may pass it.
pub(crate) const LATER: u16 = 1203;
/// Logs its own connection in by an effect, then sends it a push.
pub(crate) const IN: u16 = 1204;
/// Logs its own connection out by an effect.
pub(crate) const OUT: u16 = 1205;
/// Answers the login that is decided later by an effect.
pub(crate) const DECIDE: u16 = 1206;
/// Only for who is logged in.
pub(crate) const ROLE: u16 = 1207;
pub(crate) const PUSHED: u16 = 1299;

/// Notes what it is told.
#[derive(Default)]
pub(crate) struct Game {
    told: Vec<(ConnectionId, Told)>,
    pub(crate) tickets: Vec<LoginTicket>,
    /// Each connection is logged in as it opens.
    pub(crate) logs_guests_in: bool,
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

    fn opened(&mut self, context: &mut Context<'_>) {
        if self.logs_guests_in {
            let id = context.id();
            context.effects().login(id, login_of(7)).unwrap();
        }
    }

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
        Route::new(LATER, "later", Access::Anyone, later).unordered(),
        Route::new(IN, "in", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().login(id, login_of(7)).unwrap();
            context.effects().send(id, &Push::new(PUSHED, b""));
            context.reply(b"")
        }),
        Route::new(OUT, "out", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().logout(id);
            context.reply(b"")
        }),
        Route::new(DECIDE, "decide", Access::Anyone, |game, _, context| {
            let ticket = game.tickets.pop().unwrap();
            context.effects().reply_login(ticket, login_of(7), *b"").unwrap();
            context.reply(b"")
        }),
        Route::new(ROLE, "role", Access::Role, |_, _, context| context.reply(b"")),
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
        self.connect_with(b"")
    }

    /// A client that sends this at once, behind its request for the upgrade.
    pub(crate) fn connect_with(&mut self, behind: &[u8]) -> Client {
        self.clients += 1;
        let mut client = self.network.connect(Peer::Ip([10, 0, 0, 1].into(), self.clients)).unwrap();
        client.send(&[UPGRADE, behind].concat());
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

    /// The packets that the client was sent: each with its command and ErrorID.
    pub(crate) fn packets_of(&mut self, client: &mut Client) -> Vec<(u16, u16)> {
        let mut bytes = vec![];
        client.receive(&mut bytes);
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
        let mut rest = &bytes[head..];
        let mut packets = vec![];
        while let [0x82, len, frames @ ..] = rest {
            let (packet, behind) = frames.split_at(usize::from(*len));
            let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
            packets.push((number(9), number(0)));
            rest = behind;
        }
        assert_eq!(rest, b"");
        packets
    }

    pub(crate) fn told(&mut self, id: ConnectionId) -> Vec<Told> {
        self.reactor
            .act(|game, _| game.told.iter().filter(|(of, _)| *of == id).map(|(_, told)| *told).collect())
    }
}
