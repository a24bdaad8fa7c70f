//! The comparison with what the server has counted, as its admin address says.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::{PATIENCE, Program};
use crate::{command, run, run_briefly, wait};

/// Status and body of an admin server.
type Answer = (&'static str, &'static str);

/// What an admin server answers that knows no connections.
const NONE: Answer = ("200 OK", r#"{"total": 0, "connections": []}"#);

/// An admin server with an answer to the first request, and one to all others.
fn admin(first: Answer, other: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (index, stream) in listener.incoming().enumerate() {
            let (mut stream, mut request) = (stream.unwrap(), [0; 1024]);
            let read = stream.read(&mut request).unwrap();
            let ((status, body), limit) = if index == 0 { (first, 1) } else { (other, 1000) };
            let expected = format!("GET /api/connections?offset=0&limit={limit} HTTP/1.1\r\n");
            assert!(request[..read].starts_with(expected.as_bytes()));
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
    let counted = "the server at --admin knows none of 2 connections";
    for (answer, part) in [(("200 OK", other), counted)].into_iter().chain(ERRORS) {
        let admin = admin(NONE, answer);
        let arguments = ["--admin", &admin, "--connections", "2", "--timeout", "200ms"];
        let (exit, figures) = run_briefly(&url, &arguments);
        let lines = figures["differences"].to_string();
        assert!(exit == 1 && lines.contains(part), "{answer:?}: {figures}");
        assert_eq!(figures["server_count"]["agrees"], false, "{figures}");
    }
}

/// Answers that are no figures, and what is said about them.
const ERRORS: [(Answer, &str); 4] = [
    (("200 OK", "{}"), "/api/connections is not what it should be"),
    (("401 Unauthorized", r#"{"error":"a token"}"#), "HTTP status 401: a token (--token-file FILE)"),
    (("302 Found", ""), "HTTP status 302: this is not the admin server of sysconn"),
    (("200 OK", ""), "/api/connections is not what it should be"),
];

#[test]
fn an_admin_server_without_figures_is_found_before_the_run() {
    let game = TcpListener::bind("127.0.0.1:0").unwrap();
    game.set_nonblocking(true).unwrap();
    let url = format!("ws://{}", game.local_addr().unwrap());
    for (answer, part) in ERRORS {
        let ended = run(&url, &["--admin", &admin(answer, NONE)]);
        assert_eq!((ended.status, &*ended.output), (2, ""), "{}", ended.error);
        assert!(ended.error.starts_with(&format!("sysconn: --admin: {part}")), "{}", ended.error);
        assert!(game.accept().is_err(), "no connection was opened");
    }
}

/// An admin server that always answers so, and tells of each question.
fn repeating_admin(body: String) -> (String, Receiver<()>) {
    let (sender, questions) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut request, mut part) = (stream.unwrap(), vec![], [0; 1024]);
            // What is left unread would reset the connection.
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(read @ 1..) => request.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            // The test may have seen enough.
            let _ = sender.send(());
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    (url, questions)
}

/// An admin server that has always one connection more.
fn endless_admin() -> String {
    let row = r#"{"peer": "127.0.0.1:1", "recv_count": 1, "send_count": 1}"#;
    repeating_admin(format!(r#"{{"total": 10000000, "connections": [{row}]}}"#)).0
}

#[test]
fn an_answer_without_end_ends_with_the_time() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let (exit, figures) = run_briefly(&url, &["--admin", &endless_admin(), "--timeout", "200ms"]);
    let lines = figures["differences"].to_string();
    assert!(exit == 1 && lines.contains("it was not known when the time was over"), "{figures}");
}

#[test]
fn what_differs_after_an_interruption_is_looked_at_again() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let (admin, questions) = repeating_admin(NONE.1.to_owned());
    let load = ["--warmup", "0", "--duration", "1h", "--timeout", "1h", "--output", "json"];
    let bench =
        command(&url, &[&load[..], &["--admin", &admin]].concat()).stdout(Stdio::piped()).spawn().unwrap();
    questions.recv_timeout(PATIENCE).unwrap();
    crate::common::eventually("the load begins", || crate::usage::run_call(&url) >= 11);
    kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
    for _ in 0..2 {
        questions.recv_timeout(PATIENCE).unwrap();
    }
    let ended = wait(bench, "an interruption");
    assert_eq!((ended.status, &ended.json()["was_interrupted"]), (1, &true.into()), "{}", ended.output);
}

#[test]
fn an_interruption_ends_the_comparison() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let (admin, questions) = repeating_admin(NONE.1.to_owned());
    let load = ["--warmup", "0", "--duration", "100ms", "--timeout", "1h", "--output", "json"];
    let bench = command(&format!("ws://{}", program.address()), &[&load[..], &["--admin", &admin]].concat())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Before the run, after it, and once more, as it does not agree.
    for _ in 0..3 {
        questions.recv_timeout(PATIENCE).unwrap();
    }
    kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
    let ended = wait(bench, "an interruption");
    let figures = ended.json();
    let lines = figures["differences"].to_string();
    assert!(ended.status == 1 && lines.contains("knows none of 10 connections"), "{figures}");
    assert_eq!(figures["was_interrupted"], false, "the load was over: {figures}");
}

/// An admin server that answers its first request, and none after it.
fn hanging_admin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let (_, body) = NONE;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer.as_bytes());
        // The others of this connection stay unread, and new connections unaccepted, until the client goes.
        let mut kept = vec![];
        let _ = stream.read_to_end(&mut kept);
    });
    url
}

#[test]
fn an_answer_that_does_not_come_ends_with_the_time() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let (exit, figures) = run_briefly(&url, &["--admin", &hanging_admin(), "--timeout", "200ms"]);
    let lines = figures["differences"].to_string();
    // The HTTP client's own time is longer, and it would say that no answer came in time.
    assert!(exit == 1 && lines.contains("it was not known when the time was over"), "{figures}");
}

/// What a server answers on a connection of its own.
fn get(authority: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The sum of the numbers at the ends of the lines that begin so.
fn sum(text: &str, name: &str) -> u64 {
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn bench_top_and_the_metrics_agree_to_the_packet() {
    for workers in ["1", "3"] {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", workers];
        let program = Program::start(&listen);
        let log = String::from_utf8(program.log()).unwrap();
        let (_, rest) = log.split_once("the admin server is at ").unwrap();
        let admin = rest.lines().next().unwrap().trim_end_matches('/');
        let authority = admin.trim_start_matches("http://");
        let load = ["--admin", admin, "--rate", "500", "--login"];
        let (status, figures) = run_briefly(&format!("ws://{}", program.address()), &load);
        // Logins are packets too, and each has one reply.
        let packets = crate::count(&figures, "sent") + 10;
        assert_eq!((status, figures["server_count"]["received"].as_u64()), (0, Some(packets)), "{figures}");
        assert_eq!(figures["server_count"]["sent"], packets, "{figures}");
        crate::common::eventually("all figures are the same", || {
            let mut top = std::process::Command::new(env!("CARGO_BIN_EXE_sysconn"));
            let top = top.args(["top", "--once", admin]).env_clear().output().unwrap();
            let (top, metrics) = (String::from_utf8(top.stdout).unwrap(), get(authority, "/metrics"));
            let seen = ["received", "sent"].map(|way| {
                let of_top = sum(&top, &format!("packets_{way} "));
                [of_top, sum(&metrics, &format!("sysconn_packets_{way}_total{{"))]
            });
            seen == [[packets; 2]; 2]
        });
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

/// What was not compared is told too.
#[test]
fn connections_that_have_ended_are_not_compared() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let log = String::from_utf8(program.log()).unwrap();
    let (_, rest) = log.split_once("the admin server is at ").unwrap();
    let admin = rest.lines().next().unwrap().trim_end_matches('/');
    let load = ["--admin", admin, "--connections", "10", "--duration", "100ms", "--warmup", "0"];
    for (churn, part) in [
        (&[][..], "the server has counted the same on 10 connections: "),
        // Some of them are just being replaced.
        (&["--churn", "10"], " that are open at the end: "),
    ] {
        let text = run(&format!("ws://{}", program.address()), &[&load[..], churn].concat()).output;
        assert!(text.contains(part), "{text}");
        let ended = text.lines().any(|line| line.ends_with(" that have ended are not compared"));
        assert_eq!(ended, !churn.is_empty(), "{text}");
    }
    // The server closes the only one.
    let url = format!("ws://{}", program.address());
    let load = ["--admin", admin, "--connections", "1", "--cmd", "1106"];
    let text = run(&url, &load).output;
    assert!(text.contains("no connection is open at the end: nothing was compared with"), "{text}");
    let (status, figures) = run_briefly(&url, &load);
    let count = &figures["server_count"];
    assert_eq!((status, &count["agrees"], &count["connections"]), (1, &Value::Null, &0.into()), "{figures}");
}
