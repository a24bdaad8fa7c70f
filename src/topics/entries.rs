//! The two entries of a subscription: one in its topic's list, and one in its connection's.

use std::sync::Arc;

use super::compact::Compact;
use super::limits::{MAX_TOPICS, MAX_TOPICS_PER_CONNECTION};
use super::shared::SharedTopic;
use crate::id::ConnectionId;

/// A topic that has subscribers on this worker.
#[derive(Debug)]
pub(super) struct LocalTopic {
    pub(super) shared: Arc<SharedTopic>,
    pub(super) members: Compact<Member>,
}

/// A subscriber, as its topic knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) id: ConnectionId,
    /// The index of the subscription in the connection's list.
    pub(super) at: u8,
}

/// A topic, as its subscriber knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subscription {
    pub(super) topic: u32,
    /// The index of the subscriber among the topic's members.
    pub(super) at: u32,
}

// The index of a subscription is a byte, that of a topic has 32 bits.
const _: () = assert!(MAX_TOPICS_PER_CONNECTION == 1 << u8::BITS && MAX_TOPICS <= u32::MAX as usize);
// What a subscription takes: these two, and for the first one of a topic or a connection what that takes.
const _: () = assert!(size_of::<Member>() == 12 && size_of::<Subscription>() == 8);
const _: () = assert!(size_of::<LocalTopic>() == 24);
