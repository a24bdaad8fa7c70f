//! What all workers know of each other's topics: which of them have subscribers, and how many in all.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::PublishError;
use super::limits::{FEW_TOPICS, MAX_TOPICS};
use super::permit::{Permit, Quota, Unfinished};
use super::topic::Topic;
use crate::presence::Told;
use crate::push::Push;

/// Locks between which the topics are divided, each with a table of its own, so that none takes long to grow.
const SHARDS: usize = 256;
/// Workers that each have a bit of their own in [`SharedTopic::workers`].
const OWN_BITS: usize = 64;

/// A topic that has subscribers, as all workers see it.
#[derive(Debug)]
pub(crate) struct SharedTopic {
    topic: Topic,
    /// A bit for each worker that has subscribers. Written under the lock of its shard, and read without.
    workers: AtomicU64,
    /// Subscribers on all workers.
    subscribers: AtomicU32,
    /// Workers that have subscribers. Used only under the lock of its shard.
    holders: AtomicU32,
}

// With the counts of the Arc, 64 bytes as the allocator sees it.
const _: () = assert!(size_of::<SharedTopic>() <= 40);

impl SharedTopic {
    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The number of subscribers on all workers.
    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.load(Ordering::SeqCst) as usize
    }

    /// Counts a subscriber of one's own worker. Returns how many there are now.
    pub(super) fn add(&self) -> usize {
        (self.subscribers.fetch_add(1, Ordering::SeqCst) as usize).saturating_add(1)
    }

    pub(super) fn remove(&self) {
        self.subscribers.fetch_sub(1, Ordering::SeqCst);
    }

    /// The numbers below `count` of the workers that have subscribers; beyond 64 workers perhaps of some
    /// more.
    pub(crate) fn workers(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let workers = self.workers.load(Ordering::SeqCst);
        (0..count).filter(move |worker| workers & bit(*worker) != 0)
    }
}

/// A worker's bit. Workers beyond the 64th share the bits of the first ones.
fn bit(worker: usize) -> u64 {
    1 << (worker % OWN_BITS)
}

/// A topic in a table, found by its name.
#[derive(Debug)]
pub(super) struct Key(pub(super) Arc<SharedTopic>);

impl Borrow<Topic> for Key {
    fn borrow(&self) -> &Topic {
        &self.0.topic
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.topic.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.topic == other.0.topic
    }
}

impl Eq for Key {}

/// The topics of a server. A clone is the same.
#[derive(Clone)]
pub(crate) struct SharedTopics(Arc<Inner>);

struct Inner {
    shards: [Mutex<HashSet<Key>>; SHARDS],
    hasher: RandomState,
    workers: usize,
    /// Topics that have subscribers, and the most that there may be.
    topics: AtomicUsize,
    max_topics: usize,
    unfinished: Arc<Unfinished>,
    /// Publishes of other threads that were refused.
    refused: AtomicU64,
    /// Hears when a topic begins and ends.
    told: Told,
}

impl SharedTopics {
    /// The topics of a server with this many workers. `told` hears when they begin and end.
    pub(crate) fn new(workers: usize, told: Told) -> Self {
        SharedTopics::with_limit(workers, MAX_TOPICS, told)
    }

    pub(super) fn with_limit(workers: usize, max_topics: usize, told: Told) -> Self {
        SharedTopics(Arc::new(Inner {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            workers,
            topics: AtomicUsize::new(0),
            max_topics,
            unfinished: Arc::default(),
            refused: AtomicU64::new(0),
            told,
        }))
    }

    /// The number of workers.
    pub(crate) fn workers(&self) -> usize {
        self.0.workers
    }

    /// A topic, if it has subscribers on any worker.
    pub(crate) fn find(&self, topic: &Topic) -> Option<Arc<SharedTopic>> {
        self.shard(topic).get(topic).map(|key| key.0.clone())
    }

    /// The number of subscribers of a topic on all workers.
    pub(crate) fn subscribers(&self, topic: &Topic) -> usize {
        self.find(topic).map_or(0, |shared| shared.subscribers())
    }

    /// Notes that a worker is about to get its first subscriber of a topic, which `has` so many topics. None
    /// if there are too many topics.
    pub(super) fn enter(&self, worker: usize, topic: &Topic, has: usize) -> Option<Arc<SharedTopic>> {
        let mut shard = self.shard(topic);
        let shared = match shard.get(topic) {
            Some(Key(shared)) => shared.clone(),
            None => {
                let all = self.0.max_topics;
                let most = if has > FEW_TOPICS { all / 4 * 3 } else { all };
                let add = |topics: usize| (topics < most).then_some(topics + 1);
                self.0.topics.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()?;
                let shared = Arc::new(SharedTopic {
                    topic: topic.clone(),
                    workers: AtomicU64::new(0),
                    subscribers: AtomicU32::new(0),
                    holders: AtomicU32::new(0),
                });
                shard.insert(Key(shared.clone()));
                shared
            }
        };
        shared.workers.fetch_or(bit(worker), Ordering::SeqCst);
        if shared.holders.fetch_add(1, Ordering::Relaxed) == 0 {
            self.0.told.tell(|presence| presence.topic_begun(topic));
        }
        Some(shared)
    }

    /// Notes that a worker has lost its last subscriber of a topic.
    pub(super) fn leave(&self, worker: usize, shared: &Arc<SharedTopic>) {
        let mut shard = self.shard(&shared.topic);
        if self.0.workers <= OWN_BITS {
            // Else another worker may need the bit, and a mail too many does no harm.
            shared.workers.fetch_and(!bit(worker), Ordering::SeqCst);
        }
        if shared.holders.fetch_sub(1, Ordering::Relaxed) == 1 {
            shard.remove(&shared.topic);
            if shard.is_empty() {
                // Release the memory that a burst took.
                shard.shrink_to_fit();
            }
            self.0.topics.fetch_sub(1, Ordering::AcqRel);
            self.0.told.tell(|presence| presence.topic_ended(&shared.topic));
        }
    }

    /// Permits a publish to this many receivers.
    ///
    /// # Errors
    /// [`PublishError`]: too much is unfinished.
    pub(crate) fn permit(
        &self,
        push: &Push,
        receivers: usize,
        quota: Quota,
    ) -> Result<Arc<Permit>, PublishError> {
        let is_small = push.is_sent_at_once(receivers);
        Permit::new(&self.0.unfinished, push.frame().len(), receivers, is_small, quota).map(Arc::new)
    }

    /// Permits something short to wait for another worker.
    ///
    /// # Errors
    /// [`PublishError`]: too much is unfinished.
    pub(crate) fn permit_small(&self, quota: Quota) -> Result<Arc<Permit>, PublishError> {
        Permit::new(&self.0.unfinished, 0, 0, true, quota).map(Arc::new)
    }

    /// Counts a publish of another thread that was refused.
    pub(crate) fn count_refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of publishes of other threads that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// The numbers of topics, of unfinished publishes to many, and of bytes of unfinished publishes.
    pub(crate) fn counted(&self) -> (usize, usize, usize) {
        let (publishes, bytes) = self.0.unfinished.counted();
        (self.0.topics.load(Ordering::Acquire), publishes, bytes)
    }

    fn shard(&self, topic: &Topic) -> MutexGuard<'_, HashSet<Key>> {
        let Inner { shards, hasher, .. } = &*self.0;
        let [first, ..] = shards;
        let at = hasher.hash_one(topic) % SHARDS as u64;
        // Nothing under the lock can panic half-way, so the data behind a poisoned lock is consistent.
        shards.get(at as usize).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedTopics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedTopics").field("counted", &self.counted()).finish_non_exhaustive()
    }
}
