//! Addresses as the black list knows them: an IPv4 address, or an IPv6 network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An IPv4 address, or the IPv6 addresses that share their leading bits: one host usually has a whole /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Network {
    /// Its first address.
    first: IpAddr,
    /// The number of leading bits.
    prefix: u8,
}

/// What an address is for, as far as the black list is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of one machine, or of none: never listed.
    Own,
    /// Of a network behind a NAT, of one link, or of a translator, whose clients all seem to be of one
    /// network: many may share it, so it is listed by operators only.
    Private,
    Public,
}

impl Network {
    /// The network of a client; `ipv6_prefix` is for IPv6 only.
    pub(crate) fn of(ip: IpAddr, ipv6_prefix: u8) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Network { first: ip.into(), prefix: 32 },
            IpAddr::V6(ip) => {
                let others = 128_u32.saturating_sub(ipv6_prefix.into());
                let bits = ip.to_bits().checked_shr(others).unwrap_or(0).checked_shl(others).unwrap_or(0);
                Network { first: Ipv6Addr::from_bits(bits).into(), prefix: ipv6_prefix.min(128) }
            }
        }
    }

    /// Reads an address, which stands for its network, or a network as it is shown. `None` if it is neither.
    pub(crate) fn parse(text: &str, ipv6_prefix: u8) -> Option<Self> {
        match text.parse() {
            Ok(ip) => Some(Network::of(ip, ipv6_prefix)),
            Err(_) => text.parse().ok(),
        }
    }

    pub(crate) fn first(&self) -> IpAddr {
        self.first
    }

    /// The number of leading bits, if it is an IPv6 network.
    pub(crate) fn ipv6_prefix(&self) -> Option<u8> {
        self.first.is_ipv6().then_some(self.prefix)
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (ip, prefix) = match text.split_once('/') {
            // `parse` alone would take a sign.
            Some((ip, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                (ip, Some(prefix.parse().map_err(drop)?))
            }
            Some(_) => return Err(()),
            None => (text, None),
        };
        let first: IpAddr = ip.parse().map_err(drop)?;
        let network = Network::of(first, prefix.unwrap_or(128));
        let is_exact = network.first == first && prefix.is_none_or(|prefix| prefix == network.prefix);
        if is_exact && network.prefix > 0 { Ok(network) } else { Err(()) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            IpAddr::V6(_) if self.prefix < 128 => write!(f, "{}/{}", self.first, self.prefix),
            _ => self.first.fmt(f),
        }
    }
}

/// The scope of an address (the IANA special-purpose registries).
pub(crate) fn scope(ip: IpAddr) -> Scope {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let is_shared = ip.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22;
            if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
                Scope::Own
            } else if ip.is_private() || ip.is_link_local() || is_shared {
                Scope::Private
            } else {
                Scope::Public
            }
        }
        IpAddr::V6(ip) => {
            if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
                Scope::Own
            } else if ip.is_unique_local() || ip.is_unicast_link_local() || is_translated(ip) {
                Scope::Private
            } else {
                Scope::Public
            }
        }
    }
}

/// Whether a translator has made it of an IPv4 address (RFC 6052 §2.1, RFC 8215).
fn is_translated(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..])
}
