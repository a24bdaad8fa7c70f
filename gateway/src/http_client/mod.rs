//! The HTTP client of the program's tools: one request at a time, over TCP, TLS or a Unix domain socket, with
//! limits on time and bytes.

mod api;
mod unix;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::http::Response;
use ureq::http::header::{AUTHORIZATION, HeaderValue};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Body};

use crate::options::{HttpAddress, read, shown};
use crate::tls_error;
use unix::UnixConnector;

/// The longest time of a request with its answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer's body.
const MAX_BODY_BYTES: u64 = 8 * 1024 * 1024;
/// The most bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The longest idle time after which a connection is used again.
const MAX_IDLE: Duration = Duration::from_secs(3);
/// The most bytes of a token.
const MAX_TOKEN_BYTES: usize = 4096;

/// An answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// No connection: nobody listens there, or nothing leads there.
    Unreachable(String),
    /// Not within the time limit.
    TimedOut,
    /// The server's certificate, or something else of TLS.
    Tls(String),
    /// The body is longer than it may be.
    TooLong,
    /// The connection failed, or it does not speak HTTP.
    Failed(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Unreachable(reason) => write!(f, "no connection: {reason}"),
            HttpError::TimedOut => f.write_str("no answer in time"),
            HttpError::Tls(reason) => write!(f, "TLS failed: {reason}"),
            HttpError::TooLong => write!(f, "the answer is longer than {MAX_BODY_BYTES} bytes"),
            HttpError::Failed(reason) => write!(f, "the connection failed: {reason}"),
        }
    }
}

/// A client of one server.
pub(crate) struct HttpClient {
    agent: Agent,
    base: String,
    token: Option<HeaderValue>,
}

impl HttpClient {
    /// A client, which is not connected yet. `token`: what it shows with each request. `roots`: the
    /// certificates that it trusts; `None`: those that the system trusts.
    ///
    /// # Errors
    /// One line that says why the token cannot be used.
    pub(crate) fn new(
        address: &HttpAddress,
        token: Option<&str>,
        roots: Option<Vec<Certificate<'static>>>,
    ) -> Result<Self, String> {
        let roots = roots.map_or(RootCerts::PlatformVerifier, |roots| RootCerts::Specific(Arc::new(roots)));
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(TIMEOUT))
            // A redirect, or a proxy, would give the token to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .http_status_as_error(false)
            .max_response_header_size(MAX_HEAD_BYTES)
            .max_idle_age(MAX_IDLE)
            .user_agent(concat!("sysconn/", env!("CARGO_PKG_VERSION")))
            .build();
        let agent = match address {
            HttpAddress::Url(_) => config.new_agent(),
            HttpAddress::Unix(path) => {
                Agent::with_parts(config, UnixConnector(path.clone()), DefaultResolver::default())
            }
        };
        Ok(HttpClient { agent, base: address.base().to_owned(), token: token.map(bearer).transpose()? })
    }

    /// Gets a path, with its query, in this time, or in that of all requests if it is shorter.
    ///
    /// # Errors
    /// [`HttpError`] where no answer came. An answer of any status is none.
    fn get(&self, path: &str, time: Duration) -> Result<Answer, HttpError> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let mut request = request.config().timeout_global(Some(time.min(TIMEOUT))).build();
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        answer(request.call())
    }

    /// Posts JSON to a path.
    ///
    /// # Errors
    /// [`HttpError`] where no answer came. An answer of any status is none.
    pub(crate) fn post(&self, path: &str, json: &serde_json::Value) -> Result<Answer, HttpError> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        answer(request.send(json.to_string()))
    }
}

fn bearer(token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| "the token has characters that a header cannot have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn answer(result: Result<Response<Body>, ureq::Error>) -> Result<Answer, HttpError> {
    let mut response = result.map_err(failure)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_vec().map_err(failure)?;
    Ok(Answer { status, body })
}

fn failure(error: ureq::Error) -> HttpError {
    match error {
        ureq::Error::Timeout(_) => HttpError::TimedOut,
        ureq::Error::BodyExceedsLimit(_) => HttpError::TooLong,
        ureq::Error::HostNotFound => HttpError::Unreachable("the host has no address".to_owned()),
        ureq::Error::ConnectionFailed => HttpError::Unreachable("the host refuses".to_owned()),
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::ConnectionRefused
            | std::io::ErrorKind::HostUnreachable
            | std::io::ErrorKind::NetworkUnreachable
            | std::io::ErrorKind::AddrNotAvailable
            | std::io::ErrorKind::NotFound
            | std::io::ErrorKind::PermissionDenied => HttpError::Unreachable(error.to_string()),
            _ => match tls_error::of_io(&error) {
                Some(reason) => HttpError::Tls(reason),
                None => HttpError::Failed(shown(error.to_string())),
            },
        },
        ureq::Error::Rustls(error) => HttpError::Tls(tls_error::in_words(&error)),
        ureq::Error::Tls(reason) => HttpError::Tls(reason.to_owned()),
        error => HttpError::Failed(shown(error.to_string())),
    }
}

/// The token in a file of one line.
///
/// # Errors
/// One line that says why the file cannot be used.
pub(crate) fn read_token(path: &Path) -> Result<String, String> {
    let name = shown(path);
    let bytes = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let text = str::from_utf8(&bytes).map_err(|_| format!("{name}: expected a token, not bytes"))?.trim();
    let is_token = !text.is_empty() && text.len() <= MAX_TOKEN_BYTES;
    let is_token = is_token && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token { Ok(text.to_owned()) } else { Err(format!("{name}: expected a token on one line")) }
}

/// The certificates in a PEM file, at least one.
///
/// # Errors
/// One line that says why the file cannot be used.
pub(crate) fn read_certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let name = shown(path);
    let pem = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| certificate.map(|der| Certificate::from_der(&der).to_owned()))
        .collect();
    let certificates = certificates.map_err(|error| format!("{name}: {error}"))?;
    if certificates.is_empty() {
        Err(format!("{name}: expected certificates in PEM"))
    } else {
        Ok(certificates)
    }
}
