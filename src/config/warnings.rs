//! Options that are each valid and work against each other.

use super::{
    Config, DeflateMode, Listen, Liveness, MAX_DIRECTORY_BYTES, Overflow, RECORD_LIMIT, TrustedProxy,
};

impl Config {
    /// What works badly, though [`validate`](Self::validate) lets it pass: options that defeat each other, and those
    /// that have no effect without another one. Each is one line that names both, with their values, to be logged when
    /// the server starts. Empty for [`Config::default`].
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let all = self.about_timers().into_iter().chain(self.about_sizes()).chain(self.about_listeners());
        all.chain(self.about_the_idle()).flatten().chain(self.about_trust()).collect()
    }

    /// A timer of 0 is off, and is in nobody's way.
    fn about_timers(&self) -> [Option<String>; 6] {
        let (ping, read, check) = (self.ping_interval, self.read_timeout, self.client_check);
        let frames = self.liveness == Liveness::Frames && !check.is_zero();
        [
            (!ping.is_zero() && !read.is_zero() && ping >= read).then(|| {
                format!(
                    "ping-interval {ping:?} is not below read-timeout {read:?}: \
                     a silent client is closed before it is sent a Ping"
                )
            }),
            (ping.is_zero() && !read.is_zero() && read < check).then(|| {
                format!(
                    "read-timeout {read:?} is below client-check {check:?}, and ping-interval is 0: \
                     a client that says nothing is closed by the shorter one"
                )
            }),
            (frames && ping.is_zero()).then(|| {
                format!(
                    "liveness frames counts Pongs, and ping-interval 0 asks for none: \
                     a client that sends no frames by itself is closed by client-check {check:?}"
                )
            }),
            (frames && !ping.is_zero() && ping >= check).then(|| {
                format!(
                    "ping-interval {ping:?} is not below client-check {check:?}: \
                     with liveness frames a silent client is closed before its Pong counts"
                )
            }),
            self.about_drain_rate(),
            (!self.drain_timeout.is_zero() && self.drain_timeout < self.close_timeout).then(|| {
                format!(
                    "drain-timeout {:?} is below the {:?} that a client has to answer a Close (close_timeout): \
                     whoever needs longer is cut off",
                    self.drain_timeout, self.close_timeout
                )
            }),
        ]
    }

    fn about_drain_rate(&self) -> Option<String> {
        let (rate, timeout, clients) = (self.drain_rate, self.drain_timeout, self.max_connections);
        let told = u128::from(rate).saturating_mul(timeout.as_millis()) / 1000;
        let paces_all = rate == 0 || timeout.is_zero() || (clients != 0 && clients as u128 <= told);
        (!paces_all).then(|| {
            format!(
                "drain-rate {rate} tells {told} clients to leave within drain-timeout {timeout:?}: \
                 all others are cut off together at its end"
            )
        })
    }

    fn about_sizes(&self) -> [Option<String>; 5] {
        let (outbox, max_len, record_limit) = (self.outbox_limit, self.max_len, self.record_limit);
        let (all, per_ip) = (self.max_connections, self.max_connections_per_ip);
        // The default is for servers of any size.
        let per_ip_is_given = per_ip != Config::default().max_connections_per_ip;
        [
            (outbox != 0 && outbox / 2 < max_len).then(|| {
                format!(
                    "outbox-limit {outbox} is below twice max-len {max_len}: \
                     nothing is read from a client while one long reply waits for it"
                )
            }),
            (per_ip_is_given && all != 0 && per_ip >= all).then(|| {
                format!(
                    "max-connections-per-ip {per_ip} is not below max-connections {all}: \
                     one address can take all places"
                )
            }),
            (self.compress_above != 0 && self.deflate != DeflateMode::Off).then(|| {
                "compress-above and deflate are both on: long replies are compressed twice".to_owned()
            }),
            (self.record.is_some() && record_limit < max_len).then(|| {
                format!(
                    "record-limit {record_limit} is below max-len {max_len}: \
                     a recording ends at the first message that is longer"
                )
            }),
            (self.record.is_some() && record_limit as u64 > MAX_DIRECTORY_BYTES).then(|| {
                format!(
                    "record-limit {record_limit} is above the {MAX_DIRECTORY_BYTES} bytes that the directory \
                     of record takes: one recording can keep out all others"
                )
            }),
        ]
    }

    /// Options that do nothing because another one is off.
    fn about_the_idle(&self) -> [Option<String>; 4] {
        let (record_limit, default) = (self.record_limit, Config::default());
        [
            (self.record.is_none() && (self.record_debugged || record_limit != RECORD_LIMIT)).then(|| {
                let option = if self.record_debugged { "record-debugged" } else { "record-limit" };
                format!("{option} has no effect without record: nothing is recorded")
            }),
            (self.deflate == DeflateMode::Off && ![0, default.deflate_above].contains(&self.deflate_above))
                .then(|| {
                    format!(
                        "deflate-above {} has no effect without deflate: nothing is compressed",
                        self.deflate_above
                    )
                }),
            (self.outbox_limit == 0 && self.overflow != Overflow::Close)
                .then(|| "overflow drop has no effect with outbox-limit 0: every packet fits".to_owned()),
            (self.max_connections_per_ip == 0 && self.ipv6_prefix != default.ipv6_prefix).then(|| {
                let prefix = self.ipv6_prefix;
                format!(
                    "ipv6-prefix {prefix} has no effect with max-connections-per-ip 0: no address is counted"
                )
            }),
        ]
    }

    /// Networks of proxies that hold every client.
    fn about_trust(&self) -> impl Iterator<Item = String> {
        let lists = [("proxy-protocol", &self.proxy_protocol), ("forwarded-for", &self.forwarded_for)];
        let all = lists.into_iter().flat_map(|(option, list)| list.iter().map(move |proxy| (option, proxy)));
        all.filter(|(_, proxy)| proxy.is_everybody()).map(|(option, proxy)| {
            format!("{option} {proxy} trusts all clients as if they were proxies: each can claim any address")
        })
    }

    /// Whether a proxy can connect whose headers are believed. Whom a PROXY header names can be anybody.
    fn has_forwarder(&self, has_unix: bool, has_tcp: bool) -> bool {
        let can_connect = |proxy: &TrustedProxy| if proxy.is_unix() { has_unix } else { has_tcp };
        !self.proxy_protocol.is_empty() || self.forwarded_for.iter().any(can_connect)
    }

    fn about_listeners(&self) -> [Option<String>; 6] {
        let tcp = || {
            self.listen.iter().filter_map(|listen| match listen {
                Listen::Tcp(address) => Some(address),
                Listen::Unix(_) => None,
            })
        };
        let has_unix = tcp().count() < self.listen.len();
        let has_wildcard = tcp().any(|address| address.is_ipv6() && address.ip().is_unspecified());
        let trusts = |unix| self.proxy_protocol.iter().find(|proxy| proxy.is_unix() == unix);
        #[cfg(feature = "tls")]
        let has_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_tls = false;
        [
            (has_tls && tcp().next().is_none())
                .then(|| "tls-cert has no effect without a TCP address in listen: nobody speaks TLS".to_owned()),
            (self.ipv6_only && !has_wildcard)
                .then(|| "ipv6-only has no effect without the wildcard [::] in listen".to_owned()),
            self.socket_mode.filter(|_| !has_unix).map(|mode| {
                format!("socket-mode {mode:o} has no effect without a Unix domain socket in listen")
            }),
            trusts(true).filter(|_| !has_unix).map(|_| {
                "proxy-protocol unix has no effect without a Unix domain socket in listen: nobody is trusted by it"
                    .to_owned()
            }),
            trusts(false).filter(|_| tcp().next().is_none()).map(|proxy| {
                format!("proxy-protocol {proxy} has no effect without a TCP address in listen: nobody is trusted by it")
            }),
            self.forwarded_for.first().filter(|_| !self.has_forwarder(has_unix, tcp().next().is_some())).map(|proxy| {
                format!("forwarded-for {proxy} has no effect: nobody who connects to an address in listen is trusted by it")
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
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

    /// A change of the default, and what the one line about it says; empty: there is none.
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
    fn timers_that_defeat_each_other_are_told_of() {
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
    fn sizes_that_defeat_each_other_are_told_of() {
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
    fn what_does_nothing_because_another_option_is_off_is_told_of() {
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
    fn a_network_that_holds_every_client_is_told_of() {
        for (proxy, is_everybody) in [
            ("0.0.0.0/0", true),
            ("::/0", true),
            ("::ffff:0:0/96", true),
            ("0.0.0.0/1", false),
            ("unix", false),
        ] {
            let list: Vec<TrustedProxy> = vec![proxy.parse().unwrap()];
            for (option, config) in [
                ("forwarded-for", Config { forwarded_for: list.clone(), ..Config::default() }),
                ("proxy-protocol", Config { proxy_protocol: list.clone(), ..Config::default() }),
            ] {
                let warnings = config.warnings();
                let is_told =
                    |line: &String| line.starts_with(option) && line.contains("can claim any address");
                assert_eq!(warnings.iter().any(is_told), is_everybody, "{option} {proxy}: {warnings:?}");
            }
        }
    }

    #[test]
    fn what_no_listener_has_a_use_for_is_told_of() {
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
                |c| {
                    (c.proxy_protocol, c.listen) =
                        (vec!["::1".parse().unwrap()], vec![Listen::Unix("s".into())])
                },
                "proxy-protocol ::1 has no effect without a TCP address in listen: ",
            ),
            (
                |c| {
                    (c.proxy_protocol, c.listen) =
                        (vec!["unix".parse().unwrap()], vec![Listen::Unix("s".into())])
                },
                "",
            ),
        ]);
    }
}
