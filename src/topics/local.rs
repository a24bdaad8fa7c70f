//! The topics of one worker, and the subscriptions of its connections.
//!
//! A subscription lies in two lists: the topic's members, and the topics of its connection. Each of the two
//! entries holds the other's index, so joining and leaving take the same time however many members a topic
//! has.

use std::sync::{Arc, Weak};

use super::compact::Compact;
use super::entries::{LocalTopic, Member, Subscription};
use super::error::SubscribeError;
use super::parted_map::PartedMap;
use super::parted_slab::PartedSlab;
use super::receivers::Receivers;
use super::shared::{Key, SharedTopic, SharedTopics};
use super::topic::Topic;
use crate::id::ConnectionId;
use crate::presence::Told;

/// The topics of one worker.
#[derive(Debug)]
pub(crate) struct Topics {
    worker: usize,
    shared: SharedTopics,
    index: PartedMap<Key, u32>,
    topics: PartedSlab<LocalTopic>,
    subscriptions: PartedMap<ConnectionId, Compact<Subscription>>,
    /// How many subscriptions there are.
    count: usize,
    /// The topic that was published to last, and the list of its subscribers, while a publish needs it and
    /// nobody has come or left.
    listed: Option<(Weak<SharedTopic>, Weak<Vec<ConnectionId>>)>,
    /// What a connection that is being replaced had, for the hook that is told of it.
    shown: Option<(ConnectionId, Vec<Topic>)>,
    /// Subscriptions and publishes that were refused.
    refused: Refused,
}

/// How many calls the limits of topics have refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) subscribes: u64,
    pub(crate) publishes: u64,
}

impl Topics {
    pub(crate) fn new(worker: usize, shared: SharedTopics) -> Self {
        Topics {
            worker,
            shared,
            index: PartedMap::default(),
            topics: PartedSlab::default(),
            subscriptions: PartedMap::default(),
            count: 0,
            listed: None,
            shown: None,
            refused: Refused::default(),
        }
    }

    pub(crate) fn shared(&self) -> &SharedTopics {
        &self.shared
    }

    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// Subscribes a connection to a topic, unless it is subscribed. Returns the number of subscribers on all
    /// workers, this one included.
    pub(crate) fn subscribe(&mut self, id: ConnectionId, topic: &Topic) -> Result<usize, SubscribeError> {
        let known = self.index.get(topic).copied();
        let list = self.list(id);
        if let Some(known) = known
            && list.iter().any(|subscription| subscription.topic == known)
        {
            return Ok(self.topic(known).map_or(0, |topic| topic.shared.subscribers()));
        }
        let Ok(at) = u8::try_from(list.len()) else {
            return Err(self.refuse(SubscribeError::TooManyForConnection));
        };
        let member = Member { id, at };
        self.listed = None;
        let (key, at) = match known.and_then(|key| Some((key, self.topics.get_mut(key)?))) {
            Some((key, topic)) => (key, topic.members.push(member)),
            None => match self.begin(topic, member) {
                Some(key) => (key, 0),
                None => return Err(self.refuse(SubscribeError::TooMany)),
            },
        };
        // A worker has fewer connections than that.
        self.count += 1;
        self.note(id, Subscription { topic: key, at: u32::try_from(at).unwrap_or(u32::MAX) });
        Ok(self.topic(key).map_or(0, |topic| topic.shared.add()))
    }

    /// Unsubscribes a connection from a topic. False if it was not subscribed.
    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, topic: &Topic) -> bool {
        let Some(&key) = self.index.get(topic) else { return false };
        let Some(list) = self.subscriptions.get_mut(&id) else { return false };
        let position = list.as_slice().iter().position(|subscription| subscription.topic == key);
        let Some(at) = position else { return false };
        let Some(&left) = list.as_slice().get(at) else { return false };
        if list.as_slice().len() == 1 {
            self.subscriptions.remove(&id);
        } else if let Some(moved) = list.swap_remove(at)
            && let Some(topic) = self.topics.get_mut(moved.topic)
            && let Some(member) = topic.members.get_mut(moved.at as usize)
        {
            // It has at most 256.
            member.at = u8::try_from(at).unwrap_or(u8::MAX);
        }
        self.remove_member(left);
        true
    }

    /// Unsubscribes a connection from all topics. Returns their number.
    #[inline]
    pub(crate) fn leave_all(&mut self, id: ConnectionId) -> usize {
        // Saves a hash for each connection where nobody uses topics.
        if self.subscriptions.is_empty() {
            return 0;
        }
        let Some(list) = self.subscriptions.remove(&id) else { return 0 };
        for subscription in list.as_slice() {
            self.remove_member(*subscription);
        }
        list.as_slice().len()
    }

    /// Gives the subscriptions of a connection to another one of this worker. Those that the other has no
    /// room for are refused. Returns their number.
    pub(crate) fn hand_over(&mut self, older: ConnectionId, newer: ConnectionId) -> usize {
        if older == newer {
            return 0;
        }
        let Some(list) = self.subscriptions.remove(&older) else { return 0 };
        self.listed = None;
        for subscription in list.as_slice() {
            let own = self.list(newer);
            let is_new = own.iter().all(|own| own.topic != subscription.topic);
            let at = u8::try_from(own.len()).ok();
            if let (true, Some(at)) = (is_new, at)
                && let Some(topic) = self.topics.get_mut(subscription.topic)
                && let Some(member) = topic.members.get_mut(subscription.at as usize)
            {
                *member = Member { id: newer, at };
                self.note(newer, *subscription);
                continue;
            }
            self.refused.subscribes += u64::from(is_new);
            self.remove_member(*subscription);
        }
        list.as_slice().len()
    }

    /// Whether a connection is subscribed to a topic.
    pub(crate) fn is_subscribed(&self, id: ConnectionId, topic: &Topic) -> bool {
        let known = self.index.get(topic);
        known.is_some_and(|&known| self.list(id).iter().any(|subscription| subscription.topic == known))
    }

    /// The topics of a connection, in no particular order.
    pub(crate) fn of(&self, id: ConnectionId) -> impl Iterator<Item = &Topic> {
        let (list, shown) = match &self.shown {
            Some((of, shown)) if *of == id => (&[][..], shown.as_slice()),
            _ => (self.list(id), &[][..]),
        };
        let topics = list.iter().map(|subscription| self.topic(subscription.topic));
        topics.flatten().map(|topic| topic.shared.topic()).chain(shown)
    }

    /// Has a connection that is being replaced have these topics, as far as [`of`](Self::of) says.
    pub(crate) fn show(&mut self, id: ConnectionId, topics: Vec<Topic>) {
        self.shown = Some((id, topics));
    }

    /// Ends [`show`](Self::show), and returns the topics.
    pub(crate) fn take_shown(&mut self) -> Vec<Topic> {
        self.shown.take().map_or(vec![], |(_, topics)| topics)
    }

    /// The number of subscribers of a topic on all workers.
    pub(crate) fn subscribers(&self, topic: &Topic) -> usize {
        self.find(topic).map_or(0, |shared| shared.subscribers())
    }

    /// A topic, if it has subscribers on any worker.
    pub(crate) fn find(&self, topic: &Topic) -> Option<Arc<SharedTopic>> {
        match self.index.get_key_value(topic) {
            Some((Key(shared), _)) => Some(shared.clone()),
            None if self.shared.workers() > 1 => self.shared.find(topic),
            None => None,
        }
    }

    /// The subscribers of a topic on this worker. None of them if all that the topic had have left, and
    /// others have come since.
    pub(crate) fn receivers(&mut self, of: &Arc<SharedTopic>) -> Receivers {
        if let Some(list) = self.listed_receivers(of) {
            return Receivers::shared(list);
        }
        let topic = self.index.get(of.topic()).and_then(|&key| self.topic(key));
        let members =
            topic.filter(|topic| Arc::ptr_eq(&topic.shared, of)).map(|topic| topic.members.as_slice());
        let mut list: Vec<_> = members.unwrap_or_default().iter().map(|member| member.id).collect();
        list.sort_unstable_by_key(|id| id.order());
        let list = Arc::new(list);
        self.listed = Some((Arc::downgrade(of), Arc::downgrade(&list)));
        Receivers::shared(list)
    }

    /// Whether the subscribers of a topic are listed already: for a publish that has not reached all of them.
    pub(crate) fn has_listed(&self, topic: &Arc<SharedTopic>) -> bool {
        self.listed_receivers(topic).is_some()
    }

    fn listed_receivers(&self, of: &Arc<SharedTopic>) -> Option<Arc<Vec<ConnectionId>>> {
        let (topic, list) = self.listed.as_ref()?;
        if std::ptr::eq(topic.as_ptr(), Arc::as_ptr(of)) { list.upgrade() } else { None }
    }

    /// Counts a publish that was refused.
    pub(crate) fn count_refused_publish(&mut self) {
        self.refused.publishes += 1;
    }

    /// Counts a change of a subscription that could not be forwarded to its worker.
    pub(crate) fn count_refused_subscribe(&mut self) {
        self.refused.subscribes += 1;
    }

    /// The counts of refused calls. The first worker's include those of other threads.
    pub(crate) fn refused(&self) -> Refused {
        let of_others = if self.worker == 0 { self.shared.refused() } else { 0 };
        Refused { publishes: self.refused.publishes + of_others, ..self.refused }
    }

    /// The number of subscriptions on this worker.
    pub(crate) fn subscriptions(&self) -> usize {
        self.count
    }

    /// The numbers of topics and of connections that have some, on this worker.
    pub(crate) fn len(&self) -> usize {
        self.topics.len() + self.subscriptions.len()
    }

    #[cold]
    fn refuse(&mut self, error: SubscribeError) -> SubscribeError {
        self.refused.subscribes += 1;
        error
    }

    fn list(&self, id: ConnectionId) -> &[Subscription] {
        self.subscriptions.get(&id).map_or(&[], Compact::as_slice)
    }

    fn topic(&self, key: u32) -> Option<&LocalTopic> {
        self.topics.get(key)
    }

    /// Adds a topic with its first member on this worker. None if there are too many.
    fn begin(&mut self, topic: &Topic, member: Member) -> Option<u32> {
        let shared = self.shared.enter(self.worker, topic, usize::from(member.at))?;
        let first = LocalTopic { shared: shared.clone(), members: Compact::One(member) };
        let key = self.topics.insert(self.index.part(topic), first)?;
        self.index.insert(Key(shared), key);
        Some(key)
    }

    /// Adds a subscription to the list of its connection.
    fn note(&mut self, id: ConnectionId, subscription: Subscription) {
        match self.subscriptions.get_mut(&id) {
            Some(list) => drop(list.push(subscription)),
            None => self.subscriptions.insert(id, Compact::One(subscription)),
        }
    }

    /// Removes the member of a subscription that its connection has forgotten.
    fn remove_member(&mut self, left: Subscription) {
        self.listed = None;
        let Some(topic) = self.topics.get_mut(left.topic) else { return };
        self.count = self.count.saturating_sub(1);
        topic.shared.remove();
        if topic.members.as_slice().len() > 1 {
            if let Some(moved) = topic.members.swap_remove(left.at as usize)
                && let Some(list) = self.subscriptions.get_mut(&moved.id)
                && let Some(subscription) = list.get_mut(usize::from(moved.at))
            {
                subscription.at = left.at;
            }
            return;
        }
        let Some(LocalTopic { shared, .. }) = self.topics.remove(left.topic) else { return };
        self.index.remove(shared.topic());
        self.shared.leave(self.worker, &shared);
    }
}

/// The topics of a server with one worker.
impl Default for Topics {
    fn default() -> Self {
        Topics::new(0, SharedTopics::new(1, Told::default()))
    }
}

#[cfg(test)]
impl Topics {
    /// Checks that the two entries of each subscription name each other, and that the counts are right.
    pub(super) fn check_invariants(&self) {
        let mut members = 0;
        for (key, topic) in self.topics.iter() {
            assert_eq!(self.index.get(topic.shared.topic()), Some(&key));
            for (at, member) in topic.members.as_slice().iter().enumerate() {
                let subscription = self.list(member.id)[usize::from(member.at)];
                assert_eq!((subscription.topic, subscription.at as usize), (key, at));
                members += 1;
            }
        }
        let listed: usize = self.subscriptions.values().map(|list| list.as_slice().len()).sum();
        assert_eq!((members, self.index.len()), (listed, self.topics.len()));
        assert_eq!(self.count, listed);
    }
}
