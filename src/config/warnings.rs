//! Warnings about settings that are valid but work against each other, or have no effect.

use super::Config;
use super::bounds::MAX_DIRECTORY_BYTES;
use super::choices::{DeflateMode, Liveness, Overflow};
use super::limits::Limits;
use super::listen::Listen;
use super::output::Output;
use crate::trusted::TrustedProxy;

impl Config {
    /// Settings that [`validate`](Self::validate) accepts but that defeat each other or have no effect
    /// without another.
    ///
    /// Each warning is one line for the log that names the options with their values, by the words of the
    /// program's command line: `--read-timeout` is `timers.read`. There is none for
    /// [`Config::default`].
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let all = self.about_timers().into_iter().chain(self.about_sizes()).chain(self.about_listeners());
        all.chain(self.about_options_without_effect()).flatten().chain(self.about_trust()).collect()
    }

    /// Timers that defeat each other. A timer that is off defeats none.
    fn about_timers(&self) -> [Option<String>; 6] {
        let timers = &self.timers;
        let (ping, read, check) = (timers.ping_interval, timers.read, timers.client_check);
        let frames = check.filter(|_| timers.liveness == Liveness::Frames);
        [
            ping.zip(read).filter(|(ping, read)| ping >= read).map(|(ping, read)| {
                format!(
                    "--ping-interval {ping:?} is not below --read-timeout {read:?}: \
                     a silent client is closed before it is sent a Ping"
                )
            }),
            read.zip(check).filter(|(read, check)| ping.is_none() && read < check).map(|(read, check)| {
                format!(
                    "--read-timeout {read:?} is below --client-check {check:?}, and --ping-interval is off: \
                     a client that says nothing is closed by the shorter one"
                )
            }),
            frames.filter(|_| ping.is_none()).map(|check| {
                format!(
                    "--liveness frames counts Pongs, and --ping-interval is off and asks for none: \
                     a client that sends no frames by itself is closed by --client-check {check:?}"
                )
            }),
            ping.zip(frames).filter(|(ping, check)| ping >= check).map(|(ping, check)| {
                format!(
                    "--ping-interval {ping:?} is not below --client-check {check:?}: \
                     with --liveness frames a silent client is closed before its Pong counts"
                )
            }),
            self.about_drain_rate(),
            self.drain.timeout.filter(|timeout| *timeout < timers.close).map(|timeout| {
                format!(
                    "--drain-timeout {timeout:?} is below the {:?} that a client has to answer a Close \
                     (timers.close): whoever needs longer is cut off",
                    timers.close
                )
            }),
        ]
    }

    /// A drain rate too low for the drain timeout.
    fn about_drain_rate(&self) -> Option<String> {
        let (rate, timeout) = self.drain.rate.zip(self.drain.timeout)?;
        let told = u128::from(rate).saturating_mul(timeout.as_millis()) / 1000;
        let paces_all = self.limits.max_connections.is_some_and(|clients| clients as u128 <= told);
        (!paces_all).then(|| {
            format!(
                "--drain-rate {rate} tells {told} clients to leave within --drain-timeout {timeout:?}: \
                 all others are cut off together at its end"
            )
        })
    }

    /// Sizes and counts that defeat each other.
    fn about_sizes(&self) -> [Option<String>; 6] {
        let (limits, max_len) = (&self.limits, self.limits.max_len);
        // The default is meant for servers of any size.
        let given_per_ip = limits
            .max_connections_per_ip
            .filter(|_| limits.max_connections_per_ip != Limits::default().max_connections_per_ip);
        let record_limit = self.recording.as_ref().map(|recording| recording.limit);
        [
            self.output.outbox_limit.filter(|outbox| outbox / 2 < max_len).map(|outbox| {
                format!(
                    "--outbox-limit {outbox} is below twice --max-len {max_len}: \
                     nothing is read from a client while one long reply waits for it"
                )
            }),
            given_per_ip.zip(limits.max_connections).filter(|(per_ip, all)| per_ip >= all).map(
                |(per_ip, all)| {
                    format!(
                        "--max-connections-per-ip {per_ip} is not below --max-connections {all}: \
                         one address can take all places"
                    )
                },
            ),
            self.output.compress_above.filter(|_| self.output.deflate != DeflateMode::Off).map(|_| {
                "--compress-above and --deflate are both on: long replies are compressed twice".to_owned()
            }),
            (self.output.deflate == DeflateMode::Dedicated && self.output.deflate_level > 1).then(|| {
                format!(
                    "--deflate-level {} and --deflate dedicated take 300 KB for each client: level 1 takes 20 KB",
                    self.output.deflate_level
                )
            }),
            record_limit.filter(|limit| *limit < max_len).map(|limit| {
                format!(
                    "--record-limit {limit} is below --max-len {max_len}: \
                     a recording ends at the first message that is longer"
                )
            }),
            record_limit.filter(|limit| *limit as u64 > MAX_DIRECTORY_BYTES).map(|limit| {
                format!(
                    "--record-limit {limit} is above the {MAX_DIRECTORY_BYTES} bytes that the directory \
                     of --record takes: one recording can keep out all others"
                )
            }),
        ]
    }

    /// Options that have no effect because another one is off.
    fn about_options_without_effect(&self) -> [Option<String>; 4] {
        let (output, limits) = (&self.output, &self.limits);
        let is_given = ![0, Output::default().deflate_above].contains(&output.deflate_above);
        [
            (output.deflate == DeflateMode::Off && is_given).then(|| {
                format!(
                    "--deflate-above {} has no effect without --deflate: nothing is compressed",
                    output.deflate_above
                )
            }),
            (output.deflate == DeflateMode::Off && output.deflate_level != Output::default().deflate_level)
                .then(|| {
                    format!(
                        "--deflate-level {} has no effect without --deflate: nothing is compressed",
                        output.deflate_level
                    )
                }),
            (output.outbox_limit.is_none() && output.overflow != Overflow::Close).then(|| {
                "--overflow drop has no effect without --outbox-limit: every packet fits".to_owned()
            }),
            (limits.max_connections_per_ip.is_none() && limits.ipv6_prefix != Limits::default().ipv6_prefix)
                .then(|| {
                    format!(
                        "--ipv6-prefix {} limits no connections without --max-connections-per-ip",
                        limits.ipv6_prefix
                    )
                }),
        ]
    }

    /// Networks of proxies that contain every client.
    fn about_trust(&self) -> impl Iterator<Item = String> {
        let lists = [
            ("--proxy-protocol", &self.proxies.proxy_protocol),
            ("--forwarded-for", &self.proxies.forwarded_for),
        ];
        let all = lists.into_iter().flat_map(|(option, list)| list.iter().map(move |proxy| (option, proxy)));
        all.filter(|(_, proxy)| proxy.is_everybody()).map(|(option, proxy)| {
            format!("{option} {proxy} trusts all clients as if they were proxies: each can claim any address")
        })
    }

    /// Whether a proxy of `forwarded_for` can connect. A PROXY header can name any address.
    fn has_forwarder(&self, has_unix: bool, has_tcp: bool) -> bool {
        let can_connect = |proxy: &TrustedProxy| if proxy.is_unix() { has_unix } else { has_tcp };
        !self.proxies.proxy_protocol.is_empty() || self.proxies.forwarded_for.iter().any(can_connect)
    }

    /// Options that have no effect with the addresses of `listen`.
    fn about_listeners(&self) -> [Option<String>; 6] {
        let tcp = || {
            self.listen.iter().filter_map(|listen| match listen {
                Listen::Tcp(address) => Some(address),
                Listen::Unix(_) => None,
            })
        };
        let inherited = |unix| self.listeners.inherited.iter().any(|one| one.is_unix() == unix);
        let opens_unix = tcp().count() < self.listen.len();
        let (has_tcp, has_unix) = (tcp().count() > 0 || inherited(false), opens_unix || inherited(true));
        let has_wildcard = tcp().any(|address| address.is_ipv6() && address.ip().is_unspecified());
        let trusts = |unix| self.proxies.proxy_protocol.iter().find(|proxy| proxy.is_unix() == unix);
        #[cfg(feature = "tls")]
        let has_tls = self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_tls = false;
        [
            (has_tls && !has_tcp).then(|| {
                "--tls-cert has no effect without a TCP address in --listen: nobody speaks TLS".to_owned()
            }),
            (self.listeners.ipv6_only && !has_wildcard)
                .then(|| "--ipv6-only has no effect without the wildcard [::] in --listen".to_owned()),
            self.listeners.socket_mode.filter(|_| !opens_unix).map(|mode| {
                format!("--socket-mode {mode:o} has no effect without a Unix domain socket in --listen")
            }),
            trusts(true).filter(|_| !has_unix).map(|_| {
                "--proxy-protocol unix has no effect without a Unix domain socket in --listen: \
                 nobody is trusted by it"
                    .to_owned()
            }),
            trusts(false).filter(|_| !has_tcp).map(|proxy| {
                format!(
                    "--proxy-protocol {proxy} has no effect without a TCP address in --listen: \
                     nobody is trusted by it"
                )
            }),
            self.proxies.forwarded_for.first().filter(|_| !self.has_forwarder(has_unix, has_tcp)).map(
                |proxy| {
                    format!(
                        "--forwarded-for {proxy} has no effect: \
                     nobody who connects to an address in --listen is trusted by it"
                    )
                },
            ),
        ]
    }
}

#[cfg(test)]
mod tests;
