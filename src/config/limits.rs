//! Limits of clients: how many there are, and how much each may send.

use super::bounds::{MAX_LEN, MAX_LEN_CEILING};
use super::error::{ConfigError, not_zero};

/// Limits of clients: how many there are, and how much each may send.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The most clients at one time; others are answered 503. Default: `None`, no limit.
    pub max_connections: Option<usize>,
    /// The most clients at one time with one IP address; others are answered 429. `None`: no limit. Default:
    /// 4096, since many players can share an address.
    pub max_connections_per_ip: Option<usize>,
    /// The number of leading bits that identify an IPv6 address for
    /// [`max_connections_per_ip`](Self::max_connections_per_ip), 1 to 128. Default: 64, the network of one
    /// site.
    pub ipv6_prefix: u8,
    /// The longest message in bytes, all its fragments together, inflated if it is compressed.
    /// Default: 524288.
    ///
    /// A longer message closes the connection with 1009 as soon as a header announces it.
    pub max_len: usize,
    /// [`max_len`](Self::max_len) for clients that are not logged in. Default: `None`, the same.
    pub max_len_before_login: Option<usize>,
    /// The most packets of a client per second, in bursts of up to as many; others are answered with
    /// ErrorID 5. Default: `None`, no limit.
    pub max_packets_per_second: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_connections: None,
            max_connections_per_ip: Some(4096),
            ipv6_prefix: 64,
            max_len: MAX_LEN,
            max_len_before_login: None,
            max_packets_per_second: None,
        }
    }
}

impl Limits {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        not_zero("limits.max_connections", self.max_connections)?;
        not_zero("limits.max_connections_per_ip", self.max_connections_per_ip)?;
        not_zero("limits.max_len_before_login", self.max_len_before_login)?;
        not_zero("limits.max_packets_per_second", self.max_packets_per_second)?;
        if !(1..=128).contains(&self.ipv6_prefix) {
            return Err(ConfigError::Ipv6Prefix);
        }
        if self.max_len == 0 || self.max_len > MAX_LEN_CEILING {
            return Err(ConfigError::MaxLen);
        }
        if self.max_len_before_login.is_some_and(|max_len| max_len > self.max_len) {
            return Err(ConfigError::MaxLenBeforeLogin);
        }
        Ok(())
    }
}
