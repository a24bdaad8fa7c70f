//! How the server drains.

use std::time::Duration;

use super::error::{ConfigError, not_zero};
use super::timers::check_timer;

/// How the server [drains](crate::ServerHandle::drain).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drain {
    /// The time from [`ServerHandle::drain`](crate::ServerHandle::drain) until draining begins. Default: 0.
    ///
    /// Meanwhile health checks fail and everything else continues, so that a load balancer can stop sending
    /// clients.
    pub delay: Duration,
    /// The time that draining may take once it has begun. Default: 5 s. `None`: any time.
    pub timeout: Option<Duration>,
    /// The number of clients that are closed per second. Default: `None`, all at once.
    ///
    /// With a rate, the reason of each Close 1001 ends in `retry=1`: the pace spreads the clients already, so
    /// each may come back in a second.
    pub rate: Option<u32>,
}

impl Default for Drain {
    fn default() -> Self {
        Drain { delay: Duration::ZERO, timeout: Some(Duration::from_secs(5)), rate: None }
    }
}

impl Drain {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        check_timer("drain.delay", (!self.delay.is_zero()).then_some(self.delay))?;
        check_timer("drain.timeout", self.timeout)?;
        not_zero("drain.rate", self.rate)
    }
}
