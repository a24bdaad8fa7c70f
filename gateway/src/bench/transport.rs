//! The bytes of a connection without waiting, with or without TLS.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// What TLS needs.
#[derive(Clone, Debug)]
pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

/// A socket.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<ClientConnection>, TcpStream),
}

impl Transport {
    /// Begins to connect. The poll reports what becomes of it.
    pub(super) fn connect(
        address: SocketAddr,
        tls: Option<&Tls>,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut tcp = TcpStream::connect(address)?;
        registry.register(&mut tcp, token, Interest::READABLE | Interest::WRITABLE)?;
        let Some(tls) = tls else { return Ok(Transport::Plain(tcp)) };
        let mut connection =
            ClientConnection::new(Arc::clone(&tls.config), tls.name.clone()).map_err(io::Error::other)?;
        // The caller keeps what is too much.
        connection.set_buffer_limit(Some(64 * 1024));
        Ok(Transport::Tls(Box::new(connection), tcp))
    }

    /// The error that waits at the socket.
    pub(super) fn check(&self) -> io::Result<()> {
        self.tcp().take_error()?.map_or(Ok(()), Err)
    }

    /// The TCP connection is there: Linux says so by reporting the socket as writable, without an error.
    pub(super) fn set_connected(&self) -> io::Result<()> {
        self.tcp().set_nodelay(true)
    }

    /// Its own address.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// Reads what is there; 0 at the end.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there yet.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (tls, tcp) = match self {
            Transport::Plain(tcp) => return uninterrupted(|| tcp.read(buffer)),
            Transport::Tls(tls, tcp) => (tls, tcp),
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Not all servers say close_notify.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            let ended = uninterrupted(|| tls.read_tls(tcp))? == 0;
            let processed = tls.process_new_packets().map_err(io::Error::other);
            // An alert says why.
            let flushed = flush(tls, tcp);
            processed?;
            flushed?;
            if ended && tls.is_handshaking() {
                return Ok(0);
            }
        }
    }

    /// Writes as much as it takes. Returns how many bytes were taken.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(tcp) => uninterrupted(|| tcp.write(bytes)),
            Transport::Tls(..) => self.write_vectored(&[IoSlice::new(bytes)]),
        }
    }

    /// The same with the bytes of several slices.
    pub(super) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Transport::Plain(tcp) => uninterrupted(|| tcp.write_vectored(slices)),
            Transport::Tls(tls, tcp) => {
                flush(tls, tcp)?;
                let taken = tls.writer().write_vectored(slices)?;
                flush(tls, tcp)?;
                if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
            }
        }
    }

    /// Writes what TLS itself has to say, or has kept.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(_) => Ok(()),
            Transport::Tls(tls, tcp) => flush(tls, tcp),
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Transport::Plain(tcp) | Transport::Tls(_, tcp) => tcp,
        }
    }
}

/// Writes until the socket is full; the rest waits for the next event.
fn flush(tls: &mut ClientConnection, tcp: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        match uninterrupted(|| tls.write_tls(tcp)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
