//! Warnings about settings that are valid but work against each other, or have no effect.

use super::Config;
use super::choices::{DeflateMode, Liveness, Overflow};
use super::limits::{MAX_DIRECTORY_BYTES, RECORD_LIMIT};
use super::listen::Listen;
use crate::trusted::TrustedProxy;

impl Config {
    /// Settings that [`validate`](Self::validate) accepts but that defeat each other or have no effect
    /// without another.
    ///
    /// Each warning is one line for the log that names the options with their values. There is none for
    /// [`Config::default`].
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let all = self.about_timers().into_iter().chain(self.about_sizes()).chain(self.about_listeners());
        all.chain(self.about_options_without_effect()).flatten().chain(self.about_trust()).collect()
    }

    /// Timers that defeat each other. A timer of 0 is off, and defeats none.
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
                    "drain-timeout {:?} is below the {:?} that a client has to answer a Close \
                     (close_timeout): whoever needs longer is cut off",
                    self.drain_timeout, self.close_timeout
                )
            }),
        ]
    }

    /// A drain rate too low for the drain timeout.
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

    /// Sizes and counts that defeat each other.
    fn about_sizes(&self) -> [Option<String>; 5] {
        let (outbox, max_len, record_limit) = (self.outbox_limit, self.max_len, self.record_limit);
        let (all, per_ip) = (self.max_connections, self.max_connections_per_ip);
        // The default is meant for servers of any size.
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

    /// Options that have no effect because another one is off.
    fn about_options_without_effect(&self) -> [Option<String>; 4] {
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

    /// Networks of proxies that contain every client.
    fn about_trust(&self) -> impl Iterator<Item = String> {
        let lists = [("proxy-protocol", &self.proxy_protocol), ("forwarded-for", &self.forwarded_for)];
        let all = lists.into_iter().flat_map(|(option, list)| list.iter().map(move |proxy| (option, proxy)));
        all.filter(|(_, proxy)| proxy.is_everybody()).map(|(option, proxy)| {
            format!("{option} {proxy} trusts all clients as if they were proxies: each can claim any address")
        })
    }

    /// Whether a proxy of `forwarded_for` can connect. A PROXY header can name any address.
    fn has_forwarder(&self, has_unix: bool, has_tcp: bool) -> bool {
        let can_connect = |proxy: &TrustedProxy| if proxy.is_unix() { has_unix } else { has_tcp };
        !self.proxy_protocol.is_empty() || self.forwarded_for.iter().any(can_connect)
    }

    /// Options that have no effect with the addresses of `listen`.
    fn about_listeners(&self) -> [Option<String>; 6] {
        let tcp = || {
            self.listen.iter().filter_map(|listen| match listen {
                Listen::Tcp(address) => Some(address),
                Listen::Unix(_) => None,
            })
        };
        let (has_tcp, has_unix) = (tcp().count() > 0, tcp().count() < self.listen.len());
        let has_wildcard = tcp().any(|address| address.is_ipv6() && address.ip().is_unspecified());
        let trusts = |unix| self.proxy_protocol.iter().find(|proxy| proxy.is_unix() == unix);
        #[cfg(feature = "tls")]
        let has_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_tls = false;
        [
            (has_tls && !has_tcp).then(|| {
                "tls-cert has no effect without a TCP address in listen: nobody speaks TLS".to_owned()
            }),
            (self.ipv6_only && !has_wildcard)
                .then(|| "ipv6-only has no effect without the wildcard [::] in listen".to_owned()),
            self.socket_mode.filter(|_| !has_unix).map(|mode| {
                format!("socket-mode {mode:o} has no effect without a Unix domain socket in listen")
            }),
            trusts(true).filter(|_| !has_unix).map(|_| {
                "proxy-protocol unix has no effect without a Unix domain socket in listen: \
                 nobody is trusted by it"
                    .to_owned()
            }),
            trusts(false).filter(|_| !has_tcp).map(|proxy| {
                format!(
                    "proxy-protocol {proxy} has no effect without a TCP address in listen: \
                     nobody is trusted by it"
                )
            }),
            self.forwarded_for.first().filter(|_| !self.has_forwarder(has_unix, has_tcp)).map(|proxy| {
                format!(
                    "forwarded-for {proxy} has no effect: \
                     nobody who connects to an address in listen is trusted by it"
                )
            }),
        ]
    }
}

#[cfg(test)]
mod tests;
