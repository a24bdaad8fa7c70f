//! How a node reaches NATS: servers, certificates, credentials.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;

use async_nats::ServerAddr;

use super::credentials::Credentials;

/// The messages that a subscription may hold before the client library drops some.
const SUBSCRIPTION_MESSAGES: usize = 65_536;

/// How a node reaches NATS.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// The servers of one NATS cluster: `nats://HOST:PORT`, or `tls://HOST:PORT`.
    pub servers: Vec<String>,
    /// The certificates that sign the servers' (PEM). Without them the system's count.
    pub ca: Option<PathBuf>,
    /// The node's own certificate (PEM).
    pub cert: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// As whom the node connects.
    pub credentials: Option<Credentials>,
    /// The messages that a subscription may hold before some are dropped.
    pub subscription_messages: usize,
}

/// Why NATS cannot be reached so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NatsConfigError {
    /// No server is named.
    NoServer,
    /// A server is not of the form `nats://HOST:PORT` or `tls://HOST:PORT`.
    Server,
    /// A server's address has a user or a password in it.
    UserInAddress,
    /// A certificate without a key, or a key without a certificate.
    CertWithoutKey,
}

impl Default for NatsConfig {
    fn default() -> Self {
        NatsConfig {
            servers: Vec::new(),
            ca: None,
            cert: None,
            key: None,
            credentials: None,
            subscription_messages: SUBSCRIPTION_MESSAGES,
        }
    }
}

impl NatsConfig {
    /// Checks all but the files.
    ///
    /// # Errors
    /// [`NatsConfigError`].
    pub fn check(&self) -> Result<(), NatsConfigError> {
        if self.servers.is_empty() {
            return Err(NatsConfigError::NoServer);
        }
        for server in &self.servers {
            let has_scheme = server.starts_with("nats://") || server.starts_with("tls://");
            let address = ServerAddr::from_str(server).ok().filter(|address| !address.host().is_empty());
            let address = address.filter(|_| has_scheme).ok_or(NatsConfigError::Server)?;
            if address.has_user_pass() {
                return Err(NatsConfigError::UserInAddress);
            }
        }
        if self.cert.is_some() != self.key.is_some() {
            return Err(NatsConfigError::CertWithoutKey);
        }
        Ok(())
    }

    /// Whether the connection is by TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        let has_files = self.ca.is_some() || self.cert.is_some();
        has_files || self.servers.iter().all(|server| server.starts_with("tls://"))
    }

    /// Whether it is by TLS, and with credentials or a certificate of the node's own.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.is_tls() && (self.credentials.is_some() || self.cert.is_some())
    }

    /// Whether all servers are on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let is_loopback = |server: &String| {
            ServerAddr::from_str(server).is_ok_and(|address| {
                let host = address.host().trim_start_matches('[').trim_end_matches(']');
                host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
            })
        };
        self.servers.iter().all(is_loopback)
    }
}

impl fmt::Display for NatsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NatsConfigError::NoServer => "no server of NATS is named",
            NatsConfigError::Server => "a server of NATS is nats://HOST:PORT or tls://HOST:PORT",
            NatsConfigError::UserInAddress => {
                "users and passwords belong in the file of credentials, not in an address"
            }
            NatsConfigError::CertWithoutKey => "a certificate needs its key, and a key its certificate",
        })
    }
}

impl std::error::Error for NatsConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(servers: &[&str]) -> NatsConfig {
        NatsConfig {
            servers: servers.iter().map(|&server| server.to_owned()).collect(),
            ..NatsConfig::default()
        }
    }

    #[test]
    fn servers_are_checked() {
        for (servers, expected, is_loopback) in [
            (&[][..], Err(NatsConfigError::NoServer), true),
            (&["nats://127.0.0.1:4222"], Ok(()), true),
            (&["nats://[::1]:4222", "tls://localhost:1"], Ok(()), true),
            (&["nats://192.0.2.1:4222"], Ok(()), false),
            (&["nats://127.0.0.1:4222", "nats://nats.example:4222"], Ok(()), false),
            (&["nats.example"], Err(NatsConfigError::Server), false),
            (&["http://nats.example"], Err(NatsConfigError::Server), false),
            (&["nats://"], Err(NatsConfigError::Server), false),
            (&["nats://user:secret@127.0.0.1:4222"], Err(NatsConfigError::UserInAddress), true),
        ] {
            assert_eq!(config(servers).check(), expected, "{servers:?}");
            assert_eq!(config(servers).is_loopback(), is_loopback, "{servers:?}");
        }
    }

    #[test]
    fn tls_and_credentials_make_it_secure() {
        let plain = config(&["nats://127.0.0.1:4222"]);
        let credentials = Credentials::parse("user:secret").ok();
        let path = Some(PathBuf::from("file.pem"));
        let half = NatsConfig { cert: path.clone(), ..plain.clone() };
        assert_eq!(half.check(), Err(NatsConfigError::CertWithoutKey));
        for (name, config, is_tls, is_secure) in [
            ("plain", plain.clone(), false, false),
            ("credentials", NatsConfig { credentials: credentials.clone(), ..plain.clone() }, false, false),
            ("a CA", NatsConfig { ca: path.clone(), ..plain.clone() }, true, false),
            ("both", NatsConfig { ca: path.clone(), credentials, ..plain.clone() }, true, true),
            ("a certificate", NatsConfig { cert: path.clone(), key: path, ..plain }, true, true),
            ("tls://", config(&["tls://nats.example:4222"]), true, false),
        ] {
            assert_eq!((config.is_tls(), config.is_secure()), (is_tls, is_secure), "{name}");
        }
    }
}
