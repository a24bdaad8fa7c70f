//! The proxies that are trusted to name the client.

use super::error::ConfigError;
use crate::trusted::TrustedProxy;

/// The proxies that are trusted to name the client.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Proxies {
    /// Proxies whose connections must begin with a header of the PROXY protocol, version 1 or 2. Default:
    /// none. Needs the feature `proxy-protocol`.
    ///
    /// The address in the header counts as the client's for limits, log and handlers. From anyone else such a
    /// header is a malformed request.
    pub proxy_protocol: Vec<TrustedProxy>,
    /// HTTP proxies whose `X-Forwarded-For` and `Forwarded` headers (RFC 7239) are trusted. Default: none.
    ///
    /// If a client connects from one of them, or a PROXY header names one, the client's address for limits,
    /// log and handlers is the first address from the right in these headers that is not a trusted proxy.
    /// From anyone else they are ignored. If they are malformed, or the two contradict each other, the answer
    /// is 400. The proxies themselves do not count for
    /// [`Limits::max_connections_per_ip`](super::Limits::max_connections_per_ip).
    pub forwarded_for: Vec<TrustedProxy>,
}

impl Proxies {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !self.proxy_protocol.is_empty() && !cfg!(feature = "proxy-protocol") {
            return Err(ConfigError::NoProxyProtocol);
        }
        Ok(())
    }
}
