//! Timers of clients.

use std::time::Duration;

use super::bounds::{MAX_TIMER, MIN_TIMER};
use super::choices::Liveness;
use super::error::{ConfigError, not_zero};

/// Timers of clients: each from 1 ms to [`MAX_TIMER`], or `None`, where it never comes.
///
/// By default nobody is closed for want of packets or of a login, only for silence.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Timers {
    /// The time from accept to a complete upgrade request; then the answer is 408. Default: 10 s.
    pub handshake: Option<Duration>,
    /// The time until the next frame begins, or until a message that has begun is complete; then 4009.
    /// Default: 60 s.
    pub read: Option<Duration>,
    /// The interval of the client check: if no packet came since the last one, it closes with 4003. Default:
    /// `None`.
    pub client_check: Option<Duration>,
    /// What counts as a sign of life for the client check. Default: packets.
    pub liveness: Liveness,
    /// The time from the upgrade, or from a logout, to a login; then 4004. Default: `None`.
    pub account_check: Option<Duration>,
    /// The silence of a client after which it is sent a Ping. Default: 25 s.
    pub ping_interval: Option<Duration>,
    /// The silence of a client that has got a Close and does not answer it, after which the server ends its
    /// side of the connection. Default: 2 s.
    ///
    /// The socket is closed after as much time again, or as long after the client's own Close, if the client
    /// does not end the connection. After a violation of the protocol the first wait is 200 ms at most. A
    /// client that keeps sending can delay the server's end by 15 times as much.
    pub close: Duration,
    /// The interval at which buffers that are allocated but not in use are freed. Default: 180 s.
    pub housekeeping: Option<Duration>,
}

impl Default for Timers {
    fn default() -> Self {
        Timers {
            handshake: Some(Duration::from_secs(10)),
            read: Some(Duration::from_secs(60)),
            client_check: None,
            liveness: Liveness::Packets,
            account_check: None,
            ping_interval: Some(Duration::from_secs(25)),
            close: Duration::from_secs(2),
            housekeeping: Some(Duration::from_secs(180)),
        }
    }
}

impl Timers {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let timers = [
            ("timers.handshake", self.handshake),
            ("timers.read", self.read),
            ("timers.client_check", self.client_check),
            ("timers.account_check", self.account_check),
            ("timers.ping_interval", self.ping_interval),
            ("timers.close", Some(self.close)),
            ("timers.housekeeping", self.housekeeping),
        ];
        timers.into_iter().try_for_each(|(field, timer)| check_timer(field, timer))
    }
}

/// A timer is off, or from 1 ms to 7 days.
pub(super) fn check_timer(field: &'static str, timer: Option<Duration>) -> Result<(), ConfigError> {
    not_zero(field, timer)?;
    match timer {
        Some(timer) if timer > MAX_TIMER => Err(ConfigError::TimerTooLong(field)),
        Some(timer) if timer < MIN_TIMER => Err(ConfigError::TimerTooShort(field)),
        _ => Ok(()),
    }
}
