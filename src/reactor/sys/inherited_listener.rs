//! Duplicates of a listening socket that the process was given.

use std::io;
use std::path::PathBuf;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Token};
use socket2::SockRef;

use super::poller::Registry;
use super::socket::Socket;
use crate::config::{Inherited, InheritedSocket, Listen};
use crate::record::Peer;

/// A worker's duplicate of an inherited listener.
///
/// Others have the same socket open, so it stays registered with the poll when this descriptor is closed:
/// [`deregister`](Self::deregister) it first.
#[derive(Debug)]
pub(crate) enum InheritedListener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl InheritedListener {
    /// Duplicates the listener for a number of reactors.
    ///
    /// # Errors
    /// It is no listening socket, or descriptors have run out.
    pub(super) fn open(inherited: &Inherited, reactors: usize) -> io::Result<Vec<Self>> {
        match &inherited.0 {
            InheritedSocket::Tcp(listener) => {
                let socket = SockRef::from(listener);
                check(&socket)?;
                // Accepted sockets inherit the option.
                socket.set_tcp_nodelay(true)?;
                let duplicate = |_| listener.try_clone().map(TcpListener::from_std).map(Self::Tcp);
                (0..reactors).map(duplicate).collect()
            }
            InheritedSocket::Unix(listener) => {
                check(&SockRef::from(listener))?;
                let duplicate = |_| listener.try_clone().map(UnixListener::from_std).map(Self::Unix);
                (0..reactors).map(duplicate).collect()
            }
        }
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Self::Unix(listener) => registry.register(listener, token, Interest::READABLE),
        }
    }

    /// Ends its events.
    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => registry.deregister(listener),
            Self::Unix(listener) => registry.deregister(listener),
        }
    }

    /// The address. None if the system does not say, or a Unix domain socket has none.
    pub(super) fn listening(&self) -> Option<Listen> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(Listen::Tcp),
            Self::Unix(listener) => {
                let address = SockRef::from(listener).local_addr().ok()?;
                // As systemd writes a name that is not in the file system.
                let abstract_name = |name| PathBuf::from(format!("@{}", String::from_utf8_lossy(name)));
                let path = address.as_pathname().map(ToOwned::to_owned);
                path.or_else(|| address.as_abstract_namespace().map(abstract_name)).map(Listen::Unix)
            }
        }
    }

    pub(super) fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (Socket::Tcp(stream), Peer::from(address)))
            }
            Self::Unix(listener) => listener.accept().map(|(stream, _)| (Socket::Unix(stream), Peer::Local)),
        }
    }
}

/// Checks that a socket listens, and makes it nonblocking. That holds for all of its descriptors, whoever has
/// them.
fn check(socket: &SockRef<'_>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if !socket.is_listener()? {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the socket does not listen"));
    }
    socket.set_nonblocking(true)
}
