//! How a reactor divides its time, and how much mail it keeps.

use std::time::Duration;

use super::bounds::{MAX_TURN_TIME, MIN_TURN_TIME};
use super::error::{ConfigError, not_zero};

/// How a reactor divides its time, and how much mail it keeps.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tuning {
    /// The time after which a turn of the reactor starts no more work, 100 µs to 1 s. Default: 4 ms.
    ///
    /// It bounds how long clients wait for each other; each connection gets a 20th of it. `None`: a turn is
    /// bounded by bytes and frames only.
    pub turn_time: Option<Duration>,
    /// How long a turn polls without sleeping before it sleeps. Default: `None`, it sleeps at once.
    pub spin: Option<Duration>,
    /// The most messages from other threads that may wait for a reactor, at least 1. Default: 65536.
    pub mailbox_limit: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning { turn_time: Some(Duration::from_millis(4)), spin: None, mailbox_limit: 65_536 }
    }
}

impl Tuning {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        not_zero("reactor.turn_time", self.turn_time)?;
        not_zero("reactor.spin", self.spin)?;
        not_zero("reactor.mailbox_limit", Some(self.mailbox_limit))?;
        if self.turn_time.is_some_and(|time| !(MIN_TURN_TIME..=MAX_TURN_TIME).contains(&time)) {
            return Err(ConfigError::TurnTime);
        }
        Ok(())
    }
}
