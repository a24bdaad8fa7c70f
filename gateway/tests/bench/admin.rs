//! The comparison with what the server has counted, as its admin address says.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::common::Program;
use crate::run_briefly;

/// An admin server that knows no connections, or answers with an error.
fn admin(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 1024]);
            let read = stream.read(&mut request).unwrap();
            assert!(request[..read].starts_with(b"GET /api/connections?offset=0&limit=1000 HTTP/1.1\r\n"));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            // The client may have gone.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

#[test]
fn a_server_that_has_counted_otherwise_differs() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let other = r#"{"total": 1, "connections": [{"peer": "127.0.0.1:1", "recv_count": 1, "send_count": 1}]}"#;
    for (status, body, part) in [
        ("200 OK", other, "the server's own count differs on 2 connections: it has received 0 packets"),
        ("200 OK", "{}", "/api/connections is not what it should be"),
        ("401 Unauthorized", r#"{"error":"a token"}"#, "HTTP status 401: a token (--token-file FILE)"),
        ("302 Found", "", "HTTP status 302: this is not the admin server of sysconn"),
        ("200 OK", "", "/api/connections is not what it should be"),
    ] {
        let admin = admin(status, body);
        let arguments = ["--admin", &admin, "--connections", "2", "--timeout", "200ms"];
        let (exit, figures) = run_briefly(&url, &arguments);
        let lines = figures["differences"].to_string();
        assert!(exit == 1 && lines.contains(part), "{status}: {figures}");
        assert_eq!(figures["server_count"]["agrees"], false, "{figures}");
    }
}

#[test]
fn a_server_has_counted_the_same_to_the_packet() {
    for workers in ["1", "3"] {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", workers];
        let program = Program::start(&listen);
        let url = format!("ws://{}", program.address());
        let log = String::from_utf8(program.log()).unwrap();
        let (_, rest) = log.split_once("the admin server is at ").unwrap();
        let admin = rest.lines().next().unwrap().trim_end_matches('/');
        for (arguments, connections) in [
            (&["--rate", "500", "--idle", "5"][..], 15),
            (&["--pipeline", "8", "--connections", "3"], 3),
            (&["--fan-out", "5", "--connections", "10", "--rate", "100"], 10),
            (&["--cmd", "1102", "--replies", "0", "--rate", "500"], 10),
            (&["--cmd", "1104", "--hex", "0004", "--replies", "4", "--rate", "50"], 10),
        ] {
            let (status, figures) = run_briefly(&url, &[&["--admin", admin], arguments].concat());
            let count = &figures["server_count"];
            assert!(status == 0 && count["agrees"] == true, "{workers}: {arguments:?}: {figures}");
            assert_eq!(count["connections"], connections, "{workers}: {arguments:?}: {figures}");
        }
    }
}
