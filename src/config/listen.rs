//! Addresses to listen on, and how listeners are opened.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::error::ConfigError;
use super::inherited::Inherited;

/// An address on which to accept clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and port; for port 0 the system chooses a free one. `[::]` takes IPv4 clients too,
    /// unless [`Listeners::ipv6_only`] is set or an IPv4 address with the same port is listed as well.
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

/// How listeners are opened.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Listeners {
    /// Whether the IPv6 wildcard `[::]` takes IPv6 clients only. Default: no.
    ///
    /// Otherwise it takes IPv4 clients too, unless an IPv4 address with the same port is listed as well.
    pub ipv6_only: bool,
    /// The file mode of Unix domain sockets, at most `0o777`: write permission allows a client to connect.
    /// Default: `None`, the umask decides.
    pub socket_mode: Option<u32>,
    /// Listening sockets that the process was given, beside those of [`Config::listen`](super::Config).
    /// Default: none.
    pub inherited: Vec<Inherited>,
}

impl Listeners {
    pub(super) fn validate(&self, listen: &[Listen]) -> Result<(), ConfigError> {
        if listen.is_empty() && self.inherited.is_empty() {
            return Err(ConfigError::NoListener);
        }
        if self.ipv6_only && listen.iter().any(Listen::is_mapped) {
            return Err(ConfigError::Ipv6Only);
        }
        if self.socket_mode.is_some_and(|mode| mode > 0o777 || mode & 0o222 == 0) {
            return Err(ConfigError::SocketMode);
        }
        Ok(())
    }
}
