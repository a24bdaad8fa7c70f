//! Each warning comes where it should, and not where it should not.

use std::time::Duration;

use super::*;
use crate::config::Recording;

const MIB: usize = 1024 * 1024;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[cfg(feature = "tls")]
fn tls() -> crate::Tls {
    let own = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    crate::Tls::from_pem(own.cert.pem().as_bytes(), own.signing_key.serialize_pem().as_bytes()).unwrap()
}

fn recording(config: &mut Config, limit: usize) {
    config.recording.insert(Recording::new("r")).limit = limit;
}

/// A change of the default with a client check of 60 s, and what its only warning says; empty: there is none.
type Case = (fn(&mut Config), &'static str);

fn expect(cases: &[Case]) {
    for (index, (change, expected)) in cases.iter().enumerate() {
        let mut config = Config::default();
        config.timers.client_check = Some(seconds(60));
        change(&mut config);
        assert_eq!(config.validate(), Ok(()), "case {index}");
        let warnings = config.warnings();
        assert_eq!(warnings.len(), usize::from(!expected.is_empty()), "case {index}: {warnings:?}");
        assert!(warnings.iter().all(|line| line.contains(expected)), "case {index}: {warnings:?}");
    }
}

#[test]
fn there_is_no_warning_about_the_defaults() {
    assert_eq!(Config::default().warnings(), Vec::<String>::new());
}

#[test]
fn there_are_warnings_about_timers_that_defeat_each_other() {
    expect(&[
        (|_| {}, ""),
        (
            |c| c.timers.ping_interval = Some(seconds(90)),
            "--ping-interval 90s is not below --read-timeout 60s: ",
        ),
        (
            |c| c.timers.ping_interval = Some(seconds(60)),
            "--ping-interval 60s is not below --read-timeout 60s: ",
        ),
        (|c| c.timers.ping_interval = Some(seconds(59)), ""),
        (
            |c| c.timers.read = Some(Duration::from_millis(1500)),
            "--ping-interval 25s is not below --read-timeout 1.5s: ",
        ),
        (|c| (c.timers.ping_interval, c.timers.read) = (Some(seconds(90)), None), ""),
        (|c| c.timers.ping_interval = None, ""),
        (
            |c| (c.timers.ping_interval, c.timers.client_check) = (None, Some(seconds(61))),
            "--read-timeout 60s is below --client-check 61s",
        ),
        (|c| (c.timers.ping_interval, c.timers.client_check) = (None, None), ""),
        (|c| c.timers.client_check = Some(seconds(600)), ""),
        (
            |c| (c.timers.liveness, c.timers.ping_interval) = (Liveness::Frames, None),
            "--liveness frames counts Pongs, and --ping-interval is off",
        ),
        (
            |c| (c.timers.liveness, c.timers.client_check) = (Liveness::Frames, Some(seconds(10))),
            "--ping-interval 25s is not below --client-check 10s: ",
        ),
        (
            |c| (c.timers.liveness, c.timers.client_check) = (Liveness::Frames, Some(seconds(25))),
            "--ping-interval 25s is not below --client-check 25s: ",
        ),
        (|c| (c.timers.liveness, c.timers.client_check) = (Liveness::Frames, Some(seconds(26))), ""),
        (|c| (c.timers.liveness, c.timers.client_check) = (Liveness::Frames, None), ""),
        (|c| c.timers.client_check = Some(seconds(10)), ""),
        (
            |c| c.drain.rate = Some(100),
            "--drain-rate 100 tells 500 clients to leave within --drain-timeout 5s: ",
        ),
        (|c| (c.drain.rate, c.limits.max_connections) = (Some(100), Some(500)), ""),
        (
            |c| (c.drain.rate, c.limits.max_connections) = (Some(100), Some(501)),
            "--drain-rate 100 tells 500 clients",
        ),
        (|c| (c.drain.rate, c.drain.timeout) = (Some(100), None), ""),
        (
            |c| c.drain.timeout = Some(Duration::from_millis(1999)),
            "--drain-timeout 1.999s is below the 2s that a client has",
        ),
        (|c| c.drain.timeout = Some(seconds(2)), ""),
    ]);
}

#[test]
fn there_are_warnings_about_sizes_that_defeat_each_other() {
    expect(&[
        (
            |c| c.output.outbox_limit = Some(MIB - 1),
            "--outbox-limit 1048575 is below twice --max-len 524288: ",
        ),
        (|c| c.output.outbox_limit = None, ""),
        (
            |c| (c.limits.max_connections, c.limits.max_connections_per_ip) = (Some(10), Some(10)),
            "--max-connections-per-ip 10 is not below --max-connections 10: ",
        ),
        (|c| (c.limits.max_connections, c.limits.max_connections_per_ip) = (Some(10), Some(9)), ""),
        (|c| (c.limits.max_connections, c.limits.max_connections_per_ip) = (Some(10), None), ""),
        (|c| c.limits.max_connections = Some(10), ""),
        (|c| c.output.compress_above = Some(1), ""),
        (|c| recording(c, MIB / 2 - 1), "--record-limit 524287 is below --max-len 524288: "),
        (|c| recording(c, MIB / 2), ""),
        (|c| recording(c, 256 * MIB), ""),
        (|c| recording(c, 256 * MIB + 1), "--record-limit 268435457 is above the 268435456 bytes"),
    ]);
    #[cfg(feature = "deflate")]
    expect(&[
        (
            |c| (c.output.compress_above, c.output.deflate) = (Some(1), DeflateMode::Shared),
            "--compress-above and --deflate are both on: ",
        ),
        (|c| c.output.deflate = DeflateMode::Dedicated, ""),
        (|c| (c.output.deflate, c.output.deflate_level) = (DeflateMode::Shared, 6), ""),
        (
            |c| (c.output.deflate, c.output.deflate_level) = (DeflateMode::Dedicated, 2),
            "--deflate-level 2 and --deflate dedicated take 300 KB for each client",
        ),
    ]);
}

#[test]
fn there_are_warnings_about_options_that_another_one_turns_off() {
    expect(&[
        (|c| c.output.deflate_above = 0, ""),
        (|c| c.output.deflate_above = 1, "--deflate-above 1 has no effect without --deflate"),
        (|c| c.output.deflate_level = 2, "--deflate-level 2 has no effect without --deflate"),
        (
            |c| (c.output.outbox_limit, c.output.overflow) = (None, Overflow::Drop),
            "--overflow drop has no effect without --outbox-limit",
        ),
        (|c| c.output.overflow = Overflow::Drop, ""),
        (
            |c| (c.limits.max_connections_per_ip, c.limits.ipv6_prefix) = (None, 56),
            "--ipv6-prefix 56 limits no connections without --max-connections-per-ip",
        ),
        (|c| c.limits.ipv6_prefix = 56, ""),
    ]);
    #[cfg(feature = "deflate")]
    expect(&[(|c| (c.output.deflate, c.output.deflate_above) = (DeflateMode::Shared, 1), "")]);
}

#[test]
fn there_is_a_warning_about_a_trusted_network_that_contains_every_client() {
    for (proxy, is_everybody) in
        [("0.0.0.0/0", true), ("::/0", true), ("::ffff:0:0/96", true), ("0.0.0.0/1", false), ("unix", false)]
    {
        let list: Vec<TrustedProxy> = vec![proxy.parse().unwrap()];
        for (option, config) in [
            ("--forwarded-for", Config::with(|config| config.proxies.forwarded_for = list.clone())),
            ("--proxy-protocol", Config::with(|config| config.proxies.proxy_protocol = list.clone())),
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
        (
            |c| c.listeners.socket_mode = Some(0o660),
            "--socket-mode 660 has no effect without a Unix domain socket",
        ),
        (|c| (c.listeners.socket_mode, c.listen) = (Some(0o660), vec![Listen::Unix("s".into())]), ""),
        (|c| c.listeners.ipv6_only = true, "--ipv6-only has no effect without the wildcard [::] in --listen"),
        (|c| (c.listeners.ipv6_only, c.listen) = (true, vec![Listen::Tcp("[::]:0".parse().unwrap())]), ""),
        (
            |c| (c.listeners.ipv6_only, c.listen) = (true, vec![Listen::Tcp("[::1]:0".parse().unwrap())]),
            "--ipv6-only has no effect",
        ),
    ]);
    #[cfg(feature = "tls")]
    expect(&[
        (
            |c| (c.tls, c.listen) = (Some(tls()), vec![Listen::Unix("s".into())]),
            "--tls-cert has no effect without a TCP address in --listen: ",
        ),
        (|c| c.tls = Some(tls()), ""),
    ]);
    let unix = || vec![Listen::Unix("s".into())];
    expect(&[
        (|c| c.proxies.forwarded_for = vec!["::1".parse().unwrap()], ""),
        (|c| c.proxies.forwarded_for = vec!["unix".parse().unwrap()], "--forwarded-for unix has no effect: "),
        (|c| c.proxies.forwarded_for = ["unix", "::1"].map(|proxy| proxy.parse().unwrap()).into(), ""),
    ]);
    for (proxy, is_heard) in [("unix", true), ("::1", false)] {
        let forwarded_for = vec![proxy.parse().unwrap()];
        let warnings = Config::with(|config| {
            config.proxies.forwarded_for = forwarded_for;
            config.listen = unix();
        })
        .warnings();
        assert_eq!(warnings.is_empty(), is_heard, "{warnings:?}");
    }
    #[cfg(feature = "proxy-protocol")]
    expect(&[
        (
            |c| {
                c.proxies.forwarded_for = vec!["unix".parse().unwrap()];
                c.proxies.proxy_protocol = vec!["::1".parse().unwrap()];
            },
            "",
        ),
        (
            |c| c.proxies.proxy_protocol = vec!["unix".parse().unwrap()],
            "--proxy-protocol unix has no effect without a Unix domain",
        ),
        (|c| c.proxies.proxy_protocol = vec!["::1".parse().unwrap()], ""),
        (
            |c| {
                (c.proxies.proxy_protocol, c.listen) =
                    (vec!["::1".parse().unwrap()], vec![Listen::Unix("s".into())])
            },
            "--proxy-protocol ::1 has no effect without a TCP address in --listen: ",
        ),
        (
            |c| {
                (c.proxies.proxy_protocol, c.listen) =
                    (vec!["unix".parse().unwrap()], vec![Listen::Unix("s".into())])
            },
            "",
        ),
    ]);
}
