//! The server's side: a game whose handlers end in every possible way, and which remembers what it did for
//! each client.

use sysconn::frame::CloseCode;
use sysconn::packet::{ErrorId, Undecodable};
use sysconn::{
    Access, Application, Cause, ClientKind, ConnectionId, Context, Effects, Handle, Identity, Link, Login,
    Module, Outcome, Peer, Push, Record, Request, Route, Router, Ticket,
};

/// The payload of intended panics. Any other panic is a fault.
pub(crate) const INTENDED_PANIC: &str = "as the script asks";

pub(crate) const ECHO: u16 = 100;
pub(crate) const SINK: u16 = 101;
pub(crate) const REFUSE: u16 = 102;
pub(crate) const BURST: u16 = 103;
pub(crate) const DEFER: u16 = 104;
pub(crate) const PANIC: u16 = 105;
pub(crate) const PANIC_LATE: u16 = 106;
pub(crate) const CLOSE: u16 = 107;
pub(crate) const UNDECODABLE: u16 = 108;
pub(crate) const LOGIN: u16 = 109;
pub(crate) const LOGOUT: u16 = 110;
pub(crate) const ROLE: u16 = 111;
pub(crate) const MONITOR: u16 = 112;
pub(crate) const PUSH_ALL: u16 = 113;
pub(crate) const KICK: u16 = 114;
pub(crate) const LINK: u16 = 115;
/// The command of pushes by handlers. It has no route.
pub(crate) const PUSHED: u16 = 198;
/// The command of pushes through handles, whose order relative to the others is not defined. It has no route.
pub(crate) const PUSHED_FROM_OUTSIDE: u16 = 199;
/// The commands that clients send, including one without a route.
pub(crate) const COMMANDS: [u16; 17] = [
    ECHO,
    SINK,
    REFUSE,
    BURST,
    DEFER,
    PANIC,
    PANIC_LATE,
    CLOSE,
    UNDECODABLE,
    LOGIN,
    LOGOUT,
    ROLE,
    MONITOR,
    PUSH_ALL,
    KICK,
    LINK,
    PUSHED,
];

/// A packet to a client: ErrorID, Flag, Cmd, Data.
pub(crate) type Sent = (u16, u32, u16, Vec<u8>);

/// What the game knows of one client, which it identifies by its port.
#[derive(Default)]
pub(crate) struct ClientAccount {
    pub(crate) id: Option<ConnectionId>,
    pub(crate) handle: Option<Handle>,
    pub(crate) opened: u32,
    /// A newer login has replaced it.
    pub(crate) is_replaced: bool,
    pub(crate) closed: Option<(Record, Cause)>,
    /// Calls of handlers.
    pub(crate) calls: u64,
    /// Replies that the library has accepted, and answers to tickets, in their order.
    pub(crate) replies: Vec<Sent>,
    /// Packets that the library has accepted from handlers.
    pub(crate) taken: u64,
}

/// A deferred request that is not answered.
pub(crate) struct Owed {
    pub(crate) port: usize,
    pub(crate) flag: u32,
    pub(crate) ticket: Ticket,
}

#[derive(Default)]
pub(crate) struct Game {
    pub(crate) accounts: Vec<ClientAccount>,
    pub(crate) owed: Vec<Owed>,
    pub(crate) links: Vec<Link>,
    /// The number of pushes so far.
    pub(crate) pushes: u64,
}

/// The port of a client, which is its index in the list of accounts.
fn port(record: &Record) -> usize {
    match record.peer() {
        Peer::Ip(_, port) => port.into(),
        Peer::Local => 0,
    }
}

impl Game {
    pub(crate) fn account(&mut self, port: usize) -> &mut ClientAccount {
        if self.accounts.len() <= port {
            self.accounts.resize_with(port + 1, ClientAccount::default);
        }
        &mut self.accounts[port]
    }

    /// Makes the next push, for one client.
    pub(crate) fn push_for(&mut self, to: ConnectionId, cmd: u16) -> Push {
        self.pushes += 1;
        let data = [to.to_u64().to_be_bytes(), self.pushes.to_be_bytes()].concat();
        Push::new(cmd, &data)
    }

    /// Answers a deferred request with Data or a refusal, or drops its ticket.
    pub(crate) fn answer(&mut self, index: usize, how: u8) {
        if self.owed.is_empty() {
            return;
        }
        let Owed { port, flag, ticket } = self.owed.swap_remove(index % self.owed.len());
        let account = self.account(port);
        match how % 3 {
            0 => {
                let data = vec![how; usize::from(how)];
                account.replies.push((0, flag, DEFER, data.clone()));
                ticket.reply(data);
            }
            1 => {
                account.replies.push((100, flag, DEFER, vec![]));
                ticket.refuse(ErrorId::APPLICATION);
            }
            // The library refuses the request.
            _ => drop(ticket),
        }
    }
}

impl Application for Game {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        let (id, record) = (context.id(), context.record());
        let account = self.account(port(record));
        assert_eq!((account.id, account.opened), (None, 0), "opened twice");
        account.id = Some(id);
        account.opened += 1;
        if port(context.record()) % 2 == 1 {
            let handle = context.handle();
            self.account(port(context.record())).handle = Some(handle);
        }
    }

    fn replaced(&mut self, record: &Record, (): &mut (), _: &mut Effects) {
        let account = self.account(port(record));
        assert_eq!((account.opened, account.is_replaced), (1, false), "replaced twice");
        assert!(account.closed.is_none(), "replaced after the end");
        account.is_replaced = true;
    }

    fn closed(&mut self, record: &Record, _: (), cause: Cause, _: &mut Effects) {
        let account = self.account(port(record));
        assert_eq!(account.opened, 1, "closed, but not opened");
        assert!(account.closed.is_none(), "closed twice");
        assert_eq!(account.id, Some(record.id()));
        account.closed = Some((record.clone(), cause));
    }

    fn offence(&mut self, record: &Record, _: &mut (), _: Undecodable) {
        assert_eq!(self.account(port(record)).id, Some(record.id()));
    }
}

/// One call of a handler: checked, counted, and noted with its reply if that is accepted.
struct Call<'g> {
    account: &'g mut ClientAccount,
    flag: u32,
    cmd: u16,
}

impl<'g> Call<'g> {
    fn new(game: &'g mut Game, request: &Request<'_>, context: &Context<'_>) -> Self {
        let account = game.account(port(context.record()));
        assert_eq!(account.id, Some(context.id()), "a packet of another connection");
        assert!(account.closed.is_none(), "a packet after the end");
        account.calls += 1;
        assert!(context.record().recv_count() >= account.calls);
        Call { account, flag: request.flag(), cmd: request.cmd() }
    }

    fn reply(self, data: &[u8], context: &mut Context<'_>) {
        if context.try_reply(data).is_ok() {
            self.account.replies.push((0, self.flag, self.cmd, data.to_vec()));
            self.account.taken += 1;
        }
    }
}

type Handler = fn(&mut Game, Request<'_>, &mut Context<'_>) -> Outcome;

const REPLY_WITH_DATA: Handler = |game, request, context| {
    Call::new(game, &request, context).reply(request.data(), context);
    Outcome::Done
};

static MODULE: Module<Game> = Module::new(
    1,
    "script",
    [
        Route::new(ECHO, "echo", Access::Anyone, REPLY_WITH_DATA),
        Route::new(SINK, "sink", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context);
            Outcome::Done
        }),
        Route::new(REFUSE, "refuse", Access::Anyone, |game, request, context| {
            let Call { account, flag, cmd } = Call::new(game, &request, context);
            account.replies.push((100, flag, cmd, vec![]));
            Outcome::Refuse(ErrorId::APPLICATION)
        }),
        Route::new(BURST, "burst", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context);
            for index in 0..request.data().len() {
                let account = game.account(port(context.record()));
                let turn = Call { account, flag: request.flag(), cmd: BURST };
                turn.reply(&request.data()[index..], context);
            }
            Outcome::Done
        }),
        Route::new(DEFER, "defer", Access::Anyone, |game, request, context| {
            let Call { flag, .. } = Call::new(game, &request, context);
            let ticket = context.defer(request);
            game.owed.push(Owed { port: port(context.record()), flag, ticket });
            Outcome::Done
        }),
        Route::new(PANIC, "panic", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context);
            std::panic::panic_any(INTENDED_PANIC)
        }),
        Route::new(PANIC_LATE, "panic late", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context).reply(request.data(), context);
            std::panic::panic_any(INTENDED_PANIC)
        }),
        Route::new(CLOSE, "close", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context).reply(request.data(), context);
            Outcome::Close(CloseCode::new(4100).expect("an application's"))
        }),
        Route::new(UNDECODABLE, "undecodable", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context);
            Outcome::Undecodable
        }),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Role, |game, request, context| {
            assert_ne!(context.record().role_id(), 0);
            context.logout();
            Call::new(game, &request, context).reply(&[], context);
            Outcome::Done
        }),
        Route::new(ROLE, "role", Access::Role, |game, request, context| {
            assert_ne!(context.record().role_id(), 0);
            REPLY_WITH_DATA(game, request, context)
        }),
        Route::new(MONITOR, "monitor", Access::Operator, |game, request, context| {
            assert_eq!(context.record().kind(), ClientKind::Operator);
            REPLY_WITH_DATA(game, request, context)
        }),
        Route::new(PUSH_ALL, "push to all", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context).reply(&[], context);
            let ids: Vec<_> = game.accounts.iter().filter_map(|account| account.id).collect();
            for id in ids {
                let push = game.push_for(id, PUSHED);
                context.effects().send(id, &push);
            }
            Outcome::Done
        }),
        Route::new(KICK, "kick", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context).reply(&[], context);
            let ids: Vec<_> = game.accounts.iter().filter_map(|account| account.id).collect();
            let index = usize::from(request.data().first().copied().unwrap_or(0)) % ids.len();
            context.effects().kick(ids[index]);
            Outcome::Done
        }),
        Route::new(LINK, "link", Access::Anyone, |game, request, context| {
            Call::new(game, &request, context).reply(&[], context);
            game.links.push(context.link(|_| ()));
            Outcome::Done
        }),
    ],
);

pub(crate) static ROUTER: Router<Game> = Router::new([&MODULE]);

/// The lowest two bits of Data are the role, 0 for none. The highest bit makes the client a monitor.
fn login(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let byte = request.data().first().copied().unwrap_or(0);
    let kind = if byte & 0x80 != 0 { ClientKind::Operator } else { ClientKind::Player };
    let identity = Identity { role_id: u64::from(byte & 3), ..Identity::default() };
    let done = context.login(Login { identity, kind, ..Login::default() });
    assert_eq!(done.is_err(), byte & 3 == 0);
    REPLY_WITH_DATA(game, request, context)
}
