//! Which upgrade requests are accepted, and health checks.

use super::error::ConfigError;
use crate::upgrade::{check_health_path, check_origin, check_path, is_token_byte, path_matches};

/// Which upgrade requests are accepted, and health checks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Upgrades {
    /// The paths that are served; others are answered 404. Empty, the default: all paths.
    ///
    /// A path that ends in `/*`, such as `/ws/*`, matches all that begin with the part before the `*`.
    pub paths: Vec<String>,
    /// The values of `Origin` that are served; others, and requests without one, are answered 403. Empty, the
    /// default: any.
    ///
    /// ASCII case and the default ports of http and https make no difference. `*.` in front of a host name
    /// stands for one or more labels: `https://*.example.com` matches `https://play.example.com` but not
    /// `https://example.com`.
    pub origins: Vec<String>,
    /// The subprotocols that the server speaks. The first of the client's offers that is listed is chosen.
    /// Default: none.
    ///
    /// If none is, the connection continues without a subprotocol, unless
    /// [`subprotocol_required`](Self::subprotocol_required).
    pub subprotocols: Vec<String>,
    /// Whether a client that offers none of [`subprotocols`](Self::subprotocols) is answered 400. Default:
    /// no.
    pub subprotocol_required: bool,
    /// The path of health checks: a GET or HEAD of it, with HTTP/1.0 too, is answered 200, or 503 while the
    /// server drains. Default: `None`, there are none.
    ///
    /// A health check is answered even if the server is full, and counts as no client. No entry of
    /// [`paths`](Self::paths) may match the path. If it is set, a client that will be refused is answered
    /// once its request has arrived; each worker waits for at most 1024 such clients at a time.
    pub health_path: Option<String>,
}

impl Upgrades {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        self.paths.iter().try_for_each(|path| check_path(path)).map_err(ConfigError::Path)?;
        if let Some(path) = &self.health_path {
            check_health_path(path).map_err(ConfigError::HealthPath)?;
            if self.paths.iter().any(|entry| path_matches(entry, path)) {
                return Err(ConfigError::HealthPathServed);
            }
        }
        self.origins.iter().try_for_each(|origin| check_origin(origin)).map_err(ConfigError::Origin)?;
        if !self.subprotocols.iter().all(|name| is_token(name)) {
            return Err(ConfigError::Subprotocol);
        }
        if self.subprotocol_required && self.subprotocols.is_empty() {
            return Err(ConfigError::NoSubprotocol);
        }
        Ok(())
    }
}

/// Whether `name` is a token (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}
