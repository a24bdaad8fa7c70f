//! A client's socket: TCP, TLS on TCP, Unix, or simulated.

use std::io::{self, IoSlice, Write as _};
use std::net::Shutdown;

use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Token};

use super::poller::Registry;
use super::read::Read;
use super::simulated;
use super::tls_socket::{BoxedTls, TlsSocket};
use super::transfer::{receive, send};
use super::unacknowledged::unacknowledged;
use crate::conn::Outgoing;

/// A non-blocking stream socket. Dropping it closes it.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "listeners speak no TLS"))]
    Tls(BoxedTls),
    Unix(UnixStream),
    Simulated(simulated::Socket),
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests have any"))]
    Absent(Absent),
}

/// No socket at all, for tests with more clients than the descriptor limit allows: it takes everything that
/// is written, and nothing arrives.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Absent;

/// Without tests this type has no values.
#[cfg(not(test))]
#[derive(Debug)]
pub(crate) enum Absent {}

/// The events that a socket registers for, once for its whole life: readable, writable, and urgent data,
/// before which a read ends.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// Elsewhere the poll does not report urgent data. Bytes that a client sends after it are read only when more
/// arrive: WebSocket has no use for urgent data.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl Socket {
    /// Reads, or fails with [`io::ErrorKind::WouldBlock`] if nothing has come.
    #[inline(always)]
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let result = match self {
            Socket::Tcp(stream) => receive(stream, buffer),
            Socket::Tls(socket) => return socket.read(buffer),
            Socket::Unix(stream) => return receive(stream, buffer).map(Read::from_unix),
            Socket::Simulated(socket) => socket.read(buffer),
            Socket::Absent(_) => Err(io::ErrorKind::WouldBlock.into()),
        };
        Read::from_plain(result, buffer.len())
    }

    #[inline(always)]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Most writes are a call of the system and no more, so that is all that is repeated in each place.
        if let Socket::Tcp(stream) = self { send(stream, bytes) } else { self.write_other(bytes) }
    }

    #[inline(never)]
    fn write_other(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => send(stream, bytes),
            Socket::Tls(socket) => socket.write(bytes),
            Socket::Unix(stream) => send(stream, bytes),
            Socket::Simulated(socket) => socket.write_vectored(&[IoSlice::new(bytes)]),
            Socket::Absent(_) => Ok(bytes.len()),
        }
    }

    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.write_vectored(slices),
            Socket::Tls(socket) => socket.write_vectored(slices),
            Socket::Unix(stream) => stream.write_vectored(slices),
            Socket::Simulated(socket) => socket.write_vectored(slices),
            Socket::Absent(_) => Ok(slices.iter().map(|slice| slice.len()).sum()),
        }
    }

    /// Tells the peer that no more bytes follow. A failure means that the peer is gone, and is ignored.
    pub(crate) fn shutdown_write(&mut self) {
        match self {
            Socket::Tcp(stream) => drop(stream.shutdown(Shutdown::Write)),
            Socket::Tls(socket) => socket.shutdown_write(),
            Socket::Unix(stream) => drop(stream.shutdown(Shutdown::Write)),
            Socket::Simulated(socket) => socket.shutdown_write(),
            Socket::Absent(_) => {}
        }
    }

    /// Registers the socket with the poll, for its whole life.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => registry.register(stream, token, INTEREST),
            Socket::Tls(socket) => registry.register(socket.stream(), token, INTEREST),
            Socket::Unix(stream) => registry.register(stream, token, INTEREST),
            Socket::Simulated(socket) => socket.register(registry.simulated_poll(), token),
            Socket::Absent(_) => Ok(()),
        }
    }

    /// Bytes that the kernel holds and the peer's system has not acknowledged. None where the system cannot
    /// tell.
    pub(crate) fn unacknowledged(&self) -> Option<u64> {
        match self {
            Socket::Tcp(stream) => unacknowledged(stream),
            Socket::Tls(socket) => socket.unacknowledged(),
            Socket::Unix(stream) => unacknowledged(stream),
            Socket::Simulated(socket) => Some(socket.unacknowledged()),
            Socket::Absent(_) => Some(0),
        }
    }

    /// How many of the written bytes the peer has not acknowledged. None where the system cannot tell.
    pub(crate) fn outgoing(&self) -> Option<Outgoing> {
        Some(Outgoing { in_flight: self.unacknowledged()?, written: self.given() })
    }

    /// Tells a simulation to expect a read without an event.
    pub(crate) fn expect_read(&mut self) {
        if let Socket::Simulated(socket) = self {
            socket.expect_read();
        }
    }
}

/// The methods that differ where TLS is used.
impl Socket {
    fn tls(&self) -> Option<&TlsSocket> {
        if let Socket::Tls(socket) = self { Some(socket) } else { None }
    }

    fn tls_mut(&mut self) -> Option<&mut TlsSocket> {
        if let Socket::Tls(socket) = self { Some(socket) } else { None }
    }

    /// Whether a read returns the peer's bytes unchanged.
    pub(crate) fn is_plain(&self) -> bool {
        self.tls().is_none()
    }

    /// Tells the peer what the end of the connection does not tell: close_notify.
    pub(crate) fn say_goodbye(&mut self) {
        if let Some(tls) = self.tls_mut() {
            tls.say_goodbye();
        }
    }

    /// Whether the peer can be told nothing before a TLS handshake is complete.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls().is_some_and(TlsSocket::is_handshaking)
    }

    /// Whether TLS was to be spoken, and its handshake was never completed.
    pub(crate) fn has_unfinished_tls(&self) -> bool {
        self.tls().is_some_and(TlsSocket::is_unfinished)
    }

    /// Whether the peer can be told nothing yet: a TLS handshake comes first, and perhaps a PROXY header
    /// before that.
    pub(crate) fn answers_later(&self) -> bool {
        self.tls().is_some_and(TlsSocket::answers_later)
    }

    /// Whether reads since the last call have advanced a TLS handshake.
    pub(crate) fn has_stepped(&mut self) -> bool {
        self.tls_mut().is_some_and(TlsSocket::has_stepped)
    }

    /// The name of the server that the peer asked for in a TLS handshake. A second call returns none.
    pub(crate) fn take_server_name(&mut self) -> Option<Box<str>> {
        self.tls_mut().and_then(TlsSocket::take_server_name)
    }

    /// The bytes that a socket with TLS has received and sent since the last call, TLS's own included.
    pub(crate) fn take_traffic(&mut self) -> Option<(u64, u64)> {
        self.tls_mut().map(TlsSocket::take_traffic)
    }

    /// The extra cost of reads since the last call, beyond the bytes that they returned, in bytes.
    pub(crate) fn take_overhead(&mut self) -> usize {
        self.tls_mut().map_or(0, TlsSocket::take_overhead)
    }

    /// Starts TLS, now that the PROXY header is complete; the bytes in `early` came after it. False if the
    /// socket does not use TLS: then the bytes are ordinary input.
    pub(crate) fn begin_tls(&mut self, early: &[u8]) -> bool {
        self.tls_mut().is_some_and(|tls| tls.begin_tls(early))
    }

    /// Whether the kernel has everything that was written.
    pub(crate) fn has_flushed(&self) -> bool {
        self.tls().is_none_or(TlsSocket::has_flushed)
    }

    /// Gives the kernel the bytes that it had no space for, now that the socket is writable. Returns the
    /// number of those that it took.
    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        self.tls_mut().map_or(Ok(0), TlsSocket::flush)
    }

    /// Bytes that the kernel was given, if that differs from the bytes written.
    pub(crate) fn given(&self) -> Option<u64> {
        self.tls().map(TlsSocket::sent)
    }
}
