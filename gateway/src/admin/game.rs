//! The program's own listener, as a client of it sees it: where it is, and what it asks of clients.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use sysconn::client::{Client, ClientError, Offer, Url};
use sysconn::config::{Config, Listen};

use crate::client::{AnyClient, Stream, over_tls};

/// The longest time for a connection, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The header of a proxy that names no client, so that the address of the connection counts.
const UNNAMED: &[u8] = b"PROXY UNKNOWN\r\n";

/// How to reach the game.
#[derive(Clone, Debug)]
pub(super) struct Game {
    listen: Listen,
    is_tls: bool,
    /// Whether the server takes this program for a proxy, and waits for its header.
    is_proxy: bool,
    url: Url,
    offer: Offer,
}

impl Game {
    /// The first TCP listener, or else the first. None: there is none.
    pub(super) fn find(config: &Config, listening: impl Iterator<Item = Listen>) -> Option<Self> {
        let listening: Vec<_> = listening.collect();
        let tcp = listening.iter().find(|listen| matches!(listen, Listen::Tcp(_)));
        let listen = match tcp.or(listening.first())? {
            Listen::Tcp(address) => Listen::Tcp(reachable(*address)),
            unix => unix.clone(),
        };
        let upgrade = &config.upgrade;
        let path = upgrade.paths.first().map_or("/", |path| path.strip_suffix('*').unwrap_or(path));
        let authority = match &listen {
            Listen::Tcp(address) => address.to_string(),
            Listen::Unix(_) => "localhost".to_owned(),
        };
        let origin = upgrade.origins.first().map(|origin| origin.replace("*.", "admin."));
        let peer = match &listen {
            Listen::Tcp(address) => SocketAddr::new(address.ip(), 0).into(),
            Listen::Unix(_) => sysconn::Peer::Local,
        };
        Some(Game {
            is_tls: config.tls.is_some() && matches!(listen, Listen::Tcp(_)),
            is_proxy: config.proxies.proxy_protocol.iter().any(|proxy| proxy.covers(peer)),
            url: format!("ws://{authority}{path}").parse().ok()?,
            offer: Offer { origin, subprotocol: upgrade.subprotocols.first().cloned() },
            listen,
        })
    }

    /// Connects. It blocks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) fn connect(&self) -> Result<AnyClient, ClientError> {
        let stream: Box<dyn Stream> = match &self.listen {
            Listen::Tcp(address) => {
                let mut tcp = TcpStream::connect_timeout(address, TIMEOUT)?;
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(TIMEOUT))?;
                tcp.set_write_timeout(Some(TIMEOUT))?;
                if self.is_proxy {
                    tcp.write_all(UNNAMED)?;
                }
                match self.is_tls {
                    true => over_tls(tcp, trusting()?, ServerName::from(address.ip()))?,
                    false => Box::new(tcp),
                }
            }
            Listen::Unix(path) => {
                let mut unix = UnixStream::connect(path)?;
                unix.set_read_timeout(Some(TIMEOUT))?;
                unix.set_write_timeout(Some(TIMEOUT))?;
                if self.is_proxy {
                    unix.write_all(UNNAMED)?;
                }
                Box::new(unix)
            }
        };
        let mut client = Client::over(stream, &self.url, &self.offer)?;
        client.set_longest_wait(Some(TIMEOUT));
        Ok(client)
    }
}

/// The address by which this machine reaches one that it listens at.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// TLS with whoever is there: the program itself, whose certificate names the game's host and not this
/// address.
fn trusting() -> io::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let verifier = Arc::new(Itself(provider));
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Takes any certificate, whose key the server must have: the connection does not leave the machine.
#[derive(Debug)]
struct Itself(Arc<CryptoProvider>);

impl ServerCertVerifier for Itself {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
