//! `serve --dev`: its page, what the HTTP server beside the game refuses, and the log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/mod.rs"]
mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use common::{Client, PATIENCE, Program, eventually, still_serves, upgrade_of};

const DEV: [&str; 4] = ["serve", "--dev", "--dev-listen", "127.0.0.1:0"];
/// More connections than the HTTP server keeps at one time.
const SLOW: usize = 100;

fn start(more: &[&str]) -> (Program, SocketAddr) {
    start_at(&["--listen", "127.0.0.1:0"], more)
}

fn start_at(listen: &[&str], more: &[&str]) -> (Program, SocketAddr) {
    let program = Program::start(&[&DEV, listen, more].concat());
    let log = String::from_utf8(program.log()).unwrap();
    let (_, rest) = log.split_once("the page of --dev is at http://").expect("the log names the page");
    let page = rest.split('/').next().unwrap().parse().unwrap();
    (program, page)
}

fn connect(page: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(page).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes back for some bytes.
fn answer(page: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(page);
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut bytes = vec![];
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8(bytes).unwrap()
}

fn request(page: SocketAddr, line: &str) -> String {
    answer(page, format!("{line} HTTP/1.1\r\nHost: {page}\r\n\r\n").as_bytes())
}

#[test]
fn the_page_and_its_files_are_served() {
    let (program, page) = start(&[]);
    let policy = format!("connect-src 'self' ws://{}\r\n", program.listening);
    for (path, content_type) in
        [("/", "text/html"), ("/page.js", "text/javascript"), ("/style.css", "text/css")]
    {
        let text = request(page, &format!("GET {path}"));
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains(&format!("content-type: {content_type}; charset=utf-8\r\n")), "{text}");
        assert!(text.contains("content-security-policy: default-src 'self'; "), "{text}");
        assert!(text.contains(&policy), "{text}");
        let head = request(page, &format!("HEAD {path}"));
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    }
    let about = request(page, "GET /server.json");
    let expected = format!(r#"{{"protocols":[],"url":"ws://{}/"}}"#, program.listening);
    assert!(about.ends_with(&expected), "{about}");
}

#[test]
fn the_page_knows_path_and_subprotocol_and_is_an_origin() {
    let options = ["--path", "/game/*", "--subprotocol", "v1", "--origin", "https://a.example"];
    let (program, page) = start(&options);
    let about = request(page, "GET /server.json");
    let expected = format!(r#"{{"protocols":["v1"],"url":"ws://{}/game/"}}"#, program.listening);
    assert!(about.ends_with(&expected), "{about}");
    let upgrade = |origin: &str| upgrade(&program, "/game/", &format!("Origin: {origin}\r\n"));
    assert_eq!(upgrade("https://a.example"), "HTTP/1.1 101");
    assert_eq!(upgrade(&format!("http://{page}")), "HTTP/1.1 101");
    assert_eq!(upgrade(&format!("http://localhost:{}", page.port())), "HTTP/1.1 101");
    assert_eq!(upgrade("http://b.example"), "HTTP/1.1 403");
}

/// The beginning of the answer to a handshake with these header lines.
fn upgrade(program: &Program, path: &str, more: &str) -> String {
    let mut client = connect(program.address());
    client.write_all(&upgrade_of(path, more)).unwrap();
    let mut status = [0; 12];
    client.read_exact(&mut status).unwrap();
    String::from_utf8(status.to_vec()).unwrap()
}

#[test]
fn pages_of_the_web_cannot_connect() {
    let (program, page) = start(&[]);
    for (line, expected) in [
        // No browser.
        (String::new(), "HTTP/1.1 101"),
        (format!("Origin: http://{page}\r\n"), "HTTP/1.1 101"),
        ("Origin: http://localhost:5173\r\n".to_owned(), "HTTP/1.1 101"),
        ("Origin: https://a.example\r\n".to_owned(), "HTTP/1.1 403"),
        ("Origin: null\r\n".to_owned(), "HTTP/1.1 403"),
    ] {
        assert_eq!(upgrade(&program, "/", &line), expected, "{line:?}");
    }
}

#[test]
fn the_page_may_connect_to_the_server() {
    let ipv4 = ["--listen", "127.0.0.1:0"];
    for (listen, source) in [(&ipv4[..], "ws://127.0.0.1:"), (&["--listen", "[::1]:0"], "ws:\r\n")] {
        let (program, page) = start_at(listen, &[]);
        let text = request(page, "GET /");
        assert!(text.contains(&format!("connect-src 'self' {source}")), "{}: {text}", program.listening);
    }
    // Of several addresses an IPv4 one: a policy cannot name others.
    let (program, page) = start_at(&[&["--listen", "[::1]:0"], &ipv4[..]].concat(), &[]);
    let second = program.listening.split(", ").nth(1).unwrap();
    let about = request(page, "GET /server.json");
    assert!(about.contains(&format!("ws://{second}/")), "{second}: {about}");
}

#[test]
fn what_is_wrong_is_refused_and_harms_nothing() {
    let (program, page) = start(&[]);
    let get = |more: &str| format!("GET / HTTP/1.1\r\n{more}\r\n\r\n").into_bytes();
    let long = "x".repeat(100_000);
    let many = "a: b\r\n".repeat(100);
    let body =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    for (request, status) in [
        (get("Host: localhost"), "200 OK"),
        (get("Host: a.example"), "403 Forbidden"),
        (get("Host: localhost\r\nHost: a.example"), "403 Forbidden"),
        (get("Accept: */*"), "403 Forbidden"),
        (b"GET http://a.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "403 Forbidden"),
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "404 Not Found"),
        (b"GET /../page.js HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), "404 Not Found"),
        (format!("{}body", body(4)).into_bytes(), "405 Method Not Allowed"),
        (body(100_000).into_bytes(), "413 Payload Too Large"),
        (get(&format!("Host: localhost\r\nCookie: {long}")), "431 Request Header Fields Too Large"),
        (get(&format!("{many}Host: localhost")), "431 Request Header Fields Too Large"),
        (b"nonsense\r\n\r\n".to_vec(), "400 Bad Request"),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".repeat(20), "400 Bad Request"),
    ] {
        let text = answer(page, &request);
        // A refusal that overtakes the rest of the request can be lost to a reset.
        let is_cut = request.len() > 16 * 1024 && text.is_empty();
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]);
        assert!(is_cut || text.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{shown}: {text}");
    }
    still_serves(program.address());
}

#[test]
fn slow_clients_lock_nobody_out() {
    let (program, page) = start(&[]);
    let slow: Vec<_> = (0..SLOW)
        .map(|number| {
            let mut stream = connect(page);
            // Nothing, or half a head.
            let half: &[u8] = if number % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHost: loc" };
            stream.write_all(half).unwrap();
            stream
        })
        .collect();
    assert!(request(page, "GET /").starts_with("HTTP/1.1 200 OK\r\n"));
    still_serves(program.address());
    // The oldest were cut for those that came later.
    for mut stream in slow.into_iter().take(SLOW / 2) {
        let mut rest = vec![];
        let _ = stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    let log = String::from_utf8(program.log()).unwrap();
    assert!(log.contains("http: one of 24 connections is cut for a newer one"), "{log}");
}

#[test]
fn each_packet_is_logged() {
    let (program, _) = start(&[]);
    let mut client = Client::connect(program.address());
    client.send_packet(1101, 7, b"hello");
    client.reply();
    eventually("both packets are in the log", || {
        let log = String::from_utf8(program.log()).unwrap();
        let lines = log.lines().filter(|line| line.contains("68 65 6c 6c 6f") || line.contains("68656c6c6f"));
        lines.count() == 2
    });
}
