//! Observes a simulated reactor, and checks that each connection and each linked object gets exactly one end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::invariant::{Invariant, Violation};
use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::observer::{Event, Observer};

/// The reports of a reactor so far. Cheap to clone: all clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    totals: Totals,
    open: BTreeSet<ConnectionId>,
    /// Objects that are linked and have not been told of an end.
    linked: BTreeSet<u64>,
    violation: Option<Violation>,
}

/// Figures for the report.
#[derive(Clone, Debug, Default)]
pub(super) struct Totals {
    /// Packets and messages that closed connections received.
    pub(super) requests: u64,
    /// Objects that got an end.
    pub(super) told: u64,
    /// Closed connections, by cause.
    pub(super) causes: BTreeMap<&'static str, u64>,
}

impl Watch {
    /// The first violation since this was last called.
    pub(super) fn take_violation(&self) -> Option<Violation> {
        self.seen().violation.take()
    }

    /// Connections that the application believes to be open.
    pub(super) fn open(&self) -> usize {
        self.seen().open.len()
    }

    /// Objects that have not been told of an end.
    pub(super) fn linked(&self) -> usize {
        self.seen().linked.len()
    }

    pub(super) fn totals(&self) -> Totals {
        self.seen().totals.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Each event is noted whole, so a poisoned lock is whole too.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watch {
    fn see(&mut self, event: Event) {
        self.seen().note(event);
    }
}

impl Seen {
    fn note(&mut self, event: Event) {
        match event {
            Event::Opened(id) => {
                if !self.open.insert(id) {
                    self.fail(Invariant::OneEnd, format!("{id} was opened twice"));
                }
            }
            Event::Closed { id, cause, packets } => {
                self.totals.requests += packets;
                *self.totals.causes.entry(name(cause)).or_default() += 1;
                if !self.open.remove(&id) {
                    self.fail(Invariant::OneEnd, format!("{id} ended, and was not open"));
                }
            }
            Event::Linked(number) => {
                self.linked.insert(number);
            }
            Event::Unlinked(number) => {
                self.totals.told += 1;
                if !self.linked.remove(&number) {
                    let seen = format!("object {number} was told twice, or was never linked");
                    self.fail(Invariant::ToldOnce, seen);
                }
            }
        }
    }

    fn fail(&mut self, invariant: Invariant, seen: String) {
        self.violation.get_or_insert(Violation { invariant, seen });
    }
}

/// The name of a cause in a report.
fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::PeerClosed(_) => "closed by the client",
        Cause::Refused(_) => "refused",
        Cause::Application(_) => "closed by the application",
        other => other.reason(),
    }
}
