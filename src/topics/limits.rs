//! The limits on topics and on publishes.

/// The most topics that one connection is subscribed to.
pub(super) const MAX_TOPICS_PER_CONNECTION: usize = 256;
/// The most topics that have subscribers, on all workers together.
pub(super) const MAX_TOPICS: usize = 1024 * 1024;
/// A connection that has more topics than this begins none above three quarters of [`MAX_TOPICS`], so that a
/// few connections cannot take them all.
pub(super) const FEW_TOPICS: usize = 16;
/// The most publishes to many that are unfinished, on all workers together.
pub(super) const MAX_UNFINISHED: usize = 4096;
/// The most bytes of unfinished publishes, with their lists of receivers, on all workers together.
pub(super) const MAX_UNFINISHED_BYTES: usize = 64 * 1024 * 1024;
