//! The client's side of the upgrade (RFC 6455 §4.1).

use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::deadline::Deadline;
use super::error::{ClientError, Ended};
use super::random::random;
use super::url::Url;
use crate::upgrade::accept_key;

/// The longest response, in bytes.
const MAX_HEAD_BYTES: usize = 8192;
/// Bytes of one read.
const READ_BYTES: usize = 1024;

/// What a client says in its upgrade request, for servers that have lists of it. Values are printable ASCII.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The origin of the page that a browser would have.
    pub origin: Option<String>,
    /// A subprotocol, or several with commas between them.
    pub subprotocol: Option<String>,
}

impl Offer {
    /// The header lines.
    fn lines(&self) -> io::Result<String> {
        let headers = [("Origin", &self.origin), ("Sec-WebSocket-Protocol", &self.subprotocol)];
        let mut lines = String::new();
        for (name, value) in headers {
            let Some(value) = value else { continue };
            if value.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("no value for {name}")));
            }
            lines += &format!("{name}: {value}\r\n");
        }
        Ok(lines)
    }
}

/// Upgrades. Returns what has come behind the response.
pub(super) fn upgrade(
    stream: &mut (impl Read + Write),
    url: &Url,
    offer: &Offer,
    deadline: Deadline,
) -> Result<Vec<u8>, ClientError> {
    let key = STANDARD.encode(random::<16>());
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: \
         {key}\r\nSec-WebSocket-Version: 13\r\n{}\r\n",
        url.target,
        url.authority,
        offer.lines()?
    );
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut received = Vec::new();
    let head = read_head(stream, &mut received, deadline)?;
    let (status, lines) = head.split_once("\r\n").unwrap_or((&head, ""));
    if !status.starts_with("HTTP/1.1 101 ") {
        return Err(ClientError::Upgrade(refusal(stream, received, status, deadline)));
    }
    if is_agreed(lines, &accept_key(key.as_bytes()), offer) {
        Ok(received)
    } else {
        Err(ClientError::Protocol)
    }
}

/// Whether the header lines agree to what the request asked for, and to nothing more (RFC 6455 §4.1).
fn is_agreed(lines: &str, accept: &[u8], offer: &Offer) -> bool {
    let values = |wanted: &'static str| {
        let headers = lines.split("\r\n").filter_map(|line| line.split_once(':'));
        headers.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let is_only = |name, is_right: &dyn Fn(&str) -> bool| {
        let mut values = values(name);
        values.next().is_some_and(is_right) && values.next().is_none()
    };
    let is_offered = |value: &str| {
        offer.subprotocol.as_ref().is_some_and(|names| names.split(',').any(|name| name.trim() == value))
    };
    is_only("upgrade", &|value| value.eq_ignore_ascii_case("websocket"))
        && values("connection")
            .any(|value| value.split(',').any(|it| it.trim().eq_ignore_ascii_case("upgrade")))
        && is_only("sec-websocket-accept", &|value| value.as_bytes() == accept)
        && values("sec-websocket-extensions").next().is_none()
        && values("sec-websocket-protocol").all(is_offered)
}

/// The head of the response, without its end. What follows stays in `received`.
fn read_head(
    stream: &mut impl Read,
    received: &mut Vec<u8>,
    deadline: Deadline,
) -> Result<String, ClientError> {
    loop {
        let limited = received.get(..MAX_HEAD_BYTES).unwrap_or(received);
        if let Some(at) = limited.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let rest = received.split_off(at + 4);
            let head = std::mem::replace(received, rest);
            return Ok(String::from_utf8_lossy(head.get(..at).unwrap_or_default()).into_owned());
        }
        if received.len() >= MAX_HEAD_BYTES {
            return Err(ClientError::Protocol);
        }
        deadline.check()?;
        if read_more(stream, received, READ_BYTES)? == 0 {
            return Err(ClientError::Ended(Ended::without_close()));
        }
    }
}

/// A status line, and the first line of the body if one comes.
fn refusal(stream: &mut impl Read, mut body: Vec<u8>, status: &str, deadline: Deadline) -> String {
    while !body.contains(&b'\n')
        && body.len() < MAX_HEAD_BYTES
        && deadline.check().is_ok()
        && read_more(stream, &mut body, READ_BYTES).is_ok_and(|read| read > 0)
    {}
    body.truncate(MAX_HEAD_BYTES);
    let body = String::from_utf8_lossy(&body);
    let line = body.lines().next().unwrap_or_default();
    if line.is_empty() { status.to_owned() } else { format!("{status}: {line}") }
}

/// Reads once, at most so many bytes. Returns how many have come; 0 at the end.
pub(super) fn read_more(stream: &mut impl Read, received: &mut Vec<u8>, at_most: usize) -> io::Result<usize> {
    let before = received.len();
    received.resize(before.saturating_add(at_most), 0);
    let read = loop {
        match stream.read(received.get_mut(before..).unwrap_or_default()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => break result,
        }
    };
    received.truncate(before.saturating_add(*read.as_ref().unwrap_or(&0)));
    read
}
