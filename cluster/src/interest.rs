//! Which buckets of topics this node subscribes to: those of topics with subscribers on it.

use std::collections::{BTreeMap, BTreeSet};

/// How long a bucket is kept after its last topic, in milliseconds.
pub(crate) const LEAVE_AFTER_MS: u64 = 5_000;

/// The buckets, each with the number of its topics that have subscribers.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    topics: BTreeMap<u16, Bucket>,
    /// Buckets without a topic, by the time at which they are left.
    leaving: BTreeSet<(u64, u16)>,
}

/// A bucket that is joined.
#[derive(Debug, Default)]
struct Bucket {
    /// The number of its topics.
    count: u32,
    /// The time at which it is left; it has no topics then.
    left_ms: u64,
}

impl Interest {
    /// A topic has its first subscriber. Returns whether the bucket must be joined.
    pub(crate) fn enter(&mut self, bucket: u16) -> bool {
        let Some(joined) = self.topics.get_mut(&bucket) else {
            self.topics.insert(bucket, Bucket { count: 1, left_ms: 0 });
            return true;
        };
        if joined.count == 0 {
            self.leaving.remove(&(joined.left_ms, bucket));
        }
        joined.count = joined.count.saturating_add(1);
        false
    }

    /// A topic has lost its last subscriber. The time is in milliseconds.
    pub(crate) fn leave(&mut self, bucket: u16, now_ms: u64) {
        if let Some(joined) = self.topics.get_mut(&bucket).filter(|joined| joined.count > 0) {
            joined.count -= 1;
            if joined.count == 0 {
                joined.left_ms = now_ms.saturating_add(LEAVE_AFTER_MS);
                self.leaving.insert((joined.left_ms, bucket));
            }
        }
    }

    /// The next bucket that is to be left by now, if there is one: it is forgotten.
    pub(crate) fn next_left(&mut self, now_ms: u64) -> Option<u16> {
        let (at, bucket) = self.leaving.first().copied().filter(|(at, _)| *at <= now_ms)?;
        self.leaving.remove(&(at, bucket));
        self.topics.remove(&bucket);
        Some(bucket)
    }

    /// The buckets that are joined, in order.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = u16> {
        self.topics.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_joined_with_its_first_topic_and_left_after_its_last() {
        let mut interest = Interest::default();
        assert!(interest.enter(7));
        assert!(!interest.enter(7));
        interest.leave(7, 1000);
        interest.leave(7, 2000);
        // One more than have come changes nothing.
        interest.leave(7, 2500);
        interest.leave(8, 2500);
        assert_eq!(interest.next_left(6999), None);
        assert_eq!(interest.buckets().collect::<Vec<_>>(), [7]);
        assert_eq!(interest.next_left(7000), Some(7));
        assert_eq!(interest.next_left(90_000), None);
        assert!(interest.enter(7), "it was left, and must be joined again");
    }

    #[test]
    fn a_topic_that_comes_back_in_time_keeps_the_bucket() {
        let mut interest = Interest::default();
        assert!(interest.enter(7));
        interest.leave(7, 1000);
        assert!(!interest.enter(7));
        assert_eq!(interest.next_left(90_000), None);
        interest.leave(7, 90_000);
        assert_eq!(interest.next_left(94_999), None);
        assert_eq!(interest.next_left(95_000), Some(7));
    }
}
