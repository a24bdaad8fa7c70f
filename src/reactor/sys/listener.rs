//! Listening sockets: one for each reactor and address.

use std::io;
use std::sync::Arc;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Token};

use super::accepted::Accepted;
use super::inherited_listener::InheritedListener;
use super::poller::Registry;
use super::simulated;
use super::socket::Socket;
use super::system::System;
use super::tcp_listener::{self, Families};
use super::unix_listener::{self, SocketFile};
use crate::config::{Config, Listen};
use crate::reactor::bind_error::BindError;
use crate::record::Peer;

/// A listening socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// The file comes first: it must be dropped before the listener.
    Unix(Arc<SocketFile>, UnixListener),
    Inherited(InheritedListener),
    Simulated(simulated::Listener),
}

impl Listener {
    /// Opens all addresses for a number of reactors. Returns the listeners of each, in the order of the
    /// configuration.
    pub(crate) fn open_all(
        system: &System,
        config: &Config,
        reactors: usize,
    ) -> Result<Vec<Vec<Listener>>, BindError> {
        let mut all: Vec<Vec<Listener>> = (0..reactors).map(|_| vec![]).collect();
        for listen in &config.listen {
            let opened = match system {
                System::Real => open(listen, config, reactors),
                System::Simulated(network) => network
                    .listen(listen, reactors)
                    .map(|listeners| listeners.into_iter().map(Listener::Simulated).collect()),
            };
            let opened = opened.map_err(|error| BindError::Listen(listen.clone(), error))?;
            for (listeners_of_one, listener) in all.iter_mut().zip(opened) {
                listeners_of_one.push(listener);
            }
        }
        for inherited in &config.listeners.inherited {
            let opened = match system {
                System::Real => InheritedListener::open(inherited, reactors),
                System::Simulated(_) => Err(io::ErrorKind::Unsupported.into()),
            };
            let opened = opened.map_err(BindError::Inherited)?;
            for (listeners_of_one, listener) in all.iter_mut().zip(opened) {
                listeners_of_one.push(Listener::Inherited(listener));
            }
        }
        Ok(all)
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Listener::Tcp(listener) => registry.register(listener, token, Interest::READABLE),
            Listener::Unix(_, listener) => registry.register(listener, token, Interest::READABLE),
            Listener::Inherited(listener) => listener.register(registry, token),
            Listener::Simulated(listener) => {
                listener.register(registry.simulated_poll(), token);
                Ok(())
            }
        }
    }

    /// Whether the process was given it, so that it outlives this server.
    pub(crate) fn is_inherited(&self) -> bool {
        matches!(self, Listener::Inherited(_))
    }

    /// Closes it. Clients that wait at it are reset, unless it is inherited.
    pub(crate) fn close(mut self, registry: &Registry) {
        if let Listener::Inherited(listener) = &mut self {
            // If that fails, later events of it concern nobody.
            let _ = listener.deregister(registry);
        }
    }

    /// The address, with its actual port. None if the system does not say.
    pub(crate) fn listening(&self) -> Option<Listen> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok().map(Listen::Tcp),
            Listener::Unix(file, _) => Some(Listen::Unix(file.path().to_owned())),
            Listener::Inherited(listener) => listener.listening(),
            Listener::Simulated(listener) => Some(listener.listening().clone()),
        }
    }

    pub(crate) fn accept(&self) -> Accepted {
        let result = match self {
            Listener::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (Socket::Tcp(stream), Peer::from(address)))
            }
            Listener::Unix(_, listener) => {
                listener.accept().map(|(stream, _)| (Socket::Unix(stream), Peer::Local))
            }
            Listener::Inherited(listener) => listener.accept(),
            Listener::Simulated(listener) => {
                listener.accept().map(|(socket, peer)| (Socket::Simulated(socket), peer))
            }
        };
        match result {
            Ok((socket, peer)) => Accepted::Client(socket, peer),
            Err(error) => Accepted::from(error),
        }
    }
}

/// Opens one address for a number of reactors. The kernel distributes clients between their TCP sockets
/// (except on macOS, where one worker may get all of them). A Unix domain socket has a single queue, and any
/// worker takes the next client from it.
fn open(listen: &Listen, config: &Config, reactors: usize) -> io::Result<Vec<Listener>> {
    match listen {
        Listen::Tcp(address) => {
            let sockets = tcp_listener::open(*address, Families::of(*address, config), reactors)?;
            let listener = |socket: socket2::Socket| Listener::Tcp(TcpListener::from_std(socket.into()));
            Ok(sockets.into_iter().map(listener).collect())
        }
        Listen::Unix(path) => {
            let (first, file) = unix_listener::listen_unix(path, config.listeners.socket_mode)?;
            let file = Arc::new(file);
            let mut listeners = vec![];
            for _ in 1..reactors {
                listeners.push(Listener::Unix(file.clone(), UnixListener::from_std(first.try_clone()?)));
            }
            listeners.push(Listener::Unix(file, UnixListener::from_std(first)));
            Ok(listeners)
        }
    }
}
