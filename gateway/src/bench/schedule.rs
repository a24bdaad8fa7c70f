//! The times at which an open loop intends to send: even distances, one connection after the other.

/// The intended times of all requests. Request `k` is sent by connection `k % senders`, so each connection
/// has its own even grid, and the grids of two connections are offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// The time of the first request.
    start: u64,
    /// Requests that are due before this time are sent.
    end: u64,
    /// Requests a second.
    rate: f64,
    senders: u64,
    /// The number of the first request that is not yet due.
    next: u64,
}

impl Schedule {
    /// `rate` requests a second from `start` on, in nanoseconds, by this many connections, at least one.
    pub(super) fn new(start: u64, end: u64, rate: f64, senders: usize) -> Self {
        Schedule { start, end, rate, senders: (senders as u64).max(1), next: 0 }
    }

    /// Ends it early: nothing is due from `now` on.
    pub(super) fn end_at(&mut self, now: u64) {
        self.end = self.end.min(now);
    }

    /// When the next request is due; `None` at the end.
    pub(super) fn next_due(&self) -> Option<u64> {
        Some(self.time(self.next)).filter(|due| *due < self.end)
    }

    /// The connection that the next request is due on, if one is due. Requests that are late are due at once;
    /// none is skipped.
    pub(super) fn take_due(&mut self, now: u64) -> Option<usize> {
        self.next_due().filter(|due| *due <= now)?;
        let sender = self.next % self.senders;
        self.next += 1;
        usize::try_from(sender).ok()
    }

    /// Takes all that are not taken yet. Returns how many are due on each connection.
    pub(super) fn take_rest(&mut self) -> impl Fn(usize) -> u64 + use<> {
        let (taken, all, senders) = (self.next, self.all().max(self.next), self.senders);
        self.next = all;
        // Those of a connection among the first `count` requests.
        let share = move |count: u64, sender: u64| count.saturating_sub(sender).div_ceil(senders);
        move |sender| share(all, sender as u64) - share(taken, sender as u64)
    }

    /// The number of requests that are due before the end.
    fn all(&self) -> u64 {
        let mut all = (self.end.saturating_sub(self.start) as f64 * self.rate / 1e9) as u64;
        while self.time(all) < self.end {
            all += 1;
        }
        while all > 0 && self.time(all - 1) >= self.end {
            all -= 1;
        }
        all
    }

    /// When the `nth` request of a connection is intended, from 0.
    pub(super) fn intended(&self, sender: usize, nth: u64) -> u64 {
        self.time(nth.saturating_mul(self.senders).saturating_add(sender as u64))
    }

    fn time(&self, request: u64) -> u64 {
        // Exact to a nanosecond for the first 2^53 ns, 104 days.
        self.start.saturating_add((request as f64 * 1e9 / self.rate) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_an_even_grid_and_late_requests_are_not_skipped() {
        let mut schedule = Schedule::new(1000, 1000 + 1_000_000_000, 8.0, 3);
        let period = 125_000_000;
        assert_eq!((schedule.next_due(), schedule.take_due(999)), (Some(1000), None));
        // A stall until the sixth is due: all six are taken at once, in their order.
        let late: Vec<_> = std::iter::from_fn(|| schedule.take_due(1000 + 5 * period)).collect();
        assert_eq!(late, [0, 1, 2, 0, 1, 2]);
        for (sender, nth, expected) in [(0, 0, 0), (1, 0, 1), (2, 0, 2), (0, 1, 3), (2, 1, 5)] {
            assert_eq!(schedule.intended(sender, nth), 1000 + expected * period, "{sender} {nth}");
        }
        schedule.end_at(1000 + 7 * period);
        let rest: Vec<_> = std::iter::from_fn(|| schedule.take_due(u64::MAX)).collect();
        assert_eq!((&rest[..], schedule.next_due()), (&[0][..], None));
    }

    #[test]
    fn what_was_never_taken_is_counted_for_each_connection() {
        for (taken, rate, senders) in
            [(0, 8.0, 3), (5, 8.0, 3), (8, 8.0, 3), (1, 1e7, 7), (3, 0.3, 4), (0, 999.9, 1)]
        {
            let mut schedule = Schedule::new(1000, 1000 + 1_000_000_000, rate, senders);
            let mut counts = vec![0; senders];
            let mut by_one = schedule;
            for number in 0.. {
                let Some(sender) = by_one.take_due(u64::MAX) else { break };
                if number < taken {
                    schedule.take_due(u64::MAX);
                } else {
                    counts[sender] += 1;
                }
            }
            let rest = schedule.take_rest();
            assert_eq!((0..senders).map(&rest).collect::<Vec<_>>(), counts, "{taken} {rate} {senders}");
            assert_eq!(schedule.next_due(), None);
            assert_eq!((0..senders).map(schedule.take_rest()).sum::<u64>(), 0);
        }
    }
}
