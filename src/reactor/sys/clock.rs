//! The reactor's clock. Nothing else in the library reads the time.

use std::time::{Duration, Instant, SystemTime};

use super::simulated;
use crate::metrics::Stamp;
use crate::moment::{Moment, whole_ms};

/// A clock that started with its server.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    began: Instant,
    source: Source,
}

/// The source of a clock's time.
#[derive(Clone, Debug)]
enum Source {
    System,
    /// An [`Instant`] of such a clock can only be compared with others of the same clock.
    Simulated(simulated::Clock),
}

#[expect(clippy::disallowed_methods, reason = "this is the reactor's clock")]
impl Clock {
    pub(crate) fn real() -> Self {
        Clock { began: Instant::now(), source: Source::System }
    }

    pub(crate) fn simulated(network: simulated::Network) -> Self {
        Clock { began: Instant::now(), source: Source::Simulated(simulated::Clock::new(network)) }
    }

    pub(crate) fn instant_now(&self) -> Instant {
        match &self.source {
            Source::System => Instant::now(),
            Source::Simulated(clock) => self.began + clock.now(),
        }
    }

    /// Starts a turn, whose running time [`turn_now`](Self::turn_now) gives.
    pub(crate) fn begin_turn(&self) {
        match &self.source {
            Source::System => {}
            Source::Simulated(clock) => clock.begin_turn(),
        }
    }

    /// The time within a turn. In a simulation [`instant_now`](Self::instant_now) stands still meanwhile.
    pub(crate) fn turn_now(&self) -> Instant {
        match &self.source {
            Source::System => Instant::now(),
            Source::Simulated(clock) => self.began + clock.turn_now(),
        }
    }

    /// The time since the clock started, as [`turn_now`](Self::turn_now) has it.
    pub(crate) fn passed(&self) -> Duration {
        self.turn_now().saturating_duration_since(self.began)
    }

    /// Converts an instant to a time for metrics.
    pub(crate) fn stamp(&self, instant: Instant) -> Stamp {
        Stamp::from(instant.saturating_duration_since(self.began))
    }

    /// The time now for metrics. In a simulation it stands still within a turn, so that metrics change
    /// nothing.
    pub(crate) fn stamp_now(&self) -> Stamp {
        self.stamp(self.instant_now())
    }

    /// Milliseconds since 1970, by the system clock.
    pub(crate) fn unix_ms(&self) -> u64 {
        match &self.source {
            Source::System => {
                let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
            }
            Source::Simulated(clock) => clock.unix_ms(),
        }
    }

    /// Converts an instant to milliseconds since the clock started.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        // Not as_millis(): its 128-bit division takes a tenth of a turn without work.
        let since_began = instant.saturating_duration_since(self.began);
        let seconds = since_began.as_secs().saturating_mul(1000);
        Moment::from_ms(seconds.saturating_add(since_began.subsec_millis().into()))
    }

    /// Converts an instant to milliseconds since the clock started, rounded up.
    pub(crate) fn moment_not_before(&self, instant: Instant) -> Moment {
        Moment::from_ms(whole_ms(instant.saturating_duration_since(self.began)))
    }

    /// Converts a moment to an instant. None for [`Moment::NEVER`], and beyond what an [`Instant`] can hold.
    pub(crate) fn instant(&self, moment: Moment) -> Option<Instant> {
        if moment == Moment::NEVER {
            return None;
        }
        self.began.checked_add(Duration::from_millis(moment.as_ms()))
    }
}
