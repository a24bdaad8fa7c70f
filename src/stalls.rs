//! Stalls: times in which the process did not run or did not read its clients. They move deadlines.

use crate::moment::Moment;

/// The shortest delay that counts as a stall, in milliseconds.
const MIN_STALL_MS: u64 = 100;
/// The shortest long stall, in milliseconds: after it, a client is pinged before it can be closed as silent.
const LONG_STALL_MS: u64 = 1000;
/// The most stalls that are kept separately.
const MAX_STALLS: usize = 32;
/// How long a stall is kept, in longest periods: one until the timer is due, one by which stalls within turns
/// can move it, and two for the Ping that follows.
const KEPT_PERIODS: u64 = 4;

/// The stalls of a reactor that can still affect a timer, oldest first.
///
/// Connections do not track stalls. When a timer is due, this list tells how far it moves.
#[derive(Clone, Debug)]
pub(crate) struct Stalls {
    list: Vec<Stall>,
    /// The longest period of any timer, in milliseconds.
    longest_ms: u64,
    /// The number of changes to the list.
    revision: u64,
}

/// A stall, or several in a row that were merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stall {
    /// When it ended.
    pub(crate) end: Moment,
    /// Milliseconds in which the process did not run. Clients cannot cause these.
    pub(crate) poll_ms: u64,
    /// Milliseconds within turns, or between turns of an embedder's loop.
    pub(crate) turn_ms: u64,
    /// When its first long stall ended.
    pub(crate) first_long: Option<Moment>,
}

impl Stalls {
    /// A list without stalls. `longest_ms` is the longest period of any timer.
    pub(crate) fn new(longest_ms: u64) -> Self {
        // Allocate the full capacity: a stall in the middle of traffic must not allocate.
        Stalls { list: Vec::with_capacity(MAX_STALLS + 1), longest_ms, revision: 0 }
    }

    /// Records that a poll took `ms` longer than requested, until `end`.
    pub(crate) fn in_poll(&mut self, ms: u64, end: Moment) {
        self.note(ms, Stall { end, poll_ms: ms, ..Stall::default() });
    }

    /// Records that a turn took `ms`, or that an embedder's loop called `ms` later than requested.
    pub(crate) fn in_turn(&mut self, ms: u64, end: Moment) {
        self.note(ms, Stall { end, turn_ms: ms, ..Stall::default() });
    }

    /// Whether a delay of `ms` may count as a stall.
    pub(crate) fn can_be(&self, ms: u64) -> bool {
        ms >= MIN_STALL_MS
    }

    #[inline]
    fn note(&mut self, ms: u64, stall: Stall) {
        if self.can_be(ms) {
            self.push(Stall { first_long: (ms >= LONG_STALL_MS).then_some(stall.end), ..stall });
        }
    }

    #[cold]
    fn push(&mut self, stall: Stall) {
        self.revision += 1;
        self.list.push(stall);
        while self.is_first_over(stall.end) {
            self.list.remove(0);
        }
        if self.list.len() > MAX_STALLS {
            self.merge(stall.end);
        }
    }

    /// Whether no timer that started before the oldest stall can still be running. Time in which the process
    /// did not run does not age the stall.
    fn is_first_over(&self, now: Moment) -> bool {
        let Some((first, later)) = self.list.split_first() else { return false };
        let stopped_ms = later.iter().fold(0, |sum: u64, stall| sum.saturating_add(stall.poll_ms));
        now.since(first.end).saturating_sub(stopped_ms) > self.longest_ms.saturating_mul(KEPT_PERIODS)
    }

    /// Merges two neighbours. A timer that was started between them then fires late by the length of the
    /// earlier one. Picks the pair for which that is least, relative to the time for which such a timer has
    /// been running.
    fn merge(&mut self, now: Moment) {
        let ms = |stall: &Stall| stall.poll_ms.saturating_add(stall.turn_ms);
        let pairs = self.list.iter().zip(self.list.iter().skip(1));
        let errors = pairs.map(|(first, second)| {
            ms(first).saturating_add(ms(second)).saturating_mul(1 << 10) / now.since(first.end).max(1)
        });
        let Some((at, _)) = errors.enumerate().min_by_key(|(_, error)| *error) else { return };
        let first = self.list.remove(at);
        if let Some(second) = self.list.get_mut(at) {
            second.poll_ms = second.poll_ms.saturating_add(first.poll_ms);
            second.turn_ms = second.turn_ms.saturating_add(first.turn_ms);
            second.first_long = first.first_long.or(second.first_long);
        }
    }

    /// When a timer is due that was started `period_ms` before `at`. It moves by all the time since then in
    /// which the process did not run, and by stalls within turns, up to one period in all.
    pub(crate) fn moved(&self, at: Moment, period_ms: u64) -> Moment {
        if self.list.is_empty() || at == Moment::NEVER {
            return at;
        }
        let since = Moment::from_ms(at.as_ms().saturating_sub(period_ms));
        let (mut poll_ms, mut turn_ms) = (0u64, 0u64);
        for stall in self.list.iter().rev().take_while(|stall| stall.end > since) {
            poll_ms = poll_ms.saturating_add(stall.poll_ms);
            turn_ms = turn_ms.saturating_add(stall.turn_ms);
        }
        Moment::from_ms(at.as_ms().saturating_add(poll_ms).saturating_add(turn_ms.min(period_ms)))
    }

    /// When the first long stall since `seen` ended.
    pub(crate) fn first_long_since(&self, seen: Moment) -> Option<Moment> {
        let newer = self.list.len() - self.list.iter().rev().take_while(|stall| stall.end > seen).count();
        let mut newer = self.list.get(newer..).unwrap_or_default().iter();
        // Of merged stalls, only the first long one is known.
        newer.find_map(|stall| stall.first_long.map(|at| if at > seen { at } else { stall.end }))
    }

    /// The number of changes to the list.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// All stalls.
    pub(crate) fn list(&self) -> &[Stall] {
        &self.list
    }

    /// Replaces the stalls by those of a recording.
    pub(crate) fn set(&mut self, list: Vec<Stall>) {
        self.revision += 1;
        self.list = list;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;

    /// Where a stall was.
    #[derive(Clone, Copy)]
    enum In {
        Poll,
        Turn,
    }
    use In::{Poll, Turn};

    fn stalls(all: &[(In, u64, u64)]) -> Stalls {
        let mut stalls = Stalls::new(5 * MINUTE);
        for &(place, ms, end) in all {
            match place {
                Poll => stalls.in_poll(ms, Moment::from_ms(end)),
                Turn => stalls.in_turn(ms, Moment::from_ms(end)),
            }
        }
        stalls
    }

    #[test]
    fn a_deadline_moves_by_what_was_stalled_since_its_timer_began() {
        type Case = (&'static [(In, u64, u64)], u64, u64, u64);
        // Stalls, the start of the timer, its period, and by how much it moves.
        let cases: [Case; 14] = [
            (&[], 0, MINUTE, 0),
            (&[(Poll, 99, 5000)], 0, MINUTE, 0),
            (&[(Poll, 100, 5000)], 0, MINUTE, 100),
            (&[(Poll, 3000, 5000)], 0, MINUTE, 3000),
            (&[(Poll, 3000, 5000)], 4999, MINUTE, 3000),
            (&[(Poll, 3000, 5000)], 5000, MINUTE, 0),
            (&[(Poll, HOUR, 2 * HOUR)], HOUR, SECOND, HOUR),
            (&[(Poll, HOUR, 2 * HOUR), (Poll, HOUR, 3 * HOUR)], HOUR, SECOND, 2 * HOUR),
            (&[(Turn, 99, 5000)], 0, MINUTE, 0),
            (&[(Turn, 100, 5000)], 0, MINUTE, 100),
            (&[(Turn, 7000, 9000)], 0, 10 * SECOND, 7000),
            (&[(Turn, 7000, 9000), (Turn, 7000, 19_000)], 0, 10 * SECOND, 10 * SECOND),
            (&[(Turn, 7000, 9000), (Turn, 7000, 19_000)], 9000, 10 * SECOND, 7000),
            (&[(Turn, HOUR, HOUR), (Poll, HOUR, 2 * HOUR)], 0, 10 * SECOND, HOUR + 10 * SECOND),
        ];
        for (all, began, period, by) in cases {
            let stalls = stalls(all);
            let moved = stalls.moved(Moment::from_ms(began + period), period);
            assert_eq!(moved.as_ms(), began + period + by, "{:?} since {began}", stalls.list());
            assert_eq!(stalls.moved(Moment::NEVER, period), Moment::NEVER);
        }
    }

    #[test]
    fn the_first_long_one_since_then_is_found() {
        let stalls =
            stalls(&[(Turn, 999, 1000), (Poll, 1000, 5000), (Poll, 200, 6000), (Turn, 5000, 12_000)]);
        for (seen, at) in [(0, Some(5000)), (4999, Some(5000)), (5000, Some(12_000)), (12_000, None)] {
            let found = stalls.first_long_since(Moment::from_ms(seen));
            assert_eq!(found, at.map(Moment::from_ms), "since {seen}");
        }
    }

    #[test]
    fn stalls_that_no_timer_counts_from_are_dropped() {
        // The process runs for twenty minutes, no matter how long it is stopped.
        for (end, kept) in [(HOUR + 20 * MINUTE, 3), (HOUR + 20 * MINUTE + 1, 2)] {
            let stalls = stalls(&[(Turn, 500, 1000), (Poll, HOUR, HOUR + MINUTE), (Turn, 100, end + 1000)]);
            assert_eq!(stalls.list().len(), kept, "{end}");
        }
    }

    #[test]
    fn a_million_stalls_take_bounded_memory_and_move_deadlines_by_their_sum() {
        // Polls that request 100 ms and take twice as long: half of the time the process does not run.
        let mut stalls = stalls(&[(Poll, 8 * HOUR, 8 * HOUR)]);
        for number in 1..=1_000_000 {
            let now = 8 * HOUR + number * 200;
            stalls.in_poll(100, Moment::from_ms(now));
            assert!(stalls.list().len() <= MAX_STALLS);
            if number < 300 || number % 10_000 == 0 {
                for since in (8 * HOUR + 1000..now).rev().step_by(9 * SECOND as usize + 100).take(30) {
                    let at = Moment::from_ms(since + MINUTE);
                    let moved = stalls.moved(at, MINUTE).since(at);
                    let really = (now - since).div_ceil(200) * 100;
                    assert!(moved >= really, "{moved} and not {really} since {since} at {now}");
                    let most = really + (now - since) / 3 + 200;
                    assert!(moved <= most, "{moved} and not {really} since {since} at {now}");
                }
            }
        }
        assert_eq!(stalls.first_long_since(Moment::from_ms(8 * HOUR)), None);
    }

    #[test]
    fn merged_stalls_keep_the_first_long_one() {
        let mut stalls = Stalls::new(5 * MINUTE);
        for number in 1..=100 {
            stalls.in_poll(2 * SECOND, Moment::from_ms(number * 3 * SECOND));
        }
        assert_eq!(stalls.first_long_since(Moment::START), Some(Moment::from_ms(3 * SECOND)));
        for seen in (1..300 * SECOND).step_by(700) {
            // Never none, and never one that had ended by then.
            let found = stalls.first_long_since(Moment::from_ms(seen)).unwrap();
            assert!(found > Moment::from_ms(seen));
        }
    }
}
