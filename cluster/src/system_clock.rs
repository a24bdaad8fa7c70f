//! The time of the system.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::core::Time;
use crate::moment::Moment;

/// The system's clocks.
#[derive(Debug, Default)]
pub(crate) struct SystemClock;

/// What `elapsed_ms` counts from.
#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Time for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let whole_ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Moment {
            wall_ms: whole_ms(wall),
            wall_fraction: fraction(wall),
            elapsed_ms: whole_ms(BEGIN.elapsed()),
        }
    }
}

/// What a time is above whole milliseconds, in 65,536ths of one.
fn fraction(time: Duration) -> u16 {
    let nanos = time.subsec_nanos() % 1_000_000;
    // It is below 65,536.
    ((u64::from(nanos) << 16) / 1_000_000) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_of_a_millisecond() {
        for (nanos, expected) in [(0, 0), (7_000_000, 0), (7_500_000, 0x8000), (7_999_999, 0xffff), (16, 1)] {
            assert_eq!(fraction(Duration::from_nanos(nanos)), expected, "{nanos}");
        }
    }
}
