//! Who may ask for what.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use rustix::process::Signal;

use super::common::eventually;
use super::stage::{Address, EXPOSED, LOOPBACK, Stage, TOKEN, folder, write_token};

/// What a request says of the token.
const NONE: &str = "";
const WRONG: &str = "Authorization: Bearer 0123456789abcdef-other\r\n";
const RIGHT: &str = "Authorization: Bearer 0123456789abcdef-token\r\n";

/// Paths that show something that is nobody else's business.
const SHOWS: [&str; 6] =
    ["/metrics", "/api/stats", "/api/connections", "/api/routes", "/api/recordings", "/api/history"];
const ACTS: [&str; 5] = ["/api/kick", "/api/debug", "/api/record", "/api/blacklist", "/api/call"];

fn get(stage: &Stage, path: &str, lines: &str) -> u16 {
    stage.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").as_bytes()).status
}

fn post(stage: &Stage, path: &str, lines: &str) -> u16 {
    let head = "Content-Type: application/json\r\nContent-Length: 2\r\n";
    stage.send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}{head}\r\n{{}}").as_bytes()).status
}

#[test]
fn each_request_needs_what_its_address_asks_for() {
    let folder = folder();
    let unix = format!("unix:{}/admin.sock", folder.display());
    // The address, whether there is a token, and the statuses of what shows without, with a wrong and with
    // the right token, and of what acts. 400 is for a body that says nothing: it was let in.
    for (address, has_token, shows, acts) in [
        (LOOPBACK, true, [200, 200, 200], [401, 401, 400]),
        (LOOPBACK, false, [200, 200, 200], [403, 403, 403]),
        (EXPOSED, true, [401, 401, 200], [401, 401, 400]),
        (EXPOSED, false, [403, 403, 403], [403, 403, 403]),
        (&unix, true, [200, 200, 200], [401, 401, 400]),
        (&unix, false, [200, 200, 200], [403, 403, 403]),
    ] {
        let stage = Stage::at(address, has_token, &[]);
        for (index, lines) in [NONE, WRONG, RIGHT].into_iter().enumerate() {
            for path in ["/", "/healthz", "/readyz"] {
                assert_eq!(get(&stage, path, lines), 200, "{address} {path} {lines}");
                assert_eq!(post(&stage, path, lines), 405, "{address} POST {path} {lines}");
            }
            for path in SHOWS {
                assert_eq!(get(&stage, path, lines), shows[index], "{address} {has_token} {path} {lines}");
            }
            for path in ACTS {
                assert_eq!(post(&stage, path, lines), acts[index], "{address} {has_token} {path} {lines}");
            }
        }
    }
}

#[test]
fn refusals_say_why() {
    let stage = Stage::new(&[]);
    let json = "Content-Type: application/json\r\n";
    for (request, status, part) in [
        (
            format!("POST /api/kick HTTP/1.1\r\nHost: localhost\r\n{json}\r\n"),
            401,
            "www-authenticate: Bearer",
        ),
        (format!("POST /api/kick HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 415, "application/json"),
        (
            format!("POST /api/kick HTTP/1.1\r\nHost: localhost\r\n{RIGHT}Content-Type: text/plain\r\n\r\n"),
            415,
            "Content-Type: application/json",
        ),
        (
            format!("POST /api/stats HTTP/1.1\r\nHost: localhost\r\n{RIGHT}{json}\r\n"),
            405,
            "allow: GET, HEAD",
        ),
        (format!("GET /api/kick HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 405, "allow: POST"),
        // Without a body there is no type to speak of.
        (format!("DELETE /api/stats HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 405, "allow: GET, HEAD"),
        (format!("POST /metrics HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 405, "allow: GET, HEAD"),
        (format!("PUT /api/kick HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 405, "allow: POST"),
        (format!("POST /nothing HTTP/1.1\r\nHost: localhost\r\n{RIGHT}\r\n"), 404, "nothing at this path"),
        ("DELETE /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 401, "www-authenticate: Bearer"),
        ("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 404, "nothing at this path"),
        ("GET /api/stats?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 400, "unknown parameter a"),
        ("GET /metrics HTTP/1.1\r\nHost: a.example\r\n\r\n".to_owned(), 403, "the Host is none of"),
        (
            format!("POST /api/kick HTTP/1.1\r\nHost: a.example\r\n{RIGHT}{json}\r\n"),
            403,
            "the Host is none of",
        ),
    ] {
        let answer = stage.send(request.as_bytes());
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        let all = format!("{}{}", answer.head, answer.body);
        assert!(all.contains(part), "{request}: {all}");
        assert!(answer.head.contains("\r\ncontent-security-policy: default-src 'self'; "), "{}", answer.head);
    }
    let without = Stage::at(LOOPBACK, false, &[]);
    let answer = without.post("/api/kick", "{}");
    assert!(answer.body.contains("--admin-token-file is not given"), "{answer:?}");
    // On other addresses the token decides, and not the Host; a Unix socket has none.
    let exposed = Stage::at(EXPOSED, true, &[]);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: a.example\r\n{RIGHT}\r\n");
    assert_eq!(exposed.send(request.as_bytes()).status, 200);
}

#[test]
fn wrong_tokens_are_counted_and_logged_with_a_limit() {
    let stage = Stage::new(&[]);
    for _ in 0..50 {
        assert_eq!(post(&stage, "/api/kick", WRONG), 401);
    }
    let log = stage.log();
    let lines = log.lines().filter(|line| line.contains("sent a wrong token")).count();
    assert!((20..40).contains(&lines), "{lines}: {log}");
    assert!(log.contains("admin: 127.0.0.1:"), "{log}");
    let metrics = stage.get("/metrics").body;
    assert!(metrics.contains("sysconn_admin_wrong_tokens_total 50\n"), "{metrics}");
    let left_out = metrics.lines().find_map(|line| {
        line.strip_prefix("sysconn_log_lines_left_out_total{kind=\"admin\"} ")?.parse::<usize>().ok()
    });
    assert_eq!(left_out, Some(50 - lines), "{metrics}");
    assert!(!log.contains("0123456789abcdef"), "{log}");
}

#[test]
fn the_token_is_read_again() {
    let stage = Stage::new(&[]);
    let other = "another-token-0123456789";
    write_token(&stage.folder, other);
    stage.program.signal(Signal::HUP);
    let right = format!("Authorization: Bearer {other}\r\n");
    eventually("the new token counts", || post(&stage, "/api/kick", &right) == 400);
    assert_eq!(post(&stage, "/api/kick", RIGHT), 401);
    // A file that cannot be used changes nothing.
    write_token(&stage.folder, "short");
    stage.program.signal(Signal::HUP);
    eventually("the log says so", || stage.log().contains("the token of the admin server stays as it was"));
    assert_eq!(post(&stage, "/api/kick", &right), 400);
}

#[test]
fn bad_options_end_with_one_line() {
    let folder = folder();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for (name, content) in [("empty", ""), ("spaces", " \n"), ("short", "0123456789abcde"), ("two", "a b\nc")]
    {
        fs::write(folder.join(name), content).unwrap();
    }
    fs::write(folder.join("there"), "no socket").unwrap();
    let there = format!("unix:{}", path("there"));
    for (admin, token, expected) in [
        (LOOPBACK, "empty", "--admin-token-file: FILE: is empty: expected one line, a token of 16 to 255"),
        (LOOPBACK, "spaces", "--admin-token-file: FILE: is empty: "),
        (LOOPBACK, "short", "--admin-token-file: FILE: has too short a token: "),
        (LOOPBACK, "two", "--admin-token-file: FILE: has too short a token: "),
        (LOOPBACK, "none", "--admin-token-file: FILE: cannot be read: "),
        ("192.0.2.1:1", "", "--admin: cannot listen on 192.0.2.1:1: "),
        (&there, "", "something is there that is not a socket"),
        ("nothing", "", "--admin: expected IP:PORT, "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin", admin]).env_clear();
        if !token.is_empty() {
            command.args(["--admin-token-file", &path(token)]);
        }
        let output = command.output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap().replace(&path(token), "FILE");
        assert_eq!(output.status.code(), Some(2), "{admin} {token}: {error}");
        assert!(output.stdout.is_empty(), "{admin} {token}");
        let last = error.lines().last().unwrap();
        assert!(last.starts_with("sysconn: ") && last.contains(expected), "{admin} {token}: {error}");
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn a_token_that_everybody_can_read_gets_a_warning() {
    let stage = Stage::new(&[]);
    assert!(!stage.log().contains("can read the token"));
    fs::set_permissions(stage.folder.join("token"), fs::Permissions::from_mode(0o604)).unwrap();
    stage.program.signal(Signal::HUP);
    eventually("the log warns", || stage.log().contains("every user of this machine can read the token"));
}

#[test]
fn a_unix_socket_has_its_mode_and_is_removed_at_the_end() {
    let folder = folder();
    let path = folder.join("admin.sock");
    // That of a server that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let mut stage = Stage::at(&format!("unix:{}", path.display()), true, &["--socket-mode", "600"]);
    assert!(matches!(&stage.admin, Address::Unix(at) if *at == path));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let answer = stage.send(b"GET /healthz HTTP/1.1\r\nHost: anything\r\n\r\n");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let answer = stage.post("/api/blacklist", r#"{"action":"clear"}"#);
    assert_eq!(answer.status, 200, "{answer:?}");
    let log = stage.log();
    assert!(log.contains("admin blacklist clear admin=") && log.contains("unix:uid="), "{log}");
    stage.program.signal(Signal::TERM);
    assert_eq!(stage.program.wait().0.code(), Some(0));
    assert!(!path.exists());
    assert!(!TOKEN.is_empty() && !log.contains(TOKEN));
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn without_the_option_there_is_no_thread() {
    let program = super::common::Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let names = || -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap()).collect()
    };
    // A thread gives itself its name once it runs; the first one has that of the program.
    eventually("all threads have names", || {
        names().iter().filter(|name| name.as_str() == "sysconn\n").count() == 1
    });
    assert!(!names().contains(&"side\n".to_owned()), "{:?}", names());
}
