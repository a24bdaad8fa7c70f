//! `sysconn blacklist`, on a server that runs and on a store that no server uses.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use rustix::process::Signal;

use serde_json::json;

use super::common::{Client, Program};
use super::jwt::{Signer, key_set};
use super::messages::monitor;
use super::stage::{REFUSED, Stage, operator, player};

/// Runs the command. Returns its exit status, its output, and its error line.
fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    run_trusting("", arguments)
}

/// Runs it with the roots in a file.
fn run_trusting(roots: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.arg("blacklist").args(arguments).env_clear();
    if !roots.is_empty() {
        command.env("SSL_CERT_FILE", roots);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs it, and expects this output.
fn expect(arguments: &[&[&str]], output: &str) {
    assert_eq!(run(&arguments.concat()), (Some(0), output.to_owned(), String::new()), "{arguments:?}");
}

/// Runs it, and expects a failure that says this.
fn expect_failure(arguments: &[&[&str]], part: &str) {
    let (status, output, error) = run(&arguments.concat());
    assert_eq!((status, &*output), (Some(2), ""), "{arguments:?}: {error}");
    assert!(error.starts_with("sysconn: ") && error.contains(part), "{arguments:?}: {error}");
    assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
}

/// Who is in the output of `list`, without the times.
fn listed(target: &[&str]) -> String {
    let (status, output, error) = run(&[&["list"], target].concat());
    assert_eq!((status, &*error), (Some(0), ""));
    let names: Vec<_> = output.lines().map(|line| line.split_once(" until=20").unwrap().0).collect();
    names.join(" ")
}

/// What the commands do, whatever the target.
fn try_all(target: &[&str]) {
    assert_eq!(listed(target), "");
    expect(
        &[&["add", "--account", "bad\n", "--address", "203.0.113.7", "--time", "2h"], target],
        "entries=2\n",
    );
    expect(&[&["add", "--address", "2001:db8::7"], target], "entries=3\n");
    expect(&[&["add", "--account", "worse"], target], "entries=4\n");
    assert_eq!(
        listed(target),
        r#"account="bad\n" account="worse" address=203.0.113.7 address=2001:db8::/64"#
    );
    expect(&[&["remove", "--account", "worse", "--address", "2001:db8::/64"], target], "entries=2\n");
    for wrong in ["127.0.0.1", "nowhere", "203.0.113.0/24"] {
        expect_failure(
            &[&["add", "--address", wrong], target],
            "an address that is none or may not be listed",
        );
    }
    expect_failure(&[&["add", "--account", &"x".repeat(256)], target], "an account above 255 bytes");
    expect(&[&["clear"], target], "entries=0\n");
    expect(&[&["add", "--account", "bad", "--address", "203.0.113.7"], target], "entries=2\n");
}

fn url(program: &Program) -> String {
    format!("ws://{}/any/path", program.address())
}

#[test]
fn the_list_is_at_a_server_that_runs_or_in_its_store() {
    let stage = Stage::new("1");
    let (keys, token, data) = (stage.path("keys"), stage.path("token"), stage.path("data"));
    fs::write(&token, operator().token + "\n").unwrap();
    // Without a proxy in front, which would have to name its clients.
    let start = || {
        let own =
            ["serve", "--listen", "127.0.0.1:0", "--workers", "3", "--token-keys", &keys, "--data", &data];
        Program::start(&own)
    };
    let login = |program: &Program, name: &str| Client::connect(program.address()).login(&player(name, 2));
    let mut program = start();
    let url = url(&program);
    let of_server = ["--url", &url, "--token-file", &token, "--login-account", "boss", "--login-role", "1"];
    let in_store = ["--data", &*data];
    try_all(&of_server);
    assert_eq!((login(&program, "bad"), login(&program, "worse")), (REFUSED, 0));
    expect_failure(&[&["list"], &in_store], "another sysconn uses this directory");

    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    assert_eq!(listed(&in_store), r#"account="bad" address=203.0.113.7"#);
    expect(&[&["clear"], &in_store], "entries=0\n");
    try_all(&in_store);
    let program = start();
    assert_eq!((login(&program, "bad"), login(&program, "worse")), (REFUSED, 0));
    expect_failure(&[&["list", "--data", &stage.path("none")]], "sysconn.redb: there is no such file");
}

#[test]
fn a_server_that_believes_logins_needs_no_token() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--workers", "3"]);
    let url = url(&program);
    try_all(&["--url", &url]);
    let log = String::from_utf8_lossy(&program.log()).into_owned();
    let line = log.lines().find(|line| line.contains("blacklist add account=\"worse\"")).unwrap();
    assert!(line.contains("operator_account=\"operator\" operator_role_id=18446744073709551615"), "{line}");
    let closed = log.lines().filter(|line| line.contains("cause=\"closed by the client with 1000")).count();
    assert!(closed > 5, "it says goodbye: {log}");
}

#[test]
fn a_server_with_lists_of_origins_and_subprotocols_can_be_asked() {
    let lists = [
        "--origin",
        "https://game.example",
        "--subprotocol",
        "game",
        "--subprotocol-required",
        "--log",
        "error",
    ];
    let program = Program::start(&[&["serve", "--listen", "127.0.0.1:0"], &lists[..]].concat());
    let url = url(&program);
    let (origin, subprotocol) = (["--origin", "https://game.example"], ["--subprotocol", "game"]);
    try_all(&[&["--url", &*url], &origin[..], &subprotocol].concat());
    expect_failure(&[&["list", "--url", &url], &subprotocol], "this origin is not allowed");
    expect_failure(&[&["list", "--url", &url], &origin], "HTTP/1.1 400 ");
    for wrong in ["", "a b", "a\tb", "\u{e4}"] {
        expect_failure(
            &[&["list", "--url", &url, "--origin", wrong]],
            "expected ASCII characters without spaces",
        );
    }
}

#[test]
fn a_list_is_read_as_slowly_as_the_server_asks_for() {
    let stage = Stage::new("1");
    let data = stage.path("data");
    let start = |more: &[&str]| {
        Program::start(&[&["serve", "--listen", "127.0.0.1:0", "--data", &*data], more].concat())
    };
    let mut program = start(&[]);
    let names: Vec<_> = (0..60).map(|number| format!("{number:0>255}")).collect();
    let mut boss = Client::connect(program.address());
    assert_eq!(boss.login(&operator()), 0);
    for account in &names {
        let add = monitor::Blacklist { action: 1, account: account.clone(), ..monitor::Blacklist::default() };
        boss.send_packet(9005, 9, &prost::Message::encode_to_vec(&add));
    }
    names.iter().for_each(|_| assert_eq!(boss.reply().error_id, 0));
    drop(boss);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    // Three pages or more, and the login.
    let program = start(&["--max-packets-per-second", "2", "--outbox-limit", "8KiB", "--max-len", "2KiB"]);
    let expected: Vec<_> = names.iter().map(|name| format!("account={name:?}")).collect();
    let url = url(&program);
    assert_eq!(listed(&["--url", &url]), expected.join(" "));
    drop(program);
    let program = start(&["--max-packets-per-second", "1"]);
    expect(&[&["clear", "--url", &format!("ws://{}", program.address())]], "entries=0\n");
}

#[test]
fn a_list_that_the_server_compresses_is_read() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--compress-above", "64"]);
    let target = ["--url", &url(&program)];
    let names: Vec<_> = (0..20).map(|number| format!("account-{number:02}")).collect();
    for (name, total) in names.iter().zip(1..) {
        expect(&[&["add", "--account", name], &target], &format!("entries={total}\n"));
    }
    let expected: Vec<_> = names.iter().map(|name| format!("account={name:?}")).collect();
    assert_eq!(listed(&target), expected.join(" "));
}

#[test]
fn the_token_of_an_operator_travels_over_tls() {
    let stage = Stage::new("1");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key, keys) = (stage.path("cert"), stage.path("key"), stage.path("jwks"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let signer = Signer::eddsa(1);
    fs::write(&keys, key_set(&[signer.jwk(&json!({}))])).unwrap();
    let claims = json!({ "sub": "boss", "role_id": 1, "platform": "p", "kind": "MONITOR", "exp": u64::MAX });
    fs::write(stage.path("token"), signer.token(&claims)).unwrap();
    let own =
        ["serve", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key, "--jwt-keys", &keys];
    let program = Program::start(&own);
    // A JWT says as whom to log in.
    let (url, token) = (format!("wss://localhost:{}", program.address().port()), stage.path("token"));
    let arguments = ["add", "--account", "bad", "--url", &url, "--token-file", &token];
    assert_eq!(run_trusting(&cert, &arguments), (Some(0), "entries=1\n".to_owned(), String::new()));
    let (status, _, error) = run(&arguments);
    assert!(status == Some(2) && error.contains("wss://localhost"), "an unknown root: {error}");
    let log = String::from_utf8_lossy(&program.log()).into_owned();
    assert!(log.contains("operator_account=\"boss\" operator_role_id=1"), "{log}");
}

#[test]
fn what_goes_wrong_is_said_in_one_line() {
    let stage = Stage::new("1");
    let keys = stage.path("keys");
    let program =
        Program::start(&["serve", "--listen", "127.0.0.1:0", "--token-keys", &keys, "--path", "/game"]);
    let (url, game) = (url(&program), format!("ws://{}/game", program.address()));
    fs::write(stage.path("token"), player("a", 2).token).unwrap();
    let token = stage.path("token");
    expect_failure(&[&["list", "--url", &url]], "\"HTTP/1.1 404 Not Found: nothing is served at this path\"");
    expect_failure(&[&["list", "--url", &game]], "the login is refused: expected a token of an operator");
    let wrong = ["--token-file", &token, "--login-account", "boss"];
    expect_failure(
        &[&["list", "--url", &game], &wrong],
        "good for account \"boss\", role 18446744073709551615",
    );
    expect_failure(
        &[&["list", "--url", &game, "--token-file", "/no/such"]],
        "--token-file: /no/such: cannot be read",
    );
    let address = program.address();
    drop(program);
    expect_failure(&[&["list", "--url", &format!("ws://{address}")]], "Connection refused");
    for (answer, part) in [
        (&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], "what the server sends is not understood"),
        (b"", "the server closed the connection"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "the server answered \"SSH-2.0-OpenSSH"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(answer).unwrap();
        });
        expect_failure(&[&["list", "--url", &url]], part);
        thread.join().unwrap();
    }
    for (arguments, part) in [
        (&["list"][..], "expected <--url <URL>|--data <DIR>>"),
        (&["add", "--data", "d"], "expected <--account <NAME>|--address <IP>>"),
        (&["list", "--url", "http://a"], "expected ws://HOST:PORT or wss://HOST:PORT"),
        (&["add", "--data", "d", "--account", "a", "--time", "1"], "expected a whole number with a unit"),
        (&["list", "--data", "d", "--token-file", "f"], "cannot be used with"),
        (&[], "expected list, add, remove or clear"),
        (&["drop"], "unknown command \"drop\": expected list, add, remove or clear"),
    ] {
        expect_failure(&[arguments], part);
    }
}
