//! The clock that stamps are made by: a hybrid logical clock, which never shows one time twice, and is above
//! all that it has seen.
//!
//! A time is 48 bits of milliseconds since 1970 and 16 bits of count. The count begins at the part of the
//! next millisecond that has passed: of two logins within one millisecond, on machines whose clocks agree,
//! the later one has the higher time. The wall clock is an argument.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far another node's clock may be ahead of one's own wall clock, in milliseconds: what is further is
/// refused.
pub const MAX_AHEAD_MS: u64 = 60_000;
/// How far it may be ahead without a warning, in milliseconds.
pub const WARN_AHEAD_MS: u64 = 5_000;

/// The bits of the count.
const COUNT_BITS: u32 = 16;

/// How far ahead of the own wall clock a time is that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Not so much that anybody need know.
    Small,
    /// More than [`WARN_AHEAD_MS`], by so many milliseconds.
    Warn(u64),
    /// More than [`MAX_AHEAD_MS`], by so many milliseconds: the time was refused, and changes nothing.
    Refused(u64),
}

/// The clock of a node, shared by its threads.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

/// The first time of a millisecond.
#[must_use]
pub fn clock_at(wall_ms: u64) -> u64 {
    wall_ms.min(u64::MAX >> COUNT_BITS) << COUNT_BITS
}

/// The milliseconds of a time.
#[must_use]
pub fn wall_ms(clock: u64) -> u64 {
    clock >> COUNT_BITS
}

impl Clock {
    /// A new time, above all that were made and seen before. `wall` is the wall clock as such a time; it may
    /// go backwards.
    pub fn tick(&self, wall: u64) -> u64 {
        let next = |last: u64| last.saturating_add(1).max(wall);
        let update = |last| Some(next(last));
        // The update always succeeds, so both arms hold the last time.
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, update) {
            Ok(last) | Err(last) => next(last),
        }
    }

    /// Notes a time that another node has made: later times of this clock are above it.
    pub fn see(&self, clock: u64, own_wall_ms: u64) -> Drift {
        let ahead_ms = wall_ms(clock).saturating_sub(own_wall_ms);
        if ahead_ms > MAX_AHEAD_MS {
            return Drift::Refused(ahead_ms);
        }
        self.0.fetch_max(clock, Ordering::AcqRel);
        if ahead_ms > WARN_AHEAD_MS { Drift::Warn(ahead_ms) } else { Drift::Small }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_comes_twice_and_each_is_above_all_seen() {
        let clock = Clock::default();
        let mut last = 0;
        let mut later = |clock: &Clock, wall_ms| {
            let time = clock.tick(clock_at(wall_ms));
            assert!(time > last, "{time} after {last}");
            last = time;
            time
        };
        assert_eq!(later(&clock, 1000), 1000 << 16);
        assert_eq!(later(&clock, 1000), (1000 << 16) + 1);
        // A wall clock that goes backwards.
        assert_eq!(later(&clock, 10), (1000 << 16) + 2);
        assert_eq!(clock.see((2000 << 16) + 7, 1000), Drift::Small);
        assert_eq!(later(&clock, 1000), (2000 << 16) + 8);
        // The count of a millisecond overflows into the next.
        clock.see((2000 << 16) + 0xffff, 2000);
        assert_eq!(later(&clock, 2000), 2001 << 16);
    }

    #[test]
    fn times_far_ahead_are_refused_and_change_nothing() {
        for (ahead_ms, expected) in [
            (0, Drift::Small),
            (5_000, Drift::Small),
            (5_001, Drift::Warn(5_001)),
            (60_000, Drift::Warn(60_000)),
            (60_001, Drift::Refused(60_001)),
        ] {
            let clock = Clock::default();
            let seen = clock_at(7_000 + ahead_ms);
            assert_eq!(clock.see(seen, 7_000), expected);
            let is_above = clock.tick(clock_at(7_000)) > seen;
            assert_eq!(is_above, !matches!(expected, Drift::Refused(_)), "{ahead_ms}");
        }
        assert!(matches!(Clock::default().see(u64::MAX, 7_000), Drift::Refused(_)));
    }

    #[test]
    fn times_of_several_threads_differ() {
        let clock = Clock::default();
        let mut times: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1000).map(|_| clock.tick(5)).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 4000);
    }
}
