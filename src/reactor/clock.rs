//! The reactor's clock: the system's, or a simulated one. The only place where the time is asked for.

use std::time::{Duration, Instant, SystemTime};

use crate::moment::Moment;
#[cfg(feature = "sim")]
use crate::sim::Network;

/// A clock that began with its server.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    began: Instant,
    /// The network whose time it shows instead, and what that was when it began.
    #[cfg(feature = "sim")]
    simulated: Option<(Network, Duration)>,
}

#[expect(clippy::disallowed_methods, reason = "this is the reactor's clock")]
impl Clock {
    pub(super) fn start() -> Self {
        Clock {
            began: Instant::now(),
            #[cfg(feature = "sim")]
            simulated: None,
        }
    }

    /// A clock that shows a network's time. An [`Instant`] of it means something only beside others of it.
    #[cfg(feature = "sim")]
    pub(super) fn simulated(network: Network) -> Self {
        let offset = network.now();
        Clock { began: Instant::now(), simulated: Some((network, offset)) }
    }

    pub(super) fn instant_now(&self) -> Instant {
        #[cfg(feature = "sim")]
        if let Some((network, offset)) = &self.simulated {
            return self.began + network.now().saturating_sub(*offset);
        }
        Instant::now()
    }

    /// A turn begins, whose time [`turn_now`](Self::turn_now) tells.
    pub(super) fn begin_turn(&self) {
        #[cfg(feature = "sim")]
        if let Some((network, _)) = &self.simulated {
            network.begin_turn();
        }
    }

    /// The time within a turn. A simulated one does not stand still meanwhile, as all others do.
    pub(super) fn turn_now(&self) -> Instant {
        #[cfg(feature = "sim")]
        if let Some((network, offset)) = &self.simulated {
            return self.began + network.turn_now().saturating_sub(*offset);
        }
        Instant::now()
    }

    pub(super) fn unix_ms(&self) -> u64 {
        #[cfg(feature = "sim")]
        if let Some((network, _)) = &self.simulated {
            return network.unix_ms();
        }
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn moment(&self, instant: Instant) -> Moment {
        // Not as_millis(), whose 128 bits are a tenth of what a turn without work takes.
        let since_began = instant.saturating_duration_since(self.began);
        let seconds = since_began.as_secs().saturating_mul(1000);
        Moment::from_ms(seconds.saturating_add(since_began.subsec_millis().into()))
    }

    pub(super) fn instant(&self, moment: Moment) -> Option<Instant> {
        if moment == Moment::NEVER {
            return None;
        }
        self.began.checked_add(Duration::from_millis(moment.as_ms()))
    }
}
