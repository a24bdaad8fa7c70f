//! What carries messages between nodes: NATS, or a network of one process for tests.

pub mod local;

use std::fmt;

use bytes::Bytes;

use crate::counters::Reason;
use crate::wire::{Subject, TopicPush};

/// A channel to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Roles, heartbeats, the black list, requests.
    Control,
    /// Pushes and publishes.
    Traffic,
}

/// Why a message was not sent. It is not sent later either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The bus is not connected, or this node does not take part in the cluster.
    NotConnected,
    /// The channel to the bus is full.
    Full,
    /// The message is longer than the server takes.
    TooLarge,
}

/// How the bus is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BusStatus {
    /// Whether messages go through.
    pub is_connected: bool,
    /// The bytes that wait to be sent.
    pub queue_bytes: usize,
    /// Why it is not connected, if that is known.
    pub error: Option<String>,
}

/// Carries messages to other nodes: at most once, in order for each sender and subject. What a node publishes
/// does not come back to it. No method blocks.
pub trait Bus: Send + Sync {
    /// Publishes a message.
    ///
    /// # Errors
    /// [`SendError`], and then it is not sent, not later either.
    fn publish(&self, lane: Lane, subject: &Subject, payload: Bytes) -> Result<(), SendError>;

    /// Publishes a push to the subscribers of a topic. Pushes to one topic can leave as one message, in their
    /// order.
    ///
    /// # Errors
    /// [`SendError`], and then it is not sent, not later either.
    fn publish_push(&self, push: &TopicPush<'_>) -> Result<(), SendError>;

    /// Subscribes to a subject from now on, also after the bus was away.
    fn subscribe(&self, subject: &Subject);

    /// Ends a subscription.
    fn unsubscribe(&self, subject: &Subject);

    /// Publishes a request to each of these subjects. The answers come to this node's own subject, with the
    /// number of the request in them.
    ///
    /// # Errors
    /// The first [`SendError`]; the other subjects were tried too.
    fn request_many(&self, subjects: &[Subject], payload: &Bytes) -> Result<(), SendError> {
        let mut first = Ok(());
        for subject in subjects {
            first = first.and(self.publish(Lane::Control, subject, payload.clone()));
        }
        first
    }

    /// Whether no other node is known. Then pushes and publishes may leave together, within 250 ms.
    fn set_alone(&self, _is_alone: bool) {}

    /// How it is.
    fn status(&self) -> BusStatus;

    /// Ends it. What was published before goes out, if that takes no longer than 200 ms.
    fn close(&self);
}

/// What a bus tells a node. One thread calls it.
pub trait Inbox: Send + Sync {
    /// A message came by this subscription.
    fn received(&self, subscription: &Subject, payload: Bytes);

    /// Messages go through, and all subscriptions are in force.
    fn connected(&self);

    /// Messages go through no longer.
    fn disconnected(&self);

    /// Messages were lost in between, so many if that is known.
    fn gap(&self, count: u64);

    /// So many messages and pushes that [`Bus`] has accepted were not sent after all.
    fn dropped(&self, reason: Reason, count: u64);

    /// Some time has passed: 250 ms or less.
    fn tick(&self);
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::NotConnected => "the bus is not connected",
            SendError::Full => "the channel to the bus is full",
            SendError::TooLarge => "the message is longer than the server takes",
        })
    }
}

impl std::error::Error for SendError {}
