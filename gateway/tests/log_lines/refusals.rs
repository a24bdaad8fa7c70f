//! Upgrades that are refused: each status has its line, with the reason and the path, but no secrets.

use std::collections::BTreeSet;

use rustix::process::Signal;

use super::{line_with, log, serve};
use crate::common::{Client, Program, statuses, still_serves};

/// A good request for a path, with changes.
fn request(path: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: secret\r\nOrigin: https://a.example\r\n\r\n"
    );
    change(head).into_bytes()
}

const WAY: &str = "path=\"/way\"";

/// The name of the case; the request; the parts of the log line.
type Row = (&'static str, Vec<u8>, &'static [&'static str]);

/// Refusals by a server with a path, an origin, and little time for a request.
fn requests() -> Vec<Row> {
    let as_it_is = |head: String| head;
    vec![
        (
            "no Host",
            request("/way?secret", |head| head.replace("Host", "Ghost")),
            &["status=400", "exactly one Host", WAY],
        ),
        (
            "HTTP/1.0",
            request("/way?secret", |head| head.replace("/1.1", "/1.0")),
            &["status=400", "HTTP/1.0", WAY],
        ),
        (
            "a space",
            request("/way there?secret", as_it_is),
            &["status=400", "a space in the request target", WAY],
        ),
        (
            "a byte",
            b"GET /way/\x1b[2J\r\n".to_vec(),
            &["status=400", "percent-encoded", r#"path="/way/\u{1b}[2J""#],
        ),
        (
            "PROXY 1",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".to_vec(),
            &["status=400", "PROXY protocol header, which is not expected"],
        ),
        (
            "PROXY 2",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec(),
            &["status=400", "PROXY protocol header, which is not expected"],
        ),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0".to_vec(), &["status=400", "TLS, which this port does not speak"]),
        (
            "the origin",
            request("/way?secret", |head| head.replace("a.example", "b.example\u{202e}")),
            &["status=400", "malformed Origin"],
        ),
        (
            "the origin",
            request("/way?secret", |head| head.replace("a.example", "b.example")),
            &["status=403", "origin", "https://b.example", WAY],
        ),
        ("the path", request("/way/out?secret", as_it_is), &["status=404", "path", "path=\"/way/out\""]),
        (
            "the method",
            request("/way?secret", |head| head.replace("GET", "PUT")),
            &["status=405", "must be GET", WAY],
        ),
        (
            "no time",
            b"GET /way?secret HTTP/1.1\r\nCookie: secret\r\n".to_vec(),
            &["status=408", "handshake-timeout", WAY],
        ),
        (
            "no upgrade",
            request("/way?secret", |head| head.replace("Upgrade: w", "X: w")),
            &["status=426", "upgrade to websocket", WAY],
        ),
        (
            "a large head",
            request("/way?secret", |head| head.replace("secret", &"x".repeat(9000))),
            &["status=431", "too large", WAY],
        ),
    ]
}

/// Refusals by a server that trusts a proxy and requires a subprotocol.
fn behind_proxies() -> Vec<Row> {
    let with = |lines: &str| request("/", |head| head.replace("\r\n\r\n", &format!("\r\n{lines}\r\n\r\n")));
    vec![
        ("no subprotocol", with("X: y"), &["status=400", "no subprotocol is offered"]),
        (
            "a malformed address",
            with("X-Forwarded-For: nonsense"),
            &["status=400", "malformed X-Forwarded-For"],
        ),
        (
            "two that differ",
            with("X-Forwarded-For: 192.0.2.7\r\nForwarded: for=192.0.2.8"),
            &["status=400", "name different clients"],
        ),
    ]
}

/// Has each refused, and finds its only line. Returns the statuses.
fn have_refused(program: &Program, rows: Vec<Row>) -> Vec<u16> {
    let refused = |(case, bytes, parts): Row| {
        let before = log(program).lines().count();
        let mut client = Client::raw(program.address());
        client.send(&bytes);
        let (status, ..) = client.read_refusal();
        let peer = format!("peer={}", client.stream.local_addr().unwrap());
        let line = line_with(program, &[&["upgrade refused id=", &peer], parts].concat());
        assert!(line.contains(&format!("status={status}")), "{case}: {line}");
        assert!(!line.contains("Cookie") && !line.contains("secret"), "{case}: {line}");
        assert_eq!(log(program).lines().count(), before + 1, "{case} has one line");
        status
    };
    rows.into_iter().map(refused).collect()
}

#[test]
fn each_refusal_has_its_line() {
    let options = ["--path", "/way", "--origin", "https://a.example", "--handshake-timeout", "300ms"];
    let mut found: BTreeSet<_> = have_refused(&serve(&options), requests()).into_iter().collect();
    let options = ["--auth", "open", "--forwarded-for", "127.0.0.1", "--subprotocol", "game"];
    let program = serve(&[&options[..], &["--subprotocol-required"]].concat());
    found.extend(have_refused(&program, behind_proxies()));
    let program = serve(&["--auth", "open", "--proxy-protocol", "127.0.0.1"]);
    let request = request("/", |head| head);
    found.extend(have_refused(&program, vec![("no header", request, &["status=400", "no valid PROXY"])]));
    found.extend(too_many_or_too_late());
    assert_eq!(found, statuses());
}

fn too_many_or_too_late() -> Vec<u16> {
    let mut found = vec![];
    for (option, reason) in [
        ("--max-connections", "the server is full (max-connections)"),
        ("--max-connections-per-ip", "(max-connections-per-ip)"),
    ] {
        let program = serve(&[option, "1"]);
        let _first = Client::connect(program.address());
        let mut client = Client::raw(program.address());
        let (status, head, _) = client.read_refusal();
        assert!(head.contains("\r\nRetry-After: 5\r\n"), "{head}");
        line_with(&program, &["upgrade refused id=", &format!("status={status}"), reason]);
        found.push(status);
    }
    let program = serve(&["--drain-timeout", "5s"]);
    let mut client = Client::raw(program.address());
    client.send(b"GET /late HTTP/1.1\r\n");
    // Once a later client was served, this one has been accepted.
    still_serves(program.address());
    program.signal(Signal::TERM);
    let (status, ..) = client.read_refusal();
    line_with(&program, &[&format!("status={status}"), "the server drains", "path=\"/late\""]);
    found.push(status);
    found
}
