//! Log lines about failures, at most 20 of a level at once and then one a second, since each login can cause
//! one.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::Level;

use super::lock;

const TARGET: &str = "sysconn::wechat";
/// Lines that may be written at once.
const BURST: u32 = 20;
/// The time that earns one more.
const EARNS: Duration = Duration::from_secs(1);

/// The allowances of lines, which all threads share.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Errors are the operator's to repair, and no client may hide them behind warnings that it causes.
    errors: Mutex<Allowance>,
    others: Mutex<Allowance>,
}

#[derive(Debug, Default)]
struct Allowance {
    /// Lines that were written and do not count as earned back yet.
    used: u32,
    /// Until when they are counted.
    counted: Option<Instant>,
    left_out: u64,
}

impl Allowance {
    /// Takes a line. `None` if there is none left; otherwise how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<u64> {
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

impl Report {
    /// Takes a line of a level. `None` if there is none left; otherwise how many were left out before it.
    fn take(&self, level: Level, now: Instant) -> Option<u64> {
        lock(if level == Level::Error { &self.errors } else { &self.others }).take(now)
    }

    /// Writes a line if the allowance has one left, and how many it has left out before.
    pub(super) fn write(&self, level: Level, now: Instant, line: &str) {
        match self.take(level, now) {
            None => {}
            Some(0) => log::log!(target: TARGET, level, "{line}"),
            Some(left_out) => {
                log::log!(target: TARGET, level, "{line} ({left_out} lines like this were left out before)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn warnings_leave_errors_their_lines() {
        let (report, now) = (Report::default(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(report.take(Level::Warn, now), Some(0));
        }
        assert_eq!(report.take(Level::Warn, now), None);
        assert_eq!(report.take(Level::Error, now), Some(0));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn lines_beyond_the_allowance_are_counted() {
        let began = Instant::now();
        let mut allowance = Allowance::default();
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
