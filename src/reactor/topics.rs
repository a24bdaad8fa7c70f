//! Topics at the reactor: publishes of other workers, and connections that leave their topics.

use std::sync::Arc;

use super::core::Core;
use super::fan_out::send_to_many;
use super::lent::TOPIC_BYTES;
use super::requester::Requester;
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::router::{Application, Effect, HeldByPublish, Publish, PublishEnd};
use crate::topics::Topic;

/// How often topics go on to the heir of an heir. Two connections can be each other's.
const MAX_STEPS: u8 = 16;

/// Sends a publish of another worker, or of another thread, to the subscribers of this one.
pub(super) fn deliver_publish<S: Application>(core: &mut Core<S>, publish: Publish) {
    let Publish { topic, except, push, held } = publish;
    let mut to = core.lent.env.tools.effects.topics.receivers(&topic);
    if let Some(except) = except {
        to.leave_out(except);
    }
    send_to_many(core, Requester::Publisher, to, push, Some(held));
}

/// Has a client wait until other workers have finished its publish, unless that is small and few of these are
/// unfinished. Returns what tells this worker of the end.
pub(super) fn wait_for_others<S: Application>(
    core: &mut Core<S>,
    by: Requester,
    held: &HeldByPublish,
) -> Option<Arc<PublishEnd>> {
    let by = by.client().filter(|_| held.permit.holds_back())?;
    let asker = core.connections.get_mut(by);
    let is_here = asker.map(|entry| entry.standing.set_owes(true)).is_some();
    core.lent.fan_outs.debts.begin(by, is_here);
    Some(Arc::new(PublishEnd::new(by, core.lent.env.tools.mailbox.clone())))
}

/// Other workers have finished a publish of a client: it goes on, unless another one is unfinished.
pub(super) fn end_wait<S: Application>(core: &mut Core<S>, by: ConnectionId) {
    core.lent.fan_outs.debts.finish(by);
    if let Some(mut active) = core.activate(by)
        && !active.owes()
    {
        active.postpone();
    }
}

/// Subscribes a connection for another worker, if it is open. A refusal is only counted.
pub(super) fn subscribe<S: Application>(core: &mut Core<S>, to: ConnectionId, topic: &Topic) {
    if is_open(core, to) {
        let _ = core.lent.env.tools.effects.topics.subscribe(to, topic);
    }
}

/// Unsubscribes a connection for another worker, from one topic or from all.
pub(super) fn unsubscribe<S: Application>(core: &mut Core<S>, to: ConnectionId, topic: Option<Topic>) {
    match topic {
        Some(topic) => drop(core.lent.env.tools.effects.topics.unsubscribe(to, &topic)),
        None => core.lent.leave_topics(to),
    }
}

/// Sends the topics of a connection to the one on another worker that has replaced it.
pub(super) fn bequeath<S: Application>(
    core: &mut Core<S>,
    id: ConnectionId,
    heir: ConnectionId,
    topics: Vec<Topic>,
) {
    core.lent.leave_topics(id);
    if !topics.is_empty() {
        post_topics(core, heir, topics, MAX_STEPS);
    }
}

/// Subscribes a connection to the topics of the one that it has replaced. If a newer one has replaced it
/// before they came, they go on to that one.
pub(super) fn inherit<S: Application>(
    core: &mut Core<S>,
    mut to: ConnectionId,
    topics: Vec<Topic>,
    mut steps: u8,
) {
    while !is_open(core, to) {
        let Some(heir) = core.heirs.of(to).filter(|_| steps > 0) else { return };
        (to, steps) = (heir, steps - 1);
        if to.worker() != core.links.own() {
            return post_topics(core, to, topics, steps);
        }
    }
    core.lent.budget.charge(topics.len() * TOPIC_BYTES);
    topics.iter().for_each(|topic| subscribe(core, to, topic));
}

fn post_topics<S: Application>(core: &mut Core<S>, to: ConnectionId, topics: Vec<Topic>, steps: u8) {
    // There is one for each connection that is replaced, so it is bounded, and must not get lost.
    core.shared.mailboxes.post_always(to.worker(), Mail::Effect(Effect::Inherit { to, topics, steps }));
}

/// Unsubscribes a connection that a hook has subscribed, unless it is open.
pub(super) fn check_subscriber<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    if !is_open(core, id) {
        core.lent.leave_topics(id);
    }
}

fn is_open<S: Application>(core: &Core<S>, id: ConnectionId) -> bool {
    core.connections.get(id).is_some_and(|entry| entry.conn.is_open())
}
