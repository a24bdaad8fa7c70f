//! The game: its state, its routes, and what its handlers do.
//!
//! Each room has a home, one of the workers, which alone knows the roles in it. Room 0 is the lobby. The
//! topic of a connection says which room it is in. What happens in a room is a call to its home, in order.

use std::{collections::BTreeMap, sync::mpsc::Sender, time};

use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, ClientKind, ConnectionId, Effects, Handle, Identity, Login, LoginTicket, Module,
    Outcome, Peer, Push, Request, Route, Router, Tick, Topic, Worker, packet::ErrorId, proto, token::Keys,
};

use super::messages::{Role, account, room};
use super::store::Job;

const LOBBY: u64 = 0;
const ROOMS: u64 = 9;
const MAX_CLIENTS: usize = 64;
const MAX_STEP: i32 = 9;
const SIZE: i32 = 1000;
const TICKS_PER_SAVE: u64 = 20;

/// The room that a connection watches, without a role: `/?watch=ROOM`.
type Watched = Option<u64>;
type Context<'a> = sysconn::Context<'a, Watched>;
type Answer = Result<Outcome, ErrorId>;
type Call = Box<dyn FnOnce(&mut Arena, &mut Effects) + Send>;

/// The state of one worker.
pub(crate) struct Arena {
    pub(crate) worker: Worker<Arena>,
    pub(crate) keys: Keys,
    pub(crate) store: Sender<Job>,
    /// The roles in rooms of this worker, whether anybody plays them or not. A role that has gone on to a
    /// room of another worker stays here too, with that room.
    pub(crate) heroes: BTreeMap<u64, Hero>,
}

/// A role, and the connection that plays it or did so last.
#[derive(Clone)]
pub(crate) struct Hero {
    role: Role,
    player: Handle,
}

impl Application for Arena {
    type Session = Watched;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<Watched, Refusal> {
        let room = request.query().and_then(|query| query.strip_prefix("watch="));
        room.map(|room| room.parse().map_err(|_| Refusal::NotFound)).transpose()
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        if let Some(room) = *context.session() {
            let _ = context.subscribe(&Topic::from(room));
        }
    }

    fn tick(&mut self, tick: Tick, effects: &mut Effects) {
        let mut rooms = BTreeMap::<u64, Vec<Role>>::new();
        for role in self.heroes.values().filter(|hero| hero.player.is_open()).map(|hero| hero.role) {
            rooms.entry(role.room).or_default().push(role);
        }
        rooms.retain(|room, _| *room != LOBBY && self.is_home(*room));
        for (room, roles) in rooms {
            let snapshot = room::Snapshot { tick: tick.number, room, roles };
            // What does not get out now is in the next one.
            let _ = effects.publish(&Topic::from(room), &Push::message(room::SNAPSHOT, &snapshot));
        }
        if tick.number.is_multiple_of(TICKS_PER_SAVE) {
            self.save();
        }
    }

    fn draining(&mut self, effects: &mut Effects) {
        let notice = room::Notice { text: "the server restarts".to_owned() };
        for room in (0..ROOMS).filter(|room| self.is_home(*room)) {
            let _ = effects.publish(&Topic::from(room), &Push::message(room::NOTICE, &notice));
        }
    }
}

/// Clients may move until the drain has ended.
impl Drop for Arena {
    fn drop(&mut self) {
        self.save();
    }
}

impl Arena {
    fn is_home(&self, room: u64) -> bool {
        home(room, &self.worker) == self.worker.index()
    }

    /// Saves the roles that are in rooms of this worker.
    fn save(&self) {
        let roles = self.heroes.values().map(|hero| hero.role).filter(|role| self.is_home(role.room));
        // It fails only if the store has, which ends the program with its error.
        let _ = self.store.send(Job::Save(roles.collect()));
    }

    /// Calls a function at the home of a room, for a handler: at once if that is this worker.
    fn at_home(&mut self, room: u64, effects: &mut Effects, call: Call) -> Answer {
        if self.is_home(room) {
            call(self, effects);
        } else {
            self.worker.call(home(room, &self.worker), call)?;
        }
        Ok(Outcome::Done)
    }

    /// The role that a connection plays in a room of this worker.
    fn played(&mut self, role_id: u64, room: u64, by: ConnectionId) -> Option<&mut Hero> {
        self.heroes.get_mut(&role_id).filter(|hero| hero.role.room == room && hero.player.id() == by)
    }
}

/// The worker that is the home of a room.
fn home(room: u64, worker: &Worker<Arena>) -> usize {
    room as usize % worker.count()
}

/// A role where it comes into a room.
fn spawned(role_id: u64, room: u64) -> Role {
    let place = |factor| (role_id.wrapping_mul(factor) % SIZE as u64) as i32;
    Role { role_id, room, x: place(37), y: place(91), moves: 0 }
}

/// Ends a login at the home of the room that the role is in, wherever it has gone since it was saved.
fn admit(worker: &Worker<Arena>, mut hero: Hero, login: Login, ticket: LoginTicket) {
    worker.call_always(home(hero.role.room, worker), move |arena, effects| {
        hero.role = arena.heroes.get(&hero.role.role_id).map_or(hero.role, |known| known.role);
        if !arena.is_home(hero.role.room) {
            return admit(&arena.worker, hero, login, ticket);
        }
        let _ = effects.subscribe(hero.player.id(), &Topic::from(hero.role.room));
        let _ = effects.reply_login_message(ticket, login, &account::LoggedIn { role: Some(hero.role) });
        arena.heroes.insert(hero.role.role_id, hero);
    });
}

/// The room that a connection is in.
fn room_of(context: &Context<'_>) -> Result<u64, ErrorId> {
    context.topics().find_map(Topic::id).ok_or(ErrorId::NOT_AVAILABLE)
}

#[expect(clippy::disallowed_methods, reason = "tokens expire by the system clock")]
fn login(arena: &mut Arena, ask: account::Login, request: Request<'_>, context: &mut Context<'_>) -> Answer {
    let account::Login { account, role_id, is_operator, token } = ask;
    let now = time::SystemTime::now().duration_since(time::UNIX_EPOCH).unwrap_or_default().as_secs();
    let kind = if is_operator { ClientKind::Operator } else { ClientKind::Player };
    let identity = Identity { account, role_id, ..Identity::default() };
    let login = Login { identity, kind, ..Login::default() };
    if let Err(error) = arena.keys.verify(&token, &login, now) {
        return Ok(context.refuse_login(&login.identity.account, role_id, &error.to_string()));
    }
    let (ticket, player, worker) = (context.defer_login(request)?, context.handle(), arena.worker.clone());
    let then = move |saved: Option<Role>| {
        let role = saved.unwrap_or(spawned(role_id, LOBBY));
        admit(&worker, Hero { role, player }, login, ticket);
    };
    // If the store is gone, so is the ticket, which refuses the request.
    let _ = arena.store.send(Job::Load(role_id, Box::new(then)));
    Ok(Outcome::Done)
}

fn list(_: &mut Arena, _: room::List, context: &mut Context<'_>) -> Result<room::Rooms, ErrorId> {
    let clients = |room| context.subscribers(&Topic::from(room)) as u32;
    Ok(room::Rooms { clients: (0..ROOMS).map(clients).collect() })
}

fn join(arena: &mut Arena, ask: room::Join, request: Request<'_>, context: &mut Context<'_>) -> Answer {
    let (from, to) = (room_of(context)?, ask.room);
    if to >= ROOMS || to == from || to != LOBBY && context.subscribers(&Topic::from(to)) >= MAX_CLIENTS {
        return Err(ErrorId::NOT_ALLOWED);
    }
    let (role_id, id) = (context.record().role_id(), context.id());
    let ticket = context.defer(request);
    let leave = Box::new(move |arena: &mut Arena, effects: &mut Effects| {
        // A newer login may have been faster: then the ticket refuses the request.
        let Some(hero) = arena.played(role_id, from, id) else { return };
        hero.role = spawned(role_id, to);
        let hero = hero.clone();
        let enter = Box::new(move |arena: &mut Arena, effects: &mut Effects| {
            let _ = effects.subscribe(id, &Topic::from(to));
            effects.reply_message(ticket, &room::Joined { role: Some(hero.role) });
            arena.heroes.insert(role_id, hero);
        });
        // If the home is overloaded, the ticket refuses, and the next login leads into the room.
        let _ = arena.at_home(to, effects, enter);
    });
    let answer = arena.at_home(from, context.effects(), leave)?;
    context.unsubscribe(&Topic::from(from));
    Ok(answer)
}

fn step(arena: &mut Arena, ask: room::Move, context: &mut Context<'_>) -> Answer {
    let (dx, dy) = (ask.dx.clamp(-MAX_STEP, MAX_STEP), ask.dy.clamp(-MAX_STEP, MAX_STEP));
    let (room, role_id, id) = (room_of(context)?, context.record().role_id(), context.id());
    let step = Box::new(move |arena: &mut Arena, _: &mut Effects| {
        if let Some(Hero { role, .. }) = arena.played(role_id, room, id) {
            (role.x, role.y) = ((role.x + dx).rem_euclid(SIZE), (role.y + dy).rem_euclid(SIZE));
            role.moves += 1;
        }
    });
    arena.at_home(room, context.effects(), step)
}

fn chat(_: &mut Arena, ask: room::Chat, context: &mut Context<'_>) -> Result<(), ErrorId> {
    let said = room::Said { role_id: context.record().role_id(), text: ask.text };
    let topic = Topic::from(room_of(context)?);
    Ok(context.effects().publish(&topic, &Push::message(room::SAID, &said))?)
}

fn kick(_: &mut Arena, ask: room::Kick, context: &mut Context<'_>) -> Result<(), ErrorId> {
    let player = context.player(ask.role_id).ok_or(ErrorId::NOT_ALLOWED)?;
    context.effects().kick(player);
    Ok(())
}

const CHATS: Access<Watched> = Access::If(|record, watched| record.role_id() != 0 || watched.is_some());
const LOGS_IN: Access<Watched> = Access::If(|_, watched| watched.is_none());
static ACCOUNT: Module<Arena> = Module::new(
    20,
    "account",
    [Route::new(account::LOGIN, "login", LOGS_IN, proto!(login, request)).secret()],
);
static ROOM: Module<Arena> = Module::new(
    22,
    "room",
    [
        Route::new(room::LIST, "list", Access::Anyone, proto!(list)),
        Route::new(room::JOIN, "join", Access::Role, proto!(join, request)).replies(),
        Route::new(room::MOVE, "move", Access::Role, proto!(step)),
        Route::new(room::CHAT, "chat", CHATS, proto!(chat)),
        Route::new(room::KICK, "kick", Access::Operator, proto!(kick)),
    ],
);
pub(crate) static ROUTES: Router<Arena> = Router::new([&ACCOUNT, &ROOM]);
