//! The real program's log about its clients: each refusal and each close code has its line, with the reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod closes;
mod refusals;

use common::{Client, Program};
use rustix::process::Signal;
use sysconn::frame::Opcode;
use sysconn::packet::ErrorId;

fn serve(more: &[&str]) -> Program {
    Program::start(&[&["serve", "--listen", "127.0.0.1:0"], more].concat())
}

fn log(program: &Program) -> String {
    String::from_utf8(program.log()).unwrap()
}

/// Waits for a line that has all of these parts, and returns it.
fn line_with(program: &Program, parts: &[&str]) -> String {
    let mut found = None;
    common::eventually(&format!("a line has {parts:?}"), || {
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        found = log(program).lines().find(has_all).map(str::to_owned);
        found.is_some()
    });
    found.unwrap()
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

/// Requests a login. Returns the ErrorID.
fn log_in(client: &mut Client, account: &str, role_id: u64, kind: u64) -> u16 {
    let login = [text(1, account), text(2, "test"), field(3, 1), field(4, role_id), field(5, kind)].concat();
    client.send_packet(1002, 2, &login);
    client.reply().error_id
}

/// A handler's own refusals, such as ErrorID 6, are its answers, and have no line.
#[test]
fn each_refused_request_has_its_line() {
    let bad_size = {
        let mut packet = common::message(1101, 3, 0, b"data");
        packet[1] += 1;
        common::frame(Opcode::Binary, &packet)
    };
    let program = serve(&["--max-packets-per-second", "50"]);
    let mut client = Client::connect(program.address());
    for (error_id, cmd, bytes) in [
        (ErrorId::UNKNOWN_COMMAND, 2000, common::packet(2000, 3, b"")),
        (ErrorId::BAD_PACKET, 1101, bad_size),
        (ErrorId::NOT_LOGGED_IN, 1203, common::packet(1203, 3, b"")),
        (ErrorId::NOT_ALLOWED, 9001, common::packet(9001, 3, b"")),
        (ErrorId::TOO_MANY_REQUESTS, 1102, common::packet(1102, 3, b"").repeat(1000)),
    ] {
        if error_id == ErrorId::NOT_ALLOWED {
            assert_eq!(log_in(&mut client, "player", 7, 1), 0);
        }
        client.send(&bytes);
        assert_eq!(client.reply().error_id, error_id.0);
        line_with(
            &program,
            &["bad input id=", &format!("cmd={cmd} reason="), &format!("ErrorID {error_id}")],
        );
    }
    assert_eq!(log_in(&mut Client::connect(program.address()), "player", 0, 1), ErrorId::LOGIN_REFUSED.0);
    line_with(&program, &["login refused id=", "account=\"player\"", "role_id is 0"]);
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
fn log_connections_bounds_the_lines_about_connections() {
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
fn health_checks_are_not_logged() {
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
