//! Listening sockets: one for each reactor and address, and what a try to accept comes to.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Token};

use super::bind::{self, BindError, Families};
use super::poller::Registry;
use super::socket::Socket;
use super::system::System;
use super::unix::{self, SocketFile};
use crate::config::{Config, Listen};
use crate::record::Peer;
#[cfg(feature = "sim")]
use crate::sim::SimulatedListener;

/// Linux's numbers for what accept can fail with, where [`ErrorKind`] has no name for it.
mod errno {
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENONET: i32 = 64;
    pub(super) const EPROTO: i32 = 71;
    pub(super) const ENOPROTOOPT: i32 = 92;
    pub(super) const EOPNOTSUPP: i32 = 95;
    pub(super) const EHOSTDOWN: i32 = 112;
}

/// A listening socket.
#[derive(Debug)]
pub(super) enum Door {
    Tcp(TcpListener),
    /// Its file is dropped before the listener.
    Unix(Arc<SocketFile>, UnixListener),
    #[cfg(feature = "sim")]
    Simulated(SimulatedListener),
}

/// What one try to accept came to.
pub(super) enum Accepted {
    Client(Socket, Peer),
    Nobody,
    /// That one client is gone already.
    Lost,
    /// No descriptor is free.
    Exhausted,
    Failed(io::Error),
}

impl Door {
    /// Opens all addresses for so many reactors: the doors of each, in the order of the configuration.
    pub(super) fn open_all(
        system: &System,
        config: &Config,
        reactors: usize,
    ) -> Result<Vec<Vec<Door>>, BindError> {
        let mut all: Vec<Vec<Door>> = (0..reactors).map(|_| vec![]).collect();
        for listen in &config.listen {
            let doors = match system {
                System::Real => open(listen, config, reactors),
                #[cfg(feature = "sim")]
                System::Simulated(network) => network.listen(listen).map(|door| vec![Door::Simulated(door)]),
            };
            let doors = doors.map_err(|error| BindError::Listen(listen.clone(), error))?;
            for (doors_of_one, door) in all.iter_mut().zip(doors) {
                doors_of_one.push(door);
            }
        }
        Ok(all)
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Door::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Door::Unix(_, listener) => registry.register(listener, token, Interest::READABLE),
            #[cfg(feature = "sim")]
            Door::Simulated(listener) => {
                listener.register(token);
                Ok(())
            }
        }
    }

    pub(super) fn listening(&self) -> Option<Listen> {
        match self {
            Door::Tcp(listener) => listener.local_addr().ok().map(Listen::Tcp),
            Door::Unix(file, _) => Some(Listen::Unix(file.path().to_owned())),
            #[cfg(feature = "sim")]
            Door::Simulated(listener) => Some(listener.listening().clone()),
        }
    }

    pub(super) fn accept(&self) -> Accepted {
        let result = match self {
            Door::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (Socket::Tcp(stream), Peer::from(address)))
            }
            Door::Unix(_, listener) => {
                listener.accept().map(|(stream, _)| (Socket::Unix(stream), Peer::Local))
            }
            #[cfg(feature = "sim")]
            Door::Simulated(listener) => {
                listener.accept().map(|(socket, peer)| (Socket::Simulated(Box::new(socket)), peer))
            }
        };
        match result {
            Ok((socket, peer)) => Accepted::Client(socket, peer),
            Err(error) => Accepted::from(error),
        }
    }
}

impl From<io::Error> for Accepted {
    /// What is wrong with the network on the way to one client is found when it is accepted, and is about
    /// nobody else (accept(2), "Error handling").
    fn from(error: io::Error) -> Self {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::WouldBlock, _) => Accepted::Nobody,
            (ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset, _)
            | (ErrorKind::NetworkDown | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable, _)
            | (ErrorKind::TimedOut, _)
            | (_, Some(errno::EPROTO | errno::ENOPROTOOPT | errno::EOPNOTSUPP))
            | (_, Some(errno::EHOSTDOWN | errno::ENONET)) => Accepted::Lost,
            (_, Some(errno::EMFILE | errno::ENFILE)) => Accepted::Exhausted,
            _ => Accepted::Failed(error),
        }
    }
}

/// Opens one address for so many reactors. Between their TCP sockets the kernel distributes the clients;
/// a Unix domain socket has one queue, from which whoever comes first takes the next.
fn open(listen: &Listen, config: &Config, reactors: usize) -> io::Result<Vec<Door>> {
    match listen {
        Listen::Tcp(address) => {
            let sockets = open_tcp(*address, Families::of(*address, config), reactors)?;
            Ok(sockets.into_iter().map(|socket| Door::Tcp(TcpListener::from_std(socket.into()))).collect())
        }
        Listen::Unix(path) => {
            let (first, file) = unix::listen(path, config.socket_mode)?;
            let file = Arc::new(file);
            let mut doors = vec![];
            for _ in 1..reactors {
                doors.push(Door::Unix(file.clone(), UnixListener::from_std(first.try_clone()?)));
            }
            doors.push(Door::Unix(file, UnixListener::from_std(first)));
            Ok(doors)
        }
    }
}

/// The first socket listens before it admits others beside it: so no other process can have the address, nor
/// another server of the same user that shares it in this way.
fn open_tcp(address: SocketAddr, families: Families, reactors: usize) -> io::Result<Vec<socket2::Socket>> {
    let first = bind::tcp(address, families, false)?;
    let mut sockets = vec![];
    if reactors > 1 {
        first.set_reuse_port(true)?;
        let address = first.local_addr()?.as_socket().unwrap_or(address);
        for _ in 1..reactors {
            sockets.push(bind::tcp(address, families, true)?);
        }
    }
    sockets.insert(0, first);
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_of_accept_is_about() {
        use errno::{EHOSTDOWN, EMFILE, ENFILE, ENONET, ENOPROTOOPT, EOPNOTSUPP, EPROTO};
        const EPERM: i32 = 1;
        const EINTR: i32 = 4;
        const EAGAIN: i32 = 11;
        const ENOMEM: i32 = 12;
        const ENETDOWN: i32 = 100;
        const ENETUNREACH: i32 = 101;
        const ECONNABORTED: i32 = 103;
        const ENOBUFS: i32 = 105;
        const ETIMEDOUT: i32 = 110;
        const EHOSTUNREACH: i32 = 113;
        let of_one_client = [
            [EINTR, ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH],
            [ENOPROTOOPT, EOPNOTSUPP, EHOSTDOWN, ENONET, EHOSTUNREACH],
        ];
        let accepted = |error| Accepted::from(io::Error::from_raw_os_error(error));
        for error in of_one_client.concat() {
            assert!(matches!(accepted(error), Accepted::Lost), "{error}");
        }
        assert!(matches!(accepted(ETIMEDOUT), Accepted::Lost));
        assert!(matches!(accepted(EAGAIN), Accepted::Nobody));
        for error in [EMFILE, ENFILE] {
            assert!(matches!(accepted(error), Accepted::Exhausted), "{error}");
        }
        for error in [ENOBUFS, ENOMEM, EPERM] {
            assert!(matches!(accepted(error), Accepted::Failed(_)), "{error}");
        }
    }
}
