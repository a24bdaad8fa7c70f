//! `sysconn call` and `sysconn routes`: what they print, and their exit statuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use common::{Program, eventually};

/// A directory for the files of a test.
fn directory(name: &str) -> PathBuf {
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("call-{}-{name}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn sysconn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(arguments).env_clear();
    command
}

/// Runs the command. Returns its exit status, its output, and what it says on standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = sysconn(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Calls a server with each row's arguments; the output must be this, and a part of the error line that.
fn expect(url: &str, rows: &[(&[&str], i32, &str, &str)]) {
    for &(arguments, status, output, error) in rows {
        let (found_status, found_output, found_error) = run(&[&["call", url], arguments].concat());
        assert_eq!((found_status, &*found_output), (status, output), "{arguments:?}: {found_error}");
        assert!(found_error.contains(error), "{arguments:?}: {found_error}");
        assert_eq!(found_error.is_empty(), error.is_empty(), "{arguments:?}: {found_error}");
    }
}

#[test]
fn the_status_says_whether_a_reply_came() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--diagnostics"]);
    let url = format!("ws://{}", program.address());
    let join = &["room.join", "--json", r#"{"room": "a"}"#][..];
    expect(
        &url,
        &[
            (&["echo.echo", "--text", "h\u{e9}\nllo"], 0, "h\u{e9}\\nllo\n", ""),
            (&["1101", "--hex", "00 fF"], 0, "00ff\n", ""),
            (&["1101"], 0, "\n", ""),
            (&["1101", "--text", "a", "--repeat", "3"], 0, "a\na\na\n", "3 replies: "),
            (&[join, &["--account", "me", "--role", "7"]].concat(), 0, "{\"members\":1}\n", ""),
            (
                &["monitor.debug", "--json", "{}", "--kind", "monitor", "--account", "me"],
                1,
                "",
                "ErrorID 4: ",
            ),
            (join, 1, "", "ErrorID 3: the command is for clients that have logged in (--login, --account)\n"),
            (
                &["monitor.stats", "--account", "me"],
                1,
                "",
                "such as a room that was not joined (--kind says which kind)\n",
            ),
            (&["2000"], 1, "", &format!("{url}: refused with ErrorID 1: no such command")),
            (&["1103", "--hex", "1234"], 1, "", "refused with ErrorID 4660: the application's own"),
            (
                &[join, &["--account", ""]].concat(),
                1,
                "",
                &format!("{url}: login: refused with ErrorID 7: the login was refused"),
            ),
            // No step of it.
            (&["1001"], 1, "", &format!("{url}: refused with ErrorID 6: not available now")),
            (&["echo.panic"], 4, "", "closed the connection with 1011: handler failed; reconnect later"),
            (&["1201", "--hex", "ff"], 1, "", "ErrorID 3"),
            (
                &["1201", "--hex", "ff", "--account", "me"],
                4,
                "",
                "closed the connection with 4001: undecodable data; do not reconnect",
            ),
            (&["echo.sink", "--timeout", "300ms"], 5, "", &format!("{url}: the server does not answer")),
            (&["1101", "--text", "a\u{9b}\u{202e}b"], 0, "a\\u{9b}\\u{202e}b\n", ""),
        ],
    );
    let (status, output, _) = run(&["call", &url, "account.server_time"]);
    assert!(status == 0 && output.starts_with("{\"server_time_ms\":\""), "{output}");
}

/// The log says that the client has closed the connection, and not that it is gone.
#[test]
fn a_call_that_fails_closes_its_connection() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--log", "info"]);
    let url = format!("ws://{}", program.address());
    let calls: [(&[&str], i32); 4] = [
        (&["1101"], 0),
        (&["2000"], 1),
        (&["room.join", "--account", ""], 1),
        (&["echo.sink", "--timeout", "300ms"], 5),
    ];
    for (call, expected) in calls {
        assert_eq!(run(&[&["call", &url], call].concat()).0, expected, "{call:?}");
    }
    let closed = || {
        let log = String::from_utf8(program.log()).unwrap();
        log.matches(r#"cause="closed by the client with 1000""#).count()
    };
    eventually("all are closed by the client", || closed() == calls.len());
}

#[test]
fn pings_do_not_extend_the_wait_for_a_reply() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--ping-interval", "20ms"]);
    let call = &["echo.sink", "--timeout", "200ms"][..];
    expect(&format!("ws://{}", program.address()), &[(call, 5, "", "the server does not answer")]);
}

#[test]
fn a_call_ends_without_a_reader_of_its_output() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let arguments = ["call", &format!("ws://{}", program.address()), "1101", "--repeat", "4000000000"];
    let mut child = sysconn(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*error), (Some(0), ""));
    let full = fs::File::create("/dev/full").unwrap();
    let output = sysconn(&arguments).stdout(full).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("standard output: "), "{error}");
}

#[test]
fn what_cannot_be_used_is_said_in_one_line() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--path", "/game"]);
    for (arguments, status, part) in [
        (&["call", "ws://a"][..], 2, "expected <COMMAND>"),
        (&["call", "http://a", "1101"], 2, "expected ws://HOST:PORT or wss://HOST:PORT"),
        (&["call", "ws://a", "room.jion"], 2, "unknown command room.jion: expected a number, or a name"),
        (&["call", "ws://a", "1101", "--hex", "0"], 2, "expected pairs of hex digits"),
        (&["call", "ws://a", "1101", "--hex", "00", "--text", "a"], 2, "cannot be used with"),
        (&["call", "ws://a", "1101", "--json", "{}"], 2, "no message of command 1101 is known (--proto)"),
        (
            &["call", "ws://a", "1201", "--json", "{\"rom\":1}"],
            2,
            "expected m_1201_tos as JSON: unrecognized field",
        ),
        (&["call", "ws://a", "1201", "--json", "{} {}"], 2, "trailing characters"),
        (&["call", "ws://a", "1201", "--routes", "/no/such"], 2, "--routes: /no/such: cannot be read"),
        (&["call", "ws://a", "a.b", "--proto", "/no/such"], 2, "/no/such: "),
        (&["call", "ws://a", "1101", "--repeat", "0"], 2, "0 is not in 1.."),
        (&["call", "ws://a", "1101", "--ca", "x"], 2, "call: --ca: expected a wss:// URL, whose"),
        (
            &["call", &format!("ws://{nobody}"), "1101"],
            3,
            &format!("sysconn: ws://{nobody}: Connection refused"),
        ),
        (
            &["call", &format!("ws://{}", program.address()), "1101"],
            3,
            "404 Not Found: nothing is served at this path",
        ),
    ] {
        let (found, output, error) = run(arguments);
        assert_eq!((found, &*output), (status, ""), "{arguments:?}: {error}");
        assert!(error.starts_with("sysconn: ") && error.contains(part), "{arguments:?}: {error}");
        assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
    }
}

#[test]
fn servers_with_lists_can_be_called() {
    let lists = ["--origin", "https://a.example", "--subprotocol", "game", "--subprotocol-required"];
    let program = Program::start(&[&["serve", "--listen", "127.0.0.1:0"], &lists[..]].concat());
    let call = ["1101", "--text", "a", "--subprotocol", "game"];
    expect(
        &format!("ws://{}", program.address()),
        &[
            (&[&call[..], &["--origin", "https://a.example"]].concat(), 0, "a\n", ""),
            (&[&call[..], &["--origin", "https://b.example"]].concat(), 3, "", "403 Forbidden"),
            (&["1101", "--origin", "a b"], 2, "", "expected ASCII characters without spaces"),
        ],
    );
}

/// A call that listens, and the lines that it prints.
struct Listening {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Listening {
    fn start(arguments: &[&str]) -> Self {
        let mut child = sysconn(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Listening { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

#[test]
fn pushes_are_printed_until_the_server_closes() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let join = ["call", &url, "room.join", "--json", r#"{"room":"a"}"#];
    let mut first = Listening::start(&[&join[..], &["--account", "a", "--role", "1", "--listen"]].concat());
    assert_eq!(first.line(), r#"{"members":1}"#);
    let mut second = Listening::start(&[&join[..], &["--account", "b", "--role", "2", "--listen"]].concat());
    assert_eq!(second.line(), r#"{"members":2}"#);
    // A login with the first one's role takes its place.
    let say =
        ["call", &url, "room.say", "--json", r#"{"room":"a","text":"hi"}"#, "--account", "a", "--role", "1"];
    assert_eq!(run(&say).0, 1, "it has not joined");
    let status = first.child.wait().unwrap().code();
    let mut error = String::new();
    first.child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    let expected = "closed the connection with 4007: replaced by a newer login";
    assert!(status == Some(4) && error.contains(expected), "{status:?} {error}");
    kill_process(Pid::from_child(&second.child), Signal::TERM).unwrap();
    second.child.wait().unwrap();

    let mut member = common::Client::connect(program.address());
    member.send_packet(1002, 1, b"\x0a\x01c\x20\x03");
    member.send_packet(1201, 2, b"\x0a\x01b");
    let _ = [member.reply(), member.reply()];
    let mut listener = Listening::start(&[
        "call",
        &url,
        "room.join",
        "--json",
        r#"{"room":"b"}"#,
        "--account",
        "d",
        "--role",
        "4",
        "--listen",
    ]);
    assert_eq!(listener.line(), r#"{"members":2}"#);
    member.send_packet(1203, 3, b"\x0a\x01b\x12\x02hi");
    assert_eq!(listener.line(), r#"push 1210 {"room":"b","role_id":"3","text":"hi"}"#);
    program.signal(Signal::TERM);
    assert_eq!(listener.child.wait().unwrap().code(), Some(4));
}

#[test]
fn routes_and_messages_can_be_those_of_a_game() {
    let directory = directory("game");
    let (routes, proto) = (directory.join("routes.json"), directory.join("game.proto"));
    let (routes, proto) = (routes.to_str().unwrap(), proto.to_str().unwrap());
    let route = |cmd, name, request, reply| serde_json::json!({"cmd": cmd, "module": "game", "name": name, "request": request, "reply": reply, "more": 1});
    let listed = [route(1101, "walk", "Walk", "Walk"), route(1102, "rest", "", "")];
    fs::write(routes, serde_json::to_string(&listed).unwrap()).unwrap();
    let text =
        "syntax = \"proto3\"; package legs; message Walk { uint64 steps = 1; repeated string to = 2; }";
    let hostile = r#"{"steps":"1","to":["\u009b\u202e\u007f\n"]}"#;
    let shown = format!("{}\n", hostile);
    fs::write(proto, text).unwrap();
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let json = r#"{"steps":"9007199254740993","to":["north"]}"#;
    let both = ["--routes", routes, "--proto", proto];
    let line = format!("{json}\n");
    expect(
        &url,
        &[
            (&[&["game.walk", "--json", json][..], &both].concat(), 0, &line, ""),
            (&[&["game.walk", "--json", hostile][..], &both].concat(), 0, &shown, ""),
            (&["game.walk", "--text", "a", "--routes", routes], 0, "a\n", ""),
            (&["echo.echo", "--routes", routes], 2, "", "unknown command echo.echo"),
        ],
    );
    fs::write(proto, "syntax = \"proto3\"; message Walk {").unwrap();
    let (status, _, error) = run(&[&["call", &url, "game.walk"][..], &both].concat());
    assert!(status == 2 && error.contains("game.proto: "), "{error}");
    fs::write(routes, "{}").unwrap();
    let (status, _, error) = run(&[&["call", &url, "game.walk"][..], &both].concat());
    assert!(status == 2 && error.contains("expected what sysconn routes --json prints"), "{error}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn tls_trusts_the_given_roots_only() {
    let directory = directory("tls");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key]);
    let url = format!("wss://localhost:{}", program.address().port());
    expect(
        &url,
        &[
            (&["1101", "--text", "a", "--ca", cert], 0, "a\n", ""),
            (&["1101", "--text", "a", "--ca", "/no/such"], 2, "", "/no/such: "),
            (&["1101", "--text", "a"], 3, "", "TLS: the server's certificate is not signed by an authority"),
        ],
    );
    let bad = directory.join("bad.pem");
    let valid = fs::read_to_string(cert).unwrap();
    let section = |content: &str| format!("-----BEGIN CERTIFICATE-----\n{content}");
    let end = "-----END CERTIFICATE-----\n";
    for (content, why) in [
        (fs::read(key).unwrap(), "expected certificates in PEM"),
        (b"\xff\xfe\n".to_vec(), "expected certificates in PEM"),
        (valid.clone().into_bytes(), ""),
        ((valid + &section("AAAA\n") + end).into_bytes(), "certificate 2 is broken"),
        ((section("\u{1b}[2J\n") + end).into_bytes(), "certificate 1 is broken: expected base64"),
        (section("AAAA\n").into_bytes(), "certificate 1 has no line with its end"),
    ] {
        fs::write(&bad, content).unwrap();
        let bad = bad.to_str().unwrap();
        let line = if why.is_empty() { String::new() } else { format!("sysconn: --ca: {bad}: {why}\n") };
        let (status, _, error) = run(&["call", &url, "1101", "--ca", bad]);
        assert_eq!((status, error), (if why.is_empty() { 0 } else { 2 }, line));
    }
    let plain = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("wss://{}", plain.address());
    expect(&url, &[(&["1101", "--ca", cert], 3, "", "TLS: the server sends something that is not TLS")]);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_server_that_drips_tls_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}", listener.local_addr().unwrap());
    let drips = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A record of the handshake with 16 KiB, each byte before the last one's time is up.
        let bytes = [0x16, 3, 3, 0x40, 0].into_iter().chain(std::iter::repeat(2));
        for byte in bytes {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    expect(&url, &[(&["1101", "--timeout", "300ms"], 3, "", "the server does not answer")]);
    drips.join().unwrap();
}

#[test]
fn a_token_logs_in() {
    let directory = directory("token");
    let keys = directory.join("keys");
    fs::write(&keys, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n").unwrap();
    let keys = keys.to_str().unwrap();
    let (status, token, error) = run(&["token", "--token-keys", keys, "--account", "a", "--role", "7"]);
    assert_eq!(status, 0, "{error}");
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--token-keys", keys]);
    let room = ["room.join", "--json", r#"{"room":"a"}"#, "--account", "a"];
    let join = [&room[..], &["--login", token.trim()]].concat();
    let file = directory.join("token");
    fs::write(&file, &token).unwrap();
    let from_file = [&room[..], &["--token-file", file.to_str().unwrap()]].concat();
    expect(
        &format!("ws://{}", program.address()),
        &[
            (&[&join[..], &["--role", "7"]].concat(), 0, "{\"members\":1}\n", ""),
            (&[&join[..], &["--role", "8"]].concat(), 1, "", "ErrorID 7: the login was refused"),
            (&[&from_file[..], &["--role", "7"]].concat(), 0, "{\"members\":1}\n", ""),
            (&["1101", "--token-file", "/no/such"], 2, "", "--token-file: /no/such: cannot be read"),
            (&["1101", "--token-file", "a", "--login", "b"], 2, "", "cannot be used with"),
        ],
    );
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn routes_are_listed_as_a_table_and_as_json() {
    let (status, table, _) = run(&["routes"]);
    assert_eq!((status, table.lines().count()), (0, 17));
    assert!(table.contains("1201  room.join                role     room.Join room.Joined\n"), "{table}");
    let (_, json, _) = run(&["routes", "--json", "--diagnostics"]);
    let routes: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(routes.len(), 19);
    assert!(routes.iter().any(|route| route["cmd"] == 1106 && route["name"] == "panic"));
}
