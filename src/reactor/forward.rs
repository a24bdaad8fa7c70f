//! Forwards effects to the workers of their connections.

use super::core::Core;
use super::requester::Requester;
use super::topics::wait_for_others;
use super::worker_links::Posted;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, MailboxError};
use crate::metrics::SendError;
use crate::router::{Application, Effect, HeldByPublish, Publish};
use crate::topics::Topic;

/// Forwards the part of an effect that concerns connections of other workers. Returns the part for this
/// worker. `by` is who requested it.
pub(super) fn forward<S: Application>(core: &mut Core<S>, by: Requester, effect: Effect) -> Option<Effect> {
    if core.shared.mailboxes.count() == 1 {
        return Some(effect);
    }
    let own = core.links.own();
    match effect {
        Effect::Broadcast { to, push } => {
            let mut here = to.clone();
            here.retain(|id| id.worker() == own);
            for (worker, to) in by_worker(to.iter().filter(|id| id.worker() != own)) {
                let (messages, to) = (to.len() as u64, to.into());
                post_push(core, worker, messages, Effect::Broadcast { to, push: push.clone() });
            }
            Some(Effect::Broadcast { to: here, push })
        }
        Effect::Publish(publish) => {
            forward_publish(core, by, *publish);
            None
        }
        Effect::Reach { .. } => Some(effect),
        Effect::SurveyAll(_) if own != 0 => {
            post(core, 0, 1, effect);
            None
        }
        effect => match effect.receiver().map(ConnectionId::worker) {
            Some(worker) if worker != own => {
                forward_to(core, by, worker, effect);
                None
            }
            Some(_) | None => Some(effect),
        },
    }
}

/// Forwards an effect on one connection to the worker of that connection.
fn forward_to<S: Application>(core: &mut Core<S>, by: Requester, worker: usize, effect: Effect) {
    let mailboxes = &core.shared.mailboxes;
    match effect {
        Effect::Send { .. } => post_push(core, worker, 1, effect),
        // These must not get lost in a full mailbox: whether a client may act depends on them. The
        // application asks for each of them, or there is one for each connection that is replaced.
        Effect::Close { .. }
        | Effect::LogIn { .. }
        | Effect::LogOut(_)
        | Effect::Replace { .. }
        | Effect::Inherit { .. } => mailboxes.post_always(worker, Mail::Effect(effect)),
        Effect::Answer { right, answer } => right.answer(answer),
        Effect::Subscribe { .. } => post_subscription(core, worker, effect),
        Effect::Unsubscribe { to, topic, .. } => forward_unsubscription(core, by, to, topic),
        effect => {
            post(core, worker, 1, effect);
        }
    }
}

/// Forwards an unsubscription. A full mailbox takes it too, or the connection would hear what is not meant
/// for it any more. Then it holds a permit, and a client waits, as for a publish.
fn forward_unsubscription<S: Application>(
    core: &mut Core<S>,
    by: Requester,
    to: ConnectionId,
    topic: Option<Topic>,
) {
    let mail = |held| Mail::Effect(Effect::Unsubscribe { to, topic: topic.clone(), held });
    if core.shared.mailboxes.post(to.worker(), mail(None)) != Err(MailboxError::Full) {
        return;
    }
    match core.shared.topics.permit_small(by.quota()) {
        Ok(permit) => {
            let mut held = HeldByPublish::new(permit);
            held.end = wait_for_others(core, by, &held);
            core.shared.mailboxes.post_always(to.worker(), mail(Some(held)));
        }
        Err(_) => post_subscription(core, to.worker(), Effect::Unsubscribe { to, topic, held: None }),
    }
}

/// Posts a change of a subscription to another worker. If it is dropped, it is counted.
fn post_subscription<S: Application>(core: &mut Core<S>, worker: usize, effect: Effect) {
    if post(core, worker, 1, effect) == Posted::Dropped {
        core.lent.env.tools.effects.topics.count_refused_subscribe();
    }
}

/// Posts a publish to each other worker that has subscribers.
fn forward_publish<S: Application>(core: &mut Core<S>, by: Requester, mut publish: Publish) {
    publish.held.end = wait_for_others(core, by, &publish.held);
    let (own, count) = (core.links.own(), core.shared.mailboxes.count());
    for worker in publish.topic.workers(count).filter(|worker| *worker != own) {
        post_push(core, worker, 1, Effect::Publish(Box::new(publish.clone())));
    }
}

/// Posts a push with this many receivers to another worker. If it is dropped, it counts as that many
/// failures.
fn post_push<S: Application>(core: &mut Core<S>, worker: usize, receivers: u64, effect: Effect) {
    if post(core, worker, receivers, effect) == Posted::Dropped {
        core.lent.env.tools.totals.send_errors += receivers;
        core.lent.env.tools.meter.send_failed(SendError::Mailbox, receivers);
    }
}

fn post<S: Application>(core: &mut Core<S>, worker: usize, messages: u64, effect: Effect) -> Posted {
    let now = core.lent.now();
    core.links.post(&core.shared.mailboxes, worker, Mail::Effect(effect), messages, now)
}

/// Sorts connections by their worker.
fn by_worker(ids: impl Iterator<Item = ConnectionId>) -> impl Iterator<Item = (usize, Vec<ConnectionId>)> {
    let mut sorted: Vec<Vec<ConnectionId>> = vec![];
    for id in ids {
        let worker = id.worker();
        if sorted.len() <= worker {
            sorted.resize_with(worker + 1, Vec::new);
        }
        if let Some(of_worker) = sorted.get_mut(worker) {
            of_worker.push(id);
        }
    }
    sorted.into_iter().enumerate().filter(|(_, ids)| !ids.is_empty())
}
