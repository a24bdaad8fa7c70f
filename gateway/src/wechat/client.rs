//! Asks the platform: one GET for each code, and its answer.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use log::Level;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

use super::answer::{self, Answer, MAX_BODY_BYTES, Unusable};
use super::secret::Secret;
use super::{THREADS, now};
use crate::options::{WechatOptions, of_option};

/// The path of the exchange, below the base URL.
const PATH: &str = "/sns/jscode2session";
/// The most bytes of the head of an answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most characters of a reason in the log: that of a certificate can name all that is in it.
const MAX_REASON: usize = 256;
/// The longest idle time after which a connection is used again. Servers close idle ones after 5 s or more,
/// and a code that is sent at that moment is lost.
const MAX_IDLE: Duration = Duration::from_secs(3);
/// The shortest wait before a second try, in milliseconds.
const MIN_WAIT_MS: u64 = 50;
/// The longest, between which it is random.
const MAX_WAIT_MS: u64 = 250;

/// Why a code has no account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The code is not good, or its user is blocked.
    Refused(Refusal),
    /// The user comes too often.
    TooOften,
    /// The platform is busy.
    Busy,
    /// Another `errcode`: the server is configured wrongly, or this version does not know it.
    Errcode(i64),
    /// The platform has answered nothing that can be used.
    Unusable(Unusable),
    /// An HTTP status other than 200.
    Status(u16),
    /// No answer came. `sent`: whether the code may have reached the platform.
    NoAnswer { reason: String, sent: bool },
}

/// Why the platform refuses a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Invalid,
    Used,
    Blocked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Invalid => "the WeChat code is not valid (40029)",
            Refusal::Used => "the WeChat code was used before (40163)",
            Refusal::Blocked => "WeChat blocks this user (40226)",
        })
    }
}

impl Failure {
    fn of(errcode: i64) -> Self {
        match errcode {
            40029 => Failure::Refused(Refusal::Invalid),
            40163 => Failure::Refused(Refusal::Used),
            40226 => Failure::Refused(Refusal::Blocked),
            45011 => Failure::TooOften,
            -1 => Failure::Busy,
            errcode => Failure::Errcode(errcode),
        }
    }

    /// Whether it is the platform that fails, and not a client or this server's configuration.
    pub(super) fn is_platforms(&self) -> bool {
        match self {
            Failure::Refused(_) | Failure::TooOften | Failure::Errcode(_) => false,
            Failure::Busy | Failure::Unusable(_) | Failure::Status(_) | Failure::NoAnswer { .. } => true,
        }
    }

    /// Whether the same code may be tried once more: it was not used up.
    fn may_be_tried_again(&self) -> bool {
        matches!(self, Failure::Busy | Failure::NoAnswer { sent: false, .. })
    }

    /// How severe it is for the operator.
    pub(super) fn level(&self) -> Level {
        if matches!(self, Failure::Errcode(_)) { Level::Error } else { Level::Warn }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refusal) => refusal.fmt(f),
            Failure::TooOften => f.write_str("the user logs in too often (45011)"),
            Failure::Busy => f.write_str("the platform is busy (-1)"),
            Failure::Errcode(errcode) => match meaning(*errcode) {
                Some(meaning) => write!(f, "errcode {errcode}: {meaning}"),
                None => write!(f, "errcode {errcode}"),
            },
            Failure::Unusable(reason) => reason.fmt(f),
            Failure::Status(status) => write!(f, "the platform answered with HTTP status {status}"),
            Failure::NoAnswer { reason, .. } => f.write_str(reason),
        }
    }
}

/// What an operator can do about an `errcode`.
fn meaning(errcode: i64) -> Option<&'static str> {
    Some(match errcode {
        40013 => "the appid is not valid (wechat-appid)",
        40125 => "the secret is not the appid's (wechat-secret-file)",
        41002 => "the appid is missing",
        41004 => "the secret is missing",
        41008 => "the code is missing",
        40243 => "the secret is frozen (wechat-secret-file)",
        _ => return None,
    })
}

/// The client of the platform, which all threads share.
pub(super) struct Client {
    agent: Agent,
    url: String,
    appid: String,
    secret: Secret,
    /// The longest time of an exchange, in all.
    timeout: Duration,
}

impl Client {
    /// Reads the secret.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn new(options: &WechatOptions) -> Result<Self, String> {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(options.timeout))
            // A redirect would carry the secret to somebody else.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(MAX_HEAD_BYTES)
            .input_buffer_size(MAX_HEAD_BYTES)
            .output_buffer_size(MAX_HEAD_BYTES)
            .max_idle_age(MAX_IDLE)
            .max_idle_connections(THREADS)
            .max_idle_connections_per_host(THREADS)
            .user_agent(concat!("sysconn/", env!("CARGO_PKG_VERSION")));
        // A base that is not HTTPS is on this machine, where no proxy is in between.
        let config = if options.url.starts_with("https:") { config } else { config.proxy(None) };
        Ok(Client {
            agent: config.build().new_agent(),
            url: format!("{}{PATH}", options.url),
            appid: options.appid.clone(),
            secret: Secret::open(options.secret_file.clone()).map_err(of_option("wechat-secret-file"))?,
            timeout: options.timeout,
        })
    }

    /// Reads the secret again.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn reload(&self) -> Result<(), String> {
        self.secret.reload()
    }

    /// The account that a code is of. The code is tried a second time, a moment later, where the first try
    /// cannot have used it up and has left time for that.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn exchange(&self, code: &str) -> Result<String, Failure> {
        let began = now();
        match self.ask(code, None) {
            Err(failure) if failure.may_be_tried_again() => {
                sleep(random_wait());
                match self.timeout.saturating_sub(began.elapsed()) {
                    Duration::ZERO => Err(failure),
                    left => self.ask(code, Some(left)),
                }
            }
            result => result,
        }
    }

    /// Asks once. `left`: the longest time, if that is less than the whole.
    fn ask(&self, code: &str, left: Option<Duration>) -> Result<String, Failure> {
        // A thread that ended would leave the codes in the queue unanswered.
        let asked = catch_unwind(AssertUnwindSafe(|| self.get(code, left)));
        let body = asked.unwrap_or_else(|_| {
            Err(Failure::NoAnswer { reason: "the HTTP client panicked".to_owned(), sent: true })
        })?;
        match answer::read(&body) {
            Answer::Openid(openid) => Ok(openid),
            Answer::Errcode(errcode) => Err(Failure::of(errcode)),
            Answer::Unusable(reason) => Err(Failure::Unusable(reason)),
        }
    }

    /// The body of the platform's answer.
    fn get(&self, code: &str, left: Option<Duration>) -> Result<Vec<u8>, Failure> {
        let secret = self.secret.get();
        let query = [
            ("appid", self.appid.as_str()),
            ("secret", &secret),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let mut request = self.agent.get(&self.url).query_pairs(query);
        if left.is_some() {
            request = request.config().timeout_global(left).build();
        }
        let mut response = request.call().map_err(failure)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Failure::Status(status));
        }
        response.body_mut().with_config().limit(MAX_BODY_BYTES as u64).read_to_vec().map_err(failure)
    }
}

fn random_wait() -> Duration {
    Duration::from_millis(MIN_WAIT_MS + RandomState::new().hash_one(()) % (MAX_WAIT_MS - MIN_WAIT_MS + 1))
}

/// The failure in an error of the HTTP client, whose own text may have the URL.
fn failure(error: ureq::Error) -> Failure {
    let (reason, sent) = match error {
        ureq::Error::BodyExceedsLimit(_) => return Failure::Unusable(Unusable::TooLong),
        ureq::Error::Timeout(_) => ("the platform did not answer in time (wechat-timeout)".to_owned(), true),
        ureq::Error::HostNotFound => ("the platform's host has no address (wechat-url)".to_owned(), false),
        ureq::Error::ConnectionFailed => ("no connection to the platform".to_owned(), false),
        ureq::Error::ConnectProxyFailed(_) => {
            ("the proxy (HTTPS_PROXY) does not connect to the platform".to_owned(), false)
        }
        ureq::Error::Io(error) => {
            (format!("the connection to the platform failed: {error}"), was_connected(&error))
        }
        ureq::Error::Rustls(error) => (format!("TLS with the platform failed: {error}"), true),
        ureq::Error::Tls(error) => (format!("TLS with the platform failed: {error}"), true),
        _ => ("the platform's answer is no HTTP".to_owned(), true),
    };
    Failure::NoAnswer { reason: reason.chars().take(MAX_REASON).collect(), sent }
}

/// Whether an error of the network came on a connection, rather than in place of one.
fn was_connected(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable,
    };
    !matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable
    )
}
