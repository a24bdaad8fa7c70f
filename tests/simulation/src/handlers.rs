//! The handlers of the simulated game: a route for everything that the library can do.

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::{Access, Context, Identity, Login, Module, Outcome, Push, Request, Route, Router};

use crate::commands::{
    BURST, CLOSE, DEFER, ECHO, JOIN, KICK, LEAVE, LINK, LOGIN, LOGOUT, PANIC, PICKY, PUSH, PUSH_LATER,
    PUSHED, REFUSE, SAID, SAY, SINK, fate, late,
};
use crate::game::{Game, Job, push_data, tag};

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
            game.players.log_out(context.id(), context.record().role_id());
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

/// The game's router.
pub(crate) static GAME: Router<Game> = Router::new([&MODULE]);

/// Splits a number of 16 bits off.
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
            game.players.log_out(context.id(), earlier);
            game.players.log_in(context.id(), role_id);
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
    // A push to a connection that is gone, which no client may receive.
    if let Some((gone, tag)) = game.gone.front() {
        context.effects().send(*gone, &Push::new(PUSHED, &push_data(0, *tag, 0, 0)));
    }
    Outcome::Done
}

fn push_later(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, rest)) = number(request.data()) else { return Outcome::Undecodable };
    let Some((size, _)) = number(rest) else { return Outcome::Undecodable };
    let handle = context.handle();
    game.old_handles.push_back(handle.clone());
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
        context.effects().broadcast(room.members.iter().copied(), &Push::new(SAID, &data));
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
