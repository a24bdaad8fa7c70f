//! A certificate, and clients that trust it.

use std::io;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned, SupportedProtocolVersion};
use sysconn::{Config, Tls};

use crate::common;
use crate::common::{Client, UPGRADE, with};

pub(crate) type TlsClient<T = TcpStream> = Client<StreamOwned<ClientConnection, T>>;

pub(crate) static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A certificate that is signed by its own key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// A certificate for `localhost`.
    pub(crate) fn new() -> Self {
        Certificate::for_names(&["localhost"])
    }

    pub(crate) fn for_names(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        Certificate { pem: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() }
    }

    pub(crate) fn tls(&self) -> Tls {
        Tls::from_pem(self.pem.as_bytes(), self.key.as_bytes()).unwrap()
    }

    /// The configuration of a client that trusts only this certificate.
    pub(crate) fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    pub(crate) fn config(&self) -> Config {
        with(common::config(), |config| config.tls = Some(self.tls()))
    }
}

pub(crate) fn connection(client: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(client.clone(), ServerName::try_from("localhost").unwrap()).unwrap()
}

/// Connected, and no more.
pub(crate) fn over<T: Read + Write>(stream: T, client: &Arc<ClientConfig>) -> TlsClient<T> {
    Client::over(StreamOwned::new(connection(client), stream))
}

/// Connected and upgraded.
pub(crate) fn connect(address: SocketAddr, client: &Arc<ClientConfig>) -> TlsClient {
    let mut client = over(Client::raw(address).stream, client);
    client.upgrade(UPGRADE);
    client
}

/// Tries a handshake.
pub(crate) fn handshake(address: SocketAddr, client: &Arc<ClientConfig>) -> io::Result<ClientConnection> {
    let (mut stream, mut connection) = (Client::raw(address).stream, connection(client));
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(connection)
}

/// The error of TLS in a failed handshake.
pub(crate) fn tls_error(result: io::Result<ClientConnection>) -> Option<Error> {
    result.err()?.get_ref()?.downcast_ref::<Error>().cloned()
}

/// The first flight of a client.
pub(crate) fn hello(client: &Arc<ClientConfig>) -> Vec<u8> {
    let mut bytes = vec![];
    connection(client).write_tls(&mut bytes).unwrap();
    bytes
}

/// Everything that comes until the server ends.
pub(crate) fn rest(mut client: Client) -> Vec<u8> {
    let mut bytes = vec![];
    client.stream.read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn still_serves(address: SocketAddr, client: &Arc<ClientConfig>) {
    let mut client = connect(address, client);
    client.echo(b"still there");
    client.close();
}
