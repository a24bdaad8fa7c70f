//! The game that runs on several workers: its handlers use connections and states of other workers.

use std::sync::mpsc::Sender;

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::{
    Access, Application, Cause, ConnectionId, Context, Effects, Handle, Identity, Link, Login, LoginTicket,
    Module, Outcome, Push, Record, Request, Route, Router, Ticket, Worker,
};

/// Data → the same.
pub(crate) const ECHO: u16 = 1301;
/// Empty → the connection's id; the test gets its handle.
pub(crate) const HANDLE: u16 = 1302;
/// A role of 64 bits → empty.
pub(crate) const LOGIN: u16 = 1303;
/// Empty → empty.
pub(crate) const LOGOUT: u16 = 1304;
/// Ids, their number of 16 bits in front, and a text → empty; the text is pushed to those, one by one if
/// there is one, and else as a broadcast.
pub(crate) const SEND: u16 = 1305;
/// An id → empty; that connection closes with 4200.
pub(crate) const CLOSE: u16 = 1306;
/// An id → empty; that connection is kicked.
pub(crate) const KICK: u16 = 1307;
pub(crate) const PANIC: u16 = 1308;
/// Empty → the test's answer.
pub(crate) const DEFER: u16 = 1309;
/// Empty → empty; the test gets the object's link.
pub(crate) const LINK: u16 = 1310;
/// A worker's number of 8 bits → that number, from there.
pub(crate) const ASK: u16 = 1311;
/// Empty → the test's answer, which can log in.
pub(crate) const DEFER_LOGIN: u16 = 1312;
/// The command of pushes.
pub(crate) const PUSHED: u16 = 1399;

/// An event on a worker.
#[derive(Debug)]
pub(crate) enum Event {
    Handle(Handle),
    Deferred(Ticket),
    LoggingIn(LoginTicket),
    Linked(Link),
    Replaced(ConnectionId),
    Closed(ConnectionId, Cause),
}

/// The state of one worker.
pub(crate) struct Town {
    pub(crate) worker: Worker<Town>,
    /// The calls of tests, in order.
    pub(crate) noted: Vec<u64>,
    events: Sender<Event>,
}

impl Town {
    pub(crate) fn new(worker: Worker<Town>, events: Sender<Event>) -> Self {
        Town { worker, noted: vec![], events }
    }

    fn tell(&self, event: Event) {
        // The test may have ended already.
        let _ = self.events.send(event);
    }
}

impl Application for Town {
    type Session = ();

    fn replaced(&mut self, record: &Record, _: &mut (), _: &mut Effects) {
        self.tell(Event::Replaced(record.id()));
    }

    fn closed(&mut self, record: &Record, _: (), cause: Cause, _: &mut Effects) {
        self.tell(Event::Closed(record.id(), cause));
    }
}

static MODULE: Module<Town> = Module::new(
    13,
    "town",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(HANDLE, "handle", Access::Anyone, |town, _, context| {
            town.tell(Event::Handle(context.handle()));
            assert_eq!(context.id().worker(), town.worker.index());
            context.reply(&context.id().to_u64().to_be_bytes())
        }),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Role, |_, _, context| {
            context.logout();
            context.reply(b"")
        }),
        Route::new(SEND, "send", Access::Anyone, send),
        Route::new(CLOSE, "close", Access::Anyone, |_, request, context| {
            let Some(id) = id(request.data()) else { return Outcome::Undecodable };
            context.effects().close(id, CloseCode::new(4200).unwrap());
            context.reply(b"")
        }),
        Route::new(KICK, "kick", Access::Anyone, |_, request, context| {
            let Some(id) = id(request.data()) else { return Outcome::Undecodable };
            context.effects().kick(id);
            context.reply(b"")
        }),
        Route::new(PANIC, "panic", Access::Anyone, |_, _, _| panic!("as the test asked")),
        Route::new(DEFER, "defer", Access::Anyone, |town, request, context| {
            town.tell(Event::Deferred(context.defer(request)));
            Outcome::Done
        }),
        Route::new(LINK, "link", Access::Anyone, |town, _, context| {
            town.tell(Event::Linked(context.link(|_| ())));
            context.reply(b"")
        }),
        Route::new(ASK, "ask", Access::Anyone, ask),
        Route::new(DEFER_LOGIN, "defer login", Access::Anyone, |town, request, context| {
            town.tell(Event::LoggingIn(context.defer_login(request).unwrap()));
            Outcome::Done
        }),
    ],
);

pub(crate) static TOWN: Router<Town> = Router::new([&MODULE]);

fn id(data: &[u8]) -> Option<ConnectionId> {
    data.try_into().ok().map(u64::from_be_bytes).map(ConnectionId::from_u64)
}

fn login(_: &mut Town, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(role_id) = request.data().try_into().map(u64::from_be_bytes) else { return Outcome::Undecodable };
    let identity = Identity { account: "account".into(), role_id, ..Identity::default() };
    match context.login(Login { identity, ..Login::default() }) {
        Ok(()) => context.reply(b""),
        Err(_) => Outcome::Refuse(ErrorId(100)),
    }
}

fn send(_: &mut Town, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, rest)) = request.data().split_first_chunk::<2>() else { return Outcome::Undecodable };
    let (ids, text) = rest.split_at(usize::from(u16::from_be_bytes(*count)) * 8);
    let push = Push::new(PUSHED, text);
    match ids.as_chunks::<8>().0 {
        [one] => context.effects().send(ConnectionId::from_u64(u64::from_be_bytes(*one)), &push),
        many => {
            let ids = many.iter().map(|id| ConnectionId::from_u64(u64::from_be_bytes(*id)));
            context.effects().broadcast(ids, &push);
        }
    }
    context.reply(b"")
}

fn ask(town: &mut Town, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let &[worker] = request.data() else { return Outcome::Undecodable };
    let ticket = context.defer(request);
    // If the worker cannot be called, the ticket is dropped, which refuses the request.
    let _ = town.worker.call(worker.into(), |town, _| ticket.reply([town.worker.index() as u8]));
    Outcome::Done
}
