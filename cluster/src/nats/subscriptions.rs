//! Subscriptions: those that are wanted, and those that a connection has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Client;
use futures_util::StreamExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Shared;
use crate::bus::Inbox;
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

    /// A subject whose subscription is to begin or to end, and whether it is wanted. It stays one until the
    /// subscription has begun or ended: what was begun may be given up half-way.
    fn next_change(&self, is_active: impl Fn(&Subject) -> bool) -> Option<(Subject, bool)> {
        let State { subjects, changed } = &mut *self.state();
        while let Some(subject) = changed.first() {
            let is_wanted = subjects.contains(subject);
            if is_active(subject) != is_wanted {
                return Some((subject.clone(), is_wanted));
            }
            changed.pop_first();
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The subscriptions of one connection, each with a task that passes its messages on.
pub(super) struct Active<'a> {
    client: &'a Client,
    shared: &'a Shared,
    inbox: &'a Arc<dyn Inbox>,
    tasks: BTreeMap<Subject, AbortHandle>,
    /// [`untaken`](Self::untaken) when it was looked at last, and before that.
    noted: [u64; 2],
}

impl<'a> Active<'a> {
    pub(super) fn new(client: &'a Client, shared: &'a Shared, inbox: &'a Arc<dyn Inbox>) -> Self {
        let mut active = Active { client, shared, inbox, tasks: BTreeMap::new(), noted: [0; 2] };
        active.noted = [active.untaken(); 2];
        active
    }

    /// Ends all subscriptions, and begins those that are wanted. Returns how many messages have come since
    /// the call of [`note_untaken`](Self::note_untaken) before the last, and were not taken.
    pub(super) async fn renew(&mut self) -> u64 {
        for task in std::mem::take(&mut self.tasks).into_values() {
            task.abort();
        }
        // What waited in the subscriptions is dropped with them.
        let now = self.untaken();
        let dropped = now.wrapping_sub(self.noted[1]).cast_signed();
        self.noted = [now; 2];
        let all = {
            let mut state = self.shared.wanted.state();
            state.changed.clear();
            state.subjects.clone()
        };
        for subject in all {
            if !self.begin(subject).await {
                break;
            }
        }
        u64::try_from(dropped).unwrap_or_default()
    }

    /// Messages that had come up to the last call, and were not taken or wait, do not count as dropped: these
    /// are those of subscriptions that have ended. Of what has come since, the report may not be here yet.
    pub(super) fn note_untaken(&mut self) {
        self.noted = [self.untaken(), self.noted[0]];
    }

    /// How many messages the client library has got and nobody has taken, beside a constant.
    fn untaken(&self) -> u64 {
        let came = self.client.statistics().in_messages.load(Ordering::Relaxed);
        came.wrapping_sub(self.shared.taken.load(Ordering::Relaxed))
    }

    /// Follows what is wanted, until the connection has ended.
    pub(super) async fn follow(&mut self) {
        loop {
            let wanted = &self.shared.wanted;
            while let Some((subject, is_wanted)) =
                wanted.next_change(|subject| self.tasks.contains_key(subject))
            {
                if is_wanted {
                    if !self.begin(subject).await {
                        return;
                    }
                } else if let Some(task) = self.tasks.remove(&subject) {
                    task.abort();
                }
            }
            wanted.changed.notified().await;
        }
    }

    /// Begins a subscription. False if the connection has ended: all begin again on the next.
    async fn begin(&mut self, subject: Subject) -> bool {
        let text = subject.text(&self.shared.names.cluster);
        let Ok(mut messages) = self.client.subscribe(text).await else { return false };
        let (inbox, taken, own) = (self.inbox.clone(), self.shared.taken.clone(), subject.clone());
        let task = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                taken.fetch_add(1, Ordering::Relaxed);
                inbox.received(&own, message.payload);
            }
        });
        self.tasks.insert(subject, task.abort_handle());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_stays_one_until_it_is_done() {
        let (wanted, mut active) = (Wanted::default(), BTreeSet::new());
        let next = |active: &BTreeSet<Subject>| wanted.next_change(|subject| active.contains(subject));
        let topics = [1, 2].map(Subject::Topic);
        topics.iter().for_each(|subject| wanted.add(subject));
        // Whoever was about to do it may have been interrupted.
        for _ in 0..2 {
            assert_eq!(next(&active), Some((topics[0].clone(), true)));
        }
        active.insert(topics[0].clone());
        wanted.remove(&topics[1]);
        assert_eq!(next(&active), None, "the second was added and removed");
        // One that changes while it begins.
        wanted.add(&topics[1]);
        assert_eq!(next(&active), Some((topics[1].clone(), true)));
        wanted.remove(&topics[1]);
        active.insert(topics[1].clone());
        for _ in 0..2 {
            assert_eq!(next(&active), Some((topics[1].clone(), false)));
        }
        active.remove(&topics[1]);
        assert_eq!(next(&active), None);
        wanted.remove(&topics[0]);
        assert_eq!(next(&active), Some((topics[0].clone(), false)));
    }
}
