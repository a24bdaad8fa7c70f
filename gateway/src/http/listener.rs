//! Where an HTTP server listens: a TCP address or a Unix domain socket.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use log::kv::{ToValue, Value};
use socket2::SockRef;
use sysconn::config::Listen;
use sysconn::{SocketFile, listen_unix};
use tokio::io::{AsyncRead, AsyncWrite};

/// Connections that may wait to be accepted, as far as the system lets them. Whoever finds no room there
/// tries again a second later at the earliest.
const BACKLOG: i32 = 4096;

/// A socket that listens, before the thread runs that accepts.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The same on that thread.
pub(super) enum Accepting {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

/// A connection's bytes.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// Who sends a request. It is among the extensions of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Tcp(SocketAddr),
    /// A process of this user and with this id, as far as the system says.
    Unix {
        uid: Option<u32>,
        pid: Option<i32>,
    },
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Tcp(address) => address.fmt(f),
            Caller::Unix { uid: Some(uid), pid: Some(pid) } => write!(f, "unix:uid={uid},pid={pid}"),
            Caller::Unix { uid: Some(uid), pid: None } => write!(f, "unix:uid={uid}"),
            Caller::Unix { .. } => f.write_str("unix"),
        }
    }
}

impl ToValue for Caller {
    fn to_value(&self) -> Value<'_> {
        Value::from_display(self)
    }
}

impl Listener {
    /// Listens at an address. A Unix socket gets `mode`, and is at its path until the file is dropped.
    pub(super) fn bind(listen: &Listen, mode: Option<u32>) -> io::Result<(Self, Option<SocketFile>)> {
        match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                SockRef::from(&listener).listen(BACKLOG)?;
                listener.set_nonblocking(true)?;
                Ok((Listener::Tcp(listener), None))
            }
            Listen::Unix(path) => {
                let (listener, file) = listen_unix(path, mode)?;
                Ok((Listener::Unix(listener), Some(file)))
            }
        }
    }

    pub(super) fn address(&self, file: Option<&SocketFile>) -> io::Result<Listen> {
        match (self, file) {
            (Listener::Tcp(listener), _) => listener.local_addr().map(Listen::Tcp),
            (Listener::Unix(_), Some(file)) => Ok(Listen::Unix(file.path().to_owned())),
            (Listener::Unix(_), None) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Goes on to the side thread, on which this is called.
    pub(super) fn accepting(self) -> io::Result<Accepting> {
        Ok(match self {
            Listener::Tcp(listener) => Accepting::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Listener::Unix(listener) => Accepting::Unix(tokio::net::UnixListener::from_std(listener)?),
        })
    }
}

impl Accepting {
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Caller)> {
        match self {
            Accepting::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Box::new(stream), Caller::Tcp(address)))
            }
            Accepting::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let of = stream.peer_cred().ok();
                let caller = Caller::Unix {
                    uid: of.as_ref().map(tokio::net::unix::UCred::uid),
                    pid: of.as_ref().and_then(tokio::net::unix::UCred::pid),
                };
                Ok((Box::new(stream), caller))
            }
        }
    }
}
