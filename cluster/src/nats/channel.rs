//! The channels to the bus's thread: bounded in messages and bytes, and bound to one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::wire::Subject;

/// The most publishes and pushes that wait.
pub const MAX_TRAFFIC_MESSAGES: usize = 4_096;
/// Their most bytes.
pub const MAX_TRAFFIC_BYTES: usize = 16 << 20;
/// The most other messages that wait.
pub const MAX_CONTROL_MESSAGES: usize = 65_536;
/// Their most bytes: the lists of a million roles have 24 MB.
pub const MAX_CONTROL_BYTES: usize = 32 << 20;

/// A message on its way to the bus's thread.
pub(super) struct Item {
    pub(super) subject: Subject,
    pub(super) payload: Bytes,
    /// The connection for which it was accepted: on a later one it is not sent.
    pub(super) connection: u64,
}

/// The sending side of a channel.
pub(super) struct Channel {
    sender: Sender<Item>,
    bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

/// The receiving side.
pub(super) struct Outgoing {
    receiver: Receiver<Item>,
    bytes: Arc<AtomicUsize>,
}

/// A channel with these limits.
pub(super) fn channel(max_messages: usize, max_bytes: usize) -> (Channel, Outgoing) {
    let (sender, receiver) = mpsc::channel(max_messages);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Channel { sender, bytes: bytes.clone(), max_bytes }, Outgoing { receiver, bytes })
}

impl Channel {
    /// Adds a message. False if there is no place for it.
    pub(super) fn push(&self, item: Item) -> bool {
        let len = item.payload.len();
        let waiting = self.bytes.fetch_add(len, Ordering::Relaxed);
        let fits = waiting.saturating_add(len) <= self.max_bytes && self.sender.try_send(item).is_ok();
        if !fits {
            self.bytes.fetch_sub(len, Ordering::Relaxed);
        }
        fits
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Outgoing {
    /// The next message. Waits for ever once there can be none.
    pub(super) async fn next(&mut self) -> Item {
        match self.receiver.recv().await {
            Some(item) => self.taken(item),
            None => std::future::pending().await,
        }
    }

    /// The next message, if one waits.
    pub(super) fn try_next(&mut self) -> Option<Item> {
        let item = self.receiver.try_recv().ok()?;
        Some(self.taken(item))
    }

    fn taken(&self, item: Item) -> Item {
        self.bytes.fetch_sub(item.payload.len(), Ordering::Relaxed);
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(channel.push(item(60)));
        while outgoing.try_next().is_some() {}
        assert_eq!(channel.bytes(), 0);
    }
}
