//! The connection of the program's own clients to a server, with or without TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_platform_verifier::BuilderVerifierExt as _;
use sysconn::client::{Client, ClientError, Offer, TIMEOUT, Url, connect_tcp_within};

use crate::options::{read, shown};
use crate::tls_error;

/// The bytes of a connection.
pub(crate) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// A client of the program's.
pub(crate) type AnyClient = Client<Box<dyn Stream>>;

/// Connects and upgrades. The certificate of a server with TLS must be of one of these roots, or without them
/// of one that the system trusts. `timeout` is for the connection, for the upgrade, and for each read, write
/// and packet; it is not 0. `keep` gets the TCP connection.
///
/// # Errors
/// [`ClientError`].
pub(crate) fn connect(
    url: &Url,
    offer: &Offer,
    roots: Option<RootCertStore>,
    timeout: Duration,
    keep: impl FnOnce(&TcpStream) -> io::Result<()>,
) -> Result<AnyClient, ClientError> {
    let tcp = connect_tcp_within(url, timeout)?;
    keep(&tcp)?;
    let stream: Box<dyn Stream> = match url.is_tls {
        false => Box::new(tcp),
        true => {
            let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
            over_tls(tcp, tls_config(roots)?, name)?
        }
    };
    let mut client = Client::over_within(stream, url, offer, timeout)?;
    client.set_longest_wait(Some(timeout));
    Ok(client)
}

/// TLS over a connection, with the server of this name.
///
/// # Errors
/// That of rustls.
pub(crate) fn over_tls(
    tcp: TcpStream,
    config: ClientConfig,
    name: ServerName<'static>,
) -> io::Result<Box<dyn Stream>> {
    let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(Box::new(Tls(StreamOwned::new(tls, Tcp { stream: tcp, until: now() }))))
}

/// A connection with TLS. Its reads and writes end in the time of the socket's reads, though one of them is
/// many of the socket's.
struct Tls(StreamOwned<ClientConnection, Tcp>);

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.sock.begin()?;
        self.0.read(buffer)
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.sock.begin()?;
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sock.begin()?;
        self.0.flush()
    }
}

/// A socket that is read until a point in time only.
struct Tcp {
    stream: TcpStream,
    until: Instant,
}

impl Tcp {
    /// Begins the time anew.
    fn begin(&mut self) -> io::Result<()> {
        self.until = now() + self.stream.read_timeout()?.unwrap_or(TIMEOUT);
        Ok(())
    }
}

impl Read for Tcp {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.until <= now() { Err(io::ErrorKind::TimedOut.into()) } else { self.stream.read(buffer) }
    }
}

impl Write for Tcp {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[expect(clippy::disallowed_methods, reason = "a client has no reactor whose clock it could read")]
fn now() -> Instant {
    Instant::now()
}

/// The settings of TLS with these roots, or without them with those that the system trusts.
///
/// # Errors
/// Why there are none.
pub(crate) fn tls_config(roots: Option<RootCertStore>) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(roots),
        None => builder.with_platform_verifier().map_err(io::Error::other)?,
    };
    Ok(builder.with_no_client_auth())
}

/// The certificates in a PEM file, at least one.
///
/// # Errors
/// One line that says why the file cannot be used.
pub(crate) fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let name = shown(path);
    let pem = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(CertificateDer::pem_slice_iter(&pem)) {
        let fail = |why: String| format!("{name}: certificate {number} {why}");
        let certificate = certificate.map_err(|error| fail(tls_error::of_pem(&error)))?;
        roots.add(certificate).map_err(|error| fail(tls_error::of_root(&error)))?;
    }
    if roots.is_empty() { Err(format!("{name}: expected certificates in PEM")) } else { Ok(roots) }
}
