//! What is counted and measured in a run.

use std::collections::BTreeMap;
use std::ops::Range;

use hdrhistogram::Histogram;

/// The longest time that a histogram can tell from longer ones, in nanoseconds: 146 years.
const LONGEST: u64 = 1 << 62;
/// Digits of a figure that are right.
const DIGITS: u8 = 3;
/// Different reasons of failures that are kept; others are counted together.
const MAX_REASONS: usize = 8;
/// Values by which a backlog on one connection is recorded: more would take long, and show the same.
const BACKLOG_STEPS: u64 = 1000;

/// Counts from the beginning of the run, and histograms of the time that is measured.
#[derive(Debug)]
pub(super) struct Figures {
    /// The time that is measured, in nanoseconds of the run's clock. Empty before it is known.
    pub(super) window: Range<u64>,
    /// Requests that were sent.
    pub(super) sent: u64,
    /// Requests whose replies have come, and are right.
    pub(super) answered: u64,
    /// Requests that were refused, by ErrorID.
    pub(super) refused: BTreeMap<u16, u64>,
    /// Requests that got no reply, or not all of them.
    pub(super) unanswered: u64,
    /// Those of them that got some of their replies, and how many replies these are.
    pub(super) incomplete: u64,
    pub(super) parts: u64,
    /// Replies that no request asked for. They count as wrong too.
    pub(super) surplus: u64,
    /// Requests that were due but never sent.
    pub(super) unsent: u64,
    /// What came and is no reply to the oldest request, or differs from what it should be.
    pub(super) wrong: u64,
    /// Pushes and texts that nothing asked for.
    pub(super) others: u64,
    /// Texts that were said reached so many members, and should reach so many.
    pub(super) delivered: u64,
    pub(super) deliveries_due: u64,
    /// Connections that were not sent each text of their rooms once.
    pub(super) misdelivered: u64,
    /// Replies, or deliveries, that came in the time that is measured.
    pub(super) measured: u64,
    /// Connections that were opened.
    pub(super) opened: u64,
    /// Connections that could not be opened, by the reason.
    pub(super) failed: BTreeMap<String, u64>,
    /// Connections that ended before their time, by the reason.
    pub(super) lost: BTreeMap<String, u64>,
    /// Connections that the server did not close in time once this side had said goodbye.
    pub(super) unclosed: u64,
    pub(super) bytes_sent: u64,
    /// From the intended time of a request to its reply, or delivery.
    pub(super) latency: Histogram<u64>,
    /// From the intended time of a request of an open loop to its sending.
    pub(super) late: Histogram<u64>,
    /// From the beginning of a connection until it could be used.
    pub(super) opening: Histogram<u64>,
}

impl Figures {
    pub(super) fn new() -> Result<Self, String> {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST, DIGITS).map_err(|error| format!("histogram: {error}"));
        Ok(Figures {
            window: 0..0,
            sent: 0,
            answered: 0,
            refused: BTreeMap::new(),
            unanswered: 0,
            incomplete: 0,
            parts: 0,
            surplus: 0,
            unsent: 0,
            wrong: 0,
            others: 0,
            delivered: 0,
            deliveries_due: 0,
            misdelivered: 0,
            measured: 0,
            opened: 0,
            failed: BTreeMap::new(),
            lost: BTreeMap::new(),
            unclosed: 0,
            bytes_sent: 0,
            latency: histogram()?,
            late: histogram()?,
            opening: histogram()?,
        })
    }

    /// So many requests were sent. Without replies, they count now.
    pub(super) fn send(&mut self, now: u64, count: u64, has_replies: bool) {
        self.sent += count;
        if !has_replies && self.window.contains(&now) {
            self.measured += count;
        }
    }

    /// A request of an open loop that was due at `intended` was sent.
    pub(super) fn send_late(&mut self, intended: u64, now: u64) {
        if self.window.contains(&intended) {
            record(&mut self.late, now.saturating_sub(intended), 1);
        }
    }

    /// All replies to so many requests with the same intended time have come.
    pub(super) fn answer(&mut self, intended: u64, now: u64, count: u64) {
        self.answered += count;
        self.arrive(intended, now, count);
    }

    /// A text that was said is acknowledged. Its latency is that of its deliveries.
    pub(super) fn acknowledge(&mut self) {
        self.answered += 1;
    }

    /// A text that was said has reached a member.
    pub(super) fn deliver(&mut self, intended: u64, now: u64) {
        self.delivered += 1;
        self.arrive(intended, now, 1);
    }

    fn arrive(&mut self, intended: u64, now: u64, count: u64) {
        if self.window.contains(&now) {
            self.measured += count;
        }
        if self.window.contains(&intended) {
            record(&mut self.latency, now.saturating_sub(intended), count);
        }
    }

    /// A request was refused.
    pub(super) fn refuse(&mut self, error_id: u16) {
        *self.refused.entry(error_id).or_default() += 1;
    }

    /// No reply to a request comes any more. It counts with the time for which it has waited.
    pub(super) fn give_up(&mut self, intended: u64, now: u64) {
        self.unanswered += 1;
        if self.window.contains(&intended) {
            record(&mut self.latency, now.saturating_sub(intended), 1);
        }
    }

    /// A request that was given up had got so many of its replies.
    pub(super) fn note_parts(&mut self, came: u32) {
        self.incomplete += u64::from(came > 0);
        self.parts += u64::from(came);
    }

    /// So many requests of one connection were never sent. The oldest should have been at `oldest`, the
    /// others at even distances. They count with the time for which they have waited.
    pub(super) fn leave_unsent(&mut self, count: u64, oldest: u64, distance: u64, now: u64) {
        self.unsent += count;
        let step = count.div_ceil(BACKLOG_STEPS).max(1);
        let mut first = 0;
        while first < count {
            let intended = oldest.saturating_add(first.saturating_mul(distance));
            if self.window.contains(&intended) {
                record(&mut self.latency, now.saturating_sub(intended), step.min(count - first));
            }
            first += step;
        }
    }

    /// A connection can be used after so many nanoseconds.
    pub(super) fn open(&mut self, took: u64) {
        self.opened += 1;
        record(&mut self.opening, took, 1);
    }

    /// A connection could not be opened.
    pub(super) fn fail(&mut self, reason: String) {
        count(&mut self.failed, reason);
    }

    /// A connection ended before its time.
    pub(super) fn lose(&mut self, reason: String) {
        count(&mut self.lost, reason);
    }

    pub(super) fn refusals(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    pub(super) fn losses(&self) -> u64 {
        self.lost.values().sum()
    }
}

/// Counts a reason, or if there are many already, an other one.
fn count(reasons: &mut BTreeMap<String, u64>, reason: String) {
    let is_kept = reasons.len() < MAX_REASONS || reasons.contains_key(&reason);
    let reason = if is_kept { reason } else { "other reasons".to_owned() };
    *reasons.entry(reason).or_default() += 1;
}

fn record(histogram: &mut Histogram<u64>, nanos: u64, times: u64) {
    if times == 0 {
        // It would still count as the shortest or longest time.
        return;
    }
    // The bounds are those of the histogram, so that it cannot fail.
    let _ = histogram.record_n(nanos.clamp(1, LONGEST), times);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_requests_that_are_due_in_the_window_are_measured() {
        let mut figures = Figures::new().unwrap();
        figures.answer(5, 9, 1);
        figures.window = 100..200;
        for (intended, now) in [(50, 150), (100, 150), (199, 250), (200, 260)] {
            figures.answer(intended, now, 1);
        }
        assert_eq!((figures.answered, figures.measured), (5, 2));
        assert_eq!((figures.latency.len(), figures.latency.min(), figures.latency.max()), (2, 50, 51));
    }

    #[test]
    fn a_time_of_days_is_not_cut() {
        let mut figures = Figures::new().unwrap();
        figures.window = 0..u64::MAX;
        let days = 5 * 86_400 * 1_000_000_000;
        figures.answer(0, days, 1);
        assert_eq!(figures.latency.max() / (days / 1000), 1000);
    }

    #[test]
    fn a_backlog_counts_with_the_time_that_it_has_waited() {
        let mut figures = Figures::new().unwrap();
        figures.window = 0..1_000_000;
        figures.leave_unsent(100_000, 0, 10, 1_000_000);
        assert_eq!((figures.unsent, figures.latency.len()), (100_000, 100_000));
        assert_eq!(figures.latency.value_at_quantile(0.5) / 10_000, 50);
        figures.give_up(999_999, 1_000_000);
        assert_eq!((figures.unanswered, figures.latency.min()), (1, 1));
    }
}
