//! Opens the TCP sockets that accept clients.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Type};

use crate::config::{Config, Listen};

/// Connections that may wait to be accepted; the system may allow fewer.
pub(super) const BACKLOG: i32 = 4096;

/// The address families whose clients an IPv6 listener accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    /// IPv6 and IPv4, where IPv4 clients connect to the wildcard or to an IPv4-mapped address.
    Both,
    Ipv6Only,
}

impl Families {
    /// The families that a listener on `address` accepts. IPv4 clients belong to an IPv4 address if one is
    /// configured with the same port. Where the system chooses ports, two addresses get different ones, so
    /// only the two wildcards count as a pair there.
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
        if config.listeners.ipv6_only || beside_ipv4 { Families::Ipv6Only } else { Families::Both }
    }
}

/// Opens one socket for each of a number of reactors, all on the same address.
///
/// The first socket listens before it lets others share the address: so no other process can take it, not
/// even another server of the same user with several workers.
pub(super) fn open(
    address: SocketAddr,
    families: Families,
    reactors: usize,
) -> io::Result<Vec<socket2::Socket>> {
    let first = open_one(address, families, false)?;
    let mut sockets = vec![];
    if reactors > 1 {
        first.set_reuse_port(true)?;
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        for _ in 1..reactors {
            sockets.push(open_one(address, families, true)?);
        }
    }
    sockets.insert(0, first);
    Ok(sockets)
}

/// Opens a listening socket. With `shares_port`, other sockets of this process listen on the same address.
fn open_one(address: SocketAddr, families: Families, shares_port: bool) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait until the system forgets the connections of the previous run.
    socket.set_reuse_address(true)?;
    if shares_port {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // Set in any case, so that the system's default (net.ipv6.bindv6only) does not matter.
        socket.set_only_v6(families == Families::Ipv6Only)?;
    }
    // Small writes leave at once instead of waiting for more. Accepted sockets inherit the option, which
    // saves one call per client.
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
        let listener = open_one(SocketAddr::from(([127, 0, 0, 1], 0)), Families::Both, false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap().as_socket().unwrap()).unwrap();
        // On the loopback interface a connected client can be accepted at once.
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.tcp_nodelay().unwrap());
    }
}
