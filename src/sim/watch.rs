//! What the code under simulation says of itself while a simulation on its thread listens: ends that nobody else
//! sees.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::invariant::{Invariant, Violation};
use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::observer::{Event, Observer};

/// What was told in one simulation.
#[derive(Debug, Default)]
pub(super) struct Watch {
    open: BTreeSet<ConnectionId>,
    pub(super) opened: u64,
    pub(super) requests: u64,
    /// Ends, by their causes.
    pub(super) causes: BTreeMap<&'static str, u64>,
    /// Objects that were linked and not told of an end.
    linked: BTreeSet<u64>,
    pub(super) told: u64,
    violation: Option<Violation>,
}

thread_local! {
    static WATCH: RefCell<Option<Box<Watch>>> = const { RefCell::new(None) };
}

/// Begins to listen on this thread.
pub(super) fn begin() {
    WATCH.with_borrow_mut(|watch| *watch = Some(Box::default()));
}

/// Ends listening, and gives out what was heard.
pub(super) fn end() -> Watch {
    WATCH.take().map_or_else(Watch::default, |watch| *watch)
}

fn with<R>(call: impl FnOnce(&mut Watch) -> R) -> Option<R> {
    WATCH.with_borrow_mut(|watch| watch.as_mut().map(|watch| call(watch)))
}

/// Notes what a reactor on this thread reports.
pub(super) struct Watcher;

impl Observer for Watcher {
    fn see(&mut self, event: Event) {
        match event {
            Event::Opened(id) => opened(id),
            Event::Closed { id, cause, packets } => closed(id, cause, packets),
            Event::Linked(number) => linked(number),
            Event::Unlinked(number) => told(number),
        }
    }
}

/// The application is told that a connection is open.
fn opened(id: ConnectionId) {
    with(|watch| {
        watch.opened += 1;
        if !watch.open.insert(id) {
            watch.fail(Invariant::OneEnd, format!("{id} was opened twice"));
        }
    });
}

/// It is told that one has ended, on which so many packets were received.
fn closed(id: ConnectionId, cause: Cause, packets: u64) {
    with(|watch| {
        watch.requests += packets;
        *watch.causes.entry(name(cause)).or_default() += 1;
        if !watch.open.remove(&id) {
            watch.fail(Invariant::OneEnd, format!("{id} ended, and was not open"));
        }
    });
}

/// An object was linked.
fn linked(number: u64) {
    with(|watch| watch.linked.insert(number));
}

/// It is told of an end.
fn told(number: u64) {
    with(|watch| {
        watch.told += 1;
        if !watch.linked.remove(&number) {
            watch.fail(Invariant::ToldOnce, format!("object {number} was told twice, or was never linked"));
        }
    });
}

/// What was heard that should not have been, if anything was.
pub(super) fn violation() -> Option<Violation> {
    with(|watch| watch.violation.take()).flatten()
}

/// Connections that the application believes to be open, and objects that wait for an end.
pub(super) fn open_and_linked() -> (usize, usize) {
    with(|watch| (watch.open.len(), watch.linked.len())).unwrap_or_default()
}

impl Watch {
    fn fail(&mut self, invariant: Invariant, seen: String) {
        self.violation.get_or_insert(Violation { invariant, seen });
    }
}

/// What a report calls a cause.
fn name(cause: Cause) -> &'static str {
    match cause {
        Cause::PeerClosed(_) => "closed by the client",
        Cause::Refused(_) => "refused",
        Cause::Application(_) => "closed by the application",
        other => other.reason(),
    }
}
