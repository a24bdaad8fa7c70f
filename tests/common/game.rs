//! The game that the servers of these tests run: a route for each way in which a handler can end, and hooks
//! that report their arguments to the test, or panic.

use std::collections::HashMap;
use std::sync::mpsc::Sender;

use sysconn::frame::CloseCode;
use sysconn::packet::{ErrorId, Undecodable};
use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, Cause, ConnectionId, Context, Effects, Handle, Identity, Login, Message, Module,
    Outcome, Peer, Push, Record, Request, Route, Router, Ticket,
};

/// An event in the server.
#[derive(Debug)]
pub(crate) enum Event {
    Closed(Peer, Cause),
    Offence(Peer, Undecodable),
    /// A request to 1105, which the test answers at any time.
    Deferred(Ticket),
    /// The sender of a request to 1117.
    Handle(Handle),
}

pub(crate) struct Game {
    events: Sender<Event>,
    /// The path of the upgrade request in hand, and then of each connection.
    path: String,
    paths: HashMap<ConnectionId, String>,
    leader: Option<ConnectionId>,
    followers: Vec<ConnectionId>,
}

impl Game {
    pub(crate) fn new(events: Sender<Event>) -> Self {
        Game { events, path: String::new(), paths: HashMap::new(), leader: None, followers: vec![] }
    }

    /// Connections that were opened and have not ended.
    pub(crate) fn open(&self) -> usize {
        self.paths.len()
    }

    fn tell(&self, event: Event) {
        // The test may have ended already.
        let _ = self.events.send(event);
    }
}

impl Application for Game {
    type Session = ();

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<(), Refusal> {
        self.path = request.path().to_owned();
        match request.path() {
            "/panic-in-upgrade" => panic!("as the test asked"),
            "/refused" => Err(Refusal::Application(451)),
            _ => Ok(()),
        }
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        assert!(self.path != "/panic-in-opened", "as the test asked");
        self.paths.insert(context.id(), self.path.clone());
    }

    fn closed(&mut self, record: &Record, _: (), cause: Cause, effects: &mut Effects) {
        self.tell(Event::Closed(record.peer(), cause));
        if self.leader == Some(record.id()) {
            for (index, follower) in self.followers.drain(..).enumerate() {
                if index > 0 {
                    effects.send(follower, &Push::new(1112, b"over"));
                }
                effects.close(follower, CloseCode::new(4100).unwrap());
            }
        }
        let path = self.paths.remove(&record.id());
        assert!(path.as_deref() != Some("/panic-in-closed"), "as the test asked");
    }

    fn offence(&mut self, record: &Record, _: &mut (), offence: Undecodable) {
        self.tell(Event::Offence(record.peer(), offence));
        let path = self.paths.get(&record.id());
        assert!(path.map(String::as_str) != Some("/panic-in-offence"), "as the test asked");
    }
}

static MODULE: Module<Game> = Module::new(
    11,
    "game",
    [
        Route::new(1101, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(1102, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(1103, "refuse", Access::Anyone, |_, _, _| Outcome::Refuse(ErrorId(100))),
        Route::new(1104, "burst", Access::Anyone, burst),
        Route::new(1105, "deferred", Access::Anyone, deferred),
        Route::new(1106, "panic", Access::Anyone, |_, _, _| panic!("as the test asked")),
        Route::new(1107, "panic late", Access::Anyone, |_, request, context| {
            let _ = context.reply(request.data());
            panic!("as the test asked")
        }),
        Route::new(1108, "close", Access::Anyone, |_, _, _| Outcome::Close(CloseCode::new(4100).unwrap())),
        Route::new(1109, "undecodable", Access::Anyone, |_, _, _| Outcome::Undecodable),
        Route::new(1110, "role", Access::Role, |_, _, context| context.reply(b"a role")),
        Route::new(1111, "monitor", Access::Operator, |_, _, context| context.reply(b"a monitor")),
        Route::new(1112, "follow", Access::Anyone, |game, _, context| {
            game.followers.push(context.id());
            context.reply(b"")
        }),
        Route::new(1114, "login", Access::Anyone, |_, request, context| {
            let role_id = u64::from(request.flag());
            let identity = Identity { account: "account".into(), role_id, ..Identity::default() };
            match context.login(Login { identity, ..Login::default() }) {
                Ok(()) => context.reply(b""),
                Err(_) => Outcome::Refuse(ErrorId::LOGIN_REFUSED),
            }
        }),
        Route::new(1115, "token", Access::Anyone, |_, request, context| context.reply(request.data()))
            .secret(),
        Route::new(1117, "handle", Access::Anyone, |game, _, context| {
            game.tell(Event::Handle(context.handle()));
            Outcome::Done
        }),
        Route::new(1116, "token later", Access::Anyone, deferred).secret(),
        Route::new(1113, "lead", Access::Anyone, |game, _, context| {
            game.leader = Some(context.id());
            context.reply(b"")
        }),
    ],
);

pub(crate) static ROUTER: Router<Game> = Router::new([&MODULE]);

fn burst(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(count) = <[u8; 2]>::try_from(request.data()).map(u16::from_be_bytes) else {
        return Outcome::Undecodable;
    };
    for index in 0..u32::from(count) {
        let _ = context.reply(&index.to_be_bytes());
    }
    Outcome::Done
}

fn deferred(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let ticket = context.defer(request);
    game.tell(Event::Deferred(ticket));
    Outcome::Done
}

/// Handles every command of a service without a table: the ends of handlers under the numbers of their
/// routes, and an echo under all others.
pub(crate) fn any(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    match request.cmd() {
        1103 => Outcome::Refuse(ErrorId(100)),
        1106 => panic!("as the test asked"),
        1108 => Outcome::Close(CloseCode::new(4100).unwrap()),
        1109 => Outcome::Undecodable,
        _ => context.reply(request.data()),
    }
}

/// The only handler of a service without packets.
pub(crate) fn echo(_: &mut Game, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    context.send_message(message.kind, message.payload).unwrap();
    Outcome::Done
}
