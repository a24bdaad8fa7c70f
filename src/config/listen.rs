//! Addresses to listen on.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// An address on which to accept clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and port; for port 0 the system chooses a free one. `[::]` takes IPv4 clients too,
    /// unless [`Config::ipv6_only`](crate::Config::ipv6_only) is set or an IPv4 address with the same port is
    /// listed as well.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket. A socket file without a listener is replaced; any other file at that
    /// path is an error. At the end the path is removed, unless something else is there by then.
    Unix(PathBuf),
}

impl Listen {
    /// Whether it is an IPv4-mapped IPv6 address, such as `[::ffff:127.0.0.1]`.
    pub(super) fn is_mapped(&self) -> bool {
        matches!(self, Listen::Tcp(address) if address.is_ipv6() && address.ip().to_canonical().is_ipv4())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
