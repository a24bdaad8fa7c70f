//! The time of the system.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
        let whole_ms =
            |duration: std::time::Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Moment { wall_ms: whole_ms(wall), elapsed_ms: whole_ms(BEGIN.elapsed()) }
    }
}
