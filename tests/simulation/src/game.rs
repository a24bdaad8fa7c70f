//! The game that is simulated: a route for everything that the library can do, and what other threads would do between
//! two turns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::sim::{Random, Simulated};
use sysconn::{
    Access, Application, Cause, ConnectionId, Context, Effects, Handle, Identity, Link, Login, Module,
    Outcome, Peer, Push, Record, Request, Route, Router, Ticket,
};

/// Data → the same.
pub(crate) const ECHO: u16 = 1301;
/// Any bytes → nothing.
pub(crate) const SINK: u16 = 1302;
/// An ErrorID of 16 bits → a refusal with it.
pub(crate) const REFUSE: u16 = 1303;
/// A count of 16 bits → so many replies, each its index of 16 bits and the rest of Data.
pub(crate) const BURST: u16 = 1304;
/// A role of 64 bits → empty.
pub(crate) const LOGIN: u16 = 1305;
/// Empty → empty; only for roles.
pub(crate) const LOGOUT: u16 = 1306;
/// A [`Late`] and milliseconds of 16 bits, then any bytes → those bytes, or a refusal.
pub(crate) const DEFER: u16 = 1307;
/// A count and a size of 16 bits each → nothing but so many pushes.
pub(crate) const PUSH: u16 = 1308;
/// The same, through a handle: later.
pub(crate) const PUSH_LATER: u16 = 1309;
/// A room of 16 bits → how often something was said in it so far, as 32 bits.
pub(crate) const JOIN: u16 = 1310;
/// A room of 16 bits → empty.
pub(crate) const LEAVE: u16 = 1311;
/// A room of 16 bits, then any bytes → nothing but a push to each member.
pub(crate) const SAY: u16 = 1312;
/// A [`Fate`] and milliseconds of 16 bits → empty, and an object is linked.
pub(crate) const LINK: u16 = 1313;
/// The handler panics.
pub(crate) const PANIC: u16 = 1314;
/// Closes with a code of 16 bits.
pub(crate) const CLOSE: u16 = 1315;
/// No Data is what it takes.
pub(crate) const PICKY: u16 = 1316;
/// Closes with 4010, through a handle: later.
pub(crate) const KICK: u16 = 1317;
/// The command of pushes to one client: the stream, the client's tag, the number in the stream, filler.
pub(crate) const PUSHED: u16 = 1398;
/// The command of what is said: the room, how often something was said in it before, what is said.
pub(crate) const SAID: u16 = 1399;

/// The ways in which a deferred request is answered, the first byte of its Data.
pub(crate) mod late {
    pub(crate) const REPLIED: u8 = 0;
    pub(crate) const REFUSED: u8 = 1;
    pub(crate) const DROPPED: u8 = 2;
    /// While the handler still runs.
    pub(crate) const AT_ONCE: u8 = 3;
    /// Only when the connection has ended.
    pub(crate) const NEVER: u8 = 4;
}

/// What becomes of a linked object, the first byte of the request's Data.
pub(crate) mod fate {
    pub(crate) const ENDS: u8 = 0;
    pub(crate) const CRASHES: u8 = 1;
    /// It lives as long as its connection.
    pub(crate) const STAYS: u8 = 2;
}

/// What is done at some time to come.
enum Job {
    Answer(ConnectionId, u8, Vec<u8>),
    Push(Handle, u16, u16),
    Kick(Handle),
    End(ConnectionId, u8),
}

#[derive(Default)]
struct Room {
    members: BTreeSet<ConnectionId>,
    said: u32,
}

/// The game's state.
#[derive(Default)]
pub(crate) struct Game {
    now: Duration,
    jobs: BTreeMap<u64, Job>,
    agenda: BinaryHeap<Reverse<(Duration, u64)>>,
    last_job: u64,
    tickets: BTreeMap<ConnectionId, Ticket>,
    links: BTreeMap<ConnectionId, Link>,
    rooms: BTreeMap<u16, Room>,
    /// Pushes so far, by connection and stream.
    numbers: BTreeMap<(ConnectionId, u8), u32>,
    open: BTreeMap<ConnectionId, u64>,
    /// Who plays each role, by what was replied to logins and logouts.
    players: BTreeMap<u64, ConnectionId>,
    /// Connections whose role was taken over, and which have to hear of it before they end.
    replaced: BTreeSet<ConnectionId>,
    /// Those that have not.
    unheard: usize,
    /// Connections that have ended, with their clients' tags: pushes to them must reach nobody.
    gone: VecDeque<(ConnectionId, u64)>,
    /// A handle that is used to find out that its connection is gone.
    old: VecDeque<Handle>,
}

/// What tells a client from all others.
pub(crate) fn tag(peer: Peer) -> u64 {
    match peer {
        Peer::Ip(ip, port) => {
            let bytes = match ip {
                std::net::IpAddr::V4(ip) => u64::from(u32::from(ip)),
                std::net::IpAddr::V6(_) => 0,
            };
            bytes << 16 | u64::from(port)
        }
        Peer::Local => 0,
    }
}

impl Game {
    fn plan(&mut self, ms: u16, job: Job) {
        self.last_job += 1;
        self.jobs.insert(self.last_job, job);
        self.agenda.push(Reverse((self.now + Duration::from_millis(ms.into()), self.last_job)));
    }

    /// A connection plays a role from now on.
    fn log_in(&mut self, id: ConnectionId, role_id: u64) {
        if let Some(older) = self.players.insert(role_id, id).filter(|&older| older != id) {
            self.replaced.insert(older);
        }
    }

    /// A connection plays a role no longer, unless another one does.
    fn log_out(&mut self, id: ConnectionId, role_id: u64) {
        if self.players.get(&role_id) == Some(&id) {
            self.players.remove(&role_id);
        }
    }

    fn next_push(&mut self, id: ConnectionId, stream: u8, tag: u64, size: u16) -> Vec<u8> {
        let number = self.numbers.entry((id, stream)).or_default();
        let data = push_data(stream, tag, *number, size);
        *number += 1;
        data
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Answer(id, way, data) => match (self.tickets.remove(&id), way) {
                (Some(ticket), late::REPLIED) => ticket.reply(data),
                (Some(ticket), late::REFUSED) => ticket.refuse(ErrorId(123)),
                (ticket, _) => drop(ticket),
            },
            Job::Push(handle, count, size) => {
                let Some(&tag) = self.open.get(&handle.id()) else { return };
                for _ in 0..count {
                    let data = self.next_push(handle.id(), 1, tag, size);
                    if handle.push(PUSHED, &data).is_err() {
                        return;
                    }
                }
            }
            Job::Kick(handle) => {
                let _ = handle.kick();
            }
            Job::End(id, way) => {
                let Some(link) = self.links.remove(&id) else { return };
                if way == fate::CRASHES {
                    let crash = AssertUnwindSafe(|| {
                        let _held = link;
                        panic!("as the script asked");
                    });
                    let _ = catch_unwind(crash);
                } else {
                    link.end();
                }
            }
        }
    }
}

pub(crate) fn push_data(stream: u8, tag: u64, number: u32, size: u16) -> Vec<u8> {
    let mut data = vec![stream];
    data.extend(tag.to_be_bytes());
    data.extend(number.to_be_bytes());
    data.resize(data.len() + usize::from(size), stream);
    data
}

impl Application for Game {
    fn replaced(&mut self, record: &Record, _: &mut Effects) {
        let id = record.id();
        if !self.replaced.remove(&id) {
            // Nobody has taken over its role, or it was told before.
            self.unheard += 1;
        }
        self.log_out(id, record.role_id());
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        self.open.insert(context.id(), tag(context.record().peer()));
    }

    fn closed(&mut self, record: &Record, _: Cause, effects: &mut Effects) {
        let id = record.id();
        if let Some(tag) = self.open.remove(&id) {
            self.gone.push_back((id, tag));
            if self.gone.len() > 32 {
                self.gone.pop_front();
            }
        }
        self.unheard += usize::from(self.replaced.remove(&id));
        self.log_out(id, record.role_id());
        for stream in 0..2 {
            self.numbers.remove(&(id, stream));
        }
        for room in self.rooms.values_mut() {
            room.members.remove(&id);
        }
        self.rooms.retain(|_, room| !room.members.is_empty() || room.said > 0);
        // Whoever is gone gets nothing, whatever is still done for it.
        if let Some(ticket) = self.tickets.remove(&id) {
            effects.reply(ticket, b"to nobody");
        }
        effects.send(id, Push::new(PUSHED, b"to nobody"));
        drop(self.links.remove(&id));
    }
}

impl Simulated for Game {
    fn between_turns(&mut self, now: Duration, random: &mut Random) -> Option<Duration> {
        self.now = now;
        while let Some(&Reverse((at, number))) = self.agenda.peek()
            && at <= now
        {
            self.agenda.pop();
            if let Some(job) = self.jobs.remove(&number) {
                self.run(job);
            }
        }
        if random.chance(0.01)
            && let Some(handle) = self.old.pop_front()
            && !self.open.contains_key(&handle.id())
        {
            assert!(handle.push(PUSHED, b"to nobody").is_err(), "a handle outlived its connection");
        }
        self.agenda.peek().map(|Reverse((at, _))| at.saturating_sub(now))
    }

    fn left_over(&self) -> Option<String> {
        let members: usize = self.rooms.values().map(|room| room.members.len()).sum();
        let left = [
            ("open", self.open.len()),
            ("members", members),
            ("tickets", self.tickets.len()),
            ("links", self.links.len()),
            ("numbers", self.numbers.len()),
            ("players", self.players.len()),
            ("connections that wait to be replaced", self.replaced.len()),
            ("wrong replacements", self.unheard),
        ];
        left.into_iter().find(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what} are left"))
    }
}

static MODULE: Module<Game> = Module::new(
    13,
    "game",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(REFUSE, "refuse", Access::Anyone, |_, request, _| match number(request.data()) {
            Some((error_id, _)) => Outcome::Refuse(ErrorId(error_id)),
            None => Outcome::Undecodable,
        }),
        Route::new(BURST, "burst", Access::Anyone, burst),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Role, |game, _, context| {
            game.log_out(context.id(), context.record().role_id());
            context.logout();
            context.reply(b"")
        }),
        Route::new(DEFER, "defer", Access::Anyone, defer),
        Route::new(PUSH, "push", Access::Anyone, push),
        Route::new(PUSH_LATER, "push_later", Access::Anyone, push_later),
        Route::new(JOIN, "join", Access::Anyone, join),
        Route::new(LEAVE, "leave", Access::Anyone, leave),
        Route::new(SAY, "say", Access::Anyone, say),
        Route::new(LINK, "link", Access::Anyone, link),
        Route::new(PANIC, "panic", Access::Anyone, |_, _, _| panic!("as the script asked")),
        Route::new(CLOSE, "close", Access::Anyone, |_, request, _| {
            let code = number(request.data()).and_then(|(code, _)| CloseCode::new(code));
            code.map_or(Outcome::Undecodable, Outcome::Close)
        }),
        Route::new(PICKY, "picky", Access::Anyone, |_, _, _| Outcome::Undecodable),
        Route::new(KICK, "kick", Access::Anyone, |game, _, context| {
            let handle = context.handle();
            game.plan(5, Job::Kick(handle));
            Outcome::Done
        }),
    ],
);

pub(crate) static GAME: Router<Game> = Router::new([&MODULE]);

/// A number of 16 bits, and what follows it.
fn number(data: &[u8]) -> Option<(u16, &[u8])> {
    data.split_first_chunk().map(|(number, rest)| (u16::from_be_bytes(*number), rest))
}

fn burst(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, rest)) = number(request.data()) else { return Outcome::Undecodable };
    for index in 0..count {
        let _ = context.reply(&[&index.to_be_bytes(), rest].concat());
    }
    Outcome::Done
}

fn login(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(role_id) = <[u8; 8]>::try_from(request.data()).map(u64::from_be_bytes) else {
        return Outcome::Undecodable;
    };
    let earlier = context.record().role_id();
    let identity = Identity { account: format!("account of {role_id}"), role_id, ..Identity::default() };
    match context.login(Login { identity, ..Login::default() }) {
        Ok(()) => {
            game.log_out(context.id(), earlier);
            game.log_in(context.id(), role_id);
            context.reply(b"")
        }
        Err(_) => Outcome::Refuse(ErrorId::LOGIN_REFUSED),
    }
}

fn defer(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((&[way, a, b], data)) = request.data().split_first_chunk() else { return Outcome::Undecodable };
    let data = data.to_vec();
    let id = context.id();
    let ticket = context.defer(request);
    if way == late::AT_ONCE {
        context.effects().reply(ticket, data);
        return Outcome::Done;
    }
    game.tickets.insert(id, ticket);
    if way != late::NEVER {
        game.plan(u16::from_be_bytes([a, b]), Job::Answer(id, way, data));
    }
    Outcome::Done
}

fn push(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, rest)) = number(request.data()) else { return Outcome::Undecodable };
    let Some((size, _)) = number(rest) else { return Outcome::Undecodable };
    let (id, tag) = (context.id(), tag(context.record().peer()));
    for _ in 0..count {
        let data = game.next_push(id, 0, tag, size);
        if context.push(PUSHED, &data).is_err() {
            break;
        }
    }
    // One that nobody may get, sent to a connection that is gone.
    if let Some((gone, tag)) = game.gone.front() {
        context.send_to(*gone, Push::new(PUSHED, &push_data(0, *tag, 0, 0)));
    }
    Outcome::Done
}

fn push_later(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, rest)) = number(request.data()) else { return Outcome::Undecodable };
    let Some((size, _)) = number(rest) else { return Outcome::Undecodable };
    let handle = context.handle();
    game.old.push_back(handle.clone());
    game.plan(size % 50, Job::Push(handle, count, size));
    Outcome::Done
}

fn join(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((room, _)) = number(request.data()) else { return Outcome::Undecodable };
    let room = game.rooms.entry(room).or_default();
    room.members.insert(context.id());
    context.reply(&room.said.to_be_bytes())
}

fn leave(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((room, _)) = number(request.data()) else { return Outcome::Undecodable };
    if let Some(room) = game.rooms.get_mut(&room) {
        room.members.remove(&context.id());
    }
    context.reply(b"")
}

fn say(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((number, text)) = number(request.data()) else { return Outcome::Undecodable };
    if let Some(room) = game.rooms.get_mut(&number) {
        let data = [&number.to_be_bytes(), room.said.to_be_bytes().as_slice(), text].concat();
        room.said += 1;
        context.effects().broadcast(room.members.iter().copied(), Push::new(SAID, &data));
    }
    Outcome::Done
}

fn link(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some(&[way, a, b]) = request.data().first_chunk() else { return Outcome::Undecodable };
    let id = context.id();
    let link = context.link(|_| {});
    game.links.insert(id, link);
    if way != fate::STAYS {
        game.plan(u16::from_be_bytes([a, b]), Job::End(id, way));
    }
    context.reply(b"")
}
