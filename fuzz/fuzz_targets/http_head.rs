//! Any bytes as the head of an upgrade request: the same verdict however they arrive, and an answer
//! that an HTTP client can read.
//!
//! Input: where to cut (1 byte), then what the client sends.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sysconn::upgrade::{Fault, HeadScanner, Policy, Refusal, check, write_response};
use sysconn_fuzz::take_cut;

/// What the strict policy lists: paths, origins, subprotocols.
static LISTED: LazyLock<[Vec<String>; 3]> = LazyLock::new(|| {
    [vec!["/game".into()], vec!["https://game.test".into()], vec!["v2".into(), "v1".into()]]
});

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = take_cut(data) else { return };
    let whole = scan([bytes]);
    assert_eq!(scan(bytes.chunks(1)), whole, "byte by byte");
    assert_eq!(scan([&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");

    let [paths, origins, subprotocols] = &*LISTED;
    for policy in [Policy::default(), Policy { paths, origins, subprotocols, subprotocol_required: true }] {
        match whole {
            Ok(Some(end)) => answer(&bytes[..end], &policy),
            Ok(None) => assert_eq!(check(bytes, &policy, |_| ()), Err(Fault::Incomplete.into())),
            Err(refusal) => assert_eq!(check(bytes, &policy, |_| ()), Err(refusal)),
        }
    }
});

/// Where the head ends that comes in these pieces.
fn scan<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Result<Option<usize>, Refusal> {
    let mut scanner = HeadScanner::default();
    let mut before = 0;
    for piece in pieces {
        match scanner.scan(piece) {
            Ok(Some(end)) => {
                assert_eq!(scanner.len(), before + end);
                assert_eq!(scanner.scan(b"frames"), Ok(Some(0)), "the end stays the end");
                return Ok(Some(before + end));
            }
            Ok(None) => before += piece.len(),
            Err(refusal) => {
                assert_eq!(scanner.scan(b"GET"), Err(refusal), "a refusal stays");
                return Err(refusal);
            }
        }
    }
    Ok(None)
}

/// Answers a complete head, and reads the answer as a client would.
fn answer(head: &[u8], policy: &Policy<'_>) {
    let mut out = Vec::new();
    let verdict = check(head, policy, |request| {
        write_response(request, None, &mut out);
        assert!(request.path().starts_with('/'));
        assert!(policy.paths.is_empty() || policy.paths.iter().any(|path| path == request.path()));
        if let Some(chosen) = request.subprotocol() {
            assert!(request.offered_subprotocols().any(|offer| offer == chosen));
            assert!(policy.subprotocols.iter().any(|name| name == chosen));
        }
        assert!(!policy.subprotocol_required || request.subprotocol().is_some());
        request.subprotocol().map(str::to_owned)
    });
    if let Err(refusal) = verdict {
        // The scanner and httparse must agree on what a head is.
        assert_ne!(refusal, Fault::Incomplete.into());
        refusal.write(&mut out);
    }

    let mut lines = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut lines);
    let end = response.parse(&out).expect("a well-formed response");
    let body = out.len() - end.unwrap();
    let header = |name: &str| {
        let mut lines = response.headers.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
        let value = lines.next().map(|line| str::from_utf8(line.value).expect("ASCII"));
        assert!(lines.next().is_none(), "{name} twice");
        value
    };
    match verdict {
        Ok(subprotocol) => {
            assert_eq!((response.code, body), (Some(101), 0));
            assert_eq!((header("Upgrade"), header("Connection")), (Some("websocket"), Some("Upgrade")));
            assert_eq!(header("Sec-WebSocket-Accept").map(str::len), Some(28));
            assert_eq!(header("Sec-WebSocket-Protocol"), subprotocol.as_deref());
            assert_eq!(header("Sec-WebSocket-Extensions"), None);
        }
        Err(refusal) => {
            assert_eq!(response.code, Some(refusal.status()));
            assert_eq!(header("Content-Length"), Some(body.to_string().as_str()));
            assert!(header("Connection").is_some_and(|value| value.starts_with("close")));
        }
    }
}
