//! Subscriptions: those that are wanted, and those that a connection has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Client;
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::bus::Inbox;
use crate::names::NodeName;
use crate::wire::Subject;

/// The subjects that the node wants, on any connection.
#[derive(Default)]
pub(super) struct Wanted {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    subjects: BTreeSet<Subject>,
    /// Subjects that were added or removed since somebody looked.
    changed: BTreeSet<Subject>,
}

impl Wanted {
    pub(super) fn add(&self, subject: &Subject) {
        self.change(subject, |subjects| subjects.insert(subject.clone()));
    }

    pub(super) fn remove(&self, subject: &Subject) {
        self.change(subject, |subjects| subjects.remove(subject));
    }

    fn change(&self, subject: &Subject, change: impl FnOnce(&mut BTreeSet<Subject>) -> bool) {
        let mut state = self.state();
        if change(&mut state.subjects) {
            state.changed.insert(subject.clone());
            self.changed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subscriptions of one connection, each with a task that passes its messages on.
pub(super) struct Active<'a> {
    client: &'a Client,
    cluster: &'a NodeName,
    wanted: &'a Wanted,
    inbox: &'a Arc<dyn Inbox>,
    tasks: BTreeMap<Subject, AbortHandle>,
}

impl<'a> Active<'a> {
    pub(super) fn new(
        client: &'a Client,
        cluster: &'a NodeName,
        wanted: &'a Wanted,
        inbox: &'a Arc<dyn Inbox>,
    ) -> Self {
        Active { client, cluster, wanted, inbox, tasks: BTreeMap::new() }
    }

    /// Ends all subscriptions, and begins those that are wanted.
    pub(super) async fn renew(&mut self) {
        for task in std::mem::take(&mut self.tasks).into_values() {
            task.abort();
        }
        let all = {
            let mut state = self.wanted.state();
            state.changed.clear();
            state.subjects.clone()
        };
        for subject in all {
            self.begin(subject).await;
        }
    }

    /// Follows what is wanted, for ever.
    pub(super) async fn follow(&mut self) {
        loop {
            let changed = std::mem::take(&mut self.wanted.state().changed);
            for subject in changed {
                if !self.wanted.state().subjects.contains(&subject) {
                    if let Some(task) = self.tasks.remove(&subject) {
                        task.abort();
                    }
                } else if !self.tasks.contains_key(&subject) {
                    self.begin(subject).await;
                }
            }
            self.wanted.changed.notified().await;
        }
    }

    async fn begin(&mut self, subject: Subject) {
        // It fails only once the connection has ended, and then all begin again on the next.
        let Ok(mut messages) = self.client.subscribe(subject.text(self.cluster)).await else { return };
        let (inbox, own) = (self.inbox.clone(), subject.clone());
        let task = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                inbox.received(&own, message.payload);
            }
        });
        self.tasks.insert(subject, task.abort_handle());
    }
}
