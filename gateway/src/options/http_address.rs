//! The address of an HTTP server that a tool of the program asks.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;

/// Where an HTTP server is. Only its root is named: the tools know the paths below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HttpAddress {
    /// `http://HOST[:PORT]` or `https://HOST[:PORT]`, without a slash at its end.
    Url(String),
    /// `unix:PATH`, the path of a Unix domain socket.
    Unix(PathBuf),
}

impl HttpAddress {
    /// The URL to which a path is appended. That of a Unix socket names this machine.
    pub(crate) fn base(&self) -> &str {
        match self {
            HttpAddress::Url(url) => url,
            HttpAddress::Unix(_) => "http://127.0.0.1",
        }
    }

    /// Whether the server is asked over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.base().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

impl FromStr for HttpAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected http://HOST:PORT, https://HOST:PORT or unix:PATH";
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(EXPECTED) } else { Ok(HttpAddress::Unix(path.into())) };
        }
        let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
        let authority = uri.authority().ok_or(EXPECTED)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_root = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains('#');
        let has_port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => true,
            // `port_u16` takes any text behind a colon, and answers `None` to what is no port.
            Some(_) => authority.port_u16().is_some_and(|port| port > 0),
            None => false,
        };
        if !is_http || !is_root || !has_port || authority.host().is_empty() {
            return Err(EXPECTED);
        }
        Ok(HttpAddress::Url(text.trim_end_matches('/').to_owned()))
    }
}

/// As it was given.
impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpAddress::Url(url) => f.write_str(url),
            HttpAddress::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_root_of_a_server_or_a_socket() {
        for (text, base) in [
            ("http://127.0.0.1:9090", "http://127.0.0.1:9090"),
            ("http://[::1]:9090/", "http://[::1]:9090"),
            ("https://admin.example", "https://admin.example"),
            ("unix:/run/sysconn/admin", "http://127.0.0.1"),
        ] {
            let address: HttpAddress = text.parse().unwrap();
            assert_eq!(address.base(), base);
            assert_eq!(address.to_string(), text.trim_end_matches('/'));
            assert_eq!(address.is_tls(), base.starts_with("https"));
        }
        for text in [
            "",
            "unix:",
            "127.0.0.1:9090",
            "ws://a",
            "http://",
            "http://:80",
            "http://a:0",
            "http://a:x",
            "http://a:65536",
            "http://a:",
            "http://u@a",
            "http://a/api",
            "http://a?b",
            "http://a#b",
            "http://a b",
        ] {
            assert!(text.parse::<HttpAddress>().is_err(), "{text}");
        }
    }
}
