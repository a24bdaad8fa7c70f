//! Why an upgrade is refused, and the HTTP response that says so.

use std::error::Error;
use std::fmt;

/// What was wrong with a request that is answered 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    // In the order of their numbers in recordings: new ones go to the end, and into `ALL`.
    /// The first bytes do not begin an HTTP/1 request.
    NotHttp,
    /// A trusted proxy sent no valid header of the PROXY protocol before the request.
    ProxyHeader,
    /// A plain HTTP request where TLS is spoken. Found by the reactor, never by a look at the head.
    NotTls,
    /// The request line is not three parts with one space between them (RFC 9112 §3).
    RequestLine,
    /// The version is not exactly `HTTP/1.1`.
    HttpVersion,
    /// The request target is neither a path nor an absolute URI with one, or it has a fragment
    /// (RFC 9112 §3.2, RFC 6455 §3).
    Target,
    /// A CR without LF, or a LF without CR (RFC 9112 §2.2).
    LineEnd,
    /// A header name is not a token directly followed by a colon (RFC 9112 §5.1).
    HeaderName,
    /// A control byte in a header value (RFC 9110 §5.5).
    HeaderValue,
    /// A line that begins with white space and so continues another (RFC 9112 §5.2).
    FoldedLine,
    /// The bytes are not exactly one complete head.
    Incomplete,
    /// Not exactly one Host, or one that is no host (RFC 9112 §3.2).
    Host,
    /// `Sec-WebSocket-Key`, `Sec-WebSocket-Version`, `Content-Length` or `Origin` more than once
    /// (RFC 6455 §11.3.1).
    Repeated,
    /// A `Content-Length` other than 0, or any `Transfer-Encoding`.
    Body,
    /// `Sec-WebSocket-Key` is missing, or is not the base64 of 16 bytes (RFC 6455 §4.2.1).
    Key,
    /// `Origin` is not ASCII (RFC 6454 §6.2).
    Origin,
    /// No subprotocol is offered that the server speaks, and it insists on one (RFC 6455 §4.2.2).
    Subprotocol,
    /// What a trusted proxy has appended to X-Forwarded-For or Forwarded is malformed (RFC 7239 §4).
    Forwarded,
    /// X-Forwarded-For and Forwarded are both there, and name different clients.
    ForwardedTwice,
    /// A header of the PROXY protocol, from a peer that is no trusted proxy.
    UnexpectedProxyHeader,
    /// A TLS record, where TLS is not spoken.
    UnexpectedTls,
    /// The version is `HTTP/1.0`, which has no upgrade.
    OldHttp,
    /// A space in the request target, or more than one before the version.
    Space,
    /// A byte in the request target that has to be percent-encoded (RFC 3986 §2).
    TargetByte,
}

impl Fault {
    /// All of them, each at the place that is its number in recordings.
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

/// Why a connection is not upgraded. Each reason has its HTTP status and response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// 400: malformed, or open to more than one reading.
    BadRequest(Fault),
    /// 403: the origin is not on the allow-list.
    Forbidden,
    /// 404: the path is not served.
    NotFound,
    /// 405: the method is not GET.
    MethodNotAllowed,
    /// 408: the head was not complete in time.
    TooSlow,
    /// 426: no upgrade to `websocket`, or not to version 13.
    UpgradeRequired,
    /// 429: too many connections from that address.
    TooManyConnections,
    /// 431: more bytes or header lines than a head may have.
    HeadTooLarge,
    /// 503: the server is full or draining.
    Unavailable,
    /// The application refuses with a status of its own, 400 to 599. Any other number counts as 403:
    /// a refusal must not read as a success.
    Application(u16),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Refusal::BadRequest(fault)
    }
}

impl Refusal {
    /// Those that are nothing but themselves, each at the place that is its number in recordings: new ones go to the end.
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

    /// The reason phrase that goes with the status (RFC 9110 §15); `Refused` for a status that the
    /// application chose and that is not common.
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

    /// The line of text that is the response's body, without its line end. Never the peer's bytes.
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

    /// Appends the whole response to `out`: status line, headers, and [`text`](Self::text) as the body.
    /// It says that the connection closes; to close it after delivery is the caller's part.
    pub fn write(self, out: &mut Vec<u8>) {
        self.write_to_head(out);
        out.extend_from_slice(self.text().as_bytes());
        out.push(b'\n');
    }

    /// The same as the answer to a HEAD: without the body, whose length is told all the same (RFC 9110 §9.3.2, §8.6).
    pub fn write_to_head(self, out: &mut Vec<u8>) {
        // 429 and 503 say in how many seconds to try again (§10.2.3): a place is free as soon as a client leaves, and a
        // server that drains has others beside it or is soon replaced.
        // 426 names what to upgrade to, and Upgrade must be listed in Connection (RFC 9110 §7.8, §15.5.22);
        // the version that is spoken goes with it (RFC 6455 §4.4). 405 names what is allowed (§15.5.6).
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

/// Not by `write!`, which takes several times as long: refusals come in floods.
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
