//! The client's side of the upgrade (RFC 6455 §4.1), in bytes that come in any pieces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sysconn::client::{Offer, Url};
use sysconn::upgrade::accept_key;

use super::random::Random;
use crate::options::shown;

/// The longest response, in bytes.
const MAX_HEAD_BYTES: usize = 8192;
/// The extension as it is offered: no message refers to an earlier one, so one codec serves all connections.
const DEFLATE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// An upgrade under way.
#[derive(Debug)]
pub(super) struct Handshake {
    key: String,
    head: Vec<u8>,
    subprotocol: Option<String>,
    deflate: bool,
}

/// A response so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Response {
    Incomplete,
    /// The server agrees. These bytes came behind the response.
    Agreed(Vec<u8>),
    /// It does not, or is no WebSocket server: why.
    Failed(String),
}

impl Handshake {
    /// An upgrade, and the request that begins it.
    pub(super) fn begin(url: &Url, offer: &Offer, deflate: bool, random: &mut Random) -> (Self, Vec<u8>) {
        let key = STANDARD.encode([random.next().to_ne_bytes(), random.next().to_ne_bytes()].concat());
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n",
            url.target, url.authority,
        );
        for (name, value) in [("Origin", &offer.origin), ("Sec-WebSocket-Protocol", &offer.subprotocol)] {
            if let Some(value) = value {
                request += &format!("{name}: {value}\r\n");
            }
        }
        if deflate {
            request += &format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n");
        }
        request += "\r\n";
        let handshake = Handshake { key, head: Vec::new(), subprotocol: offer.subprotocol.clone(), deflate };
        (handshake, request.into_bytes())
    }

    /// More of the response has come.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Response {
        self.head.extend_from_slice(bytes);
        let limited = self.head.get(..MAX_HEAD_BYTES).unwrap_or(&self.head);
        let Some(at) = limited.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return match self.head.len() >= MAX_HEAD_BYTES {
                true => Response::Failed("the server's response is too long".to_owned()),
                false => Response::Incomplete,
            };
        };
        let rest = self.head.split_off(at + 4);
        let head = String::from_utf8_lossy(self.head.get(..at).unwrap_or_default());
        let (status, lines) = head.split_once("\r\n").unwrap_or((&head, ""));
        if !status.starts_with("HTTP/1.1 101") {
            return Response::Failed(format!("the server answered {}", shown(status)));
        }
        match self.disagreement(lines) {
            None => Response::Agreed(rest),
            Some(line) => Response::Failed(line.to_owned()),
        }
    }

    /// What the header lines lack, or have too much.
    fn disagreement(&self, lines: &str) -> Option<&'static str> {
        let values = |wanted: &'static str| {
            let headers = lines.split("\r\n").filter_map(|line| line.split_once(':'));
            headers.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
        };
        let has_word = |name, word: &str| {
            values(name).flat_map(|value| value.split(',')).any(|it| it.trim().eq_ignore_ascii_case(word))
        };
        let accept = accept_key(self.key.as_bytes());
        let is_offered = |value: &str| {
            let names = self.subprotocol.iter().flat_map(|names| names.split(','));
            names.into_iter().any(|name| name.trim() == value)
        };
        let mut extensions = values("sec-websocket-extensions");
        if !has_word("upgrade", "websocket")
            || !has_word("connection", "upgrade")
            || values("sec-websocket-accept").next().map(str::as_bytes) != Some(&accept[..])
            || !values("sec-websocket-protocol").all(is_offered)
        {
            return Some("the server's response to the upgrade is not understood");
        }
        match (self.deflate, extensions.next()) {
            (false, None) => None,
            (false, Some(_)) => Some("the server agrees to an extension that was not offered"),
            (true, Some(value)) if is_deflate(value) => None,
            (true, _) => Some("the server does not agree to permessage-deflate"),
        }
    }
}

/// Whether this agrees to the offer: the server must do without context takeover too (RFC 7692 §7.1.1.1).
fn is_deflate(value: &str) -> bool {
    let mut words = value.split(';').map(str::trim);
    let is_it = words.next() == Some("permessage-deflate");
    is_it && words.any(|word| word == "server_no_context_takeover")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_agrees_or_says_why_not() {
        let url = "ws://a.example/b?c".parse().unwrap();
        let offer = Offer { origin: None, subprotocol: Some("x, y".to_owned()) };
        let accept = "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: KEY\r\n";
        let extension = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
        for (deflate, head, more, expected) in [
            (false, "101 OK", "", ""),
            (false, "101 OK", "Sec-WebSocket-Protocol: y\r\n", ""),
            (false, "101 OK", "Sec-WebSocket-Protocol: z\r\n", "not understood"),
            (false, "101 OK", extension, "was not offered"),
            (true, "101 OK", extension, ""),
            (true, "101 OK", "", "does not agree to permessage-deflate"),
            (true, "101 OK", "Sec-WebSocket-Extensions: permessage-deflate\r\n", "does not agree"),
            (false, "503 Service Unavailable", "", "the server answered HTTP/1.1 503 Service Unavailable"),
        ] {
            let (mut handshake, request) = Handshake::begin(&url, &offer, deflate, &mut Random::new());
            let request = String::from_utf8(request).unwrap();
            assert!(request.starts_with("GET /b?c HTTP/1.1\r\nHost: a.example\r\n"), "{request}");
            assert_eq!(request.contains(DEFLATE), deflate);
            let key = String::from_utf8(accept_key(handshake.key.as_bytes()).to_vec()).unwrap();
            let response = format!("HTTP/1.1 {head}\r\n{}{more}\r\nrest", accept.replace("KEY", &key));
            let (first, last) = response.split_at(response.len() - 10);
            for byte in first.bytes() {
                assert_eq!(handshake.read(&[byte]), Response::Incomplete);
            }
            match handshake.read(last.as_bytes()) {
                Response::Agreed(rest) => assert_eq!((&rest[..], expected), (&b"rest"[..], ""), "{more}"),
                Response::Failed(line) => {
                    assert!(!expected.is_empty() && line.contains(expected), "{line}");
                }
                Response::Incomplete => panic!("{response}"),
            }
        }
        let (mut handshake, _) = Handshake::begin(&url, &offer, false, &mut Random::new());
        let endless = handshake.read(&[b'a'; MAX_HEAD_BYTES]);
        assert_eq!(endless, Response::Failed("the server's response is too long".to_owned()));
    }
}
