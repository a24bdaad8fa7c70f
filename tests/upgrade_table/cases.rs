//! Upgrade requests, each given by its difference from a good one, and the answer to each.

use Expected::{Accepted, Bad, Refused};
use Part::{Instead, Plus, RequestLine, Sample, Whole, Without};
use sysconn::upgrade::{Fault, Refusal};

/// The request of RFC 6455 §1.2, without what it leaves to choice.
pub(crate) const SAMPLE: [&[u8]; 6] = [
    b"GET /chat HTTP/1.1",
    b"Host: server.example.com",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
];

/// A request, told by what differs from [`SAMPLE`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Sample,
    RequestLine(&'static [u8]),
    Without(&'static str),
    /// The lines that stand where the header of that name stood.
    Instead(&'static str, &'static [u8]),
    /// Lines after the last header.
    Plus(&'static [u8]),
    /// Nothing of the sample.
    Whole(&'static [u8]),
}

impl Part {
    pub(crate) fn bytes(self) -> Vec<u8> {
        let is = |line: &[u8], name: &str| line.starts_with(format!("{name}:").as_bytes());
        let mut lines: Vec<&[u8]> = SAMPLE.to_vec();
        match self {
            Sample => {}
            RequestLine(line) => lines[0] = line,
            Without(name) => lines.retain(|line| !is(line, name)),
            Instead(name, instead) => *lines.iter_mut().find(|line| is(line, name)).unwrap() = instead,
            Plus(more) => lines.push(more),
            Whole(bytes) => return bytes.to_vec(),
        }
        let mut head = lines.join(&b"\r\n"[..]);
        head.extend_from_slice(b"\r\n\r\n");
        head
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    Accepted,
    Bad(Fault),
    Refused(Refusal),
}

pub(crate) const UPGRADE_REQUIRED: Expected = Refused(Refusal::UpgradeRequired);
const BODY: Expected = Bad(Fault::Body);
pub(crate) const HOST: Expected = Bad(Fault::Host);
pub(crate) const KEY: Expected = Bad(Fault::Key);
const LINE_END: Expected = Bad(Fault::LineEnd);
const NAME: Expected = Bad(Fault::HeaderName);
const REPEATED: Expected = Bad(Fault::Repeated);
const REQUEST_LINE: Expected = Bad(Fault::RequestLine);
const TARGET: Expected = Bad(Fault::Target);
const VALUE: Expected = Bad(Fault::HeaderValue);

/// With the empty policy: any path, any origin, no subprotocol.
#[rustfmt::skip]
pub(crate) const CASES: &[(Part, Expected)] = &[
    (Sample, Accepted),
    // The request line.
    (RequestLine(b"POST /chat HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"get /chat HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"OPTIONS * HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"CONNECT a.example:80 HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"GET /chat HTTP/1.0"), Bad(Fault::OldHttp)),
    (RequestLine(b"GET /chat HTTP/1.2"), Bad(Fault::HttpVersion)),
    (RequestLine(b"GET /chat HTTP/1.10"), Bad(Fault::HttpVersion)),
    (RequestLine(b"GET /chat HTTX/1.1"), Bad(Fault::HttpVersion)),
    (RequestLine(b"GET /chat http/1.1"), Bad(Fault::HttpVersion)),
    (RequestLine(b"GET /chat "), REQUEST_LINE),
    (RequestLine(b"GET /chat"), REQUEST_LINE),
    (RequestLine(b"GET"), REQUEST_LINE),
    (RequestLine(b"GET "), REQUEST_LINE),
    (RequestLine(b"GET /"), REQUEST_LINE),
    (RequestLine(b"GET  /chat HTTP/1.1"), REQUEST_LINE),
    (RequestLine(b"GET /chat  HTTP/1.1"), Bad(Fault::Space)),
    (RequestLine(b"GET /chat HTTP/1.1 "), REQUEST_LINE),
    (RequestLine(b"GET /chat x HTTP/1.1"), Bad(Fault::Space)),
    (RequestLine(b"GET\t/chat HTTP/1.1"), REQUEST_LINE),
    (RequestLine(b"GET /ch\tat HTTP/1.1"), Bad(Fault::TargetByte)),
    (RequestLine(b"GET /ch\x01at HTTP/1.1"), Bad(Fault::TargetByte)),
    (RequestLine(b"GET /ch\0at HTTP/1.1"), Bad(Fault::TargetByte)),
    (RequestLine(b"GET /ch\x7fat HTTP/1.1"), Bad(Fault::TargetByte)),
    (RequestLine(b"GET /ch\xc3\xa4t HTTP/1.1"), Bad(Fault::TargetByte)),
    (RequestLine(b"G(T /chat HTTP/1.1"), REQUEST_LINE),
    (RequestLine(b" GET /chat HTTP/1.1"), Bad(Fault::NotHttp)),
    (RequestLine(b""), Bad(Fault::RequestLine)), // the empty line, and then a header in its place
    (RequestLine(b"\r\nGET /chat HTTP/1.1"), Accepted),
    (RequestLine(b"\r\n\r\nGET /chat HTTP/1.1"), Bad(Fault::NotHttp)),
    (RequestLine(b"\nGET /chat HTTP/1.1"), Bad(Fault::NotHttp)),
    (RequestLine(b"\rGET /chat HTTP/1.1"), Bad(Fault::NotHttp)),
    (Whole(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Bad(Fault::HttpVersion)),
    (Whole(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), Bad(Fault::UnexpectedTls)),
    (Whole(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /chat HTTP/1.1\r\n"), Bad(Fault::UnexpectedProxyHeader)),
    (Whole(b"PROXY UNKNOWN\r\n"), Bad(Fault::UnexpectedProxyHeader)),
    (Whole(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"), Bad(Fault::UnexpectedProxyHeader)),
    (Whole(b"\r\n\r\n\0\r\nQUIX\n"), Bad(Fault::NotHttp)),
    (Whole(b"\r\nPROXY /chat HTTP/1.1\r\nHost: a\r\n\r\n"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"PROXYING /chat HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"PUT /chat HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"P /chat HTTP/1.1"), Refused(Refusal::MethodNotAllowed)),
    (RequestLine(b"PR\t /chat HTTP/1.1"), REQUEST_LINE),
    (Whole(b"SSH-2.0-OpenSSH_9.6\r\n"), REQUEST_LINE),
    (Whole(b"GET /chat HTTP/1.1\r\n\r\n"), HOST),
    // The target.
    (RequestLine(b"GET * HTTP/1.1"), TARGET),
    (RequestLine(b"GET a.example:80 HTTP/1.1"), TARGET),
    (RequestLine(b"GET chat HTTP/1.1"), TARGET),
    (RequestLine(b"GET /chat#top HTTP/1.1"), TARGET),
    (RequestLine(b"GET /chat?x#top HTTP/1.1"), TARGET),
    (RequestLine(b"GET ftp://a.example/chat HTTP/1.1"), TARGET),
    (RequestLine(b"GET http:///chat HTTP/1.1"), TARGET),
    (RequestLine(b"GET http://user@a.example/chat HTTP/1.1"), TARGET),
    (RequestLine(b"GET http://a.example#/chat HTTP/1.1"), TARGET),
    (RequestLine(b"GET http:/chat HTTP/1.1"), TARGET),
    // Line ends, names and values.
    (Whole(b"GET /chat HTTP/1.1\nHost: a\n\n"), LINE_END),
    (Whole(b"GET /chat HTTP/1.1\r\nHost: a\n\n"), LINE_END),
    (Whole(b"GET /chat HTTP/1.1\r\nHost: a\r\n\n"), NAME),
    (Whole(b"GET /chat HTTP/1.1\r\nHost: a\r\n\rX"), LINE_END),
    (Plus(b"X-A: 1\rTransfer-Encoding: chunked"), LINE_END),
    (Plus(b"X-A: 1\r\rX-B: 2"), LINE_END),
    (Plus(b"X-A: 1\n"), LINE_END),
    (Plus(b"X-A: 1\r\n folded"), Bad(Fault::FoldedLine)),
    (Plus(b"X-A:\r\n\tfolded"), Bad(Fault::FoldedLine)),
    (Instead("Host", b" Host: a"), Bad(Fault::FoldedLine)),
    (Plus(b"X-A: 1\0"), VALUE),
    (Plus(b"X-A:\x08"), VALUE),
    (Plus(b"X-A: a\x7fb"), VALUE),
    (Plus(b"X-A: \xff\xc0\x80\ta"), Accepted),
    (Plus(b"X-A:"), Accepted),
    (Plus(b"X-A: \t "), Accepted),
    (Plus(b": x"), NAME),
    (Plus(b":"), NAME),
    (Plus(b"X\x01Y: 1"), NAME),
    (Plus(b"X\0: 1"), NAME),
    (Plus(b"X Y: 1"), NAME),
    (Plus(b"\xff: 1"), NAME),
    (Plus(b"X\xc3\xa4: 1"), NAME),
    (Plus(b"X-A"), NAME),
    (Plus(b"(X): 1"), NAME),
    (Plus(b"!#$%&'*+-.^_`|~09azAZ: 1"), Accepted),
    (Instead("Upgrade", b"Upgrade : websocket"), NAME),
    (Instead("Upgrade", b"Upgrade\t: websocket"), NAME),
    // Host.
    (Without("Host"), HOST),
    (Plus(b"Host: server.example.com"), HOST),
    (Plus(b"hOST: other.example.com"), HOST),
    (Instead("Host", b"Host:"), HOST),
    (Instead("Host", b"Host: a.example, b.example"), HOST),
    (Instead("Host", b"Host: a.example,b.example"), HOST),
    (Instead("Host", b"Host: user@a.example"), HOST),
    (Instead("Host", b"Host: a.example/path"), HOST),
    (Instead("Host", b"Host: a b"), HOST),
    (Instead("Host", b"Host: \xc3\xa4.example"), HOST),
    (Instead("Host", b"Host: :80"), HOST),
    (Instead("Host", b"Host: a.example:65536"), HOST),
    (Instead("Host", b"Host: a.example:+80"), HOST),
    (Instead("Host", b"Host: a.example:8a"), HOST),
    (Instead("Host", b"Host: a.example:80:80"), HOST),
    (Instead("Host", b"Host: [::1"), HOST),
    (Instead("Host", b"Host: [::1]80"), HOST),
    (Instead("Host", b"Host: [1.2.3.4]"), HOST),
    (Instead("Host", b"Host: ::1"), HOST),
    (Instead("Host", b"Host: []"), HOST),
    // A body.
    (Plus(b"Content-Length: 0"), Accepted),
    (Plus(b"Content-Length: 1"), BODY),
    (Plus(b"Content-Length: 00"), BODY),
    (Plus(b"Content-Length: -0"), BODY),
    (Plus(b"Content-Length:"), BODY),
    (Plus(b"Content-Length: 0, 0"), BODY),
    (Plus(b"Content-Length: 0\r\nContent-Length: 0"), REPEATED),
    (Plus(b"Transfer-Encoding: chunked"), BODY),
    (Plus(b"tRANSFER-eNCODING: identity"), BODY),
    (Plus(b"Transfer-Encoding:"), BODY),
    // Upgrade and Connection.
    (Without("Upgrade"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade: h2c"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade: websockets"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade: xwebsocket"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade: websocket/13"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade: h2c websocket"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade:"), UPGRADE_REQUIRED),
    (Instead("Upgrade", b"Upgrade:websocket \t"), Accepted),
    (Instead("Upgrade", b"upgrade: WebSocket"), Accepted),
    (Instead("Upgrade", b"Upgrade: h2c, websocket"), Accepted),
    (Instead("Upgrade", b"Upgrade: h2c\r\nUpgrade: websocket"), Accepted),
    (Without("Connection"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: keep-alive"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: Upgraded"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: xUpgrade"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: keep-alive; Upgrade-Insecure"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: keep-alive Upgrade"), UPGRADE_REQUIRED),
    (Instead("Connection", b"Connection: keep-alive, uPgRaDe"), Accepted),
    (Instead("Connection", b"Connection: keep-alive ,\tUpgrade"), Accepted),
    (Instead("Connection", b"Connection: ,, ,Upgrade,"), Accepted),
    (Instead("Connection", b"Connection: keep-alive\r\nCONNECTION: Upgrade"), Accepted),
    // Version.
    (Without("Sec-WebSocket-Version"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version: 12"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version: 8"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version: 0"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version: 013"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version: 13, 8"), UPGRADE_REQUIRED),
    (Instead("Sec-WebSocket-Version", b"Sec-WebSocket-Version:"), UPGRADE_REQUIRED),
    (Plus(b"Sec-WebSocket-Version: 13"), REPEATED),
    // Key: 0, 3, 15, 17 bytes; not base64; no padding; too much; stray bits; the other alphabet.
    (Without("Sec-WebSocket-Key"), KEY),
    (Plus(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), REPEATED),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key:"), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: AAAA"), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA"), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: dGhlIHNhbXBs ZSBub25jZQ=="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: ______________________=="), KEY),
    (Instead("Sec-WebSocket-Key", b"Sec-WebSocket-Key: //////////////////////w=="), KEY),
    (Instead("Sec-WebSocket-Key", b"sec-websocket-key://///////////////////w=="), Accepted),
    // Origin, and what is not used, however odd.
    (Plus(b"Origin: https://a.example\r\nOrigin: https://a.example"), REPEATED),
    (Plus(b"Origin: https://\xc3\xa4.example"), Bad(Fault::Origin)),
    (Plus(b"Origin: null"), Accepted),
    (Plus(b"Expect: 100-continue"), Accepted),
    (Plus(b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"), Accepted),
    (Plus(b"Sec-WebSocket-Extensions: permessage-deflate; x=\"unclosed"), Accepted),
    (Plus(b"Sec-WebSocket-Extensions: constructor, ;;=,"), Accepted),
    (Plus(b"Sec-WebSocket-Protocol: chat, superchat"), Accepted),
    // When several rules are broken: malformed, method, path form, upgrade, key.
    (Whole(b"POST /chat HTTP/1.1\r\n\r\n"), HOST),
    (Whole(b"POST /chat HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), BODY),
    (Whole(b"POST * HTTP/1.1\r\nHost: a\r\n\r\n"), Refused(Refusal::MethodNotAllowed)),
    (Whole(b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"), TARGET),
    (Whole(b"GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: A\r\n\r\n"), UPGRADE_REQUIRED),
];
