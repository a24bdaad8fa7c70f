//! The fixed grid of time on which an application's ticks are called.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The points in time at which ticks are due: each whole number of periods after an origin that all workers
/// of a server share, the first of their turns. Points are computed from the origin, so no error adds up.
#[derive(Debug)]
pub(super) struct TickGrid {
    period_ns: u64,
    origin: Arc<OnceLock<Instant>>,
    /// The last point that has passed, and the next one. None before the first turn of this worker.
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    last: u64,
    next_at: Instant,
}

/// A point that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) number: u64,
    /// Points between the last one that was taken and this one.
    pub(super) missed: u64,
    pub(super) late: Duration,
}

impl TickGrid {
    pub(super) fn new(period: Duration, origin: Arc<OnceLock<Instant>>) -> Self {
        TickGrid { period_ns: nanos(period).max(1), origin, place: None }
    }

    /// When the next point comes. None before this worker's first turn.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.place.map(|place| place.next_at)
    }

    /// Begins a turn: in the first one, the points from now on begin to count.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.place.is_none() {
            let origin = *self.origin.get_or_init(|| now);
            self.place = self.place_after(origin, self.points_until(origin, now));
        }
    }

    /// Takes the latest point that has come since this was last called, if there is one.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Due> {
        let Place { last, .. } = self.place.filter(|place| place.next_at <= now)?;
        let origin = *self.origin.get()?;
        let number = self.points_until(origin, now);
        self.place = self.place_after(origin, number);
        let late = now.saturating_duration_since(self.point(origin, number)?);
        Some(Due { number, missed: number.saturating_sub(last).saturating_sub(1), late })
    }

    /// The number of the last point at or before `now`.
    fn points_until(&self, origin: Instant, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(origin)) / self.period_ns
    }

    /// None if the clock cannot represent it.
    fn point(&self, origin: Instant, number: u64) -> Option<Instant> {
        origin.checked_add(Duration::from_nanos(number.saturating_mul(self.period_ns)))
    }

    fn place_after(&self, origin: Instant, last: u64) -> Option<Place> {
        Some(Place { last, next_at: self.point(origin, last.saturating_add(1))? })
    }
}

/// Not `as_nanos`: it computes with 128 bits, which is slow.
fn nanos(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn grid(period: Duration) -> TickGrid {
        TickGrid::new(period, Arc::default())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary instant")]
    fn points_that_were_missed_are_skipped_and_counted() {
        let origin = Instant::now();
        let mut grid = grid(10 * MS);
        assert_eq!((grid.next_at(), grid.take_due(origin)), (None, None), "it has not begun");
        grid.begin(origin);
        grid.begin(origin + 3 * MS);
        // The time in µs, and what is due: its number, how many were missed, and the lateness in µs.
        let cases = [
            (0, None),
            (9_999, None),
            (10_000, Some((1, 0, 0))),
            (10_000, None),
            (19_999, None),
            (20_700, Some((2, 0, 700))),
            (30_000, Some((3, 0, 0))),
            (59_999, Some((5, 1, 9_999))),
            (60_000, Some((6, 0, 0))),
            (1_000_001, Some((100, 93, 1))),
            (1_009_999, None),
            (3_600_000_000, Some((360_000, 359_899, 0))),
        ];
        for (at_us, expected) in cases {
            let at = origin + Duration::from_micros(at_us);
            let due = grid.take_due(at);
            let seen = due.map(|due| (due.number, due.missed, due.late.as_micros()));
            assert_eq!(seen, expected, "at {at_us} µs");
            assert!(grid.next_at().unwrap() > at && grid.next_at().unwrap() <= at + 10 * MS);
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary instant")]
    fn workers_share_the_grid_and_one_that_starts_late_has_missed_nothing() {
        let (origin, now) = (Arc::new(OnceLock::new()), Instant::now());
        let mut first = TickGrid::new(10 * MS, Arc::clone(&origin));
        let mut second = TickGrid::new(10 * MS, origin);
        first.begin(now);
        second.begin(now + 35 * MS);
        assert_eq!((first.next_at(), second.next_at()), (Some(now + 10 * MS), Some(now + 40 * MS)));
        let at = now + 41 * MS;
        let due = |missed| Some(Due { number: 4, missed, late: MS });
        assert_eq!((first.take_due(at), second.take_due(at)), (due(3), due(0)));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an arbitrary instant")]
    fn a_year_of_60_hz_has_no_drift() {
        let origin = Instant::now();
        let period = Duration::from_secs(1) / 60;
        let mut grid = grid(period);
        grid.begin(origin);
        let year = 365 * 24 * 3600 * 60;
        for number in [1, 2, 1000, 216_000, year] {
            let at = origin + Duration::from_nanos(number * 16_666_666);
            let due = grid.take_due(at).unwrap();
            assert_eq!((due.number, due.late), (number, Duration::ZERO));
            assert_eq!(grid.next_at(), Some(at + period));
        }
    }
}
