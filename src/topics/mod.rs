//! Topics: connections subscribe to them, and a publish reaches all subscribers on all workers.
//!
//! Each worker keeps its own subscribers ([`Topics`]), which no other thread touches. What the workers share
//! ([`SharedTopics`]) is written only when a worker gets its first subscriber of a topic or loses its last
//! one: which workers have subscribers. A publish collects the subscribers of its own worker when it is
//! called, and goes to each other worker that has some as one mail.

mod compact;
mod entries;
mod error;
mod limits;
mod local;
mod parted_map;
mod parted_slab;
mod permit;
mod receivers;
mod shared;
#[cfg(test)]
mod tests;
mod topic;

pub use error::{PublishError, SubscribeError};
pub use topic::{Topic, TopicError, TopicName};

pub(crate) use local::Topics;
pub(crate) use permit::{Permit, Quota};
pub(crate) use receivers::Receivers;
pub(crate) use shared::{SharedTopic, SharedTopics};
