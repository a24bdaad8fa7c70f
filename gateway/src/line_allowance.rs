//! An allowance of log lines, at most 20 at once and then one a second, where others can cause them.

use std::time::{Duration, Instant};

/// Lines that may be written at once.
pub(crate) const BURST: u32 = 20;
/// The time that earns one more.
pub(crate) const EARNS: Duration = Duration::from_secs(1);

/// The lines that may still be written.
#[derive(Debug, Default)]
pub(crate) struct LineAllowance {
    /// Lines that were written and do not count as earned back yet.
    used: u32,
    /// Until when they are counted.
    counted: Option<Instant>,
    left_out: u64,
}

impl LineAllowance {
    /// Takes a line. `None` if there is none left; otherwise how many were left out before it.
    pub(crate) fn take(&mut self, now: Instant) -> Option<u64> {
        let counted = *self.counted.get_or_insert(now);
        let earned = now.saturating_duration_since(counted).as_secs();
        self.counted = Some(counted + EARNS.saturating_mul(u32::try_from(earned).unwrap_or(u32::MAX)));
        self.used = self.used.saturating_sub(u32::try_from(earned).unwrap_or(u32::MAX));
        if self.used >= BURST {
            self.left_out += 1;
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn lines_beyond_the_allowance_are_counted() {
        let began = Instant::now();
        let mut allowance = LineAllowance::default();
        for _ in 0..BURST {
            assert_eq!(allowance.take(began), Some(0));
        }
        for ms in [0, 500, 999] {
            assert_eq!(allowance.take(began + Duration::from_millis(ms)), None);
        }
        assert_eq!(allowance.take(began + EARNS), Some(3));
        assert_eq!(allowance.take(began + EARNS), None);
        let later = began + EARNS * 3600;
        assert_eq!(allowance.take(later), Some(1));
        for _ in 1..BURST {
            assert_eq!(allowance.take(later), Some(0));
        }
        assert_eq!(allowance.take(later), None, "an hour earns no more than the burst");
    }
}
