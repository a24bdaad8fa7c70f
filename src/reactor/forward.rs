//! What goes from one worker to another: effects that name connections of others, and calls.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, StateCall};
use crate::moment::Moment;
use crate::router::{Application, Effect};

/// Milliseconds between two complaints that other workers' mailboxes are full.
const COMPLAINT_MS: u64 = 1000;

/// What a worker knows of itself among the others.
#[derive(Debug)]
pub(super) struct WorkerLinks {
    own: usize,
    /// Pushes to connections of others that were dropped and not yet complained of.
    dropped: u64,
    complained_at: Option<Moment>,
}

impl WorkerLinks {
    pub(super) fn new(own: usize) -> Self {
        WorkerLinks { own, dropped: 0, complained_at: None }
    }

    /// This worker's number.
    pub(super) fn own(&self) -> usize {
        self.own
    }
}

/// Leaves what concerns connections of other workers in their mailboxes. What is to be done here is given back.
pub(super) fn forward<S>(core: &mut Core<S>, effect: Effect) -> Option<Effect> {
    let mailboxes = &core.lent.shared.mailboxes;
    if mailboxes.count() == 1 {
        return Some(effect);
    }
    let own = core.links.own;
    match effect {
        Effect::Send { to, push } if to.worker() != own => post(core, to.worker(), Mail::Send { to, push }),
        Effect::Broadcast { to, push } => {
            let (here, elsewhere): (Vec<_>, Vec<_>) = to.into_iter().partition(|id| id.worker() == own);
            for (worker, to) in by_worker(elsewhere) {
                post(core, worker, Mail::Broadcast { to, push: push.clone() });
            }
            return Some(Effect::Broadcast { to: here, push });
        }
        // Who is to be closed must not stay because of a full mailbox; it happens to each only once.
        Effect::Close { to, cause } if to.worker() != own => {
            mailboxes.post_always(to.worker(), Mail::Close { to, cause });
        }
        Effect::Replace(to) if to.worker() != own => {
            mailboxes.post_always(to.worker(), Mail::Replace { to });
        }
        Effect::SetDebug { to, on } if to.worker() != own => {
            post(core, to.worker(), Mail::SetDebug { to, on });
        }
        Effect::Answer { ticket, answer } if ticket.connection().worker() != own => {
            mailboxes.post_always(ticket.connection().worker(), ticket.into_mail(answer));
        }
        Effect::SurveyAll(tour) if own != 0 => post(core, 0, Mail::SurveyAll(tour)),
        here => return Some(here),
    }
    None
}

/// Leaves a mail for another worker. One that its mailbox has no room for is counted, and dropped.
fn post<S>(core: &mut Core<S>, worker: usize, mail: Mail) {
    let cost = mail.cost() as u64;
    let is_push = matches!(mail, Mail::Send { .. } | Mail::Broadcast { .. });
    // A worker that has ended has no connections left.
    if core.lent.shared.mailboxes.post(worker, mail) != Err(crate::mailbox::MailboxError::Full) {
        return;
    }
    if is_push {
        core.lent.env.tools.totals.send_errors += cost;
    }
    let now = core.lent.now();
    let links = &mut core.links;
    links.dropped += cost;
    if links.complained_at.is_none_or(|at| now.since(at) >= COMPLAINT_MS) {
        links.complained_at = Some(now);
        let dropped = std::mem::take(&mut links.dropped);
        log::error!("the mailbox of worker {worker} is full: {dropped} messages to others were dropped");
    }
}

/// Lets another thread work on the application's state. What it asks for is left in the effects.
pub(super) fn call_state<S: Application>(core: &mut Core<S>, call: StateCall) {
    let Env { state, tools, .. } = &mut core.lent.env;
    let state: &mut dyn Any = state;
    let called = catch_unwind(AssertUnwindSafe(|| call(state, &mut tools.effects)));
    core.lent.budget.read_clock();
    if called.is_err() {
        tools.log.panicked(tools.now, "call on a worker's state", &None::<(&str, &str)>);
    }
}

/// Ids sorted by the worker that they are on.
fn by_worker(ids: Vec<ConnectionId>) -> impl Iterator<Item = (usize, Vec<ConnectionId>)> {
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
