//! Opening the sockets that clients are accepted on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{Domain, Protocol, Type};

use crate::config::{Config, ConfigError, Listen};

/// Connections that may wait to be accepted; the system may allow fewer.
pub(super) const BACKLOG: i32 = 4096;

/// Why a reactor could not be made.
#[derive(Debug)]
pub enum BindError {
    /// The configuration is not valid.
    Config(ConfigError),
    /// An address cannot be listened on.
    Listen(Listen, io::Error),
    /// The directory for recordings cannot be used.
    Record(PathBuf, io::Error),
    /// The system refused a resource that every reactor needs.
    System(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Config(error) => error.fmt(f),
            BindError::Listen(listen, error) => write!(f, "cannot listen on {listen}: {error}"),
            BindError::Record(path, error) => write!(f, "cannot record to {}: {error}", path.display()),
            BindError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BindError::Config(error) => Some(error),
            BindError::Listen(_, error) | BindError::Record(_, error) | BindError::System(error) => {
                Some(error)
            }
        }
    }
}

impl From<ConfigError> for BindError {
    fn from(error: ConfigError) -> Self {
        BindError::Config(error)
    }
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        BindError::System(error)
    }
}

/// Whose clients an IPv6 listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    /// Those of IPv4 too, which connect to the wildcard or to an IPv4-mapped address.
    Both,
    Ipv6Only,
}

impl Families {
    /// What `address` is to take: IPv4 clients go to the IPv4 address of the same port that is listed beside it.
    /// Two ports that the system is asked for differ, so only the wildcards say there that they are a pair.
    pub(super) fn of(address: SocketAddr, config: &Config) -> Self {
        let takes_ipv4 = |listen: &Listen| match listen {
            Listen::Tcp(other) => {
                other.is_ipv4()
                    && other.port() == address.port()
                    && (other.ip().is_unspecified() || other.port() != 0)
            }
            Listen::Unix(_) => false,
        };
        let beside_ipv4 = address.ip().is_unspecified() && config.listen.iter().any(takes_ipv4);
        if config.ipv6_only || beside_ipv4 { Families::Ipv6Only } else { Families::Both }
    }
}

/// A socket that listens, `beside` others of this process that listen on the same address.
pub(super) fn tcp(address: SocketAddr, families: Families, beside: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the run before to be forgotten.
    socket.set_reuse_address(true)?;
    if beside {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // Whatever the system's own default is (net.ipv6.bindv6only).
        socket.set_only_v6(families == Families::Ipv6Only)?;
    }
    // Small writes leave at once, where they would wait for more. Accepted sockets inherit it, which saves
    // a call for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn accepted_sockets_send_small_writes_at_once() {
        let listener = tcp(SocketAddr::from(([127, 0, 0, 1], 0)), Families::Both, false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap().as_socket().unwrap()).unwrap();
        // On the loopback interface a client that is connected is there to be accepted.
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.tcp_nodelay().unwrap());
    }
}
