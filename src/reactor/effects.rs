//! Applies effects: what handlers and hooks ask to be done to other connections.

use super::core::Core;
use super::fan_out::{send_to_many, send_to_one};
use super::forward::forward;
use super::queue_output::write_if_full;
use super::requester::Requester;
use super::roles::{answer_request, log_in, replace};
use super::send::call;
use super::survey::{survey, survey_all};
use super::topics::{check_subscriber, deliver_publish, inherit, subscribe, unsubscribe};
use super::watch::{set_debug, set_recorded};
use crate::id::ConnectionId;
use crate::router::{Application, Effect};

/// Ends the work on a connection: writes urgent output, and applies the effects of its handlers.
#[inline(always)]
pub(super) fn conclude<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    write_if_full(core);
    if !core.lent.env.tools.effects.is_empty() {
        apply_all(core, Requester::Client(id));
    }
}

/// Applies the waiting effects, and the effects that they cause. `by` requested them.
#[inline(always)]
pub(super) fn apply<S: Application>(core: &mut Core<S>, by: Requester) {
    if !core.lent.env.tools.effects.is_empty() {
        apply_all(core, by);
    } else if !matches!(by, Requester::Client(_)) {
        // The next client does not pay for what a hook or a tick did at once.
        let _ = core.lent.env.tools.effects.take_cost();
    }
}

#[inline(never)]
fn apply_all<S: Application>(core: &mut Core<S>, by: Requester) {
    if by == Requester::Application {
        core.lent.budget.begin_application();
    }
    while !core.lent.env.tools.effects.is_empty() {
        let mut effects = core.lent.env.tools.effects.take();
        for effect in effects.drain(..) {
            if let Some(effect) = forward(core, by, effect) {
                apply_one(core, by, effect);
            }
        }
        core.lent.env.tools.effects.put_back(effects);
    }
    // Nor for what a hook did that was called meanwhile.
    let _ = core.lent.env.tools.effects.take_cost();
    core.lent.env.tools.meter.lose_mark();
}

/// Applies one effect to connections of this worker.
pub(super) fn apply_one<S: Application>(core: &mut Core<S>, by: Requester, effect: Effect) {
    match effect {
        Effect::Send { to, push } => send_to_one(core, by, to, push),
        Effect::Broadcast { to, push } => send_to_many(core, by, to, push, None),
        Effect::Reach { to, push, held } => send_to_many(core, by, to, push, Some(held)),
        Effect::Publish(publish) => deliver_publish(core, *publish),
        Effect::Subscribe { to, topic } => subscribe(core, to, &topic),
        Effect::Unsubscribe { to, topic, held } => {
            unsubscribe(core, to, topic);
            drop(held);
        }
        Effect::CheckSubscriber(id) => check_subscriber(core, id),
        Effect::Close { to, cause } => call(core, to, |entry, env| entry.conn.close(cause, env)),
        Effect::SetDebug { to, on } => set_debug(core, to, on),
        Effect::SetRecorded { to, on } => set_recorded(core, to, on),
        Effect::Answer { right, answer } => {
            if let Some((to, seq)) = right.into_request() {
                answer_request(core, by, to, seq, answer);
            }
        }
        Effect::LogIn { to, login } => log_in(core, by, to, &login),
        Effect::LogOut(to) => call(core, to, |entry, env| entry.conn.log_out(env)),
        Effect::Replace { to, heir, topics } => replace(core, to, heir, topics),
        Effect::Inherit { to, topics, steps } => inherit(core, to, topics, steps),
        Effect::Survey(look) => {
            survey(core, look);
        }
        Effect::SurveyAll(tour) => survey_all(core, tour),
    }
}
