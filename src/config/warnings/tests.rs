//! Each warning comes where it should, and not where it should not.

use std::time::Duration;

use super::*;

const MIB: usize = 1024 * 1024;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[cfg(feature = "tls")]
fn tls() -> crate::Tls {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    crate::Tls::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes()).unwrap()
}

/// A change of the default, and what its only warning says; empty: there is no warning.
type Case = (fn(&mut Config), &'static str);

fn expect(cases: &[Case]) {
    for (index, (change, expected)) in cases.iter().enumerate() {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.validate(), Ok(()), "case {index}");
        let warnings = config.warnings();
        assert_eq!(warnings.len(), usize::from(!expected.is_empty()), "case {index}: {warnings:?}");
        assert!(warnings.iter().all(|line| line.contains(expected)), "case {index}: {warnings:?}");
    }
}

#[test]
fn there_are_warnings_about_timers_that_defeat_each_other() {
    expect(&[
        (|_| {}, ""),
        (|c| c.ping_interval = seconds(90), "ping-interval 90s is not below read-timeout 60s: "),
        (|c| c.ping_interval = seconds(60), "ping-interval 60s is not below read-timeout 60s: "),
        (|c| c.ping_interval = seconds(59), ""),
        (
            |c| c.read_timeout = Duration::from_millis(1500),
            "ping-interval 25s is not below read-timeout 1.5s: ",
        ),
        (|c| (c.ping_interval, c.read_timeout) = (seconds(90), seconds(0)), ""),
        (|c| c.ping_interval = seconds(0), ""),
        (
            |c| (c.ping_interval, c.client_check) = (seconds(0), seconds(61)),
            "read-timeout 60s is below client-check 61s",
        ),
        (|c| (c.ping_interval, c.client_check) = (seconds(0), seconds(0)), ""),
        (|c| c.client_check = seconds(600), ""),
        (
            |c| (c.liveness, c.ping_interval) = (Liveness::Frames, seconds(0)),
            "liveness frames counts Pongs, and ping-interval 0",
        ),
        (
            |c| (c.liveness, c.client_check) = (Liveness::Frames, seconds(10)),
            "ping-interval 25s is not below client-check 10s: ",
        ),
        (
            |c| (c.liveness, c.client_check) = (Liveness::Frames, seconds(25)),
            "ping-interval 25s is not below client-check 25s: ",
        ),
        (|c| (c.liveness, c.client_check) = (Liveness::Frames, seconds(26)), ""),
        (|c| (c.liveness, c.client_check) = (Liveness::Frames, seconds(0)), ""),
        (|c| c.client_check = seconds(10), ""),
        (|c| c.drain_rate = 100, "drain-rate 100 tells 500 clients to leave within drain-timeout 5s: "),
        (|c| (c.drain_rate, c.max_connections) = (100, 500), ""),
        (|c| (c.drain_rate, c.max_connections) = (100, 501), "drain-rate 100 tells 500 clients"),
        (|c| (c.drain_rate, c.drain_timeout) = (100, seconds(0)), ""),
        (
            |c| c.drain_timeout = Duration::from_millis(1999),
            "drain-timeout 1.999s is below the 2s that a client has",
        ),
        (|c| c.drain_timeout = seconds(2), ""),
    ]);
}

#[test]
fn there_are_warnings_about_sizes_that_defeat_each_other() {
    expect(&[
        (|c| c.outbox_limit = MIB - 1, "outbox-limit 1048575 is below twice max-len 524288: "),
        (|c| c.outbox_limit = 0, ""),
        (
            |c| (c.max_connections, c.max_connections_per_ip) = (10, 10),
            "max-connections-per-ip 10 is not below max-connections 10: ",
        ),
        (|c| (c.max_connections, c.max_connections_per_ip) = (10, 9), ""),
        (|c| (c.max_connections, c.max_connections_per_ip) = (10, 0), ""),
        (|c| c.max_connections = 10, ""),
        (|c| c.compress_above = 1, ""),
        (
            |c| (c.record, c.record_limit) = (Some("r".into()), MIB / 2 - 1),
            "record-limit 524287 is below max-len 524288: ",
        ),
        (|c| (c.record, c.record_limit) = (Some("r".into()), MIB / 2), ""),
        (|c| (c.record, c.record_limit) = (Some("r".into()), 256 * MIB), ""),
        (
            |c| (c.record, c.record_limit) = (Some("r".into()), 256 * MIB + 1),
            "record-limit 268435457 is above the 268435456 bytes",
        ),
        (|c| c.record_limit = MIB / 2, "record-limit has no effect without record: "),
        (|c| c.record_debugged = true, "record-debugged has no effect without record: "),
        (|c| (c.record, c.record_debugged) = (Some("r".into()), true), ""),
    ]);
    #[cfg(feature = "deflate")]
    expect(&[
        (
            |c| (c.compress_above, c.deflate) = (1, DeflateMode::Shared),
            "compress-above and deflate are both on: ",
        ),
        (|c| c.deflate = DeflateMode::Dedicated, ""),
    ]);
}

#[test]
fn there_are_warnings_about_options_that_another_one_turns_off() {
    expect(&[
        (|c| c.deflate_above = 0, ""),
        (|c| c.deflate_above = 1, "deflate-above 1 has no effect without deflate"),
        (
            |c| (c.outbox_limit, c.overflow) = (0, Overflow::Drop),
            "overflow drop has no effect with outbox-limit 0",
        ),
        (|c| c.overflow = Overflow::Drop, ""),
        (
            |c| (c.max_connections_per_ip, c.ipv6_prefix) = (0, 56),
            "ipv6-prefix 56 has no effect with max-connections-per-ip 0",
        ),
        (|c| c.ipv6_prefix = 56, ""),
    ]);
    #[cfg(feature = "deflate")]
    expect(&[(|c| (c.deflate, c.deflate_above) = (DeflateMode::Shared, 1), "")]);
}

#[test]
fn there_is_a_warning_about_a_trusted_network_that_contains_every_client() {
    for (proxy, is_everybody) in
        [("0.0.0.0/0", true), ("::/0", true), ("::ffff:0:0/96", true), ("0.0.0.0/1", false), ("unix", false)]
    {
        let list: Vec<TrustedProxy> = vec![proxy.parse().unwrap()];
        for (option, config) in [
            ("forwarded-for", Config { forwarded_for: list.clone(), ..Config::default() }),
            ("proxy-protocol", Config { proxy_protocol: list.clone(), ..Config::default() }),
        ] {
            let warnings = config.warnings();
            let is_reported =
                |line: &String| line.starts_with(option) && line.contains("can claim any address");
            assert_eq!(warnings.iter().any(is_reported), is_everybody, "{option} {proxy}: {warnings:?}");
        }
    }
}

#[test]
fn there_are_warnings_about_options_that_no_listener_uses() {
    expect(&[
        (|c| c.socket_mode = Some(0o660), "socket-mode 660 has no effect without a Unix domain socket"),
        (|c| (c.socket_mode, c.listen) = (Some(0o660), vec![Listen::Unix("s".into())]), ""),
        (|c| c.ipv6_only = true, "ipv6-only has no effect without the wildcard [::] in listen"),
        (|c| (c.ipv6_only, c.listen) = (true, vec![Listen::Tcp("[::]:0".parse().unwrap())]), ""),
        (
            |c| (c.ipv6_only, c.listen) = (true, vec![Listen::Tcp("[::1]:0".parse().unwrap())]),
            "ipv6-only has no effect",
        ),
    ]);
    #[cfg(feature = "tls")]
    expect(&[
        (
            |c| (c.tls, c.listen) = (Some(tls()), vec![Listen::Unix("s".into())]),
            "tls-cert has no effect without a TCP address in listen: ",
        ),
        (|c| c.tls = Some(tls()), ""),
    ]);
    let unix = || vec![Listen::Unix("s".into())];
    expect(&[
        (|c| c.forwarded_for = vec!["::1".parse().unwrap()], ""),
        (|c| c.forwarded_for = vec!["unix".parse().unwrap()], "forwarded-for unix has no effect: "),
        (|c| c.forwarded_for = ["unix", "::1"].map(|proxy| proxy.parse().unwrap()).into(), ""),
    ]);
    for (proxy, is_heard) in [("unix", true), ("::1", false)] {
        let forwarded_for = vec![proxy.parse().unwrap()];
        let warnings = Config { forwarded_for, listen: unix(), ..Config::default() }.warnings();
        assert_eq!(warnings.is_empty(), is_heard, "{warnings:?}");
    }
    #[cfg(feature = "proxy-protocol")]
    expect(&[
        (
            |c| {
                c.forwarded_for = vec!["unix".parse().unwrap()];
                c.proxy_protocol = vec!["::1".parse().unwrap()];
            },
            "",
        ),
        (
            |c| c.proxy_protocol = vec!["unix".parse().unwrap()],
            "proxy-protocol unix has no effect without a Unix domain",
        ),
        (|c| c.proxy_protocol = vec!["::1".parse().unwrap()], ""),
        (
            |c| (c.proxy_protocol, c.listen) = (vec!["::1".parse().unwrap()], vec![Listen::Unix("s".into())]),
            "proxy-protocol ::1 has no effect without a TCP address in listen: ",
        ),
        (
            |c| {
                (c.proxy_protocol, c.listen) = (vec!["unix".parse().unwrap()], vec![Listen::Unix("s".into())])
            },
            "",
        ),
    ]);
}
