//! Validation: what each value of a configuration must satisfy, alone and together with others.

use std::time::Duration;

use super::Config;
use super::choices::DeflateMode;
use super::error::ConfigError;
use super::limits::{
    MAX_LEN_CEILING, MAX_TIMER, MAX_TURN_TIME, MAX_WORKERS, MIN_RECORD_LIMIT, MIN_TURN_TIME,
    PACKET_OVERHEAD_BYTES,
};
use super::listen::Listen;
use crate::packet::REQUEST_HEADER_BYTES;
use crate::upgrade::{check_health_path, check_origin, check_path, is_token_byte, path_matches};

impl Config {
    /// Checks each value, and the relations between values.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::NoListener);
        }
        if self.ipv6_only && self.listen.iter().any(Listen::is_mapped) {
            return Err(ConfigError::Ipv6Only);
        }
        if !(1..=128).contains(&self.ipv6_prefix) {
            return Err(ConfigError::Ipv6Prefix);
        }
        if self.max_len == 0 || self.max_len > MAX_LEN_CEILING {
            return Err(ConfigError::MaxLen);
        }
        if self.max_len_before_login > self.max_len {
            return Err(ConfigError::MaxLenBeforeLogin);
        }
        if self.outbox_limit != 0 && self.outbox_limit < self.max_len.saturating_add(PACKET_OVERHEAD_BYTES) {
            return Err(ConfigError::OutboxLimit);
        }
        if self.record_limit < MIN_RECORD_LIMIT {
            return Err(ConfigError::RecordLimit);
        }
        if self.mailbox_limit == 0 {
            return Err(ConfigError::MailboxLimit);
        }
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            return Err(ConfigError::Workers);
        }
        self.paths.iter().try_for_each(|path| check_path(path)).map_err(ConfigError::Path)?;
        if let Some(path) = &self.health_path {
            check_health_path(path).map_err(ConfigError::HealthPath)?;
            if self.paths.iter().any(|entry| path_matches(entry, path)) {
                return Err(ConfigError::HealthPathServed);
            }
        }
        self.origins.iter().try_for_each(|origin| check_origin(origin)).map_err(ConfigError::Origin)?;
        if !self.subprotocols.iter().all(|name| is_token(name)) {
            return Err(ConfigError::Subprotocol);
        }
        if self.subprotocol_required && self.subprotocols.is_empty() {
            return Err(ConfigError::NoSubprotocol);
        }
        if !self.proxy_protocol.is_empty() && !cfg!(feature = "proxy-protocol") {
            return Err(ConfigError::NoProxyProtocol);
        }
        if self.socket_mode.is_some_and(|mode| mode > 0o777 || mode & 0o222 == 0) {
            return Err(ConfigError::SocketMode);
        }
        if self.deflate != DeflateMode::Off && !cfg!(feature = "deflate") {
            return Err(ConfigError::NoDeflate);
        }
        self.validate_timers()
    }

    /// Checks what [`validate`](Self::validate) does, and that the limits leave space for a packet.
    ///
    /// # Errors
    /// The first violation.
    pub fn validate_for_packets(&self) -> Result<(), ConfigError> {
        self.validate()?;
        if self.max_len < REQUEST_HEADER_BYTES {
            return Err(ConfigError::MaxLenForPackets);
        }
        if (1..REQUEST_HEADER_BYTES).contains(&self.max_len_before_login) {
            return Err(ConfigError::MaxLenBeforeLoginForPackets);
        }
        Ok(())
    }

    fn validate_timers(&self) -> Result<(), ConfigError> {
        let timers = [
            self.handshake_timeout,
            self.read_timeout,
            self.client_check,
            self.account_check,
            self.housekeeping,
            self.ping_interval,
            self.close_timeout,
            self.drain_delay,
            self.drain_timeout,
        ];
        for timer in timers {
            if timer > MAX_TIMER {
                return Err(ConfigError::TimerTooLong);
            }
            if !timer.is_zero() && timer < Duration::from_millis(1) {
                return Err(ConfigError::TimerTooShort);
            }
        }
        if self.tick.is_some_and(|tick| !(Duration::from_millis(1)..=MAX_TIMER).contains(&tick)) {
            return Err(ConfigError::Tick);
        }
        if !self.turn_time.is_zero() && !(MIN_TURN_TIME..=MAX_TURN_TIME).contains(&self.turn_time) {
            return Err(ConfigError::TurnTime);
        }
        Ok(())
    }
}

/// Whether `name` is a token (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_below_the_packet_header_is_refused_for_packets() {
        for (max_len, before_login, expected) in [
            (8, 0, Err(ConfigError::MaxLenForPackets)),
            (9, 0, Ok(())),
            (9, 8, Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, 1, Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, 9, Ok(())),
        ] {
            let config = Config { max_len, max_len_before_login: before_login, ..Config::default() };
            assert_eq!(config.validate(), Ok(()), "{max_len}, {before_login}");
            assert_eq!(config.validate_for_packets(), expected, "{max_len}, {before_login}");
        }
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let proxied = Config { proxy_protocol: vec!["::1".parse().unwrap()], ..Config::default() };
        let supported = cfg!(feature = "proxy-protocol");
        assert_eq!(proxied.validate(), if supported { Ok(()) } else { Err(ConfigError::NoProxyProtocol) });

        let required = Config { subprotocol_required: true, ..Config::default() };
        assert_eq!(required.validate(), Err(ConfigError::NoSubprotocol));
        assert_eq!(Config { subprotocols: vec!["v1".into()], ..required }.validate(), Ok(()));

        for (mode, expected) in [
            (0o600, Ok(())),
            (0o777, Ok(())),
            (0o1777, Err(ConfigError::SocketMode)),
            (0o555, Err(ConfigError::SocketMode)),
        ] {
            assert_eq!(
                Config { socket_mode: Some(mode), ..Config::default() }.validate(),
                expected,
                "{mode:o}"
            );
        }

        for (workers, expected) in
            [(0, Err(ConfigError::Workers)), (1, Ok(())), (255, Ok(())), (256, Err(ConfigError::Workers))]
        {
            assert_eq!(Config { workers, ..Config::default() }.validate(), expected, "{workers} workers");
        }

        let refused = Err(ConfigError::TurnTime);
        for (micros, expected) in
            [(0, Ok(())), (99, refused), (100, Ok(())), (1_000_000, Ok(())), (1_000_001, refused)]
        {
            let turn_time = Duration::from_micros(micros);
            assert_eq!(Config { turn_time, ..Config::default() }.validate(), expected, "{turn_time:?}");
        }
    }
}
