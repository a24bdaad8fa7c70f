//! The system clock, by which clients, tokens and the black list go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 by the system clock, which an operator may have set since the program began.
#[expect(clippy::disallowed_methods, reason = "clients, tokens and entries use the system clock")]
pub(crate) fn unix_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// Lets a line into the log once a minute at most.
#[derive(Debug, Default)]
pub(crate) struct OnceAMinute {
    /// When the last one was let in, in milliseconds since 1970.
    last_ms: AtomicU64,
}

impl OnceAMinute {
    /// Whether a line is due at `now_ms`. A clock that was set back silences nothing.
    pub(crate) fn is_due(&self, now_ms: u64) -> bool {
        let last_ms = self.last_ms.load(Ordering::Relaxed);
        let is_ours =
            || self.last_ms.compare_exchange(last_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        now_ms.abs_diff(last_ms) >= 60_000 && is_ours()
    }
}

/// A time in milliseconds since 1970 as `2026-11-29T20:00:00Z`.
pub(crate) fn utc(ms: u64) -> String {
    let (days, second) = (ms / 86_400_000, ms / 1000 % 86_400);
    // Years that begin in March have their leap day last: counted in days from 0000-03-01 on, eras of 400
    // years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_minute_and_when_the_clock_was_set_back() {
        let once = OnceAMinute::default();
        for (now_ms, expected) in [
            (1_000_000, true),
            (1_000_000, false),
            (1_059_999, false),
            (1_060_000, true),
            (1_000_001, false),
            (100_000, true),
            (100_001, false),
            (160_000, true),
        ] {
            assert_eq!(once.is_due(now_ms), expected, "{now_ms}");
        }
    }

    #[test]
    fn a_time_is_shown_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_800_000, "2026-11-27T17:20:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(utc(seconds * 1000 + 999), expected);
        }
    }
}
