//! The channels to the bus's thread: bounded in messages and bytes, and bound to one connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::wire::Subject;

/// The most publishes and pushes that wait.
pub const MAX_TRAFFIC_MESSAGES: usize = 4_096;
/// Their most bytes.
pub const MAX_TRAFFIC_BYTES: usize = 16 << 20;
/// The most other messages that wait.
pub const MAX_CONTROL_MESSAGES: usize = 65_536;
/// Their most bytes: the lists of a million roles have 24 MB.
pub const MAX_CONTROL_BYTES: usize = 32 << 20;

/// The most messages that wait in a patient channel.
const PATIENT_MESSAGES: usize = 256;

/// A queue that was longer once gives its memory back.
const KEPT_MESSAGES: usize = MAX_TRAFFIC_MESSAGES;

/// A message on its way to the bus's thread.
pub(super) struct Item {
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// The connection for which it was accepted: on a later one it is not sent.
    pub(super) connection: u64,
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
    items: Mutex<VecDeque<Item>>,
    /// The messages and bytes that wait, with those that were taken together with the next one.
    messages: AtomicUsize,
    bytes: AtomicUsize,
    has_some: Notify,
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
        let queue = &*self.queue;
        let len = item.payload.len();
        let mut items = queue.items();
        // Only this side adds, and under the lock.
        let bytes = queue.bytes.load(Ordering::Relaxed).saturating_add(len);
        if queue.messages.load(Ordering::Relaxed) >= self.max_messages || bytes > self.max_bytes {
            return false;
        }
        queue.messages.fetch_add(1, Ordering::Relaxed);
        queue.bytes.fetch_add(len, Ordering::Relaxed);
        items.push_back(item);
        // The other side waits only for the first.
        let awaited = if self.is_patient.load(Ordering::Relaxed) { PATIENT_MESSAGES } else { 1 };
        let is_awaited = items.len() == awaited;
        drop(items);
        if is_awaited {
            queue.has_some.notify_one();
        }
        true
    }

    /// Lets messages wait from now on, or not, and has those that wait sent.
    pub(super) fn set_patient(&self, is_patient: bool) {
        self.is_patient.store(is_patient, Ordering::Relaxed);
        if !self.queue.items().is_empty() {
            self.queue.has_some.notify_one();
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.queue.bytes.load(Ordering::Relaxed)
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

    /// The next message, if one waits. It stays where it is.
    pub(super) fn peek(&mut self) -> Option<&Item> {
        if self.taken.is_empty() {
            if self.taken.capacity() > KEPT_MESSAGES {
                self.taken = VecDeque::new();
            }
            std::mem::swap(&mut self.taken, &mut self.queue.items());
        }
        self.taken.front()
    }

    /// Takes the next message, if one waits.
    pub(super) fn try_next(&mut self) -> Option<Item> {
        self.peek()?;
        let item = self.taken.pop_front()?;
        self.queue.messages.fetch_sub(1, Ordering::Relaxed);
        self.queue.bytes.fetch_sub(item.payload.len(), Ordering::Relaxed);
        Some(item)
    }
}

impl Queue {
    fn items(&self) -> MutexGuard<'_, VecDeque<Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn item(len: usize) -> Item {
        Item { subject: Subject::Nodes, payload: Bytes::from(vec![0; len]), connection: 1 }
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let (channel, mut outgoing) = channel(3, 100);
        let push = |len| channel.push(item(len));
        assert_eq!(
            [push(60), push(41), push(40), push(1), push(0), push(0)],
            [true, false, true, false, true, false]
        );
        assert_eq!(channel.bytes(), 100);
        assert_eq!(outgoing.try_next().unwrap().payload.len(), 60);
        assert_eq!(channel.bytes(), 40);
        // What was taken together with it still counts.
        assert_eq!([push(61), push(59), push(0)], [false, true, false]);
        let rest: Vec<_> =
            std::iter::from_fn(|| outgoing.try_next()).map(|item| item.payload.len()).collect();
        assert_eq!(rest, [40, 0, 59]);
        assert_eq!(channel.bytes(), 0);
        assert!([push(1), push(1), push(1)].iter().all(|fits| *fits));
    }

    #[test]
    fn a_patient_channel_wakes_for_many_or_when_it_is_asked() {
        let (channel, outgoing) = channel(MAX_TRAFFIC_MESSAGES, MAX_TRAFFIC_BYTES);
        let is_woken = || outgoing.queue.has_some.notified().now_or_never().is_some();
        channel.set_patient(true);
        for pushed in 1..=PATIENT_MESSAGES + 1 {
            assert!(channel.push(item(1)));
            assert_eq!(is_woken(), pushed == PATIENT_MESSAGES, "{pushed}");
        }
        for is_patient in [true, false] {
            channel.set_patient(is_patient);
            assert!(is_woken(), "{is_patient}");
        }
        // They are not taken yet, so that the other side is awake.
        assert!(channel.push(item(1)) && !is_woken());
    }

    #[test]
    fn who_waits_gets_each_message_in_order() {
        const MESSAGES: usize = 20_000;
        let (channel, mut outgoing) = channel(8, 1 << 40);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for len in 0..MESSAGES {
                    while !channel.push(item(len)) {
                        std::thread::yield_now();
                    }
                }
            });
            runtime.block_on(async {
                for len in 0..MESSAGES {
                    assert_eq!(outgoing.next().await.payload.len(), len);
                }
            });
        });
    }
}
