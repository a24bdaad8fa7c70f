//! Opening the sockets that clients are accepted on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use socket2::{Domain, Protocol, Type};

use crate::config::{ConfigError, Listen};

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

/// A socket that listens, `beside` others of this process that listen on the same address.
pub(super) fn tcp(address: SocketAddr, beside: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the run before to be forgotten.
    socket.set_reuse_address(true)?;
    if beside {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` can then be listened on side by side, and mean what they say.
        socket.set_only_v6(true)?;
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
        let listener = tcp(SocketAddr::from(([127, 0, 0, 1], 0)), false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap().as_socket().unwrap()).unwrap();
        // On the loopback interface a client that is connected is there to be accepted.
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.tcp_nodelay().unwrap());
    }
}
