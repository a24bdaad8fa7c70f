//! Lets handlers and other threads look at all connections.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use super::entry::Entry;
use super::hook::NO_FIELDS;
use super::roles::with_role;
use crate::id::ConnectionId;
use crate::mailbox::Mail;
use crate::metrics::Work;
use crate::moment::Moment;
use crate::router::{Application, Effect};
use crate::survey::{Snapshot, Survey, SurveyTour, Surveyed};
use crate::totals::Totals;

/// Runs `look` on all connections of this worker. False if it panicked.
pub(super) fn survey<S: Application>(core: &mut Core<S>, look: impl FnOnce(&Survey<'_>)) -> bool {
    let began = core.lent.env.tools.slow.begin();
    core.lent.env.tools.meter.begins(Work::Survey, 0);
    let survey = Survey { of: &*core };
    let looked = catch_unwind(AssertUnwindSafe(|| look(&survey)));
    // It may have gone through all connections.
    core.lent.budget.read_clock();
    let tools = &mut core.lent.env.tools;
    tools.meter.ends();
    if let Some(took) = tools.slow.slow_since(began) {
        tools.log.slow(tools.now, "survey", took, &NO_FIELDS);
    }
    if looked.is_err() {
        tools.log.panicked(tools.now, "survey", &NO_FIELDS);
    }
    looked.is_ok()
}

/// Runs `tour` on all connections of this worker, then passes it to the next worker.
pub(super) fn survey_all<S: Application>(core: &mut Core<S>, mut tour: SurveyTour) {
    if survey(core, |survey| tour(survey)) {
        core.shared.mailboxes.post_to_next(core.links.own(), Mail::Effect(Effect::SurveyAll(tour)));
    }
}

fn snapshot(entry: &Entry) -> Snapshot {
    Snapshot { record: entry.conn.record.clone(), outbox_bytes: entry.conn.outbox.queued() }
}

impl<S: Application> Surveyed for Core<S> {
    fn worker(&self) -> usize {
        self.links.own()
    }

    fn workers(&self) -> usize {
        self.shared.mailboxes.count()
    }

    fn snapshot(&self, id: ConnectionId) -> Option<Snapshot> {
        self.connections.get(id).filter(|entry| entry.permit.is_some()).map(snapshot)
    }

    fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot> {
        let admitted = self.connections.iter().filter(|entry| entry.permit.is_some());
        admitted.skip(offset).take(limit).map(snapshot).collect()
    }

    fn page_after(&self, after: ConnectionId, limit: usize) -> Vec<Snapshot> {
        let later = self.connections.after(after).filter(|entry| entry.permit.is_some());
        later.take(limit).map(snapshot).collect()
    }

    fn len(&self) -> usize {
        self.connections.len() - self.lent.refusals.count()
    }

    fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        with_role(self, role_id)
    }

    fn totals(&self) -> Totals {
        let tools = &self.lent.env.tools;
        let refused = tools.effects.topics.refused();
        Totals {
            subscribe_errors: refused.subscribes,
            publish_errors: refused.publishes,
            late_answers: tools.mailbox.late_answers(),
            ..tools.totals
        }
    }

    fn now(&self) -> Moment {
        self.lent.now()
    }

    fn began_unix_ms(&self) -> u64 {
        self.began_unix_ms
    }
}
