//! The game of the random sessions: handlers that cause every kind of note.

use std::time::Duration;

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::sim::Random;
use sysconn::{
    Access, Application, Cause, ClientKind, ConnectionId, Context, Effects, Handle, Identity, Login,
    LoginTicket, Message, Module, Outcome, Push, Record, Request, Route, Router, Ticket,
};

/// The longest delay of an answer, in milliseconds.
const MAX_DELAY_MS: u64 = 400;
/// The receivers of a broadcast.
const RECEIVERS: usize = 8;

pub(crate) struct Game {
    random: Random,
    now: Duration,
    open: Vec<(ConnectionId, Handle)>,
    /// The pending answers, and when they are due.
    owed: Vec<(Duration, Owed, Vec<u8>)>,
    /// Whether it also logs connections in and out from outside.
    defers: bool,
}

enum Owed {
    Reply(Ticket),
    Login(LoginTicket),
}

impl Game {
    pub(crate) fn new(random: Random, defers: bool) -> Self {
        Game { random, now: Duration::ZERO, open: vec![], owed: vec![], defers }
    }

    /// Acts for other threads between two turns: answers, pushes, closes and kicks.
    pub(crate) fn between_turns(&mut self, now: Duration, effects: &mut Effects) {
        self.now = now;
        let (due, owed) = std::mem::take(&mut self.owed).into_iter().partition(|(at, ..)| *at <= now);
        self.owed = owed;
        let due: Vec<_> = due;
        for (_, owed, data) in due {
            let refuses = self.random.chance(0.1);
            match owed {
                Owed::Reply(ticket) if !refuses => ticket.reply(data),
                Owed::Reply(ticket) if self.defers => ticket.refuse_with(ErrorId(101), data),
                Owed::Reply(ticket) => ticket.refuse(ErrorId(101)),
                Owed::Login(ticket) if refuses => ticket.refuse(ErrorId::LOGIN_REFUSED),
                Owed::Login(ticket) => {
                    let _ = ticket.login(login_of(self.random.below(8)), data);
                }
            }
        }
        if self.defers && !self.open.is_empty() && self.random.chance(0.05) {
            let (id, _) = self.open[self.random.index(self.open.len())];
            if self.random.chance(0.5) {
                let _ = effects.login(id, login_of(self.random.below(8)));
            } else {
                effects.logout(id);
            }
        }
        if !self.open.is_empty() && self.random.chance(0.02) {
            let (_, handle) = &self.open[self.random.index(self.open.len())];
            let _ = match self.random.index(20) {
                0 => handle.close(CloseCode::new(4102).unwrap()),
                1 => handle.kick(),
                _ => handle.send(&Push::new(1250, &vec![b'p'; self.random.index(3000)])),
            };
        }
    }

    fn other(&mut self) -> Option<ConnectionId> {
        let count = self.open.len();
        (count > 0).then(|| self.open[self.random.index(count)].0)
    }

    fn receivers(&self) -> Vec<ConnectionId> {
        self.open.iter().take(RECEIVERS).map(|(id, _)| *id).collect()
    }
}

impl Application for Game {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.open.push((context.id(), context.handle()));
        if self.random.chance(0.1) {
            let _ = context.push(1251, b"welcome");
        }
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, _: &mut Effects) {
        self.open.retain(|(id, _)| *id != record.id());
    }
}

fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("as the session asked"))
}

/// The relative frequency of each command.
pub(crate) const COMMANDS: [(u16, u32); 21] = [
    (1201, 40),
    (1202, 10),
    (1203, 4),
    (1204, 5),
    (1205, 12),
    (1206, 1),
    (1207, 1),
    (1208, 1),
    (1209, 1),
    (1210, 6),
    (1211, 4),
    (1212, 2),
    (1213, 3),
    (1214, 8),
    (1215, 3),
    (1216, 3),
    (1218, 8),
    (1219, 4),
    (1220, 1),
    (1221, 6),
    (1222, 4),
];

/// The commands that defer in other ways, and their relative frequency.
pub(crate) const DEFERRING: [(u16, u32); 6] =
    [(1223, 30), (1224, 20), (1225, 6), (1226, 8), (1227, 6), (1228, 3)];

static MODULE: Module<Game> = Module::new(
    12,
    "random",
    [
        Route::new(1201, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(1202, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(1203, "refuse", Access::Anyone, |_, _, _| Outcome::Refuse(ErrorId(100))),
        Route::new(1204, "burst", Access::Anyone, burst),
        Route::new(1205, "deferred", Access::Anyone, deferred),
        Route::new(1206, "panic", Access::Anyone, |_, _, _| panic_quietly()),
        Route::new(1207, "panic late", Access::Anyone, |_, request, context| {
            let _ = context.reply(request.data());
            panic_quietly()
        }),
        Route::new(1208, "close", Access::Anyone, |_, request, context| {
            let _ = context.reply(request.data());
            Outcome::Close(CloseCode::new(4100).unwrap())
        }),
        Route::new(1209, "undecodable", Access::Anyone, |_, _, _| Outcome::Undecodable),
        Route::new(1210, "login", Access::Anyone, login),
        Route::new(1211, "for roles", Access::Role, |_, _, context| context.reply(b"a role")),
        Route::new(1212, "for monitors", Access::Operator, |_, _, context| context.reply(b"a monitor")),
        Route::new(1213, "logout", Access::Role, |_, _, context| {
            context.logout();
            context.reply(b"")
        }),
        Route::new(1214, "text", Access::Anyone, |_, request, context| {
            let _ = context.push(1252, request.data());
            context.reply(&b"a long reply ".repeat(200))
        }),
        Route::new(1215, "secret", Access::Anyone, |_, request, context| context.reply(request.data()))
            .secret(),
        Route::new(1216, "secret later", Access::Anyone, deferred).secret(),
        Route::new(1218, "say", Access::Anyone, say),
        Route::new(1219, "to another", Access::Anyone, |game, request, context| {
            if let Some(other) = game.other() {
                context.effects().send(other, &Push::new(1253, request.data()));
            }
            context.reply(b"")
        }),
        Route::new(1220, "end another", Access::Anyone, |game, _, context| {
            if let Some(other) = game.other() {
                context.effects().close(other, CloseCode::new(4101).unwrap());
            }
            context.reply(b"")
        }),
        Route::new(1221, "fill", Access::Anyone, |_, request, context| {
            let len = context.reply_capacity().min(request.data().len().saturating_mul(40));
            context.reply(&vec![b'r'; len.min(100_000)])
        }),
        Route::new(1222, "debug", Access::Anyone, |_, request, context| {
            let (id, on) = (context.id(), request.flag() % 3 != 0);
            context.effects().set_debug(id, on);
            context.reply(b"")
        }),
        Route::new(1223, "unordered", Access::Anyone, deferred).unordered().refusals_carry_data(),
        Route::new(1224, "unordered, in time", Access::Anyone, deferred)
            .unordered()
            .deadline(Duration::from_millis(200)),
        Route::new(1225, "in time", Access::Anyone, deferred).deadline(Duration::from_millis(200)),
        Route::new(1226, "login by ticket", Access::Anyone, login_later).unordered(),
        Route::new(1227, "refuse with data", Access::Anyone, |_, request, context| {
            context.refuse_with(ErrorId(100), request.data())
        })
        .refusals_carry_data(),
        Route::new(1228, "too large", Access::Anyone, |_, _, context| {
            // Without an outbox limit nothing is too large.
            let len = if context.reply_capacity() == usize::MAX { 0 } else { 3 << 20 };
            context.reply(&vec![0; len])
        }),
    ],
);

pub(crate) static ROUTER: Router<Game> = Router::new([&MODULE]);

fn burst(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let count = request.data().len() % 900;
    for index in 0..count {
        let _ = context.reply(&index.to_be_bytes());
    }
    Outcome::Done
}

fn deferred(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let data = request.data().to_vec();
    let ticket = context.defer(request);
    let delay = Duration::from_millis(game.random.below(MAX_DELAY_MS));
    game.owed.push((game.now + delay, Owed::Reply(ticket), data));
    Outcome::Done
}

fn login_later(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let data = request.data().to_vec();
    let Ok(ticket) = context.defer_login(request) else { return Outcome::Refuse(ErrorId::LOGIN_REFUSED) };
    let delay = Duration::from_millis(game.random.below(MAX_DELAY_MS));
    game.owed.push((game.now + delay, Owed::Login(ticket), data));
    Outcome::Done
}

fn login_of(role_id: u64) -> Login {
    Login { identity: Identity { role_id, ..Identity::default() }, ..Login::default() }
}

fn login(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let role_id = u64::from(request.flag() % 8);
    let identity = Identity { account: "account".into(), role_id, ..Identity::default() };
    let kind = if request.flag() % 3 == 0 { ClientKind::Operator } else { ClientKind::Player };
    match context.login(Login { identity, kind, ..Login::default() }) {
        Ok(()) => context.reply(b"in"),
        Err(_) => Outcome::Refuse(ErrorId::LOGIN_REFUSED),
    }
}

fn say(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.effects().broadcast(game.receivers(), &Push::new(1254, request.data()));
    context.reply(b"")
}

/// The only handler of a service without packets: an echo that sometimes does something else.
pub(crate) fn message(game: &mut Game, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    match game.random.index(60) {
        0 => return Outcome::Close(CloseCode::new(4100).unwrap()),
        1 => panic_quietly(),
        2..6 => return Outcome::Done,
        _ => {}
    }
    let _ = context.send_message(message.kind, message.payload);
    Outcome::Done
}
