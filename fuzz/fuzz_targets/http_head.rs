//! Any bytes as the head of an upgrade request: the same verdict however they arrive, and an answer that an
//! HTTP client can parse.
//!
//! Input: the server's policy (1 byte; odd: the strict one), how the head arrives (1 byte, see
//! [`arrivals`]), then what the client sends.

#![no_main]

use std::cell::RefCell;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sysconn::upgrade::{
    Fault, HeadScanner, Policy, Refusal, Request, asks_for_health, check, write_response,
};
use sysconn_fuzz::{Arrival, arrivals, bounded};

/// The lists of the strict policy: paths, origins, subprotocols.
static LISTED: LazyLock<[Vec<String>; 3]> = LazyLock::new(|| {
    [vec!["/game".into()], vec!["https://game.test".into()], vec!["v2".into(), "v1".into()]]
});

thread_local! {
    static OUT: RefCell<Vec<u8>> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[strictness, choice, ref bytes @ ..] = data else { return };
    let [paths, origins, subprotocols] = &*LISTED;
    let strict = Policy { paths, origins, subprotocols, subprotocol_required: true };
    let policy = if strictness & 1 == 0 { Policy::default() } else { strict };
    bounded(|| {
        let whole = scan(Arrival::WHOLE, bytes);
        for arrival in arrivals(choice, bytes.len()) {
            assert_eq!(scan(arrival, bytes), whole, "{arrival:?}");
        }
        match whole {
            Ok(Some(end)) => {
                check_health(&bytes[..end]);
                OUT.with_borrow_mut(|out| answer(&bytes[..end], &policy, out));
            }
            Ok(None) => assert_eq!(check(bytes, &policy, |_| ()), Err(Fault::Incomplete.into())),
            Err(refusal) => assert_eq!(check(bytes, &policy, |_| ()), Err(refusal)),
        }
    });
});

/// Scans a head in these pieces. Returns where it ends.
fn scan(arrival: Arrival, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut scanner = HeadScanner::default();
    let mut before = 0;
    for piece in arrival.pieces(bytes) {
        match scanner.scan(piece) {
            Ok(Some(end)) => {
                assert_eq!(scanner.len(), before + end);
                assert_eq!(scanner.scan(b"frames"), Ok(Some(0)), "the end is final");
                return Ok(Some(before + end));
            }
            Ok(None) => before += piece.len(),
            Err(refusal) => {
                assert_eq!(scanner.scan(b"GET"), Err(refusal), "a refusal is final");
                return Err(refusal);
            }
        }
    }
    Ok(None)
}

/// Checks that a request that is taken for a health check looks like one.
fn check_health(head: &[u8]) {
    let Ok(true) = asks_for_health(head, "/health") else { return };
    let head = head.strip_prefix(b"\r\n").unwrap_or(head);
    let line = head.split(|byte| *byte == b'\r').next().unwrap();
    assert!(line.starts_with(b"GET ") || line.starts_with(b"HEAD "), "{}", line.escape_ascii());
    assert!(line.windows(7).any(|window| window == b"/health"), "{}", line.escape_ascii());
    assert!(line.ends_with(b" HTTP/1.0") || line.ends_with(b" HTTP/1.1"), "{}", line.escape_ascii());
}

/// Answers a complete head, and parses the answer as a client would.
fn answer(head: &[u8], policy: &Policy<'_>, out: &mut Vec<u8>) {
    out.clear();
    let verdict = check(head, policy, |request| {
        write_response(request, None, out);
        check_accepted(request, policy);
        request.subprotocol().map(str::to_owned)
    });
    if let Err(refusal) = verdict {
        // The scanner and httparse must agree on whether a head is complete.
        assert_ne!(refusal, Fault::Incomplete.into());
        refusal.write(out);
        let mut without_body = vec![];
        refusal.write_to_head(&mut without_body);
        assert!(out.starts_with(&without_body) && without_body.ends_with(b"\r\n\r\n"));
    }

    let mut lines = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut lines);
    let end = response.parse(out).expect("a well-formed response");
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
            assert_eq!(header("Content-Length").and_then(|length| length.parse().ok()), Some(body));
            assert!(header("Connection").is_some_and(|value| value.starts_with("close")));
        }
    }
}

/// Checks an accepted request against the policy.
fn check_accepted(request: &Request<'_>, policy: &Policy<'_>) {
    assert!(request.path().starts_with('/'));
    assert!(policy.paths.is_empty() || policy.paths.iter().any(|path| path == request.path()));
    let origin_listed = |origin: &str| {
        let origin = origin.strip_suffix(":443").unwrap_or(origin);
        policy.origins.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    };
    assert!(policy.origins.is_empty() || request.origin().is_some_and(origin_listed));
    if let Some(chosen) = request.subprotocol() {
        assert!(request.offered_subprotocols().any(|offer| offer == chosen));
        assert!(policy.subprotocols.iter().any(|name| name == chosen));
    }
    assert!(!policy.subprotocol_required || request.subprotocol().is_some());
    for (name, value) in request.cookies() {
        assert!(!name.is_empty() && !name.contains(['=', ';']) && !value.contains(';'));
        let sent = |pair: &str| pair.contains(name) && pair.contains(value);
        assert!(request.values("Cookie").any(|line| sent(&String::from_utf8_lossy(line))));
        assert!(request.cookie(name).is_some());
    }
}
