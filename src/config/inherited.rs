//! A listening socket that the process was given, by systemd or another parent.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

/// A listening socket that this process did not open.
///
/// Whoever gave it to the process keeps it open, so that clients can connect while no server runs: none is
/// refused by a restart. All workers accept from its one queue, with duplicates of the descriptor. A drain
/// leaves those who wait there to the next server, and no path is removed.
///
/// ```no_run
/// use std::net::TcpListener;
/// use sysconn::Config;
///
/// fn config(listener: TcpListener) -> Config {
///     let mut config = Config::default();
///     config.listen = vec![];
///     config.listeners.inherited = vec![listener.into()];
///     config
/// }
/// ```
#[derive(Clone)]
pub struct Inherited(pub(crate) InheritedSocket);

/// The socket. It stays open for as long as the configuration.
#[derive(Clone)]
pub(crate) enum InheritedSocket {
    Tcp(Arc<TcpListener>),
    Unix(Arc<UnixListener>),
}

impl Inherited {
    /// The address, if it is a TCP socket and the system says it.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match &self.0 {
            InheritedSocket::Tcp(listener) => listener.local_addr().ok(),
            InheritedSocket::Unix(_) => None,
        }
    }

    /// Whether it is a Unix domain socket.
    #[must_use]
    pub fn is_unix(&self) -> bool {
        matches!(self.0, InheritedSocket::Unix(_))
    }
}

impl From<TcpListener> for Inherited {
    fn from(listener: TcpListener) -> Self {
        Inherited(InheritedSocket::Tcp(Arc::new(listener)))
    }
}

impl From<UnixListener> for Inherited {
    fn from(listener: UnixListener) -> Self {
        Inherited(InheritedSocket::Unix(Arc::new(listener)))
    }
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            InheritedSocket::Tcp(listener) => f.debug_tuple("Inherited").field(listener).finish(),
            InheritedSocket::Unix(listener) => f.debug_tuple("Inherited").field(listener).finish(),
        }
    }
}
