//! What goes from one worker to another: effects that name connections of others, and calls.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::mailbox::{Mail, StateCall};
use crate::moment::Moment;
use crate::router::{Application, Effect};
use crate::survey::SurveyTour;

/// Milliseconds between two complaints that other workers' mailboxes are full.
const COMPLAINT_MS: u64 = 1000;

/// What a worker knows of itself among the others.
#[derive(Debug)]
pub(super) struct Others {
    own: usize,
    /// Pushes to connections of others that were dropped and not yet complained of.
    dropped: u64,
    complained_at: Option<Moment>,
}

impl Others {
    pub(super) fn new(own: usize) -> Self {
        Others { own, dropped: 0, complained_at: None }
    }

    /// This worker's number.
    pub(super) fn own(&self) -> usize {
        self.own
    }
}

impl<S: Application> Core<S> {
    /// Whether there is no other worker.
    pub(super) fn is_alone(&self) -> bool {
        self.common.mailboxes.count() == 1
    }

    /// Leaves what concerns connections of other workers in their mailboxes. What is to be done here is
    /// given back.
    pub(super) fn forward(&mut self, effect: Effect) -> Option<Effect> {
        if self.is_alone() {
            return Some(effect);
        }
        let own = self.others.own;
        match effect {
            Effect::Send { to, push } if to.worker() != own => {
                self.post(to.worker(), Mail::Send { to, push })
            }
            Effect::Broadcast { to, push } => {
                let (here, elsewhere): (Vec<_>, Vec<_>) = to.into_iter().partition(|id| id.worker() == own);
                for (worker, to) in by_worker(elsewhere) {
                    self.post(worker, Mail::Broadcast { to, push: push.clone() });
                }
                return Some(Effect::Broadcast { to: here, push });
            }
            // Who is to be closed must not stay because of a full mailbox; it happens to each only once.
            Effect::Close { to, cause } if to.worker() != own => {
                self.common.mailboxes.post_always(to.worker(), Mail::Close { to, cause });
            }
            Effect::Replace(to) if to.worker() != own => {
                self.common.mailboxes.post_always(to.worker(), Mail::Replace { to });
            }
            Effect::SetDebug { to, on } if to.worker() != own => {
                self.post(to.worker(), Mail::SetDebug { to, on });
            }
            Effect::Answer { ticket, answer } if ticket.connection().worker() != own => {
                self.common.mailboxes.post_always(ticket.connection().worker(), ticket.into_mail(answer));
            }
            Effect::SurveyAll(tour) if own != 0 => self.post(0, Mail::SurveyAll(tour)),
            here => return Some(here),
        }
        None
    }

    /// Leaves a mail for another worker. One that its mailbox has no room for is counted, and dropped.
    fn post(&mut self, worker: usize, mail: Mail) {
        let cost = mail.cost() as u64;
        let is_push = matches!(mail, Mail::Send { .. } | Mail::Broadcast { .. });
        // A worker that has ended has no connections left.
        if self.common.mailboxes.post(worker, mail) != Err(crate::mailbox::MailboxError::Full) {
            return;
        }
        if is_push {
            self.lent.tools.totals.send_errors += cost;
        }
        self.others.dropped += cost;
        if self.others.complained_at.is_none_or(|at| self.now.since(at) >= COMPLAINT_MS) {
            self.others.complained_at = Some(self.now);
            let dropped = std::mem::take(&mut self.others.dropped);
            log::error!("the mailbox of worker {worker} is full: {dropped} messages to others were dropped");
        }
    }

    /// Lets another thread work on the application's state, and carries out what it asks for before any
    /// other mail is looked at: so whoever is told of it later finds it done.
    pub(super) fn call_state(&mut self, call: StateCall) {
        let Env { state, tools, .. } = &mut self.lent;
        let state: &mut dyn Any = state;
        let called = catch_unwind(AssertUnwindSafe(|| call(state, &mut tools.effects)));
        self.turn.look();
        if called.is_err() {
            tools.log.panicked(self.now, "call on a worker's state", &None::<(&str, &str)>);
        }
        self.apply_effects(None);
    }

    /// Looks at all connections here, and then at those of the workers behind this one.
    pub(super) fn survey_all(&mut self, mut tour: SurveyTour) {
        let whole = self.survey(|survey| tour(survey));
        if whole {
            self.common.mailboxes.post_to_next(self.others.own, Mail::SurveyAll(tour));
        }
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
