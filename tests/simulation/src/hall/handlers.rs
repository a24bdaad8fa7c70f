//! The handlers of the game.

use std::time::Duration;

use sysconn::{Access, Context, Identity, Login, Module, Outcome, Request, Route, Router};

use super::model::{Number, Tag};
use super::state::{Guest, Hall, Late, reply, topic};
use super::{TOPICS, commands as cmd, how};
use crate::game::tag;

/// How long the client of a forgotten request waits.
const DEADLINE: Duration = Duration::from_millis(100);

type Call<'a> = Context<'a, Guest>;

static MODULE: Module<Hall> = Module::new(
    14,
    "hall",
    [
        Route::new(cmd::JOIN, "join", Access::Anyone, join),
        Route::new(cmd::LEAVE, "leave", Access::Anyone, leave),
        Route::new(cmd::SAY, "say", Access::Anyone, say),
        Route::new(cmd::SAY_ELSEWHERE, "say_elsewhere", Access::Anyone, say_elsewhere),
        Route::new(cmd::CHECK, "check", Access::Anyone, check),
        Route::new(cmd::ENTER, "enter", Access::Anyone, enter),
        Route::new(cmd::QUIT, "quit", Access::Anyone, |hall, _, context| {
            context.logout();
            done(hall, context)
        }),
        Route::new(cmd::WAIT, "wait", Access::Anyone, wait),
        Route::new(cmd::WAIT_UNORDERED, "wait_unordered", Access::Anyone, wait).unordered(),
        Route::new(cmd::WAIT_IN_VAIN, "wait_in_vain", Access::Anyone, wait_in_vain).deadline(DEADLINE),
        Route::new(cmd::ENTER_LATER, "enter_later", Access::Anyone, enter_later).unordered(),
        Route::new(cmd::FAIL, "fail", Access::Anyone, |hall, request, context| {
            let Some(&[number]) = request.data().first_chunk() else { return Outcome::Undecodable };
            hall.publish(context.effects(), number, 0, None);
            panic!("as the script asked");
        }),
    ],
);

/// The game's router.
pub(super) static HALL: Router<Hall> = Router::new([&MODULE]);

fn own(context: &Call<'_>) -> Tag {
    tag(context.record().peer())
}

/// Replies that all is done by this call.
fn done(hall: &Hall, context: &mut Call<'_>) -> Outcome {
    let call = hall.shared.model().call();
    context.reply(&reply(call, false))
}

fn join(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[number]) = request.data().first_chunk() else { return Outcome::Undecodable };
    if context.subscribe(&topic(number)).is_ok() {
        hall.shared.model().subscribed(own(context), number);
    }
    done(hall, context)
}

fn leave(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[number]) = request.data().first_chunk() else { return Outcome::Undecodable };
    let was = context.unsubscribe(&topic(number));
    let result = hall.shared.model().unsubscribed(own(context), number, was);
    hall.shared.note(result);
    done(hall, context)
}

fn wait(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[a, b]) = request.data().first_chunk() else { return Outcome::Undecodable };
    let ticket = context.defer(request);
    hall.answer_later(Late::Reply(ticket), u16::from_be_bytes([a, b]));
    Outcome::Done
}

fn wait_in_vain(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    hall.forgotten.insert(context.id(), context.defer(request));
    Outcome::Done
}

fn enter_later(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[a, b]) = request.data().first_chunk() else { return Outcome::Undecodable };
    // No other client has this role.
    let role_id = own(context);
    match context.defer_login(request) {
        Ok(ticket) => {
            hall.answer_later(Late::Login(ticket, role_id), u16::from_be_bytes([a, b]));
            Outcome::Done
        }
        Err(_) => done(hall, context),
    }
}

fn say(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[number, how, a, b]) = request.data().first_chunk() else { return Outcome::Undecodable };
    let except = (how & how::TO_OTHERS != 0).then_some((context.id(), own(context)));
    // What the sender gets follows the reply, wherever the handler makes it.
    let call = hall.shared.model().call();
    let size = u16::from_be_bytes([a, b]);
    if how & how::REPLIES_LAST != 0 {
        hall.publish(context.effects(), number, size, except);
        return context.reply(&reply(call, false));
    }
    let outcome = context.reply(&reply(call, false));
    hall.publish(context.effects(), number, size, except);
    outcome
}

/// Publishes from another worker, or from this one by mail.
fn say_elsewhere(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some(&[number, worker]) = request.data().first_chunk() else { return Outcome::Undecodable };
    let worker = usize::from(worker) % hall.worker.count();
    // If that worker has ended, nothing is published.
    let _ = hall.worker.call(worker, move |hall, effects| hall.publish(effects, number, 0, None));
    done(hall, context)
}

fn check(hall: &mut Hall, _: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let tag = own(context);
    let mut listed = 0;
    for number in 0..TOPICS {
        let is = context.is_subscribed(&topic(number));
        listed += usize::from(is);
        let result = hall.shared.model().check_subscribed(tag, number, is);
        hall.shared.note(result);
    }
    let count = context.topics().count();
    if count != listed {
        hall.shared.note(Err(format!("{count} topics are listed, and {tag:x} is subscribed to {listed}")));
    }
    done(hall, context)
}

fn enter(hall: &mut Hall, request: Request<'_>, context: &mut Call<'_>) -> Outcome {
    let Some((role, &[takes])) = request.data().split_first_chunk() else { return Outcome::Undecodable };
    let (role_id, takes) = (u64::from_be_bytes(*role), takes != 0);
    let older = context.player(role_id).filter(|&older| older != context.id());
    let older = older.filter(|_| context.record().role_id() != role_id);
    let topics = older.map_or(vec![], |older| topics_of(context, older));
    let older = older.and_then(|older| hall.shared.tag(older));
    let identity = Identity { role_id, ..Identity::default() };
    // Another login may be under way.
    let result = context.login(Login { identity, take_topics: takes, ..Login::default() });
    if let (Ok(()), Some(older)) = (result, older) {
        hall.shared.model().replaces(own(context), older, takes, &topics);
    }
    done(hall, context)
}

/// The topics of another connection, if it is on this worker.
fn topics_of(context: &mut Call<'_>, id: sysconn::ConnectionId) -> Vec<Number> {
    let effects = context.effects();
    (0..TOPICS).filter(|number| effects.topics_of(id).any(|has| *has == topic(*number))).collect()
}
