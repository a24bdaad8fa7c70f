//! Whom the black list takes: the operator's options, and what may never be listed.

use std::net::IpAddr;
use std::time::Duration;

use sysconn::Peer;
use sysconn::config::{Config, TrustedProxy};

use super::list::Subject;
use super::network::{Network, Scope, scope};
use crate::options::Options;

/// The time for which an operator lists somebody who says no time, where `blacklist-time` is 0.
const DEFAULT_TIME: Duration = Duration::from_secs(3600);

/// Whom the black list takes, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// How long an offence lists somebody; `None`: offences list nobody.
    pub(super) time: Option<Duration>,
    /// The offence within an hour from which on an address is listed; `None`: none is.
    pub(super) after: Option<usize>,
    /// Whether accounts are listed by themselves: not where anybody could offend in another's name.
    pub(super) accounts: bool,
    ipv6_prefix: u8,
    /// Proxies that are trusted to name their clients, and so are no clients themselves.
    trusted: Vec<TrustedProxy>,
}

impl Rules {
    pub(crate) fn new(options: &Options) -> Self {
        let Config { proxies, limits, .. } = &options.config;
        Rules {
            time: options.blacklist.time,
            after: options.blacklist.after,
            accounts: !options.auth.open,
            ipv6_prefix: limits.ipv6_prefix,
            trusted: proxies.proxy_protocol.iter().chain(&proxies.forwarded_for).copied().collect(),
        }
    }

    /// The rules of a command, which knows no server's options.
    pub(crate) fn of_command(ipv6_prefix: u8) -> Self {
        Rules { time: None, after: None, accounts: true, ipv6_prefix, trusted: Vec::new() }
    }

    /// How long an operator lists somebody; 0: the default.
    pub(super) fn operators_time(&self, seconds: u32) -> Duration {
        match seconds {
            0 => self.time.unwrap_or(DEFAULT_TIME),
            seconds => Duration::from_secs(seconds.into()),
        }
    }

    /// The network of a client whose offences are counted.
    pub(crate) fn countable(&self, peer: Peer) -> Option<Network> {
        let ip = peer.ip().filter(|ip| scope(*ip) == Scope::Public && !self.trusts(*ip))?;
        Some(Network::of(ip, self.ipv6_prefix))
    }

    /// The network of any client, if it has an address.
    pub(crate) fn network(&self, peer: Peer) -> Option<Network> {
        peer.ip().map(|ip| Network::of(ip, self.ipv6_prefix))
    }

    /// Whether nothing on the list can bar this client: an entry may be older than an option.
    pub(super) fn is_exempt(&self, ip: IpAddr) -> bool {
        scope(ip) == Scope::Own || self.trusts(ip)
    }

    /// The network that an operator wants listed. `None` if the text is none, or may not be listed.
    pub(super) fn to_list(&self, address: &str) -> Option<Subject> {
        let network = Network::parse(address, self.ipv6_prefix)?;
        let is_own_size = network.ipv6_prefix().is_none_or(|prefix| prefix == self.ipv6_prefix);
        (is_own_size && !self.is_exempt(network.first())).then_some(Subject::Network(network))
    }

    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted.iter().any(|proxy| proxy.covers(Peer::Ip(ip, 0)))
    }
}
