//! Applies effects: what handlers and hooks ask to be done to other connections.

use super::core::Core;
use super::fan_out::send_to_many;
use super::forward::forward;
use super::queue_output::write_if_full;
use super::roles::{log_in, replace};
use super::send::{call, send, send_answer};
use super::survey::{survey, survey_all};
use super::watch::set_debug;
use crate::id::ConnectionId;
use crate::router::{Application, Effect};

/// Ends the work on a connection: writes urgent output, and applies the effects of its handlers.
#[inline(always)]
pub(super) fn conclude<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    write_if_full(core);
    apply(core, Some(id));
}

/// Applies the waiting effects, and the effects that they cause. `by` is the connection whose requests caused
/// them.
#[inline(always)]
pub(super) fn apply<S: Application>(core: &mut Core<S>, by: Option<ConnectionId>) {
    if !core.lent.env.tools.effects.is_empty() {
        apply_all(core, by);
    }
}

#[inline(never)]
fn apply_all<S: Application>(core: &mut Core<S>, by: Option<ConnectionId>) {
    while !core.lent.env.tools.effects.is_empty() {
        let mut effects = core.lent.env.tools.effects.take();
        for effect in effects.drain(..) {
            if let Some(effect) = forward(core, effect) {
                apply_one(core, by, effect);
            }
        }
        core.lent.env.tools.effects.put_back(effects);
    }
}

/// Applies one effect to connections of this worker.
pub(super) fn apply_one<S: Application>(core: &mut Core<S>, by: Option<ConnectionId>, effect: Effect) {
    match effect {
        Effect::Send { to, push } => send(core, to, &push),
        Effect::Broadcast { to, push } => send_to_many(core, by, to, push),
        Effect::Close { to, cause } => call(core, to, |entry, env| entry.conn.close(cause, env)),
        Effect::SetDebug { to, on } => set_debug(core, to, on),
        Effect::Answer { right, answer } => {
            if let Some((to, seq)) = right.into_request() {
                send_answer(core, to, seq, answer);
            }
        }
        Effect::LogIn { to, login } => log_in(core, to, &login),
        Effect::LogOut(to) => call(core, to, |entry, env| entry.conn.log_out(env)),
        Effect::Replace(id) => replace(core, id),
        Effect::Survey(look) => {
            survey(core, look);
        }
        Effect::SurveyAll(tour) => survey_all(core, tour),
    }
}
