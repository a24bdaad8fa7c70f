//! URLs of WebSocket servers (RFC 6455 §3).

use std::str::FromStr;

/// A URL of a server, `ws://` or `wss://`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// Whether TLS is spoken.
    pub is_tls: bool,
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    /// The port; that of the scheme where none was given.
    pub port: u16,
    /// Host and port as they were given, for the Host header.
    pub authority: String,
    /// Path and query; never empty.
    pub target: String,
}

impl Url {
    /// Whose URL it is, for error lines: without its path and query, which can have a secret.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}://{}", if self.is_tls { "wss" } else { "ws" }, self.authority)
    }
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected ws://HOST:PORT or wss://HOST:PORT, with a path if need be";
        let (is_tls, rest) = match (text.strip_prefix("ws://"), text.strip_prefix("wss://")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => return Err(EXPECTED),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest.split_once(']').ok_or(EXPECTED)?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
            Some(_) => None,
            None => port.is_empty().then_some(if is_tls { 443 } else { 80 }),
        };
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:%".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) || !is_plain(target) {
            return Err(EXPECTED);
        }
        Ok(Url {
            is_tls,
            host: host.to_owned(),
            port: port.filter(|port| *port > 0).ok_or(EXPECTED)?,
            authority: authority.to_owned(),
            target: if target.starts_with('/') { target.to_owned() } else { format!("/{target}") },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_a_port_and_a_target() {
        for (text, is_tls, host, port, authority, target) in [
            ("ws://127.0.0.1:9001", false, "127.0.0.1", 9001, "127.0.0.1:9001", "/"),
            ("wss://game.example", true, "game.example", 443, "game.example", "/"),
            ("ws://game.example/ws?a=b", false, "game.example", 80, "game.example", "/ws?a=b"),
            ("ws://[::1]:9001?x", false, "::1", 9001, "[::1]:9001", "/?x"),
        ] {
            let (host, authority, target) = (host.to_owned(), authority.to_owned(), target.to_owned());
            assert_eq!(text.parse(), Ok(Url { is_tls, host, port, authority, target }), "{text}");
        }
        for text in [
            "",
            "ws://",
            "http://a",
            "127.0.0.1:9001",
            "ws://a:0",
            "ws://a:65536",
            "ws://a:",
            "ws://a:+1",
            "ws://:80",
            "ws://[::1",
            "ws://u@a",
            "ws://a/ b",
            "ws://a/#b",
            "ws://a b",
            "ws://a\r\nX: y",
            "ws://[::1]x",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }
}
