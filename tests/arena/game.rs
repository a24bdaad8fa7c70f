//! The game: its state, its hooks and its routes.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, Cause, ConnectionId, Effects, Handle, Identity, Link, Login, Module, Outcome, Peer,
    Record, Request, Route, Router, Ticket,
};

use crate::common::{Counted, Counts};

type Context<'a> = sysconn::Context<'a, Counted>;

/// Data → the same; the request is counted.
pub(crate) const ECHO: u16 = 1201;
/// Any bytes → no reply; the request is counted.
pub(crate) const SINK: u16 = 1202;
/// A role of 64 bits → empty.
pub(crate) const LOGIN: u16 = 1203;
/// Empty → empty.
pub(crate) const LOGOUT: u16 = 1204;
/// Empty → empty; the test gets the object's link. `now`: the object ends before the handler does. `panic`:
/// the handler panics while it holds the link.
pub(crate) const LINK: u16 = 1205;
/// Data → the connection's id; the test gets its handle, and Data.
pub(crate) const HANDLE: u16 = 1206;
/// Empty → the test's answer.
pub(crate) const DEFER: u16 = 1207;
/// A count and a size, of 32 bits each → that many numbered pushes, each with Data of that size.
pub(crate) const PUSH: u16 = 1208;
pub(crate) const PANIC: u16 = 1209;
/// Closes with 4100.
pub(crate) const CLOSE: u16 = 1210;
/// The command of pushes.
pub(crate) const PUSHED: u16 = 1299;

/// An event in the game.
#[derive(Debug)]
pub(crate) enum Event {
    Opened(ConnectionId),
    Closed(Box<Record>, Cause),
    /// An object was linked. It hears of the end of its connection through the receiver.
    Linked(Link, Receiver<Cause>),
    Handle(Handle, Vec<u8>),
    Deferred(Ticket),
    /// A request for pushes was carried out: the number sent and the number refused.
    Pushed(u32, u32),
}

pub(crate) struct Arena {
    events: Sender<Event>,
    pub(crate) sessions: Counts,
    /// Requests to be echoed or sunk that each connection has made.
    pub(crate) handled: HashMap<ConnectionId, u64>,
}

impl Arena {
    pub(crate) fn new() -> (Self, Receiver<Event>) {
        let (events, receiver) = channel();
        (Arena { events, sessions: Counts::default(), handled: HashMap::new() }, receiver)
    }

    fn tell(&self, event: Event) {
        // The test may have ended already.
        let _ = self.events.send(event);
    }

    fn count(&mut self, context: &Context<'_>) {
        *self.handled.entry(context.id()).or_default() += 1;
    }
}

impl Application for Arena {
    type Session = Counted;

    fn upgrade(&mut self, _: &upgrade::Request<'_>, _: Peer) -> Result<Counted, Refusal> {
        Ok(self.sessions.session())
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        self.tell(Event::Opened(context.id()));
    }

    fn closed(&mut self, record: &Record, _: Counted, cause: Cause, _: &mut Effects) {
        self.tell(Event::Closed(Box::new(record.clone()), cause));
    }
}

static MODULE: Module<Arena> = Module::new(
    12,
    "arena",
    [
        Route::new(ECHO, "echo", Access::Anyone, |arena, request, context| {
            arena.count(context);
            context.reply(request.data())
        }),
        Route::new(SINK, "sink", Access::Anyone, |arena, _, context| {
            arena.count(context);
            Outcome::Done
        }),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Role, |_, _, context| {
            context.logout();
            context.reply(b"")
        }),
        Route::new(LINK, "link", Access::Anyone, link),
        Route::new(HANDLE, "handle", Access::Anyone, |arena, request, context| {
            arena.tell(Event::Handle(context.handle(), request.data().to_vec()));
            context.reply(&context.id().to_u64().to_be_bytes())
        }),
        Route::new(DEFER, "defer", Access::Anyone, |arena, request, context| {
            arena.tell(Event::Deferred(context.defer(request)));
            Outcome::Done
        }),
        Route::new(PUSH, "push", Access::Anyone, push),
        Route::new(PANIC, "panic", Access::Anyone, |_, _, _| panic!("as the test asked")),
        Route::new(CLOSE, "close", Access::Anyone, |_, _, _| Outcome::Close(CloseCode::new(4100).unwrap())),
    ],
);

pub(crate) static ARENA: Router<Arena> = Router::new([&MODULE]);

fn login(_: &mut Arena, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(role_id) = <[u8; 8]>::try_from(request.data()).map(u64::from_be_bytes) else {
        return Outcome::Undecodable;
    };
    let identity = Identity { account: format!("account of {role_id}"), role_id, ..Identity::default() };
    match context.login(Login { identity, ..Login::default() }) {
        Ok(()) => context.reply(b""),
        Err(_) => Outcome::Refuse(ErrorId(100)),
    }
}

fn link(arena: &mut Arena, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let (told, ended) = channel();
    let link = context.link(move |cause| {
        let _ = told.send(cause);
    });
    match request.data() {
        b"now" => link.end(),
        b"panic" => {
            let _held = link;
            panic!("as the test asked");
        }
        _ => arena.tell(Event::Linked(link, ended)),
    }
    context.reply(b"")
}

fn push(arena: &mut Arena, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((&[count, len], &[])) = request.data().as_chunks::<4>().0.split_first_chunk::<2>() else {
        return Outcome::Undecodable;
    };
    let mut data = vec![0; u32::from_be_bytes(len) as usize];
    let (mut sent, mut refused) = (0, 0);
    for number in 0..u32::from_be_bytes(count) {
        data[..4].copy_from_slice(&number.to_be_bytes());
        match context.push(PUSHED, &data) {
            Ok(()) => sent += 1,
            Err(_) => refused += 1,
        }
    }
    arena.tell(Event::Pushed(sent, refused));
    Outcome::Done
}
