//! Trusted proxies: addresses and networks that may name their clients.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::record::Peer;

/// A proxy, or a network of proxies, that is trusted to name its clients.
///
/// It is parsed from an IP address (`192.0.2.1`, `::1`), a network (`10.0.0.0/8`, `fd00::/8`), or `unix` for
/// all peers on Unix domain sockets. An IPv4-mapped IPv6 address counts as the IPv4 address, as in [`Peer`].
///
/// ```
/// # use sysconn::config::TrustedProxy;
/// let proxy: TrustedProxy = "10.0.0.0/8".parse()?;
/// # Ok::<(), sysconn::config::TrustedProxyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(Source);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// All addresses that share this many leading bits. The other bits are 0.
    Network(IpAddr, u32),
    Unix,
}

/// Why a text is not a [`TrustedProxy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustedProxyError {
    /// It does not begin with an IP address, and is not `unix`.
    Address,
    /// The part after the `/` is not a number, or exceeds the bits of the address.
    Prefix,
    /// The address has bits set after the prefix: the address or the number is a mistake.
    HostBits,
}

impl fmt::Display for TrustedProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrustedProxyError::Address => "neither an IP address nor unix",
            TrustedProxyError::Prefix => "no valid length of a network after the '/'",
            TrustedProxyError::HostBits => "an address with bits set beyond the length of its network",
        })
    }
}

impl std::error::Error for TrustedProxyError {}

impl TrustedProxy {
    /// Whether it is `unix`: all peers on Unix domain sockets.
    pub(crate) fn is_unix(&self) -> bool {
        self.0 == Source::Unix
    }

    /// Whether it contains all IPv4 or all IPv6 addresses.
    pub(crate) fn is_everybody(&self) -> bool {
        matches!(self.0, Source::Network(_, 0))
    }

    /// Whether it contains this peer.
    #[must_use]
    pub fn covers(&self, peer: Peer) -> bool {
        match (self.0, peer.ip()) {
            (Source::Network(address, prefix), Some(ip)) => {
                address.is_ipv4() == ip.is_ipv4()
                    && beyond(bits(address) ^ bits(ip), width(ip).saturating_sub(prefix)) == 0
            }
            (Source::Unix, None) => true,
            (Source::Network(..), None) | (Source::Unix, Some(_)) => false,
        }
    }
}

impl FromStr for TrustedProxy {
    type Err = TrustedProxyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unix" {
            return Ok(TrustedProxy(Source::Unix));
        }
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| TrustedProxyError::Address)?;
        let prefix = match prefix {
            None => width(address),
            // `parse` alone would accept a sign.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| TrustedProxyError::Prefix)?
            }
            Some(_) => return Err(TrustedProxyError::Prefix),
        };
        let host_bits = width(address).checked_sub(prefix).ok_or(TrustedProxyError::Prefix)?;
        let network = beyond(bits(address), host_bits).checked_shl(host_bits).unwrap_or(0);
        if network != bits(address) {
            return Err(TrustedProxyError::HostBits);
        }
        let canonical = address.to_canonical();
        Ok(TrustedProxy(Source::Network(canonical, width(canonical).saturating_sub(host_bits))))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::Network(address, prefix) if prefix == width(address) => address.fmt(f),
            Source::Network(address, prefix) => write!(f, "{address}/{prefix}"),
            Source::Unix => f.write_str("unix"),
        }
    }
}

/// The number of bits of an address.
fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { Ipv4Addr::BITS } else { Ipv6Addr::BITS }
}

/// The bits of an address as a number.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The bits with the last `count` cleared, which may be all of them.
fn beyond(bits: u128, count: u32) -> u128 {
    bits.checked_shr(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_covers_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("192.0.2.1", &["192.0.2.1"][..], &["192.0.2.0", "192.0.2.2", "::1", "unix"][..]),
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0", "a00::"]),
            ("10.1.2.128/25", &["10.1.2.128", "10.1.2.255"], &["10.1.2.127", "10.1.3.128"]),
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::", "::1", "unix"]),
            ("::1", &["::1"], &["::", "::2", "127.0.0.1", "0.0.0.1"]),
            ("::1/128", &["::1"], &["::"]),
            ("fd00::/8", &["fd00::", "fdff:ffff::1"], &["fc00::", "fe00::", "253.0.0.0"]),
            ("::/0", &["::", "ffff::"], &["0.0.0.0", "10.0.0.1"]),
            ("::ffff:10.0.0.0/104", &["10.1.1.1"], &["11.0.0.0", "::"]),
            ("::ffff:127.0.0.1", &["127.0.0.1"], &["127.0.0.2"]),
            ("::ffff:0:0/96", &["0.0.0.0", "255.1.1.1"], &["::", "unix"]),
            ("unix", &["unix"], &["127.0.0.1", "::1"]),
        ] {
            let proxy: TrustedProxy = text.parse().unwrap();
            let peer = |text: &str| match text {
                "unix" => Peer::Local,
                ip => Peer::Ip(ip.parse().unwrap(), 1),
            };
            assert!(inside.iter().all(|ip| proxy.covers(peer(ip))), "{text}");
            assert!(!outside.iter().any(|ip| proxy.covers(peer(ip))), "{text}");
            assert_eq!(proxy.to_string().parse(), Ok(proxy), "{text} → {proxy}");
        }
    }

    #[test]
    fn a_text_that_is_no_address_or_network_is_an_error() {
        for (error, texts) in [
            (
                TrustedProxyError::Address,
                &["", "proxy.example", "10.0.0", "10.0.0.1:80", "[::1]", "Unix"][..],
            ),
            (
                TrustedProxyError::Prefix,
                &["10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/8/8", "::/99999999999"],
            ),
            (
                TrustedProxyError::HostBits,
                &["10.0.0.1/8", "192.0.2.1/31", "0.0.0.1/0", "::1/0", "fd00::1/127", "::ffff:10.0.0.0/95"],
            ),
        ] {
            for text in texts {
                assert_eq!(text.parse::<TrustedProxy>(), Err(error), "{text:?}");
            }
        }
    }
}
