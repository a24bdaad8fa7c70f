//! Lets handlers and other threads look at all connections.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::core::Core;
use super::slots::Entry;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::router::Application;
use crate::survey::{Snapshot, Survey, Surveyed};
use crate::totals::Totals;

impl<S: Application> Core<S> {
    /// Lets somebody look at all connections here. False if that panicked.
    pub(super) fn survey(&mut self, look: impl FnOnce(&Survey<'_>)) -> bool {
        let survey = Survey { of: self };
        let looked = catch_unwind(AssertUnwindSafe(|| look(&survey)));
        // It may have gone through all connections.
        self.turn.look();
        if looked.is_err() {
            self.lent.tools.log.panicked(self.now, "survey", &None::<(&str, &str)>);
        }
        looked.is_ok()
    }
}

fn snapshot(entry: &Entry) -> Snapshot {
    Snapshot { record: entry.conn.record.clone(), outbox_bytes: entry.conn.outbox.queued() }
}

impl<S: Application> Surveyed for Core<S> {
    fn worker(&self) -> usize {
        self.others.own()
    }

    fn workers(&self) -> usize {
        self.common.mailboxes.count()
    }

    fn snapshot(&self, id: ConnectionId) -> Option<Snapshot> {
        self.slots.get(id).filter(|entry| entry.place.is_some()).map(snapshot)
    }

    fn page(&self, offset: usize, limit: usize) -> Vec<Snapshot> {
        self.slots
            .iter()
            .filter(|entry| entry.place.is_some())
            .skip(offset)
            .take(limit)
            .map(snapshot)
            .collect()
    }

    fn len(&self) -> usize {
        self.slots.len() - self.refusals.count()
    }

    fn with_role(&self, role_id: u64) -> Option<ConnectionId> {
        Core::with_role(self, role_id)
    }

    fn totals(&self) -> Totals {
        self.lent.tools.totals
    }

    fn now(&self) -> Moment {
        self.now
    }

    fn began_unix_ms(&self) -> u64 {
        self.began_unix_ms
    }
}
