//! `sysconn top` without a server: what it prints once, what it says where it cannot do more, and how it
//! leaves its terminal. The part `top` of `tests/run` tries it with a real server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/pty.rs"]
mod pty;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use pty::Pty;
use rustix::process::{Pid, Signal, kill_process};

const STATS: &str = r#"{ "state": "stuck", "stuck": [{ "worker": 1, "cmd": 1107, "name": "echo.block", "for_ms": 70 }],
    "clients": { "total": 2, "by_state": { "open": 2 } }, "totals": { "packets_received": 12345678901, "closed": 3 },
    "commands": [{ "cmd": 1101, "name": "echo.echo", "count": 5, "p50_ms": 0.5, "p99_ms": null },
        { "cmd": null, "label": "unknown", "name": null, "count": 0, "per_second": null },
        { "cmd": 7, "label": "7", "name": null, "count": 1 }],
    "closed_by_cause": { "peer_closed": 3 }, "unknown": [1] }"#;
const PAGE: &str = r#"{ "total": 3, "matching": 3, "connections": [
    { "id": "6", "peer": "192.0.2.1:5", "account": "\u001b[2J ann", "recv_count": 7, "send_count": 8 },
    { "id": "9", "peer": "unix", "recv_count": 0 },
    { "id": "11", "peer": "unix", "account": "-" } ] }"#;
/// What `top --once` prints of them, in this order, among other lines.
const LINES: [&str; 12] = [
    "state stuck in command 1107 (echo.block), worker 1, 70 ms",
    "clients 2",
    "clients_in_state open 2",
    "packets_received 12345678901",
    "closed 3",
    "command 1101 echo.echo 5 0.5 - -",
    "command - unknown 0 - - -",
    "command 7 7 1 - - -",
    "closed_by_cause peer_closed 3",
    r"connection 6 192.0.2.1:5 \u{1b}[2J\u{20}ann 7 8",
    "connection 9 unix - 0 0",
    r"connection 11 unix \u{2d} 0 0",
];

/// Answers requests on one connection after the other, and returns their heads.
fn serve<S: Read + Write>(
    streams: impl Iterator<Item = S> + Send + 'static,
    status: &'static str,
) -> thread::JoinHandle<Vec<String>> {
    serve_stats(streams, status, STATS.to_owned())
}

/// The same with these figures.
fn serve_stats<S: Read + Write>(
    streams: impl Iterator<Item = S> + Send + 'static,
    status: &'static str,
    stats: String,
) -> thread::JoinHandle<Vec<String>> {
    let answer = move |stream: S| {
        let (mut stream, mut heads) = (BufReader::new(stream), vec![]);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if stream.read_line(&mut head).unwrap() == 0 {
                    return heads;
                }
            }
            let body = if head.starts_with("GET /api/stats ") { stats.as_str() } else { PAGE };
            let head_and_body = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.get_mut().write_all(head_and_body.as_bytes()).unwrap();
            heads.push(head);
        }
    };
    thread::spawn(move || streams.flat_map(answer).collect())
}

fn top(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysconn")).arg("top").args(arguments).env_clear().output().unwrap()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("top-{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    path
}

fn check(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let shown: Vec<_> = text.lines().filter(|line| LINES.contains(line)).collect();
    assert_eq!(shown, LINES, "{text}");
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
}

#[test]
fn the_figures_are_printed_once() {
    let token = file("token", "secret\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = serve(std::iter::once_with(move || listener.accept().unwrap().0), "200 OK");
    check(&top(&[&url, "--once", "--token-file", token.to_str().unwrap()]));
    let heads = server.join().unwrap();
    assert_eq!(heads.len(), 2);
    for (head, line) in heads.iter().zip(["GET /api/stats ", "GET /api/connections?offset=0&"]) {
        assert!(head.starts_with(line) && head.contains("authorization: Bearer secret\r\n"), "{head}");
    }
    fs::remove_file(token).unwrap();

    let path = std::env::temp_dir().join(format!("sysconn-top-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let server = serve(std::iter::once_with(move || listener.accept().unwrap().0), "200 OK");
    check(&top(&["--once", &format!("unix:{}", path.display())]));
    assert!(server.join().unwrap().iter().all(|head| !head.contains("authorization")));
    fs::remove_file(path).unwrap();
}

/// The most memory that it may map: a small part of it is what it uses.
const MAX_MAPPED_KIB: u32 = 400_000;

#[test]
fn what_is_not_shown_takes_no_memory() {
    let unknown = vec![r#"{"a":1}"#; 1_000_000].join(",");
    let stats = STATS.replace(r#""unknown": [1]"#, &format!(r#""unknown": [{unknown}]"#));
    assert_ne!(stats, STATS);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = serve_stats(std::iter::once_with(move || listener.accept().unwrap().0), "200 OK", stats);
    let line = format!("ulimit -v {MAX_MAPPED_KIB}; exec \"$0\" top --once {url}");
    let top =
        Command::new("sh").args(["-c", &line, env!("CARGO_BIN_EXE_sysconn")]).env_clear().output().unwrap();
    check(&top);
    server.join().unwrap();
}

#[test]
fn what_cannot_be_done_has_one_line() {
    let empty = file("empty", "\n");
    let two = file("two", "one\ntwo\n");
    let (empty, two) = (empty.to_str().unwrap(), two.to_str().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let closed = format!("http://{closed}");
    for (arguments, expected) in [
        (&["--once", &closed][..], "no connection"),
        (&[&closed], "standard output is no terminal: --once prints the figures once"),
        (&["--once", "unix:/nonexistent/admin"], "sysconn: unix:/nonexistent/admin: no connection: "),
        (&["--once", "ws://127.0.0.1:1"], "expected http://HOST:PORT, https://HOST:PORT or unix:PATH"),
        (&["--once", "http://127.0.0.1:1/api"], "expected http://HOST:PORT"),
        (&["--token-file", "/nonexistent"], "--token-file: /nonexistent: cannot be read"),
        (&["--token-file", empty], "expected a token on one line"),
        (&["--token-file", two], "expected a token on one line"),
        (&["https://127.0.0.1:1", "--ca", empty], "expected certificates in PEM"),
        (&["--ca", empty], "top: --ca: expected an https:// URL, whose certificate it is for"),
        (&["a", "b"], "unknown argument \"b\""),
    ] {
        let output = top(arguments);
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains(expected) && line.lines().count() == 1, "{arguments:?}: {line}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
    for (status, expected) in [
        ("401 Unauthorized", "HTTP status 401: this is not the admin server of sysconn (--token-file FILE)"),
        ("302 Found", "HTTP status 302"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = serve(std::iter::once_with(move || listener.accept().unwrap().0), status);
        let line = String::from_utf8(top(&["--once", &url]).stderr).unwrap();
        assert!(line.starts_with(&format!("sysconn: {url}: {expected}")), "{line}");
        server.join().unwrap();
    }
    [empty, two].into_iter().for_each(|path| fs::remove_file(path).unwrap());
}

#[test]
fn what_is_no_admin_server_has_no_figures() {
    for body in ["{}", "[]", r#"{"state":""}"#, "{", "[1]", "<html>"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, mut head) = (listener.accept().unwrap().0, [0; 1024]);
            assert!(stream.read(&mut head).unwrap() > 0);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let output = top(&["--once", &url]);
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(line.contains("/api/stats is not what it should be: "), "{body}: {line}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{body}");
        server.join().unwrap();
    }
}

#[test]
fn a_server_that_does_not_answer_has_no_figures_of_now() {
    // The system accepts, and nobody reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut terminal = Pty::open(80, 24);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    let mut top =
        terminal.give_to(command.args(["top", &url]).env_clear().env("TERM", "xterm")).spawn().unwrap();
    terminal.wait_for("NO FIGURES: no answer for 2 s");
    terminal.type_in("q");
    assert_eq!(top.wait().unwrap().code(), Some(0));
}

#[test]
fn the_terminal_is_given_back_at_every_end() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (end, status) in [
        (None, 0),
        (Some(Signal::TERM), 143),
        (Some(Signal::INT), 130),
        (Some(Signal::HUP), 129),
        (Some(Signal::QUIT), 131),
    ] {
        let mut terminal = Pty::open(80, 24);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        let command = command.args(["top", &format!("http://{closed}")]).env_clear().env("TERM", "xterm");
        let mut top = terminal.give_to(command).spawn().unwrap();
        terminal.wait_for("NO FIGURES");
        assert!(!terminal.is_cooked());
        match end {
            None => terminal.type_in("q"),
            Some(signal) => kill_process(Pid::from_child(&top), signal).unwrap(),
        }
        terminal.wait_for("\u{1b}[?1049l");
        assert_eq!(top.wait().unwrap().code(), Some(status));
        assert!(terminal.is_cooked(), "after {end:?}");
    }
    let terminal = Pty::open(80, 24);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    let command = command.arg("top").env_clear().env("TERM", "dumb");
    let mut top = terminal.give_to(command).spawn().unwrap();
    assert_eq!(top.wait().unwrap().code(), Some(2));
}
