//! What the real program logs of its clients: each refusal and each close code has its line, with the reason.

#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, Program, Reply, frame, join, part};
use rustix::process::Signal;
use sysconn::frame::Opcode;

fn serve(more: &[&str]) -> Program {
    Program::start(&[&["serve", "--listen", "127.0.0.1:0"], more].concat())
}

fn log(program: &Program) -> String {
    String::from_utf8(program.log()).unwrap()
}

/// Waits for a line that has all of these parts; the line.
fn line_with(program: &Program, parts: &[&str]) -> String {
    let mut found = None;
    common::eventually(&format!("a line has {parts:?}"), || {
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        found = log(program).lines().find(has_all).map(str::to_owned);
        found.is_some()
    });
    found.unwrap()
}

/// A good request for a path, with changes.
fn request(path: &str, change: impl Fn(String) -> String) -> Vec<u8> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: secret\r\nOrigin: https://a.example\r\n\r\n"
    );
    change(head).into_bytes()
}

fn field(number: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![number << 3];
    let mut rest = value;
    while rest >= 128 {
        bytes.push(rest as u8 | 128);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}

fn text(number: u8, text: &str) -> Vec<u8> {
    let mut bytes = field(number, text.len() as u64);
    bytes[0] |= 2;
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// Asks for a login: the ErrorID.
fn log_in(client: &mut Client, account: &str, role_id: u64, kind: u64) -> u16 {
    let login = [text(1, account), text(2, "test"), field(3, 1), field(4, role_id), field(5, kind)].concat();
    client.send_packet(1002, 2, &login);
    client.reply().error_id
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_refusal_has_its_line() {
    type Case = (&'static str, Vec<u8>, &'static [&'static str]);
    let as_it_is = |head: String| head;
    let program = serve(&["--path", "/way", "--origin", "https://a.example", "--handshake-timeout", "300ms"]);
    const WAY: &str = "path=\"/way\"";
    let cases: Vec<Case> = vec![
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
    ];
    for (case, bytes, parts) in cases {
        let before = log(&program).lines().count();
        let mut client = Client::raw(program.address());
        client.send(&bytes);
        let (status, ..) = client.read_refusal();
        let peer = format!("peer={}", client.stream.local_addr().unwrap());
        let line = line_with(&program, &[&["upgrade refused id=", &peer], parts].concat());
        assert!(line.contains(&format!("status={status}")), "{case}: {line}");
        assert!(!line.contains("Cookie") && !line.contains("secret"), "{case}: {line}");
        assert_eq!(log(&program).lines().count(), before + 1, "{case} has one line");
    }
}

#[test]
fn clients_that_are_too_many_or_too_late_have_their_lines() {
    for (option, parts) in [
        ("--max-connections", ["status=503", "the server is full (max-connections)"]),
        ("--max-connections-per-ip", ["status=429", "(max-connections-per-ip)"]),
    ] {
        let program = serve(&[option, "1"]);
        let _first = Client::connect(program.address());
        let mut client = Client::raw(program.address());
        let (_, head, _) = client.read_refusal();
        assert!(head.contains("\r\nRetry-After: 5\r\n"), "{head}");
        line_with(&program, &parts);
    }
    let program = serve(&["--drain-timeout", "5s"]);
    let mut client = Client::raw(program.address());
    client.send(b"GET /late HTTP/1.1\r\n");
    // It has been accepted once another one that came behind it was served.
    common::still_serves(program.address());
    program.signal(Signal::TERM);
    client.read_refusal();
    line_with(&program, &["status=503", "the server drains", "path=\"/late\""]);
}

#[test]
fn each_close_code_has_its_line() {
    type Act = fn(&mut Client);
    let program = serve(&["--diagnostics"]);
    let cases: [(u16, &str, Act); 11] = [
        (1000, "closed by the client with 1000", |client| client.close()),
        (1002, "a frame to a server is not masked", |client| client.send(b"\x82\x04data")),
        (1003, "text", |client| client.send(&frame(Opcode::Text, b"text"))),
        (1007, "UTF-8", |client| client.send(&frame(Opcode::Close, b"\x03\xe8\xff"))),
        (1009, "(max-len)", |client| client.send(&part(true, Opcode::Binary, &[0; 1 << 20])[..20])),
        (1011, "handler failed", |client| client.send_packet(1106, 1, b"")),
        (4000, "short packet", |client| client.send(&frame(Opcode::Binary, b"short"))),
        (4001, "undecodable data: Message", |client| client.send_packet(1002, 1, b"\xff")),
        (4002, "too many bad requests", |client| (0..11).for_each(|_| client.send_packet(2000, 1, b""))),
        (4007, "replaced by a newer login", |client| {
            log_in(client, "twin", 9, 1);
            let mut newer = Client::connect(client.stream.peer_addr().unwrap());
            log_in(&mut newer, "twin", 9, 1);
        }),
        (4010, "closed by an operator", |client| {
            let mut operator = Client::connect(client.stream.peer_addr().unwrap());
            assert_eq!(log_in(&mut operator, "boss", 1, 2), 0);
            kick(&mut operator, client);
        }),
    ];
    for (code, cause, act) in cases {
        let mut client = Client::connect(program.address());
        let peer = format!("peer={}", client.stream.local_addr().unwrap());
        act(&mut client);
        while !matches!(client.next(), Frame::Close(_) | Frame::End) {}
        drop(client);
        let line = line_with(&program, &["connection ended id=", &peer]);
        assert!(line.contains(&format!(" code={code} ")), "{code}: {line}");
        assert!(line.contains(cause), "{code}: {line}");
    }
    line_with(&program, &["panic what=\"handler\"", "cmd=1106", "echo.rs"]);
    line_with(&program, &["login id=", "account=\"twin\" role_id=9 kind=\"GameServer\""]);
    line_with(&program, &["kick id=", "operator_account=\"boss\" operator_role_id=1"]);
    let mut quiet = Client::connect(program.address());
    program.signal(Signal::TERM);
    let peer = format!("peer={}", quiet.stream.local_addr().unwrap());
    quiet.expect_close(1001, "draining");
    drop(quiet);
    line_with(&program, &["connection ended", &peer, "cause=\"going away\" code=1001 "]);
}

/// Has the operator close another connection with 4010.
fn kick(operator: &mut Client, client: &Client) {
    let peer = client.stream.local_addr().unwrap().to_string();
    operator.send_packet(9002, 4, b"");
    let list = operator.reply().data;
    // Connection { id = 1; peer = 2; ... }: the id is the varint before the peer.
    let at = list.windows(peer.len()).position(|bytes| bytes == peer.as_bytes()).unwrap() - 2;
    let begin = (0..at).rev().find(|&at| list[at] == 0x08 && list[at - 2] == 0x12).unwrap();
    operator.send_packet(9003, 5, &list[begin..at]);
    assert_eq!(operator.reply(), Reply::new(9003, 5, b""));
}

#[test]
fn timers_and_limits_have_their_lines() {
    for (options, code, cause) in [
        (&["--read-timeout", "300ms", "--ping-interval", "0"][..], 4009, "(read-timeout)"),
        (&["--client-check", "300ms", "--ping-interval", "0"], 4003, "(client-check)"),
        (&["--account-check", "300ms"], 4004, "(account-check)"),
    ] {
        let program = serve(options);
        let mut client = Client::connect(program.address());
        client.expect_close(code, cause);
        drop(client);
        line_with(&program, &["connection ended", cause, &format!(" code={code} ")]);
    }
    let program = serve(&["--max-packets-per-second", "1"]);
    let mut client = Client::connect(program.address());
    for _ in 0..5 {
        client.send_packet(1101, 1, b"");
        client.reply();
    }
    line_with(&program, &["bad input id=", "cmd=1101", "ErrorID 5 (max-packets-per-second)"]);
    client.close();
    drop(client);
    let line = line_with(&program, &["connection ended", "packets_in=5 packets_out=5", "last_cmd=1101"]);
    // Five packets of 15 bytes with their frame's header and key, and a Close of 8, behind the request.
    let sent = common::UPGRADE.len() + 5 * 15 + 8;
    assert!(line.contains(&format!("bytes_in={sent} ")), "{line}");
    assert_eq!(log(&program).matches("max-packets-per-second").count(), 1, "once a connection");
}

#[test]
fn a_client_that_does_not_read_is_told_apart_by_its_outbox() {
    let program = serve(&[]);
    let (mut slow, mut loud) = (Client::connect(program.address()), Client::connect(program.address()));
    for (client, role) in [(&mut slow, 1), (&mut loud, 2)] {
        log_in(client, "player", role, 1);
        client.send_packet(1201, 2, &text(1, "hall"));
        client.reply();
    }
    let peer = format!("peer={}", slow.stream.local_addr().unwrap());
    let say = join(&[&text(1, "hall"), &text(2, &"x".repeat(400_000))]);
    // More than its outbox and what the system takes for it.
    for _ in 0..40 {
        loud.send_packet(1203, 3, &say);
        loud.next();
        loud.next();
    }
    while !matches!(slow.next(), Frame::Close(Some(4008))) {}
    drop(slow);
    line_with(&program, &["connection ended", &peer, "(outbox-limit)", " code=4008 "]);
}

#[test]
fn logins_that_are_refused_have_their_lines_and_nothing_a_client_sends_is_raw() {
    let evil = "a\n\u{1b}[31m\u{202e}\"}";
    for (format, account) in [
        ("text", r#"account="a\n\u{1b}[31m\u{202e}\"}""#),
        ("json", r#""account":"a\u000a\u001b[31m\u202e\"}""#),
    ] {
        let program = serve(&["--log-format", format]);
        let mut client = Client::connect(program.address());
        assert_eq!(log_in(&mut client, evil, 0, 1), 7);
        assert_eq!(log_in(&mut client, evil, u64::MAX, 1), 0);
        client.close();
        drop(client);
        let mut refused = Client::raw(program.address());
        refused.send(b"GET /\x1b\xff\n");
        refused.read_refusal();
        line_with(&program, &["login refused", account, "role_id is 0"]);
        line_with(&program, &["connection ended", account, "18446744073709551615"]);
        line_with(&program, &["upgrade refused"]);
        for line in log(&program).lines() {
            assert!(line.chars().all(|letter| !letter.is_control() && letter != '\u{202e}'), "{line}");
            assert_eq!(line.starts_with("{\"time\":\"20") && line.ends_with('}'), format == "json", "{line}");
        }
    }
}

#[test]
fn lines_about_connections_are_as_many_as_asked_for() {
    let connect = |program: &Program, times: usize| {
        for _ in 0..times {
            let mut client = Client::raw(program.address());
            client.send(b"\0");
            client.read_refusal();
        }
    };
    let program = serve(&["--log-connections", "1"]);
    connect(&program, 30);
    line_with(&program, &["lines left out about=\"refusals\" lines="]);
    let refusals = log(&program).matches("upgrade refused").count();
    assert!((5..10).contains(&refusals), "{refusals} lines");
    let program = serve(&["--log-connections", "off"]);
    connect(&program, 3);
    common::still_serves(program.address());
    assert_eq!(log(&program), "");
}

#[test]
fn checks_leave_no_line() {
    let mut program = serve(&["--health-path", "/health", "--drain-delay", "500ms"]);
    let check = || {
        let mut client = Client::raw(program.address());
        client.send(b"GET /health HTTP/1.0\r\n\r\n");
        client.read_refusal().0
    };
    assert_eq!(check(), 200);
    program.signal(Signal::TERM);
    common::eventually("checks fail", || check() == 503);
    program.wait();
    let lines = log(&program);
    assert!(lines.contains("draining") && !lines.contains("ended") && !lines.contains("refused"), "{lines}");
}
