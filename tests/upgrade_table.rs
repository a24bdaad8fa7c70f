//! The WebSocket handshake, from request bytes to answer: each case whole, byte by byte, and cut in
//! two at every place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use Expected::{Accepted, Bad, Refused};
use Part::{Instead, Plus, RequestLine, Sample, Whole, Without};
use proptest::prelude::*;
use sysconn::config::{MAX_HEAD_BYTES, MAX_HEAD_LINES};
use sysconn::upgrade::{Fault, HeadScanner, Policy, Refusal, Request, accept_key, check, write_response};

/// The request of RFC 6455 §1.2, without what it leaves to choice.
const SAMPLE: [&[u8]; 6] = [
    b"GET /chat HTTP/1.1",
    b"Host: server.example.com",
    b"Upgrade: websocket",
    b"Connection: Upgrade",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
];

/// A request, told by what differs from [`SAMPLE`].
#[derive(Clone, Copy, Debug)]
enum Part {
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
    fn bytes(self) -> Vec<u8> {
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
enum Expected {
    Accepted,
    Bad(Fault),
    Refused(Refusal),
}

const UPGRADE_REQUIRED: Expected = Refused(Refusal::UpgradeRequired);
const BODY: Expected = Bad(Fault::Body);
const HOST: Expected = Bad(Fault::Host);
const KEY: Expected = Bad(Fault::Key);
const LINE_END: Expected = Bad(Fault::LineEnd);
const NAME: Expected = Bad(Fault::HeaderName);
const REPEATED: Expected = Bad(Fault::Repeated);
const REQUEST_LINE: Expected = Bad(Fault::RequestLine);
const TARGET: Expected = Bad(Fault::Target);
const VALUE: Expected = Bad(Fault::HeaderValue);

/// With the empty policy: any path, any origin, no subprotocol.
#[rustfmt::skip]
const CASES: &[(Part, Expected)] = &[
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

/// What a scanner says of bytes that come in these pieces: where the head ends in all of them, or why
/// not; and how many bytes of head it has counted.
fn scan<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> (Result<Option<usize>, Refusal>, usize) {
    let mut scanner = HeadScanner::default();
    let mut before = 0;
    for piece in pieces {
        match scanner.scan(piece) {
            Ok(Some(end)) => {
                assert_eq!(scanner.len(), before + end);
                assert_eq!(scanner.scan(b"frames"), Ok(Some(0)));
                return (Ok(Some(before + end)), scanner.len());
            }
            Ok(None) => before += piece.len(),
            Err(refusal) => {
                assert_eq!(scanner.scan(b"\r\n\r\n"), Err(refusal), "a refusal does not change");
                return (Err(refusal), scanner.len());
            }
        }
    }
    assert_eq!(scanner.is_empty(), before == 0);
    (Ok(None), scanner.len())
}

/// Scans the bytes whole, one by one, and cut in two at every `stride`th place; all must agree.
fn scan_every_way(bytes: &[u8], stride: usize) -> Result<Option<usize>, Refusal> {
    let whole = scan([bytes]);
    assert_eq!(scan(bytes.chunks(1)), whole, "byte by byte: {}", bytes.escape_ascii());
    for cut in (0..=bytes.len()).step_by(stride) {
        let (first, second) = bytes.split_at(cut);
        assert_eq!(scan([first, second]), whole, "cut at {cut}: {}", bytes.escape_ascii());
    }
    whole.0
}

/// The answer to the head that begins these bytes: the 101 response, or the refusal.
fn answer(bytes: &[u8], policy: &Policy<'_>) -> Result<String, Refusal> {
    let end = scan_every_way(bytes, 1)?.unwrap();
    check(&bytes[..end], policy, response)
}

fn response(request: &Request<'_>) -> String {
    // What is there already must stay.
    let mut out = b"before".to_vec();
    write_response(request, None, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
}

#[test]
fn each_request_gets_its_answer() {
    for &(part, expected) in CASES {
        let bytes = part.bytes();
        let name = bytes.escape_ascii().to_string();
        match (answer(&bytes, &Policy::default()), expected) {
            (Ok(response), Accepted) => {
                assert!(response.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{name}");
                let lower = response.to_ascii_lowercase();
                assert!(!lower.contains("protocol:") && !lower.contains("extensions"), "{name}: {response}");
            }
            (Err(refusal), Bad(fault)) => assert_eq!(refusal, Refusal::BadRequest(fault), "{name}"),
            (Err(refusal), Refused(expected)) => assert_eq!(refusal, expected, "{name}"),
            (answer, expected) => panic!("{name}: {answer:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn the_sample_of_the_rfc_is_answered_to_the_letter() {
    assert_eq!(&accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(answer(&Sample.bytes(), &Policy::default()), Ok(format!("{head}\r\n")));

    let subprotocols = ["chat".to_owned()];
    let policy = Policy { subprotocols: &subprotocols, ..Policy::default() };
    let offer = Plus(b"Sec-WebSocket-Protocol: superchat, chat").bytes();
    assert_eq!(answer(&offer, &policy), Ok(format!("{head}Sec-WebSocket-Protocol: chat\r\n\r\n")));
}

#[test]
fn the_first_illegal_byte_is_refused() {
    let head = b"GET / HTTP/1.1\r\n";
    let with = |more: &[u8]| [head, more].concat();
    let lines = "X: 1\r\n".repeat(MAX_HEAD_LINES);
    let cases: Vec<(Vec<u8>, Refusal)> = vec![
        (b"\x16".to_vec(), Fault::UnexpectedTls.into()),
        (b"\x17".to_vec(), Fault::NotHttp.into()),
        (b"PROXY ".to_vec(), Fault::UnexpectedProxyHeader.into()),
        (b"\r\n\r\n\0\r\nQUIT\n".to_vec(), Fault::UnexpectedProxyHeader.into()),
        (b"GET / x".to_vec(), Fault::Space.into()),
        (b"\n".to_vec(), Fault::NotHttp.into()),
        (b"{".to_vec(), Fault::NotHttp.into()),
        (b"\r\n:".to_vec(), Fault::NotHttp.into()),
        (b"\0".to_vec(), Fault::NotHttp.into()),
        (b"\r\n\rX".to_vec(), Fault::NotHttp.into()),
        (b"GET\r".to_vec(), Fault::RequestLine.into()),
        (b"GET  ".to_vec(), Fault::RequestLine.into()),
        (b"GET /\x80".to_vec(), Fault::TargetByte.into()),
        (b"PRI * HTTP/2".to_vec(), Fault::HttpVersion.into()),
        (b"GET / HTTP/1.1 ".to_vec(), Fault::RequestLine.into()),
        (b"GET / HTTP/1.1\n".to_vec(), Fault::LineEnd.into()),
        (with(b" "), Fault::FoldedLine.into()),
        (with(b"X "), Fault::HeaderName.into()),
        (with(b"X\r"), Fault::HeaderName.into()),
        (with(b"X: \0"), Fault::HeaderValue.into()),
        (with(b"X: 1\n"), Fault::LineEnd.into()),
        (with(b"X: 1\rY"), Fault::LineEnd.into()),
        (with(b"\rX"), Fault::LineEnd.into()),
        // One line too many; and a head that is full, so that no byte could end it any more.
        (with(format!("{lines}X").as_bytes()), Refusal::HeadTooLarge),
        ([b"GET /", &[b'a'; MAX_HEAD_BYTES - 5][..]].concat(), Refusal::HeadTooLarge),
        (with(&[b"X: ", &[b'a'; MAX_HEAD_BYTES - 19][..]].concat()), Refusal::HeadTooLarge),
    ];
    for (bytes, refusal) in cases {
        let name = bytes.escape_ascii().to_string();
        let stride = bytes.len() / 64 + 1;
        let (_, before) = bytes.split_last().unwrap();
        assert_eq!(scan_every_way(before, stride), Ok(None), "before the last byte of {name}");
        assert_eq!(scan_every_way(&bytes, stride), Err(refusal), "at the last byte of {name}");
        let more = [&bytes, &b"\r\n\r\n"[..]].concat();
        assert_eq!(scan_every_way(&more, stride), Err(refusal), "after the last byte of {name}");
    }
}

#[test]
fn a_head_may_be_just_as_large_as_the_limits() {
    let sample = Sample.bytes();
    let lines = &sample[..sample.len() - 2];
    let padded = |bytes: usize| {
        let padding = vec![b'a'; bytes - lines.len() - b"X: \r\n\r\n".len()];
        [lines, b"X: ", &padding, b"\r\n\r\n"].concat()
    };
    let numbered = |count: usize| [lines, "X: 1\r\n".repeat(count - 5).as_bytes(), b"\r\n"].concat();
    let target = |bytes: usize| [b"GET /", &vec![b'a'; bytes][..], b" HTTP/1.1\r\n\r\n"].concat();
    for (head, fits) in [
        (padded(MAX_HEAD_BYTES), true),
        (padded(MAX_HEAD_BYTES + 1), false),
        (padded(8 << 20), false),
        (numbered(MAX_HEAD_LINES), true),
        (numbered(MAX_HEAD_LINES + 1), false),
        (numbered(5000), false),
        (target(64 << 10), false),
    ] {
        let scanned = scan_every_way(&head, head.len() / 8 + 1);
        let checked = check(&head, &Policy::default(), |_| ());
        if fits {
            assert_eq!((scanned, checked), (Ok(Some(head.len())), Ok(())));
        } else {
            let refusal = Refusal::HeadTooLarge;
            assert_eq!((scanned, checked), (Err(refusal), Err(refusal)));
        }
    }
}

#[test]
fn what_follows_the_head_is_left_to_the_frames() {
    let head = Sample.bytes();
    for after in [&b"\x82\x80\0\0\0\0\x82\x80\0\0\0\0"[..], b"\x82", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"] {
        let bytes = [&head, after].concat();
        assert_eq!(scan_every_way(&bytes, 1), Ok(Some(head.len())));
        let incomplete = Err(Refusal::BadRequest(Fault::Incomplete));
        assert_eq!(check(&bytes, &Policy::default(), |_| ()), incomplete, "more than one head");
    }
    for cut in 0..head.len() {
        let piece = &head[..cut];
        assert_eq!(scan([piece]).0, Ok(None));
        assert_eq!(check(piece, &Policy::default(), |_| ()), Err(Refusal::BadRequest(Fault::Incomplete)));
    }
}

#[test]
fn targets_and_hosts_are_taken_apart() {
    let server = "server.example.com";
    for (target, path, query, host) in [
        ("/chat", "/chat", None, server),
        ("/", "/", None, server),
        ("/?", "/", Some(""), server),
        ("/a/b?c=d?e/f", "/a/b", Some("c=d?e/f"), server),
        ("//a.example/b", "//a.example/b", None, server),
        ("/%2e%2E/a:b@c", "/%2e%2E/a:b@c", None, server),
        ("/a?u=http://b.example/", "/a", Some("u=http://b.example/"), server),
        ("http://a.example/chat?x", "/chat", Some("x"), "a.example"),
        ("HTTPS://a.example:443/chat", "/chat", None, "a.example:443"),
        ("ws://a.example", "/", None, "a.example"),
        ("wss://[::1]:9001?x/y", "/", Some("x/y"), "[::1]:9001"),
    ] {
        let line = format!("GET {target} HTTP/1.1");
        let head = RequestLine(line.leak().as_bytes()).bytes();
        let seen = check(&head, &Policy::default(), |request| {
            (request.path().to_owned(), request.query().map(str::to_owned), request.host().to_owned())
        });
        assert_eq!(seen, Ok((path.to_owned(), query.map(str::to_owned), host.to_owned())), "{target}");
    }
    for host in
        ["a", "a_b-c~1.example", "127.0.0.1:65535", "a.example:", "[2001:db8::1]", "[::ffff:1.2.3.4]:1"]
    {
        let head = Instead("Host", format!("Host: {host}").leak().as_bytes()).bytes();
        assert_eq!(
            check(&head, &Policy::default(), |request| request.host().to_owned()),
            Ok(host.to_owned())
        );
    }
}

#[test]
fn the_application_sees_the_headers() {
    let head = Plus(b"Cookie:\t a=1 ; b \t\r\ncOOKIE: \xff\r\nX:\r\nOrigin: https://a.example").bytes();
    let names = check(&head, &Policy::default(), |request| {
        assert_eq!(request.header("cookie"), Some(&b"a=1 ; b"[..]));
        assert_eq!(request.header("x"), Some(&b""[..]));
        assert_eq!(request.header("Y"), None);
        assert_eq!(request.origin(), Some("https://a.example"));
        assert_eq!(request.headers().nth(6), Some(("cOOKIE", &b"\xff"[..])));
        request.headers().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    });
    let upgrade = ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];
    assert_eq!(names.unwrap(), [&upgrade[..], &["Cookie", "cOOKIE", "X", "Origin"]].concat());
}

#[test]
fn the_first_offer_that_the_server_speaks_is_chosen() {
    let names = ["chat".to_owned(), "b".to_owned()];
    let none: &[&str] = &[];
    let spaces = format!("Sec-WebSocket-Protocol: b{}x", " ".repeat(3000));
    let many = format!("Sec-WebSocket-Protocol: {}b", "a,".repeat(3900));
    let all_of_many = [vec!["a"; 3900], vec!["b"]].concat();
    for (lines, chosen, offered) in [
        ("X: 1", None, none),
        ("Sec-WebSocket-Protocol:", None, none),
        ("Sec-WebSocket-Protocol: chat", Some("chat"), &["chat"]),
        ("Sec-WebSocket-Protocol: x, b ,\tchat", Some("b"), &["x", "b", "chat"]),
        ("Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: chat,b", Some("chat"), &["x", "chat", "b"]),
        ("Sec-WebSocket-Protocol: Chat, chatter, xchat", None, &["Chat", "chatter", "xchat"]),
        ("Sec-WebSocket-Protocol: ,,\"b\",b c,b;q=1,\u{e4},", None, none),
        (&spaces, None, none),
        (&many, Some("b"), &all_of_many),
    ] {
        let head = Plus(lines.to_owned().leak().as_bytes()).bytes();
        for (subprotocols, chosen) in [(&names[..], chosen), (&[], None)] {
            let policy = Policy { subprotocols, ..Policy::default() };
            let (seen, offers) = check(&head, &policy, |request| {
                let offers: Vec<_> = request.offered_subprotocols().map(str::to_owned).collect();
                let line =
                    request.subprotocol().map(|name| format!("\r\nSec-WebSocket-Protocol: {name}\r\n"));
                assert_eq!(response(request).contains("Protocol: "), line.is_some());
                assert!(line.is_none_or(|line| response(request).contains(&line)));
                (request.subprotocol().map(str::to_owned), offers)
            })
            .unwrap();
            assert_eq!(seen.as_deref(), chosen, "{lines:.80}");
            assert_eq!(offers, offered, "{lines:.80}");
        }
        let strict = Policy { subprotocols: &names, subprotocol_required: true, ..Policy::default() };
        let verdict = check(&head, &strict, |request| request.subprotocol().map(str::to_owned));
        let expected = chosen.map(|name| Some(name.to_owned()));
        assert_eq!(verdict, expected.ok_or(Refusal::BadRequest(Fault::Subprotocol)), "{lines:.80}");
    }
}

#[test]
fn only_listed_paths_and_origins_are_served() {
    let (paths, origins) = (
        ["/chat", "/ws/*"].map(str::to_owned),
        ["https://a.example:443", "null", "https://*.b.example"].map(str::to_owned),
    );
    let policy = Policy { paths: &paths, origins: &origins, ..Policy::default() };
    let (not_found, forbidden) = (Refused(Refusal::NotFound), Refused(Refusal::Forbidden));
    for (line, without, origin, expected) in [
        ("GET /chat HTTP/1.1", "", "https://a.example", Accepted),
        ("GET /chat?x=/other HTTP/1.1", "", "null", Accepted),
        ("GET http://b.example/chat HTTP/1.1", "", "HTTPS://A.example", Accepted),
        ("GET /ws/room1 HTTP/1.1", "", "https://play.b.example:443", Accepted),
        ("GET /ws HTTP/1.1", "", "null", not_found),
        ("GET /chat HTTP/1.1", "", "https://b.example", forbidden),
        ("GET /Chat HTTP/1.1", "", "null", not_found),
        ("GET /chat/ HTTP/1.1", "", "null", not_found),
        ("GET / HTTP/1.1", "", "null", not_found),
        ("GET /%63hat HTTP/1.1", "", "null", not_found),
        ("GET http://b.example HTTP/1.1", "", "null", not_found),
        ("GET /chat HTTP/1.1", "", "https://a.example.net", forbidden),
        ("GET /chat HTTP/1.1", "", "http://a.example", forbidden),
        ("GET /chat HTTP/1.1", "", "https://a.example null", forbidden),
        ("GET /chat HTTP/1.1", "", "", forbidden),
        ("GET /chat HTTP/1.1", "Origin", "", forbidden),
        // When several rules are broken.
        ("POST / HTTP/1.1", "Host", "", HOST),
        ("POST / HTTP/1.1", "Upgrade", "", Refused(Refusal::MethodNotAllowed)),
        ("GET / HTTP/1.1", "Upgrade", "", not_found),
        ("GET / HTTP/1.1", "Sec-WebSocket-Key", "", not_found),
        ("GET /chat HTTP/1.1", "Sec-WebSocket-Version", "", UPGRADE_REQUIRED),
        ("GET /chat HTTP/1.1", "Sec-WebSocket-Key", "", KEY),
    ] {
        let origin = format!("Origin: {origin}");
        let mut lines = SAMPLE.to_vec();
        lines.push(origin.as_bytes());
        lines[0] = line.as_bytes();
        lines.retain(|line| without.is_empty() || !line.starts_with(format!("{without}:").as_bytes()));
        let head = [lines.join(&b"\r\n"[..]), b"\r\n\r\n".to_vec()].concat();
        let expected = match expected {
            Accepted => Ok(()),
            Bad(fault) => Err(Refusal::BadRequest(fault)),
            Refused(refusal) => Err(refusal),
        };
        assert_eq!(answer(&head, &policy).map(|_| ()), expected, "{}", head.escape_ascii());
    }
}

/// What a plain reading of the RFCs says of any accepted head, line by line.
fn assert_plainly_good(head: &[u8]) {
    let text: String = head.iter().map(|&byte| char::from(byte)).collect();
    let text = text.strip_prefix("\r\n").unwrap_or(&text).strip_suffix("\r\n\r\n").unwrap();
    let mut lines = text.split("\r\n");
    let request_line = lines.next().unwrap();
    assert!(request_line.starts_with("GET ") && request_line.ends_with(" HTTP/1.1"));
    assert_eq!(request_line.split(' ').count(), 3);
    let headers: Vec<(String, &str)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    for (name, value) in &headers {
        assert!(
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c))
        );
        assert!(!value.chars().any(|c| c.is_ascii_control() && c != '\t'));
    }
    let values = |name: &str| -> Vec<&str> {
        headers.iter().filter(|header| header.0 == name).map(|header| header.1.trim()).collect()
    };
    assert_eq!(values("host").len(), 1);
    assert_eq!(values("sec-websocket-version"), ["13"]);
    assert_eq!(values("sec-websocket-key").len(), 1);
    assert_eq!(values("sec-websocket-key")[0].len(), 24);
    assert!(values("transfer-encoding").is_empty());
    assert!(values("upgrade").join(",").to_lowercase().contains("websocket"));
    assert!(values("connection").join(",").to_lowercase().contains("upgrade"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A request with a few places changed is refused, or is still a good one; in pieces as in whole.
    #[test]
    fn no_change_makes_a_bad_request_pass(
        case in 0..CASES.len(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..3_u8, prop::sample::select(&b"\0\t\n\r :,=HGaA1/?#*\x16\x7f\xff"[..])),
            0..4,
        ),
    ) {
        let mut bytes = CASES[case].0.bytes();
        for (place, kind, byte) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ if bytes.len() > 1 => drop(bytes.remove(place)),
                _ => {}
            }
        }
        let whole = check(&bytes, &Policy::default(), |_| ());
        match scan_every_way(&bytes, 16) {
            Ok(Some(end)) if end == bytes.len() => {
                if whole.is_ok() {
                    assert_plainly_good(&bytes);
                }
            }
            Ok(_) => prop_assert_eq!(whole, Err(Refusal::BadRequest(Fault::Incomplete))),
            Err(refusal) => prop_assert_eq!(whole, Err(refusal)),
        }
    }
}
