//! Validation: what each value of a configuration must satisfy, alone and together with others.

use super::Config;
use super::bounds::MAX_WORKERS;
use super::error::{ConfigError, not_zero};
use super::recording::Recording;
use super::timers::check_timer;
use crate::packet::REQUEST_HEADER_BYTES;

impl Config {
    /// Checks each value, and the relations between values.
    ///
    /// # Errors
    /// The first of the [`problems`](Self::problems).
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.problems().into_iter().next().map_or(Ok(()), Err)
    }

    /// Checks what [`validate`](Self::validate) does, and that the limits leave space for a packet.
    ///
    /// # Errors
    /// The first of the [`problems_for_packets`](Self::problems_for_packets).
    pub fn validate_for_packets(&self) -> Result<(), ConfigError> {
        self.problems_for_packets().into_iter().next().map_or(Ok(()), Err)
    }

    /// What [`validate`](Self::validate) refuses: the first violation of each group of settings.
    #[must_use]
    pub fn problems(&self) -> Vec<ConfigError> {
        let workers =
            if (1..=MAX_WORKERS).contains(&self.workers) { Ok(()) } else { Err(ConfigError::Workers) };
        let checks = [
            self.listeners.validate(&self.listen),
            workers,
            check_timer("tick", self.tick),
            not_zero("slow_handler", self.slow_handler),
            self.proxies.validate(),
            self.upgrade.validate(),
            self.limits.validate(),
            self.timers.validate(),
            self.output.validate(self.limits.max_len),
            self.drain.validate(),
            self.reactor.validate(),
            self.recording.as_ref().map_or(Ok(()), Recording::validate),
        ];
        checks.into_iter().filter_map(Result::err).collect()
    }

    /// What [`validate_for_packets`](Self::validate_for_packets) refuses.
    #[must_use]
    pub fn problems_for_packets(&self) -> Vec<ConfigError> {
        let mut problems = self.problems();
        if self.limits.max_len < REQUEST_HEADER_BYTES {
            problems.push(ConfigError::MaxLenForPackets);
        }
        if self.limits.max_len_before_login.is_some_and(|max_len| max_len < REQUEST_HEADER_BYTES) {
            problems.push(ConfigError::MaxLenBeforeLoginForPackets);
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{MAX_TIMER, MIN_RECORD_LIMIT};

    /// A change of the default, and whether it is accepted.
    type Case = (fn(&mut Config), Result<(), ConfigError>);

    /// The name of a field, and a change of it that is refused.
    type Field = (&'static str, fn(&mut Config));

    const DAYS: Duration = MAX_TIMER;
    const MICRO: Duration = Duration::from_micros(1);

    fn expect(cases: &[Case]) {
        for (index, (change, expected)) in cases.iter().enumerate() {
            assert_eq!(Config::with(change).validate(), *expected, "case {index}");
        }
    }

    #[test]
    fn a_limit_below_the_packet_header_is_refused_for_packets() {
        for (max_len, before_login, expected) in [
            (8, None, Err(ConfigError::MaxLenForPackets)),
            (9, None, Ok(())),
            (9, Some(8), Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, Some(1), Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, Some(9), Ok(())),
        ] {
            let config = Config::with(|config| {
                (config.limits.max_len, config.limits.max_len_before_login) = (max_len, before_login);
            });
            assert_eq!(config.validate(), Ok(()), "{max_len}, {before_login:?}");
            assert_eq!(config.validate_for_packets(), expected, "{max_len}, {before_login:?}");
        }
    }

    #[test]
    fn zero_is_refused_where_it_makes_no_sense_and_the_error_names_the_field() {
        let fields: &[Field] = &[
            ("tick", |c| c.tick = Some(Duration::ZERO)),
            ("slow_handler", |c| c.slow_handler = Some(Duration::ZERO)),
            ("limits.max_connections", |c| c.limits.max_connections = Some(0)),
            ("limits.max_connections_per_ip", |c| c.limits.max_connections_per_ip = Some(0)),
            ("limits.max_len_before_login", |c| c.limits.max_len_before_login = Some(0)),
            ("limits.max_packets_per_second", |c| c.limits.max_packets_per_second = Some(0)),
            ("timers.handshake", |c| c.timers.handshake = Some(Duration::ZERO)),
            ("timers.read", |c| c.timers.read = Some(Duration::ZERO)),
            ("timers.client_check", |c| c.timers.client_check = Some(Duration::ZERO)),
            ("timers.account_check", |c| c.timers.account_check = Some(Duration::ZERO)),
            ("timers.ping_interval", |c| c.timers.ping_interval = Some(Duration::ZERO)),
            ("timers.close", |c| c.timers.close = Duration::ZERO),
            ("timers.housekeeping", |c| c.timers.housekeeping = Some(Duration::ZERO)),
            ("output.outbox_limit", |c| c.output.outbox_limit = Some(0)),
            ("output.compress_above", |c| c.output.compress_above = Some(0)),
            ("drain.timeout", |c| c.drain.timeout = Some(Duration::ZERO)),
            ("drain.rate", |c| c.drain.rate = Some(0)),
            ("reactor.turn_time", |c| c.reactor.turn_time = Some(Duration::ZERO)),
            ("reactor.spin", |c| c.reactor.spin = Some(Duration::ZERO)),
            ("reactor.mailbox_limit", |c| c.reactor.mailbox_limit = 0),
            ("drain.delay", |c| c.drain.delay = Duration::from_nanos(1)),
        ];
        for (field, change) in fields.iter().copied() {
            let error = Config::with(change).validate().unwrap_err();
            let expected = match field {
                "drain.delay" => ConfigError::TimerTooShort(field),
                _ => ConfigError::Zero(field),
            };
            assert_eq!(error, expected);
            assert!(error.to_string().starts_with(field), "{error}");
        }
        let off = Config::with(|config| {
            let (limits, timers) = (&mut config.limits, &mut config.timers);
            (limits.max_connections_per_ip, config.output.outbox_limit) = (None, None);
            (timers.handshake, timers.read) = (None, None);
            (timers.ping_interval, timers.housekeeping) = (None, None);
            (config.drain.timeout, config.reactor.turn_time) = (None, None);
        });
        assert_eq!(off.validate_for_packets(), Ok(()));
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        expect(&[
            (|c| c.output.deflate_level = 0, Err(ConfigError::DeflateLevel)),
            (|c| c.output.deflate_level = 6, Ok(())),
            (|c| c.output.deflate_level = 7, Err(ConfigError::DeflateLevel)),
        ]);
        let supported = cfg!(feature = "proxy-protocol");
        expect(&[
            (
                |c| c.proxies.proxy_protocol = vec!["::1".parse().unwrap()],
                if supported { Ok(()) } else { Err(ConfigError::NoProxyProtocol) },
            ),
            (|c| c.upgrade.subprotocol_required = true, Err(ConfigError::NoSubprotocol)),
            (
                |c| {
                    c.upgrade.subprotocol_required = true;
                    c.upgrade.subprotocols = vec!["v1".into()];
                },
                Ok(()),
            ),
            (|c| c.listeners.socket_mode = Some(0o600), Ok(())),
            (|c| c.listeners.socket_mode = Some(0o777), Ok(())),
            (|c| c.listeners.socket_mode = Some(0o1777), Err(ConfigError::SocketMode)),
            (|c| c.listeners.socket_mode = Some(0o555), Err(ConfigError::SocketMode)),
            (|c| c.workers = 0, Err(ConfigError::Workers)),
            (|c| c.workers = 1, Ok(())),
            (|c| c.workers = 255, Ok(())),
            (|c| c.workers = 256, Err(ConfigError::Workers)),
            (|c| c.reactor.turn_time = Some(99 * MICRO), Err(ConfigError::TurnTime)),
            (|c| c.reactor.turn_time = Some(100 * MICRO), Ok(())),
            (|c| c.reactor.turn_time = Some(1_000_000 * MICRO), Ok(())),
            (|c| c.reactor.turn_time = Some(1_000_001 * MICRO), Err(ConfigError::TurnTime)),
            (|c| c.timers.close = 999 * MICRO, Err(ConfigError::TimerTooShort("timers.close"))),
            (|c| c.timers.close = 1000 * MICRO, Ok(())),
            (|c| c.timers.read = Some(DAYS), Ok(())),
            (|c| c.timers.read = Some(DAYS + MICRO), Err(ConfigError::TimerTooLong("timers.read"))),
            (|c| c.drain.delay = DAYS + MICRO, Err(ConfigError::TimerTooLong("drain.delay"))),
            (|c| c.reactor.spin = Some(MICRO), Ok(())),
            (
                |c| {
                    let recording = c.recording.insert(Recording::new("r"));
                    recording.limit = MIN_RECORD_LIMIT - 1;
                },
                Err(ConfigError::RecordLimit),
            ),
            (|c| c.recording.insert(Recording::new("r")).limit = MIN_RECORD_LIMIT, Ok(())),
        ]);
    }
}
