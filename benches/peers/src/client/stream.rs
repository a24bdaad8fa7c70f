//! The socket of a client, with or without TLS, blocking or not.

use std::error::Error;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use rustls::{ClientConfig, ClientConnection};

use crate::Result;

/// Bytes of one read with TLS: a record at least.
const SCRATCH_BYTES: usize = 20 * 1024;

/// A TCP connection.
pub struct Stream {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
}

struct Tls {
    connection: ClientConnection,
    /// What was read last: its length, and how much of it rustls has taken.
    scratch: Vec<u8>,
    filled: usize,
    taken: usize,
}

impl Stream {
    /// Over a socket that is connected, or is being connected. The handshake takes place as bytes are read
    /// and written.
    pub fn new(tcp: TcpStream, config: Option<&Arc<ClientConfig>>) -> Result<Stream> {
        let tls = config.map(|config| {
            let connection = ClientConnection::new(Arc::clone(config), "localhost".try_into()?)?;
            let scratch = vec![0; SCRATCH_BYTES];
            Ok::<_, Box<dyn Error>>(Box::new(Tls { connection, scratch, filled: 0, taken: 0 }))
        });
        Ok(Stream { tcp, tls: tls.transpose()? })
    }

    /// Begins to connect without waiting.
    pub fn begin(address: SocketAddr, config: Option<&Arc<ClientConfig>>) -> Result<Stream> {
        let tcp = TcpStream::from(mio::net::TcpStream::connect(address)?);
        tcp.set_nodelay(true)?;
        Stream::new(tcp, config)
    }

    /// From now on no call waits, and the poll reports events.
    pub fn register(&self, poll: &Poll, token: Token) -> Result<()> {
        self.tcp.set_nonblocking(true)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        Ok(poll.registry().register(&mut SourceFd(&self.tcp.as_raw_fd()), token, interest)?)
    }

    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The TCP connection itself, once more.
    pub fn clone_tcp(&self) -> Result<TcpStream> {
        Ok(self.tcp.try_clone()?)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.read(buffer) };
        loop {
            match tls.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if !tls.take(&mut self.tcp)? {
                return Ok(0);
            }
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.tcp.write(bytes) };
        let count = tls.connection.writer().write(bytes)?;
        tls.flush(&mut self.tcp)?;
        if count == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.tcp.write_vectored(slices);
        }
        self.write(slices.first().map_or(&[], |slice| slice))
    }

    /// Writes what TLS has kept, as far as the socket takes it.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.flush(&mut self.tcp),
            None => Ok(()),
        }
    }
}

impl Tls {
    /// Gives ciphertext to rustls, and reads more if there is none. Returns false at the end.
    fn take(&mut self, tcp: &mut TcpStream) -> io::Result<bool> {
        if self.taken == self.filled {
            self.filled = tcp.read(&mut self.scratch)?;
            self.taken = 0;
            if self.filled == 0 {
                return Ok(false);
            }
        }
        self.taken += self.connection.read_tls(&mut &self.scratch[self.taken..self.filled])?;
        self.connection.process_new_packets().map_err(io::Error::other)?;
        self.flush(tcp)?;
        Ok(true)
    }

    fn flush(&mut self, tcp: &mut TcpStream) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
