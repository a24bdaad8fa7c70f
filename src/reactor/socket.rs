//! A client's socket: TCP, TLS on TCP, Unix, or simulated.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Token};

use super::poller::Registry;
#[cfg(feature = "tls")]
use super::tls::TlsSocket;
use super::unacknowledged::unacknowledged;
use crate::conn::Outgoing;
#[cfg(feature = "sim")]
use crate::sim::SimulatedSocket;

/// A non-blocking stream socket. Dropping it closes it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsSocket>),
    Unix(UnixStream),
    #[cfg(feature = "sim")]
    Simulated(Box<SimulatedSocket>),
    /// None at all, for crowds that no descriptor limit allows: takes what is written, and nothing comes.
    #[cfg(test)]
    Absent,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes, and more may follow without an event. Where they are 0, there was work to do that
    /// brought none, and it was enough for one turn.
    Bytes(usize),
    /// So many bytes, and an event comes before there are more. Where they are 0, what came is no whole
    /// record of TLS yet, or one that is not for the connection.
    Last(usize),
    /// The peer will send no more.
    End,
    /// The peer speaks HTTP where TLS is spoken. From now on so does the socket.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS sockets can tell"))]
    NotTls,
}

impl Read {
    /// What the result of a plain read into that many bytes means. A short one has drained the socket.
    pub(super) fn from_plain(result: io::Result<usize>, offered: usize) -> io::Result<Self> {
        result.map(|len| match len {
            0 => Read::End,
            len if len < offered => Read::Last(len),
            len => Read::Bytes(len),
        })
    }

    /// The same for a Unix domain socket. A read ends behind bytes that a descriptor came with (unix(7)), whatever
    /// follows them: only one that brings nothing has drained the socket.
    fn from_unix(len: usize) -> Self {
        if len == 0 { Read::End } else { Read::Bytes(len) }
    }
}

impl Socket {
    /// Reads, if there is something to be read: else an error of kind [`io::ErrorKind::WouldBlock`].
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let result = match self {
            Socket::Tcp(stream) => stream.read(buffer),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => return socket.read(buffer),
            Socket::Unix(stream) => return stream.read(buffer).map(Read::from_unix),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => socket.read(buffer),
            #[cfg(test)]
            Socket::Absent => Err(io::ErrorKind::WouldBlock.into()),
        };
        Read::from_plain(result, buffer.len())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write(bytes),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.write_vectored(&[IoSlice::new(bytes)]),
            Socket::Unix(stream) => stream.write(bytes),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => socket.write_vectored(&[IoSlice::new(bytes)]),
            #[cfg(test)]
            Socket::Absent => Ok(bytes.len()),
        }
    }

    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write_vectored(slices),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.write_vectored(slices),
            Socket::Unix(stream) => stream.write_vectored(slices),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => socket.write_vectored(slices),
            #[cfg(test)]
            Socket::Absent => Ok(slices.iter().map(|slice| slice.len()).sum()),
        }
    }

    /// Tells the peer that nothing more comes. That it has gone already is no news worth having.
    pub(super) fn shutdown_write(&mut self) {
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => {
                socket.shutdown_write();
                Ok(())
            }
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => {
                socket.shutdown_write();
                Ok(())
            }
            #[cfg(test)]
            Socket::Absent => Ok(()),
        };
    }

    /// Whether the peer cannot be told anything yet: a TLS handshake comes first.
    pub(super) fn is_handshaking(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.is_handshaking(),
            Socket::Tcp(_) | Socket::Unix(_) => false,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => false,
            #[cfg(test)]
            Socket::Absent => false,
        }
    }

    /// Whether reads since the last call have taken a TLS handshake a step further.
    pub(super) fn has_stepped(&mut self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.has_stepped(),
            Socket::Tcp(_) | Socket::Unix(_) => false,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => false,
            #[cfg(test)]
            Socket::Absent => false,
        }
    }

    /// What reads since the last call have cost beside the bytes that they brought, as bytes.
    pub(super) fn take_overhead(&mut self) -> usize {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.take_overhead(),
            _ => 0,
        }
    }

    /// Whether the peer can be told something later only: a TLS handshake comes first, and before that there may be
    /// a PROXY header.
    pub(super) fn answers_later(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.answers_later(),
            Socket::Tcp(_) | Socket::Unix(_) => false,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => false,
            #[cfg(test)]
            Socket::Absent => false,
        }
    }

    /// The PROXY header is over, and these bytes came behind it: from now on TLS is spoken, if it is to
    /// be. False if it is not, and the bytes are as they are.
    pub(super) fn begin_tls(&mut self, early: &[u8]) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.begin_tls(early),
            Socket::Tcp(_) | Socket::Unix(_) => {
                let _ = early;
                false
            }
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => false,
            #[cfg(test)]
            Socket::Absent => false,
        }
    }

    /// Whether a read brings what the peer sent, as it sent it.
    pub(super) fn is_plain(&self) -> bool {
        !self.says_goodbye()
    }

    /// Whether a shutdown tells the peer more than the end of the connection does.
    pub(super) fn says_goodbye(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(_) => true,
            Socket::Tcp(_) | Socket::Unix(_) => false,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => false,
            #[cfg(test)]
            Socket::Absent => false,
        }
    }

    /// Whether the kernel has all that was written.
    pub(super) fn has_flushed(&self) -> bool {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.has_flushed(),
            Socket::Tcp(_) | Socket::Unix(_) => true,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => true,
            #[cfg(test)]
            Socket::Absent => true,
        }
    }

    /// Bytes that the peer's system has not acknowledged of those that the kernel has. None if it cannot tell.
    pub(super) fn unacknowledged(&self) -> Option<u64> {
        match self {
            Socket::Tcp(stream) => unacknowledged(stream),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => unacknowledged(&socket.stream),
            Socket::Unix(stream) => unacknowledged(stream),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => Some(socket.unacknowledged()),
            #[cfg(test)]
            Socket::Absent => Some(0),
        }
    }

    /// Bytes that the kernel was given, where those are others than what was written.
    pub(super) fn given(&self) -> Option<u64> {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => Some(socket.sent()),
            Socket::Tcp(_) | Socket::Unix(_) => None,
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => None,
            #[cfg(test)]
            Socket::Absent => None,
        }
    }

    /// The socket is writable: what was written and did not fit it goes on.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => socket.flush(),
            Socket::Tcp(_) | Socket::Unix(_) => Ok(()),
            #[cfg(feature = "sim")]
            Socket::Simulated(_) => Ok(()),
            #[cfg(test)]
            Socket::Absent => Ok(()),
        }
    }

    /// What the peer has not acknowledged of what was written. None where nobody can say.
    pub(super) fn outgoing(&self) -> Option<Outgoing> {
        Some(Outgoing { in_flight: self.unacknowledged()?, written: self.given() })
    }

    /// A read follows that no event has asked for.
    pub(super) fn expect_read(&mut self) {
        match self {
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => socket.expect_read(),
            _ => {}
        }
    }

    /// Registers for both directions at once, for the socket's whole life, and for urgent data, to know
    /// of them.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
        match self {
            Socket::Tcp(stream) => registry.register(stream, token, interest),
            #[cfg(feature = "tls")]
            Socket::Tls(socket) => registry.register(&mut socket.stream, token, interest),
            Socket::Unix(stream) => registry.register(stream, token, interest),
            #[cfg(feature = "sim")]
            Socket::Simulated(socket) => socket.register(token),
            #[cfg(test)]
            Socket::Absent => Ok(()),
        }
    }
}
