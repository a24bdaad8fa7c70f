//! A small blocking client: for tools, tests and bots.
//!
//! A [`Client`] asks one thing after the other, on the caller's thread. It works over any stream, so that TLS
//! is the caller's choice; [`Client::connect`] opens a TCP connection. It does not reconnect by itself:
//! [`ClientError::Ended`] says what a client [should do](Ended::advice).
//!
//! ```no_run
//! use sysconn::client::Client;
//!
//! let mut client = Client::connect(&"ws://127.0.0.1:9001".parse()?)?;
//! assert_eq!(client.call(1101, b"hello")?.data, b"hello");
//! client.close();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod data;
mod deadline;
mod error;
mod flags;
mod handshake;
mod link;
mod packets;
mod random;
#[cfg(test)]
mod tests;
mod url;

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use deadline::Deadline;
pub use deadline::TIMEOUT;
pub use error::{ClientError, Ended};
pub use handshake::Offer;
use link::Link;
pub use packets::{Client, Packet};
pub use url::Url;

/// Opens a TCP connection to the first address of the host that answers, with [`TIMEOUT`] for each address,
/// and for each read and write.
///
/// # Errors
/// That of the last address.
pub fn connect_tcp(url: &Url) -> io::Result<TcpStream> {
    connect_tcp_within(url, TIMEOUT)
}

/// The same with this time in place of [`TIMEOUT`]; it is not 0.
///
/// # Errors
/// As those of [`connect_tcp`].
pub fn connect_tcp_within(url: &Url, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (url.host.as_str(), url.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl Client<TcpStream> {
    /// Connects over TCP, and upgrades. A `wss://` URL is for [`Client::over`], with a TLS stream.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn connect(url: &Url) -> Result<Self, ClientError> {
        if url.is_tls {
            let error = io::Error::new(io::ErrorKind::Unsupported, "wss:// needs a TLS stream");
            return Err(error.into());
        }
        let mut client = Client::over(connect_tcp(url)?, url, &Offer::default())?;
        client.set_longest_wait(Some(TIMEOUT));
        Ok(client)
    }

    /// Sets the longest time that a read or write waits, and with it [the longest wait for a
    /// packet](Self::set_longest_wait); it is not 0.
    ///
    /// # Errors
    /// That of the system.
    pub fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.set_longest_wait(Some(timeout));
        self.stream().set_read_timeout(Some(timeout))?;
        self.stream().set_write_timeout(Some(timeout))
    }
}

impl<S: Read + Write> Client<S> {
    /// Upgrades a connection that is open already, in [`TIMEOUT`] and a read of the stream at most.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Io`] for an offer that no header can have.
    pub fn over(stream: S, url: &Url, offer: &Offer) -> Result<Self, ClientError> {
        Client::over_within(stream, url, offer, TIMEOUT)
    }

    /// The same in this time in place of [`TIMEOUT`].
    ///
    /// # Errors
    /// As those of [`over`](Self::over).
    pub fn over_within(
        mut stream: S,
        url: &Url,
        offer: &Offer,
        timeout: Duration,
    ) -> Result<Self, ClientError> {
        let received = handshake::upgrade(&mut stream, url, offer, Deadline::after(Some(timeout)))?;
        Ok(Client::new(Link::new(stream, received)))
    }
}
