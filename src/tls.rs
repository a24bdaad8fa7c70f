//! The certificate chain and private key for TLS on TCP listeners.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, UnbufferedServerConnection};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, ServerConfig};

/// The protocol offered by ALPN: the WebSocket handshake is HTTP/1.1 (RFC 7301 §6, RFC 6455 §4.1).
const ALPN: &[u8] = b"http/1.1";

/// Why [`Tls::from_pem`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// The text contains no PEM certificate.
    Certificate,
    /// A certificate is malformed, or of a version before 3 (RFC 5280 §4.1.2.1), which has no extensions.
    UnusableCertificate,
    /// The text contains no PEM private key.
    Key,
    /// The private key is malformed, or of a kind or length that is not supported.
    UnusableKey,
    /// The private key is encrypted with a passphrase, which the server cannot ask for.
    EncryptedKey,
    /// The key belongs to none of the certificates.
    Mismatch,
    /// The key belongs to a certificate that is not the first: the chain is in the wrong order.
    Order,
    /// The system gave no random bytes for session keys.
    System,
}

impl TlsError {
    /// Whether the text with the certificates is at fault; both texts are if they do not match.
    #[must_use]
    pub fn concerns_certificate(self) -> bool {
        match self {
            TlsError::Certificate | TlsError::UnusableCertificate | TlsError::Order | TlsError::Mismatch => {
                true
            }
            TlsError::Key | TlsError::UnusableKey | TlsError::EncryptedKey | TlsError::System => false,
        }
    }

    /// Whether the text with the key is at fault.
    #[must_use]
    pub fn concerns_key(self) -> bool {
        match self {
            TlsError::Key | TlsError::UnusableKey | TlsError::EncryptedKey | TlsError::Mismatch => true,
            TlsError::Certificate | TlsError::UnusableCertificate | TlsError::Order | TlsError::System => {
                false
            }
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsError::Certificate => "no certificate in PEM",
            TlsError::UnusableCertificate => {
                "a certificate is malformed, or not of X.509 version 3 (one with extensions, such as \
                 subjectAltName, is)"
            }
            TlsError::Key => "no private key in PEM",
            TlsError::UnusableKey => {
                "the private key is malformed, or of another kind than RSA with 2048 to 4096 bits, ECDSA with \
                 P-256 or P-384, and Ed25519"
            }
            TlsError::EncryptedKey => {
                "the private key is encrypted: it has to be stored without a passphrase"
            }
            TlsError::Mismatch => "the key does not belong to the certificate",
            TlsError::Order => {
                "the chain is in the wrong order: the certificate that the key belongs to has to come first"
            }
            TlsError::System => "the system has no randomness",
        })
    }
}

impl std::error::Error for TlsError {}

/// A certificate chain with its private key, checked and ready for use. Cheap to clone.
///
/// TLS 1.2 and 1.3, ALPN `http/1.1`, and resumption of sessions. A session can be resumed only with the value
/// that it began with: after [`ServerHandle::set_tls`](crate::ServerHandle::set_tls) each client makes one
/// full handshake, and sees the new certificate.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and a private key (PKCS #8, PKCS #1 or SEC1),
    /// both in PEM. Anything else in the texts is ignored, so both can be the same text.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let (certificates, key_pem) = (without_mark(certificates), without_mark(key));
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::UnusableCertificate)?;
        if chain.is_empty() {
            return Err(TlsError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
            pem::Error::NoItemsFound => unusable(key_pem, TlsError::Key),
            _ => unusable(key_pem, TlsError::UnusableKey),
        })?;
        let provider = Arc::new(ring::default_provider());
        // Loading the key first tells a key that cannot be loaded from a certificate that cannot be parsed.
        let loaded = provider
            .key_provider
            .load_private_key(key.clone_key())
            .map_err(|_| unusable(key_pem, TlsError::UnusableKey))?;
        let fits = |certificate: &CertificateDer<'static>| {
            CertifiedKey::new(vec![certificate.clone()], loaded.clone()).keys_match().is_ok()
        };
        let is_misplaced = chain.iter().skip(1).any(fits);
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsError::System)?;
        let certified =
            CertifiedKey::from_der(chain, key, builder.crypto_provider()).map_err(|error| match error {
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) if is_misplaced => TlsError::Order,
                Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
                _ => TlsError::UnusableCertificate,
            })?;
        let resolver = Arc::new(OneCertificate(Arc::new(certified)));
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A client of ours has one connection, and a resumed one brings it a new ticket.
        config.send_tls13_tickets = 1;
        config.ticketer = ring::Ticketer::new().map_err(|_| TlsError::System)?;
        Ok(Tls { config: Arc::new(config) })
    }

    /// Makes the server's side of a new connection. None if rustls fails, which clients cannot cause.
    pub(crate) fn connection(&self) -> Option<UnbufferedServerConnection> {
        UnbufferedServerConnection::new(self.config.clone()).ok()
    }
}

/// The same certificate for every client. It notes the name that the client asks for, which an unbuffered
/// connection does not tell.
#[derive(Debug)]
struct OneCertificate(Arc<CertifiedKey>);

impl ResolvesServerCert for OneCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        SERVER_NAME.set(hello.server_name().map(Into::into));
        Some(self.0.clone())
    }
}

thread_local! {
    /// The name in the ClientHello that this thread has processed last, until it is taken.
    static SERVER_NAME: Cell<Option<Box<str>>> = const { Cell::new(None) };
}

/// The name of the server (SNI) in the ClientHello that this thread has just processed, in lower case.
pub(crate) fn take_server_name() -> Option<Box<str>> {
    SERVER_NAME.take()
}

/// Strips the byte order mark that some editors put before UTF-8 text. It would hide the first line from a
/// PEM reader.
fn without_mark(pem: &[u8]) -> &[u8] {
    pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem)
}

/// The error for an unusable private key: [`TlsError::EncryptedKey`] if its first lines mark it as encrypted
/// (RFC 7468 §11, RFC 1421 §4.6.1.1), else `otherwise`.
fn unusable(pem: &[u8], otherwise: TlsError) -> TlsError {
    const MARKS: [&[u8]; 2] = [b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED"];
    let is_encrypted = MARKS.iter().any(|mark| pem.windows(mark.len()).any(|bytes| bytes == *mark));
    if is_encrypted { TlsError::EncryptedKey } else { otherwise }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}
