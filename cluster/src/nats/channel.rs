//! The channels to the bus's thread: bounded in messages and bytes, and bound to one connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::bus::SendError;
use crate::wire::{PushWriter, Subject, TopicPush};

/// The most publishes and pushes that wait.
pub const MAX_TRAFFIC_MESSAGES: usize = 4_096;
/// Their most bytes.
pub const MAX_TRAFFIC_BYTES: usize = 16 << 20;
/// The most other messages that wait.
pub const MAX_CONTROL_MESSAGES: usize = 65_536;
/// Their most bytes: the lists of a million roles have 24 MB.
pub const MAX_CONTROL_BYTES: usize = 32 << 20;

/// The messages that wait in a patient channel before the other side is woken: few enough that as many come
/// meanwhile.
const PATIENT_MESSAGES: usize = MAX_TRAFFIC_MESSAGES / 4;
/// The same in bytes.
const PATIENT_BYTES: usize = MAX_TRAFFIC_BYTES / 16;

/// A queue that was longer once gives its memory back.
const KEPT_MESSAGES: usize = MAX_TRAFFIC_MESSAGES;

/// A message on its way to the bus's thread.
pub(super) struct Item {
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// The connection for which it was accepted: on a later one it is not sent.
    pub(super) connection: u64,
    /// How many it counts as: pushes to a topic are counted one by one.
    pub(super) count: usize,
}

/// The sending side of a channel.
pub(super) struct Channel {
    queue: Arc<Queue>,
    max_messages: usize,
    max_bytes: usize,
    /// Messages wait until there are some, or until it is asked for them.
    is_patient: AtomicBool,
}

/// The receiving side. It takes all that waits at once, so that the two sides seldom meet at the lock.
pub(super) struct Outgoing {
    queue: Arc<Queue>,
    taken: VecDeque<Item>,
}

/// What the two sides share.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// The messages and bytes that were taken together with the next one, and still count.
    taken_messages: AtomicUsize,
    taken_bytes: AtomicUsize,
    has_some: Notify,
}

/// What waits, and how much that is.
#[derive(Default)]
struct Waiting {
    items: VecDeque<Item>,
    /// Pushes to a topic behind them. Others are added while nothing else comes.
    pushes: PushWriter,
    /// Where these go, and the connection for which they were accepted.
    pushes_to: Option<(Subject, u64)>,
    messages: usize,
    bytes: usize,
    /// Whether the other side was woken for them.
    is_called: bool,
}

/// A channel with these limits.
pub(super) fn channel(max_messages: usize, max_bytes: usize) -> (Channel, Outgoing) {
    let queue = Arc::new(Queue::default());
    let outgoing = Outgoing { queue: queue.clone(), taken: VecDeque::new() };
    (Channel { queue, max_messages, max_bytes, is_patient: AtomicBool::new(false) }, outgoing)
}

impl Channel {
    /// Adds a message. False if there is no place for it.
    pub(super) fn push(&self, item: Item) -> bool {
        let mut waiting = self.queue.waiting();
        let has_place = self.has_place(&waiting, item.payload.len());
        if has_place {
            waiting.add(item);
            self.wake(waiting);
        }
        has_place
    }

    /// Adds a push to a topic: to the message that was added last, if that carries pushes to the same topic.
    /// No message gets longer than `max_payload`.
    ///
    /// # Errors
    /// [`SendError::Full`] and [`SendError::TooLarge`].
    pub(super) fn push_to_topic(
        &self,
        push: &TopicPush<'_>,
        connection: u64,
        max_payload: usize,
    ) -> Result<(), SendError> {
        if push.data.len() > max_payload {
            return Err(SendError::TooLarge);
        }
        let mut waiting = self.queue.waiting();
        if !self.has_place(&waiting, push.data.len()) {
            return Err(SendError::Full);
        }
        if !waiting.join(push, connection, max_payload) && !waiting.begin(push, connection, max_payload) {
            return Err(SendError::TooLarge);
        }
        self.wake(waiting);
        Ok(())
    }

    fn has_place(&self, waiting: &Waiting, len: usize) -> bool {
        let messages = waiting.messages + self.queue.taken_messages.load(Ordering::Relaxed);
        let bytes = waiting.bytes + self.queue.taken_bytes.load(Ordering::Relaxed);
        messages < self.max_messages && bytes.saturating_add(len) <= self.max_bytes
    }

    /// Wakes the other side, if it is time and it was not done yet.
    fn wake(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_time = !self.is_patient.load(Ordering::Relaxed)
            || waiting.messages >= PATIENT_MESSAGES
            || waiting.bytes >= PATIENT_BYTES;
        if is_time && !std::mem::replace(&mut waiting.is_called, true) {
            drop(waiting);
            self.queue.has_some.notify_one();
        }
    }

    /// Lets messages wait from now on, or not, and has those that wait sent.
    pub(super) fn set_patient(&self, is_patient: bool) {
        self.is_patient.store(is_patient, Ordering::Relaxed);
        let mut waiting = self.queue.waiting();
        if !waiting.is_empty() {
            waiting.is_called = true;
            drop(waiting);
            self.queue.has_some.notify_one();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let waiting = self.queue.waiting();
        waiting.bytes + self.queue.taken_bytes.load(Ordering::Relaxed)
    }
}

impl Outgoing {
    /// The next message.
    pub(super) async fn next(&mut self) -> Item {
        loop {
            if let Some(item) = self.try_next() {
                return item;
            }
            self.queue.has_some.notified().await;
        }
    }

    /// The next message, if one waits.
    pub(super) fn try_next(&mut self) -> Option<Item> {
        if self.taken.is_empty() {
            self.take();
        }
        let item = self.taken.pop_front()?;
        self.queue.taken_messages.fetch_sub(item.count, Ordering::Relaxed);
        self.queue.taken_bytes.fetch_sub(item.payload.len(), Ordering::Relaxed);
        Some(item)
    }

    /// Drops what waits. Returns how many messages and pushes that were.
    pub(super) fn clear(&mut self) -> usize {
        std::iter::from_fn(|| self.try_next()).map(|item| item.count).sum()
    }

    /// Takes all that waits.
    fn take(&mut self) {
        if self.taken.capacity() > KEPT_MESSAGES {
            self.taken = VecDeque::new();
        }
        let mut waiting = self.queue.waiting();
        waiting.end_pushes();
        waiting.is_called = false;
        std::mem::swap(&mut self.taken, &mut waiting.items);
        // Under the lock, so that the other side never misses them.
        self.queue.taken_messages.fetch_add(std::mem::take(&mut waiting.messages), Ordering::Relaxed);
        self.queue.taken_bytes.fetch_add(std::mem::take(&mut waiting.bytes), Ordering::Relaxed);
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, item: Item) {
        self.end_pushes();
        self.messages += item.count;
        self.bytes += item.payload.len();
        self.items.push_back(item);
    }

    /// Adds a push to those that came last. False if it does not belong there.
    fn join(&mut self, push: &TopicPush<'_>, connection: u64, max_payload: usize) -> bool {
        let is_same = self.pushes_to.as_ref().is_some_and(|(_, of_last)| *of_last == connection);
        let len = self.pushes.len();
        let is_added = is_same && self.pushes.add(push, max_payload);
        if is_added {
            self.messages += 1;
            self.bytes += self.pushes.len() - len;
        }
        is_added
    }

    /// Begins a message with a push. False if it is too long.
    fn begin(&mut self, push: &TopicPush<'_>, connection: u64, max_payload: usize) -> bool {
        self.end_pushes();
        self.pushes.begin(push);
        let fits = self.pushes.len() <= max_payload;
        if fits {
            self.pushes_to = Some((push.subject(), connection));
            self.messages += 1;
            self.bytes += self.pushes.len();
        } else {
            self.pushes.take();
        }
        fits
    }

    /// Nothing more is added to the pushes that came last.
    fn end_pushes(&mut self) {
        if let Some((subject, connection)) = self.pushes_to.take()
            && let Some((payload, count)) = self.pushes.take()
        {
            self.items.push_back(Item { subject, payload, connection, count });
        }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.pushes_to.is_none()
    }
}

#[cfg(test)]
mod tests;
