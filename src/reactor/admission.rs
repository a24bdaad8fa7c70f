//! Admits clients: the limits on all clients and on the clients of one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::record::Peer;
use crate::upgrade::Refusal;

/// Counts the admitted clients on all reactors of the server. Reactors take its lock only when a client comes
/// and when it goes.
#[derive(Debug)]
pub(super) struct Admission {
    max: Option<usize>,
    max_per_ip: Option<usize>,
    /// Leading bits that tell IPv6 addresses apart.
    ipv6_prefix: u8,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    inside: usize,
    /// Keyed by IPv4 address, or by the first address of an IPv6 network.
    per_ip: HashMap<IpAddr, usize>,
}

/// Stands for one client that is counted. It cannot be copied, and so is given back once.
#[derive(Debug)]
pub(super) struct Permit {
    /// Whether the client also counts under its address.
    has_address: bool,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Admission {
            max: config.limits.max_connections,
            max_per_ip: config.limits.max_connections_per_ip,
            ipv6_prefix: config.limits.ipv6_prefix,
            counts: Mutex::default(),
        }
    }

    /// Admits and counts a client, or returns the refusal. A client whose address is not known yet, because a
    /// proxy will name it, counts only among all clients.
    pub(super) fn enter(&self, client: Option<Peer>) -> Result<Permit, Refusal> {
        let mut counts = self.counts();
        if self.max.is_some_and(|max| counts.inside >= max) {
            return Err(Refusal::Unavailable);
        }
        let mut permit = Permit { has_address: false };
        if let Some(peer) = client {
            self.count(&mut counts, &mut permit, peer)?;
        }
        counts.inside += 1;
        Ok(permit)
    }

    /// Counts a client that came in without an address under its present one, or returns the reason for
    /// refusing it.
    pub(super) fn count_address(&self, permit: &mut Permit, client: Peer) -> Result<(), Refusal> {
        self.count(&mut self.counts(), permit, client)
    }

    fn count(&self, counts: &mut Counts, permit: &mut Permit, client: Peer) -> Result<(), Refusal> {
        let (Some(ip), Some(max)) = (client.ip(), self.max_per_ip) else { return Ok(()) };
        let count = counts.per_ip.entry(self.network(ip)).or_default();
        if *count >= max {
            return Err(Refusal::TooManyConnections);
        }
        *count += 1;
        permit.has_address = true;
        Ok(())
    }

    /// The network under which an address is counted.
    fn network(&self, ip: IpAddr) -> IpAddr {
        match ip {
            IpAddr::V4(_) => ip,
            IpAddr::V6(ip) => {
                let host_bits = Ipv6Addr::BITS.saturating_sub(self.ipv6_prefix.into());
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
        }
    }

    /// Clients that are in, and addresses that are counted.
    pub(super) fn counted(&self) -> (usize, usize) {
        let counts = self.counts();
        (counts.inside, counts.per_ip.len())
    }

    /// Takes back the permit of a client that is gone. `client` is its last address.
    pub(super) fn leave(&self, permit: Permit, client: Peer) {
        let mut counts = self.counts();
        counts.inside -= 1;
        let Some(ip) = client.ip().filter(|_| permit.has_address) else { return };
        if let Entry::Occupied(mut count) = counts.per_ip.entry(self.network(ip)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing under the lock can panic half-way, so the counts behind a poisoned lock are consistent.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn both_limits_hold_and_permits_come_back() {
        let config = Config::with(|config| {
            config.limits.max_connections = Some(3);
            config.limits.max_connections_per_ip = Some(2);
        });
        let admission = Admission::new(&config);
        let mut permits = std::collections::VecDeque::new();
        let peer = |last, port| Peer::Ip(IpAddr::from([10, 0, 0, last]), port);
        permits.push_back((admission.enter(Some(peer(1, 1))).unwrap(), peer(1, 1)));
        permits.push_back((admission.enter(Some(peer(1, 2))).unwrap(), peer(1, 2)));
        assert_eq!(admission.enter(Some(peer(1, 3))).err(), Some(Refusal::TooManyConnections));
        permits.push_back((admission.enter(Some(Peer::Local)).unwrap(), Peer::Local));
        assert_eq!(admission.enter(Some(peer(2, 1))).err(), Some(Refusal::Unavailable));
        assert_eq!(admission.enter(None).err(), Some(Refusal::Unavailable));
        let (permit, client) = permits.pop_front().unwrap();
        admission.leave(permit, client);
        permits.push_back((admission.enter(Some(peer(1, 3))).unwrap(), peer(1, 3)));
        for (permit, client) in permits {
            admission.leave(permit, client);
        }
        assert!(admission.counts().per_ip.is_empty());
        assert_eq!(admission.counts().inside, 0);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_an_ipv4_address_as_itself() {
        for (ipv6_prefix, first, second, same) in [
            (64, "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            (64, "2001:db8::1", "2001:db8:0:1::1", false),
            (56, "2001:db8:0:00ff::1", "2001:db8:0:1::1", true),
            (56, "2001:db8:0:0100::1", "2001:db8:0:1::1", false),
            (128, "2001:db8::1", "2001:db8::1", true),
            (128, "2001:db8::1", "2001:db8::2", false),
            (1, "::1", "7fff::", true),
            (1, "::1", "8000::", false),
            (1, "10.0.0.1", "10.0.0.2", false),
            (64, "10.0.0.1", "::a00:1", false),
            (64, "10.0.0.1", "::ffff:10.0.0.1", true),
        ] {
            let config = Config::with(|config| {
                config.limits.max_connections_per_ip = Some(1);
                config.limits.ipv6_prefix = ipv6_prefix;
            });
            let admission = Admission::new(&config);
            let peer = |ip: &str| Peer::from(SocketAddr::new(ip.parse().unwrap(), 1));
            let permit = admission.enter(Some(peer(first))).unwrap();
            let refused = admission.enter(Some(peer(second))).is_err();
            assert_eq!(refused, same, "/{ipv6_prefix} {first} {second}");
            admission.leave(permit, peer(first));
            assert!(
                refused
                    != admission.counts().per_ip.contains_key(&admission.network(peer(second).ip().unwrap()))
            );
        }
    }

    #[test]
    fn a_client_whose_address_comes_later_counts_under_that_one_only() {
        let config = Config::with(|config| {
            config.limits.max_connections = Some(3);
            config.limits.max_connections_per_ip = Some(1);
        });
        let admission = Admission::new(&config);
        let peer = Peer::Ip(IpAddr::from([10, 0, 0, 1]), 1);
        let mut permits: Vec<_> = (0..3).map(|_| admission.enter(None).unwrap()).collect();
        assert_eq!(
            admission.enter(None).err(),
            Some(Refusal::Unavailable),
            "clients without an address count among all"
        );
        let (mut first, mut second) = (permits.remove(0), permits.remove(0));
        assert_eq!(admission.count_address(&mut first, peer), Ok(()));
        assert_eq!(admission.count_address(&mut second, peer), Err(Refusal::TooManyConnections));
        admission.leave(second, peer);
        assert_eq!(
            admission.enter(Some(peer)).err(),
            Some(Refusal::TooManyConnections),
            "the one that left did not count"
        );
        admission.leave(first, peer);
        permits.push(admission.enter(Some(peer)).unwrap());
        for gone in permits {
            admission.leave(gone, peer);
        }
        assert!(admission.counts().per_ip.is_empty());
        assert_eq!(admission.counts().inside, 0);
    }
}
