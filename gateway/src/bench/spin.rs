//! Whether an open loop sleeps between requests, or stays awake to send and to read in time.

use super::clock::Clock;
use super::process::own_wait;

/// For so long around its work it does not sleep, in nanoseconds: it would wake too late.
const SPIN: u64 = 100_000;
/// Once it has waited for its core for longer than this before each of two looks in a row, it sleeps, in
/// nanoseconds: who sleeps gets a core sooner than who does not.
const SHARED: u64 = 5_000_000;
/// It offers its core to others once in so many pauses: the offer takes longer than a look at the sockets,
/// and replies that come meanwhile would be late.
const PAUSES_PER_YIELD: u32 = 16;

/// What an open loop does while it has nothing to do.
pub(super) struct Spin {
    /// When there was something to do last.
    last_work: u64,
    /// For how long it had nothing to do, and has not slept.
    pub(super) spun: u64,
    /// For how long this thread was ready and had no core, at the last look.
    waited: u64,
    /// That was long.
    has_waited: bool,
    /// Others want the core too.
    shares_core: bool,
    /// Pauses so far.
    pauses: u32,
}

impl Spin {
    pub(super) fn new() -> Self {
        Spin { last_work: 0, spun: 0, waited: own_wait(), has_waited: false, shares_core: false, pauses: 0 }
    }

    /// Until when it may sleep before a request that is due at `due`; `None` if it has to stay awake.
    pub(super) fn sleeps_until(&self, due: u64, now: u64) -> Option<u64> {
        if self.shares_core {
            return Some(due);
        }
        let is_soon = due.saturating_sub(now) < SPIN || now.saturating_sub(self.last_work) < SPIN;
        (!is_soon).then(|| due.saturating_sub(SPIN))
    }

    /// There was something to do.
    pub(super) fn worked(&mut self, now: u64) {
        self.last_work = now;
    }

    /// There was nothing to do since `begin`. From time to time, whoever else is ready may have the core.
    pub(super) fn pause(&mut self, begin: u64, clock: Clock) {
        self.pauses = self.pauses.wrapping_add(1);
        if self.pauses.is_multiple_of(PAUSES_PER_YIELD) {
            std::thread::yield_now();
        }
        let took = clock.now().saturating_sub(begin);
        // What takes longer is no pause: another process has the core.
        self.spun += if took < SPIN { took } else { 0 };
    }

    /// Looks whether others want the core, each tick.
    pub(super) fn look(&mut self) {
        let waited = own_wait();
        let has_waited = waited.saturating_sub(self.waited) > SHARED;
        self.shares_core |= has_waited && self.has_waited;
        (self.waited, self.has_waited) = (waited, has_waited);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_awake_around_its_work_unless_it_shares_its_core() {
        let mut spin = Spin::new();
        spin.worked(1_000_000);
        let work_is_over = 1_000_000 + SPIN;
        for (due, now, expected) in [
            (u64::MAX, work_is_over - 1, None),
            (u64::MAX, work_is_over, Some(u64::MAX - SPIN)),
            (3_000_000, 2_000_000, Some(3_000_000 - SPIN)),
            (3_000_000, 3_000_001 - SPIN, None),
            (3_000_000, 3_000_001, None),
        ] {
            spin.shares_core = false;
            assert_eq!(spin.sleeps_until(due, now), expected, "{due} {now}");
            spin.shares_core = true;
            assert_eq!(spin.sleeps_until(due, now), Some(due), "{due} {now}");
        }
    }
}
