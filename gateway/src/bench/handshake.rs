//! The client's side of the upgrade (RFC 6455 §4.1), in bytes that come in any pieces.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Header, Status};
use sysconn::client::{Offer, Url};
use sysconn::upgrade::accept_key;

use super::random::Random;
use crate::options::shown;

/// The longest response, in bytes.
const MAX_HEAD_BYTES: usize = 8192;
/// Header lines of a response, at most.
const MAX_HEADERS: usize = 64;
/// The length of a key: 16 bytes in base64 (RFC 6455 §4.1).
const KEY_BYTES: usize = 24;
/// The extension as it is offered: no message refers to an earlier one, so one codec serves all connections.
const DEFLATE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// Why an upgrade has failed whose header lines are not as they should be.
const NOT_UNDERSTOOD: &str = "the server's response to the upgrade is not understood";

/// What all upgrades of a run have in common.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// The request, up to its key and from there on.
    before_key: String,
    after_key: String,
    subprotocol: Option<String>,
    deflate: bool,
}

/// An upgrade under way.
#[derive(Debug)]
pub(super) struct Handshake {
    key: [u8; KEY_BYTES],
    /// What has come of a response that is not whole.
    head: Vec<u8>,
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

impl Upgrade {
    pub(super) fn new(url: &Url, offer: &Offer, deflate: bool) -> Self {
        let before_key = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
            url.target, url.authority,
        );
        let mut after_key = "\r\nSec-WebSocket-Version: 13\r\n".to_owned();
        for (name, value) in [("Origin", &offer.origin), ("Sec-WebSocket-Protocol", &offer.subprotocol)] {
            if let Some(value) = value {
                after_key += &format!("{name}: {value}\r\n");
            }
        }
        if deflate {
            after_key += &format!("Sec-WebSocket-Extensions: {DEFLATE}\r\n");
        }
        after_key += "\r\n";
        Upgrade { before_key, after_key, subprotocol: offer.subprotocol.clone(), deflate }
    }

    /// An upgrade, and the request that begins it.
    pub(super) fn begin(&self, random: &mut Random) -> (Handshake, Vec<u8>) {
        let mut nonce = [0; 16];
        for part in nonce.as_chunks_mut().0 {
            *part = random.next().to_ne_bytes();
        }
        let mut key = [0; KEY_BYTES];
        let written = STANDARD.encode_slice(nonce, &mut key);
        debug_assert_eq!(written, Ok(KEY_BYTES));
        let request = [self.before_key.as_bytes(), &key, self.after_key.as_bytes()].concat();
        (Handshake { key, head: Vec::new() }, request)
    }

    /// What the header lines lack, or have too much.
    fn disagreement(&self, key: &[u8], headers: &[Header<'_>]) -> Option<&'static str> {
        let (mut is_upgrade, mut is_connection, mut accept, mut extensions) = (false, false, None, None);
        let mut is_offered = true;
        for header in headers {
            let (name, value) = (header.name, header.value.trim_ascii());
            if name.eq_ignore_ascii_case("upgrade") {
                is_upgrade |= has_word(value, b"websocket");
            } else if name.eq_ignore_ascii_case("connection") {
                is_connection |= has_word(value, b"upgrade");
            } else if name.eq_ignore_ascii_case("sec-websocket-accept") {
                accept = accept.or(Some(value));
            } else if name.eq_ignore_ascii_case("sec-websocket-protocol") {
                is_offered &= self.offers(value);
            } else if name.eq_ignore_ascii_case("sec-websocket-extensions") {
                is_offered &= extensions.is_none();
                extensions = extensions.or(Some(value));
            }
        }
        if !is_upgrade || !is_connection || !is_offered || accept != Some(&accept_key(key)[..]) {
            return Some(NOT_UNDERSTOOD);
        }
        match (self.deflate, extensions) {
            (false, None) => None,
            (false, Some(_)) => Some("the server agrees to an extension that was not offered"),
            (true, Some(value)) if is_deflate(value) => None,
            (true, _) => Some("the server does not agree to permessage-deflate"),
        }
    }

    fn offers(&self, subprotocol: &[u8]) -> bool {
        let mut names = self.subprotocol.iter().flat_map(|names| names.split(','));
        names.any(|name| name.trim().as_bytes() == subprotocol)
    }
}

impl Handshake {
    /// More of the response has come.
    pub(super) fn read(&mut self, bytes: &[u8], upgrade: &Upgrade) -> Response {
        // Most come whole, and need no copy.
        if self.head.is_empty() {
            let response = self.response(bytes, upgrade);
            if response == Response::Incomplete {
                self.head.extend_from_slice(bytes);
            }
            return response;
        }
        self.head.extend_from_slice(bytes);
        self.response(&self.head, upgrade)
    }

    /// What has come so far.
    fn response(&self, head: &[u8], upgrade: &Upgrade) -> Response {
        let limited = head.get(..MAX_HEAD_BYTES).unwrap_or(head);
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(limited) {
            Ok(Status::Complete(end)) if (response.version, response.code) == (Some(1), Some(101)) => {
                match upgrade.disagreement(&self.key, response.headers) {
                    None => Response::Agreed(head.get(end..).unwrap_or_default().to_vec()),
                    Some(line) => Response::Failed(line.to_owned()),
                }
            }
            Ok(Status::Partial) if head.len() >= MAX_HEAD_BYTES => {
                Response::Failed("the server's response is too long".to_owned())
            }
            Ok(Status::Partial) => Response::Incomplete,
            Ok(Status::Complete(end)) => Response::Failed(refusal(limited, limited.get(end..))),
            Err(_) => Response::Failed(refusal(limited, None)),
        }
    }
}

/// What the server answers, with the first line of the body that has come with it.
fn refusal(head: &[u8], body: Option<&[u8]>) -> String {
    let first_line = |bytes: &[u8]| {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    };
    let status = first_line(head);
    if status.starts_with("HTTP/1.1 101 ") {
        return NOT_UNDERSTOOD.to_owned();
    }
    let answer = match body.map(first_line).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{status}: {reason}"),
        None => status,
    };
    format!("the server answered {}", shown(answer))
}

/// Whether a list has this word, without regard to ASCII case.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|it| it.trim_ascii().eq_ignore_ascii_case(word))
}

/// Whether this agrees to the offer: the server must do without context takeover too (RFC 7692 §7.1.1.1).
fn is_deflate(value: &[u8]) -> bool {
    let mut words = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let is_it = words.next() == Some(b"permessage-deflate");
    is_it && words.any(|word| word == b"server_no_context_takeover")
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
            (true, "101 OK", &extension.repeat(2), "not understood"),
            (true, "101 OK", "", "does not agree to permessage-deflate"),
            (true, "101 OK", "Sec-WebSocket-Extensions: permessage-deflate\r\n", "does not agree"),
            (
                false,
                "503 Service Unavailable",
                "",
                "the server answered HTTP/1.1 503 Service Unavailable: rest",
            ),
        ] {
            let upgrade = Upgrade::new(&url, &offer, deflate);
            let (mut handshake, request) = upgrade.begin(&mut Random::new());
            let request = String::from_utf8(request).unwrap();
            assert!(request.starts_with("GET /b?c HTTP/1.1\r\nHost: a.example\r\n"), "{request}");
            assert_eq!(request.contains(DEFLATE), deflate);
            let key = String::from_utf8(accept_key(&handshake.key).to_vec()).unwrap();
            let response = format!("HTTP/1.1 {head}\r\n{}{more}\r\nrest", accept.replace("KEY", &key));
            let (first, last) = response.split_at(response.len() - 10);
            for byte in first.bytes() {
                assert_eq!(handshake.read(&[byte], &upgrade), Response::Incomplete);
            }
            match handshake.read(last.as_bytes(), &upgrade) {
                Response::Agreed(rest) => assert_eq!((&rest[..], expected), (&b"rest"[..], ""), "{more}"),
                Response::Failed(line) => {
                    assert!(!expected.is_empty() && line.contains(expected), "{line}");
                }
                Response::Incomplete => panic!("{response}"),
            }
        }
        let upgrade = Upgrade::new(&url, &offer, false);
        let no_end = ["HTTP/1.1 101 OK\r\na: ", &"b".repeat(MAX_HEAD_BYTES)].concat();
        let agreed = "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let no_accept = format!("{agreed}\r\n");
        let other_accept = format!("{agreed}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
        for (response, expected) in [
            (&no_end[..], "the server's response is too long"),
            ("SSH-2.0-x\r\n", "the server answered SSH-2.0-x"),
            ("HTTP/1.0 101 OK\r\n\r\n", "the server answered HTTP/1.0 101 OK"),
            ("HTTP/1.1 404 Not Found\r\n\r\nno\r\nway\r\n", "the server answered HTTP/1.1 404 Not Found: no"),
            ("HTTP/1.1 101 OK\r\na b: c\r\n\r\n", NOT_UNDERSTOOD),
            // No key, and that of another request.
            (&no_accept, NOT_UNDERSTOOD),
            (&other_accept, NOT_UNDERSTOOD),
        ] {
            let answer = upgrade.begin(&mut Random::new()).0.read(response.as_bytes(), &upgrade);
            assert_eq!(answer, Response::Failed(expected.to_owned()));
        }
    }
}
