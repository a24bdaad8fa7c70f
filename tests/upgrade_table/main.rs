//! The WebSocket handshake, from request bytes to answer: each case whole, byte by byte, and cut in two at
//! every place.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod policies;

use proptest::prelude::*;

use cases::CASES;
use cases::Expected::{Accepted, Bad, Refused};
use cases::Part::{Plus, Sample};
use sysconn::config::{MAX_HEAD_BYTES, MAX_HEAD_LINES};
use sysconn::upgrade::{Fault, HeadScanner, Policy, Refusal, Request, accept_key, check, write_response};

/// The result of a scanner for bytes in these pieces: where the head ends, or the error; and the number of
/// bytes of the head.
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
    // Bytes that are in the buffer already must stay.
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
fn the_example_of_the_rfc_is_answered_to_the_byte() {
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
fn a_head_may_be_as_large_as_the_limits() {
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
fn bytes_after_the_head_are_frames() {
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

/// Checks an accepted head against a plain reading of the RFCs, line by line.
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
    fn random_changes_make_no_bad_request_pass(
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
