//! Clients whose TLS is as expensive for the server as possible.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::Load;
use super::flood::{at_once, connect};
use super::wire::{SINK, UPGRADE, packet};

/// A certificate for `localhost`, signed by its own key.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Certificate { pem: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() }
    }

    /// What a client needs that trusts this certificate, and has a whole handshake each time.
    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::disabled();
        Arc::new(client)
    }
}

fn nonblocking(address: SocketAddr) -> TcpStream {
    let stream = connect(address);
    stream.set_nonblocking(true).unwrap();
    stream
}

/// Clients that send a ClientHello byte by byte, and come again when it is over.
pub(crate) struct Dribble {
    address: SocketAddr,
    clients: Vec<(TcpStream, usize)>,
    hello: Vec<u8>,
    done: u64,
}

impl Dribble {
    pub(crate) fn new(address: SocketAddr, count: usize) -> Self {
        // A record of 16 KiB (RFC 8446 §5.1) with the beginning of a message that is longer.
        let hello = [b"\x16\x03\x01\x40\0\x01\0\xff\xff".as_slice(), &[0; 16_000]].concat();
        let clients = (0..count).map(|_| (nonblocking(address), 0)).collect();
        Dribble { address, clients, hello, done: 0 }
    }
}

impl Load for Dribble {
    fn go_on(&mut self) -> usize {
        let mut all = 0;
        for (stream, sent) in &mut self.clients {
            match self.hello.get(*sent..=*sent).map(|byte| at_once(stream.write(byte))) {
                Some(Ok(written)) => {
                    *sent += written;
                    all += written;
                }
                _ => (*stream, *sent) = (nonblocking(self.address), 0),
            }
        }
        self.done += all as u64;
        all
    }

    /// Bytes.
    fn done(&self) -> u64 {
        self.done
    }
}

/// Clients that send packets with one byte in each record, which costs the server a decryption.
pub(crate) struct Records {
    clients: Vec<RecordSender>,
    /// What they send behind the upgrade.
    bytes: Vec<u8>,
    done: u64,
}

struct RecordSender {
    stream: TcpStream,
    tls: ClientConnection,
    sent: usize,
}

impl RecordSender {
    /// Records that are made at once: little enough for the other clients to go on soon.
    const AT_ONCE: usize = 500;

    fn new(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let Handshake { stream, mut tls } = Handshake::new(address, config);
        tls.writer().write_all(UPGRADE).unwrap();
        RecordSender { stream, tls, sent: 0 }
    }

    /// Goes on as far as it can at once: the records that were sent.
    fn go_on(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while at_once(self.tls.read_tls(&mut self.stream))? > 0 {
            self.tls.process_new_packets().map_err(io::Error::other)?;
            // What the server says is of no interest.
            at_once(io::copy(&mut self.tls.reader(), &mut io::sink()).map(|len| len as usize))?;
        }
        let mut count = 0;
        loop {
            while self.tls.wants_write() {
                if at_once(self.tls.write_tls(&mut self.stream))? == 0 {
                    return Ok(count);
                }
            }
            if self.tls.is_handshaking() || count >= Self::AT_ONCE {
                return Ok(count);
            }
            for _ in 0..100 {
                let at = self.sent % bytes.len();
                self.tls.writer().write_all(&bytes[at..=at])?;
                (self.sent, count) = (self.sent + 1, count + 1);
            }
        }
    }
}

impl Records {
    pub(crate) fn new(address: SocketAddr, count: usize, certificate: &Certificate) -> Self {
        let config = certificate.client();
        let clients = (0..count).map(|_| RecordSender::new(address, &config)).collect();
        Records { clients, bytes: packet(SINK, &[7; 10_000]), done: 0 }
    }
}

impl Load for Records {
    fn go_on(&mut self) -> usize {
        let all = self.clients.iter_mut().map(|client| client.go_on(&self.bytes).unwrap()).sum();
        self.done += all as u64;
        all
    }

    /// Records.
    fn done(&self) -> u64 {
        self.done
    }
}

/// Clients of which each is replaced once its handshake is complete.
pub(crate) struct Handshakes {
    address: SocketAddr,
    config: Arc<ClientConfig>,
    clients: Vec<Handshake>,
    done: u64,
}

struct Handshake {
    stream: TcpStream,
    tls: ClientConnection,
}

impl Handshake {
    fn new(address: SocketAddr, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(config.clone(), name).unwrap();
        Handshake { stream: nonblocking(address), tls }
    }

    /// Goes on as far as it can at once: the bytes that were moved.
    fn go_on(&mut self) -> io::Result<usize> {
        let mut moved = 0;
        while self.tls.is_handshaking() || self.tls.wants_write() {
            let len = if self.tls.wants_write() {
                at_once(self.tls.write_tls(&mut self.stream))?
            } else {
                at_once(self.tls.read_tls(&mut self.stream))?
            };
            if len == 0 {
                break;
            }
            self.tls.process_new_packets().map_err(io::Error::other)?;
            moved += len;
        }
        Ok(moved)
    }
}

impl Handshakes {
    pub(crate) fn new(address: SocketAddr, count: usize, certificate: &Certificate) -> Self {
        let config = certificate.client();
        let clients = (0..count).map(|_| Handshake::new(address, &config)).collect();
        Handshakes { address, config, clients, done: 0 }
    }
}

impl Load for Handshakes {
    fn go_on(&mut self) -> usize {
        let mut all = 0;
        for client in &mut self.clients {
            all += client.go_on().unwrap();
            if !client.tls.is_handshaking() {
                *client = Handshake::new(self.address, &self.config);
                self.done += 1;
            }
        }
        all
    }

    fn done(&self) -> u64 {
        self.done
    }
}
