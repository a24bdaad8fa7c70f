//! The reasons for which an upgrade is refused, each with its HTTP response.

use std::error::Error;
use std::fmt;

/// The reason for which a request is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    // The order is that of the numbers in recordings: add new variants at the end, and to `ALL`.
    /// The first bytes do not begin an HTTP/1 request.
    NotHttp,
    /// A trusted proxy sent no valid header of the PROXY protocol before the request.
    ProxyHeader,
    /// A plain HTTP request came where TLS is spoken. The reactor finds this, not a check of the head.
    NotTls,
    /// The request line is not three parts with single spaces between them (RFC 9112 §3).
    RequestLine,
    /// The version is not exactly `HTTP/1.1`.
    HttpVersion,
    /// The request target is neither a path nor an absolute URI with one, or it has a fragment
    /// (RFC 9112 §3.2, RFC 6455 §3).
    Target,
    /// A line does not end with CR LF (RFC 9112 §2.2).
    LineEnd,
    /// A header name is not a token directly followed by a colon (RFC 9112 §5.1).
    HeaderName,
    /// A header value contains a control byte (RFC 9110 §5.5).
    HeaderValue,
    /// A header line is folded: the next line begins with white space (RFC 9112 §5.2).
    FoldedLine,
    /// The bytes are not exactly one complete head.
    Incomplete,
    /// `Host` is missing, repeated, or not a host (RFC 9112 §3.2).
    Host,
    /// `Sec-WebSocket-Key`, `Sec-WebSocket-Version`, `Content-Length` or `Origin` is repeated (RFC 6455
    /// §11.3.1).
    Repeated,
    /// The request has a body: a `Content-Length` other than 0, or a `Transfer-Encoding`.
    Body,
    /// `Sec-WebSocket-Key` is missing, or is not the base64 of 16 bytes (RFC 6455 §4.2.1).
    Key,
    /// `Origin` is not ASCII (RFC 6454 §6.2).
    Origin,
    /// The client offers no subprotocol that the server speaks, and one is required (RFC 6455 §4.2.2).
    Subprotocol,
    /// The part of `X-Forwarded-For` or `Forwarded` that a trusted proxy has appended is malformed (RFC 7239
    /// §4).
    Forwarded,
    /// `X-Forwarded-For` and `Forwarded` name different clients.
    ForwardedTwice,
    /// A header of the PROXY protocol came from a peer that is not a trusted proxy.
    UnexpectedProxyHeader,
    /// A TLS record came where TLS is not spoken.
    UnexpectedTls,
    /// The version is `HTTP/1.0`, which has no upgrades.
    OldHttp,
    /// The request target contains a space, or more than one space precedes the version.
    Space,
    /// The request target contains a byte that must be percent-encoded (RFC 3986 §2).
    TargetByte,
}

impl Fault {
    /// All variants; the index of each is its number in recordings.
    pub(crate) const ALL: [Fault; 24] = [
        Fault::NotHttp,
        Fault::ProxyHeader,
        Fault::NotTls,
        Fault::RequestLine,
        Fault::HttpVersion,
        Fault::Target,
        Fault::LineEnd,
        Fault::HeaderName,
        Fault::HeaderValue,
        Fault::FoldedLine,
        Fault::Incomplete,
        Fault::Host,
        Fault::Repeated,
        Fault::Body,
        Fault::Key,
        Fault::Origin,
        Fault::Subprotocol,
        Fault::Forwarded,
        Fault::ForwardedTwice,
        Fault::UnexpectedProxyHeader,
        Fault::UnexpectedTls,
        Fault::OldHttp,
        Fault::Space,
        Fault::TargetByte,
    ];

    /// The description in the body of the response.
    fn text(self) -> &'static str {
        match self {
            Fault::NotHttp => "not an HTTP/1.1 request",
            Fault::ProxyHeader => "no valid PROXY protocol header before the request",
            Fault::NotTls => "this port speaks TLS: use wss:// and not ws:// (tls-cert)",
            Fault::RequestLine => {
                "the request line must be GET, a path and HTTP/1.1, with one space between them"
            }
            Fault::HttpVersion => "the version must be HTTP/1.1",
            Fault::Target => "malformed request target",
            Fault::LineEnd => "each line must end with CR LF",
            Fault::HeaderName => "malformed header name",
            Fault::HeaderValue => "control byte in a header value",
            Fault::FoldedLine => "folded header line",
            Fault::Incomplete => "not one complete request head",
            Fault::Host => "there must be exactly one Host, and a valid one",
            Fault::Repeated => "a header that may appear once is repeated",
            Fault::Body => "the request must not have a body",
            Fault::Key => "Sec-WebSocket-Key must be the base64 of 16 bytes",
            Fault::Origin => "malformed Origin",
            Fault::Subprotocol => "no subprotocol is offered that is spoken here",
            Fault::Forwarded => "a proxy sends a malformed X-Forwarded-For or Forwarded",
            Fault::ForwardedTwice => "X-Forwarded-For and Forwarded name different clients",
            Fault::UnexpectedProxyHeader => {
                "a PROXY protocol header, which is not expected from this address (proxy-protocol)"
            }
            Fault::UnexpectedTls => {
                "TLS, which this port does not speak: use ws:// and not wss:// (tls-cert)"
            }
            Fault::OldHttp => "HTTP/1.0, which has no upgrade: a proxy has to be told to use HTTP/1.1",
            Fault::Space => "a space in the request target, which has to be %20",
            Fault::TargetByte => "a byte in the request target that has to be percent-encoded",
        }
    }
}

/// Why an upgrade is refused. Each reason has an HTTP status and a line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// 400: the request is malformed or ambiguous.
    BadRequest(Fault),
    /// 403: the origin is not in [`Upgrades::origins`](crate::config::Upgrades::origins).
    Forbidden,
    /// 404: the path is not served.
    NotFound,
    /// 405: the method is not GET.
    MethodNotAllowed,
    /// 408: the request was not complete within the handshake timeout.
    TooSlow,
    /// 426: the request is not for an upgrade to `websocket` version 13.
    UpgradeRequired,
    /// 429: the address has too many connections.
    TooManyConnections,
    /// 431: the head has too many bytes or header lines.
    HeadTooLarge,
    /// 503: the server is full or draining.
    Unavailable,
    /// The application refuses the request with this status, 400 to 599. Any other number counts as 403, so
    /// that a refusal is never a success.
    Application(u16),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::BadRequest(fault)
    }
}

impl Refusal {
    /// All variants without a field; the index of each is its number in recordings. Add new ones at the end.
    pub(crate) const PLAIN: [Refusal; 8] = [
        Refusal::Forbidden,
        Refusal::NotFound,
        Refusal::MethodNotAllowed,
        Refusal::TooSlow,
        Refusal::UpgradeRequired,
        Refusal::TooManyConnections,
        Refusal::HeadTooLarge,
        Refusal::Unavailable,
    ];

    /// The HTTP status, 400 to 599.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Refusal::BadRequest(_) => 400,
            Refusal::Forbidden => 403,
            Refusal::NotFound => 404,
            Refusal::MethodNotAllowed => 405,
            Refusal::TooSlow => 408,
            Refusal::UpgradeRequired => 426,
            Refusal::TooManyConnections => 429,
            Refusal::HeadTooLarge => 431,
            Refusal::Unavailable => 503,
            Refusal::Application(status @ 400..=599) => status,
            Refusal::Application(_) => 403,
        }
    }

    /// The reason phrase of the status (RFC 9110 §15); `Refused` for an uncommon status of the application's.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self.status() {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            409 => "Conflict",
            410 => "Gone",
            426 => "Upgrade Required",
            429 => "Too Many Requests",
            431 => "Request Header Fields Too Large",
            500 => "Internal Server Error",
            503 => "Service Unavailable",
            _ => "Refused",
        }
    }

    /// The body of the response: one line, without its line end. It contains no bytes of the peer's.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Refusal::BadRequest(fault) => fault.text(),
            Refusal::Forbidden => "this origin is not allowed",
            Refusal::NotFound => "nothing is served at this path",
            Refusal::MethodNotAllowed => "the method must be GET",
            Refusal::TooSlow => "the request was not complete in time",
            Refusal::UpgradeRequired => "upgrade to websocket, version 13",
            Refusal::TooManyConnections => "too many connections from this address",
            Refusal::HeadTooLarge => "the request head is too large",
            Refusal::Unavailable => "the server takes no more connections now",
            Refusal::Application(_) => "the application refused the upgrade",
        }
    }

    /// Appends the whole response: status line, headers, and [`text`](Self::text) as the body.
    ///
    /// It says that the connection closes; the caller must close it after delivery.
    pub fn write(self, out: &mut Vec<u8>) {
        self.write_to_head(out);
        out.extend_from_slice(self.text().as_bytes());
        out.push(b'\n');
    }

    /// Appends the response to a HEAD request: without the body, but with its length (RFC 9110 §9.3.2, §8.6).
    pub fn write_to_head(self, out: &mut Vec<u8>) {
        // 405 lists the allowed methods (RFC 9110 §15.5.6). 426 names the protocol, in Upgrade and Connection
        // (§7.8, §15.5.22), and its version (RFC 6455 §4.4). 429 and 503 say after how many seconds to try
        // again (§10.2.3): by then another client may have left, or another server may have taken over.
        let connection = match self.status() {
            405 => "Connection: close\r\nAllow: GET\r\n",
            426 => "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            429 | 503 => "Connection: close\r\nRetry-After: 5\r\n",
            _ => "Connection: close\r\n",
        };
        out.extend_from_slice(b"HTTP/1.1 ");
        push_decimal(out, self.status().into());
        out.push(b' ');
        out.extend_from_slice(self.reason().as_bytes());
        out.extend_from_slice(b"\r\nContent-Type: text/plain\r\nContent-Length: ");
        push_decimal(out, self.text().len().saturating_add(1));
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(connection.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends a number in decimal. `write!` would take several times as long, and refusals come in floods.
fn push_decimal(out: &mut Vec<u8>, number: usize) {
    if number >= 10 {
        push_decimal(out, number / 10);
    }
    out.push(b'0' + (number % 10) as u8);
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status(), self.reason(), self.text())
    }
}

impl Error for Refusal {}
