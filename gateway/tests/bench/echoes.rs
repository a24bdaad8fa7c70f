//! Echo servers of others: one that is right, and some that are not.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use tungstenite::{Message, accept};

use crate::common::Program;
use crate::{command, count, listen, run, run_briefly, time};

/// What an echo server does to a message. `None`: it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It says hello before anything else, in text.
    Greets,
    /// It changes the last byte of the 20th.
    Changes,
    /// It sends the 20th twice.
    Repeats,
    /// It forgets the 20th.
    Forgets,
    /// It closes with 4100 after the 20th.
    Closes,
    /// It ends the connection after the 20th, without a Close.
    Ends,
    /// It ends the connection at the first, without a reply.
    Drops,
    /// It sends the 20th after the 21st.
    Swaps,
}

/// An echo server by tungstenite. `before` is called before each reply.
pub(crate) fn echo(fault: Fault, before: impl Fn() + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let before = before.clone();
            // A client that goes ends its thread.
            thread::spawn(move || serve(tcp.unwrap(), fault, &before));
        }
    });
    url
}

fn serve(tcp: std::net::TcpStream, fault: Fault, before: &impl Fn()) -> Option<()> {
    tcp.set_nodelay(true).unwrap();
    let mut socket = accept(tcp).ok()?;
    if fault == Fault::Greets {
        socket.send(Message::text("hello")).ok()?;
    }
    let mut kept = None;
    for number in 1.. {
        let Message::Binary(message) = socket.read().ok()? else { continue };
        before();
        let is_20th = number == 20;
        let reply = match fault {
            Fault::Changes if is_20th => {
                let mut bytes = message.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                bytes.into()
            }
            Fault::Repeats if is_20th => {
                socket.send(Message::Binary(message.clone())).ok()?;
                message
            }
            Fault::Forgets if is_20th => continue,
            Fault::Ends if is_20th => return None,
            Fault::Drops => return None,
            Fault::Swaps if is_20th => {
                kept = Some(message);
                continue;
            }
            _ => message,
        };
        socket.send(Message::Binary(reply)).ok()?;
        if let Some(kept) = kept.take() {
            socket.send(Message::Binary(kept)).ok()?;
        }
        if fault == Fault::Closes && is_20th {
            let code = tungstenite::protocol::frame::coding::CloseCode::from(4100);
            let close = tungstenite::protocol::CloseFrame { code, reason: "enough".into() };
            socket.close(Some(close)).ok()?;
        }
    }
    None
}

#[test]
fn what_a_foreign_echo_does_wrong_is_a_difference() {
    for (fault, expected) in [
        (Fault::None, ""),
        (Fault::Greets, ""),
        (Fault::Changes, "1 message is not what it should be"),
        (Fault::Repeats, "1 message is not what it should be"),
        (Fault::Forgets, "1 request has no reply"),
        (Fault::Closes, "1 connection ended before its time"),
        (Fault::Ends, "1 connection ended before its time"),
    ] {
        check_fault(fault, "1", expected);
        // Replies that come together are compared together. An end with requests unread is another one.
        if !matches!(fault, Fault::Closes | Fault::Ends) {
            check_fault(fault, "16", expected);
        }
    }
}

fn check_fault(fault: Fault, pipeline: &str, expected: &str) {
    let url = echo(fault, || ());
    let arguments = ["--echo", "--connections", "1", "--pipeline", pipeline, "--timeout", "300ms"];
    let (status, figures) = run_briefly(&url, &arguments);
    let lines = figures["differences"].to_string();
    assert_eq!((status, lines == "[]"), (i32::from(!expected.is_empty()), expected.is_empty()), "{figures}");
    assert!(lines.contains(expected), "{fault:?}: {figures}");
    let lost = match fault {
        Fault::Closes => r#"{"the server closed the connection with 4100 (the application's own)":1}"#,
        Fault::Ends => r#"{"the server ended the connection without a Close frame":1}"#,
        _ => "{}",
    };
    assert_eq!(figures["lost"].to_string(), lost, "{fault:?}: {figures}");
    assert_eq!(count(&figures, "others"), u64::from(fault == Fault::Greets), "{fault:?}: {figures}");
}

#[test]
fn one_reply_that_is_lost_or_late_is_one_difference() {
    for (fault, wrong, unanswered) in
        [(Fault::Changes, 1, 0), (Fault::Repeats, 1, 0), (Fault::Forgets, 0, 1), (Fault::Swaps, 1, 0)]
    {
        // With the short pipeline Flags repeat themselves many times.
        for (rate, pipeline, requests) in [("400", "1024", 80), ("4000", "10", 800)] {
            let arguments = ["--echo", "--connections", "1", "--rate", rate, "--pipeline", pipeline];
            let (status, figures) =
                run_briefly(&echo(fault, || ()), &[&arguments[..], &["--timeout", "300ms"]].concat());
            let (sent, answered) = (count(&figures, "sent"), count(&figures, "answered"));
            let seen = (count(&figures, "wrong"), count(&figures, "unanswered"));
            assert_eq!((status, sent, seen), (1, requests, (wrong, unanswered)), "{fault:?}: {figures}");
            let unanswered = u64::from(fault != Fault::Repeats);
            assert_eq!(answered, requests - unanswered, "{fault:?}: {figures}");
        }
    }
}

#[test]
fn a_long_reply_that_ends_otherwise_than_it_should_is_one_difference() {
    // It comes in several reads, the first of which are right.
    let arguments = ["--echo", "--connections", "1", "--rate", "125", "--size", "600000"];
    let (status, figures) = run_briefly(&echo(Fault::Changes, || ()), &arguments);
    let counts = ["sent", "answered", "wrong", "unanswered"].map(|name| count(&figures, name));
    assert_eq!((status, counts), (1, [25, 24, 1, 0]), "{figures}");
}

#[test]
fn a_connection_that_makes_way_says_goodbye_unless_it_is_told_not_to() {
    for (arguments, says_goodbye) in
        [(&["--churn", "1"][..], true), (&["--churn", "1", "--without-close"], false)]
    {
        let (listener, url) = listen();
        let mut bench =
            command(&url, &[&["--echo", "--connections", "1"], arguments].concat()).spawn().unwrap();
        let mut socket = accept(listener.accept().unwrap().0).unwrap();
        let message = socket.read().unwrap();
        socket.send(message).unwrap();
        let next = socket.read();
        assert_eq!(matches!(next, Ok(Message::Close(_))), says_goodbye, "{arguments:?}: {next:?}");
        // The server ends the connection, and another comes in its place.
        drop(socket);
        accept(listener.accept().unwrap().0).unwrap();
        bench.kill().unwrap();
        bench.wait().unwrap();
    }
}

/// An echo server that refuses each third upgrade after the first.
fn refusing_echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (number, tcp) in listener.incoming().enumerate() {
            let mut tcp = tcp.unwrap();
            if number % 3 == 1 {
                let mut request = [0; 1024];
                let _ = tcp.read(&mut request);
                let _ = tcp.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
            } else {
                thread::spawn(move || serve(tcp, Fault::None, &|| ()));
            }
        }
    });
    url
}

/// An echo server that upgrades so many connections, and is silent to all others.
fn taciturn_echo(upgraded: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut silent = vec![];
        for (number, tcp) in listener.incoming().enumerate() {
            let tcp = tcp.unwrap();
            if number < upgraded {
                thread::spawn(move || serve(tcp, Fault::None, &|| ()));
            } else {
                silent.push(tcp);
            }
        }
    });
    url
}

#[test]
fn opening_ends_where_a_server_answers_no_more() {
    for (ramp, connections, tried, not_tried) in
        [("0", 300, None, "not tried, since none was opened within 1s"), ("100ms", 100, Some(95), "")]
    {
        let connections = connections.to_string();
        let arguments = ["--echo", "--connections", &connections, "--timeout", "1s", "--ramp", ramp];
        let (status, figures) = run_briefly(&taciturn_echo(5), &arguments);
        let failed = figures["failed"].as_object().unwrap();
        let of = |reason: &str| failed.get(reason).map_or(0, |count| count.as_u64().unwrap());
        let (silent, left) = (of("no answer in time"), of(not_tried));
        assert_eq!((status, count(&figures, "opened")), (1, 5), "{figures}");
        assert_eq!((silent + left + 5).to_string(), connections, "{figures}");
        // No more than the 64 that waited, and those that took the place of the five and of those that
        // expired before.
        assert!(tried.map_or(silent < 2 * 64 + 5, |tried| silent == tried), "{figures}");
    }
}

#[test]
fn a_place_that_cannot_be_filled_is_tried_again() {
    let arguments = [
        "--echo",
        "--connections",
        "1",
        "--churn",
        "1",
        "--warmup",
        "0",
        "--duration",
        "1s",
        "--output",
        "json",
    ];
    let ended = run(&refusing_echo(), &arguments);
    let (status, figures) = (ended.status, ended.json());
    assert_eq!((status, &figures["ended_early"]), (1, &false.into()), "{figures}");
    assert!(count(&figures, "opened") > 2, "{figures}");
    let refused = figures["failed"]["the server answered HTTP/1.1 503 Busy"].as_u64();
    assert!(refused > Some(1), "each is counted: {figures}");
}

#[test]
fn a_server_that_does_not_close_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut socket = accept(listener.accept().unwrap().0).unwrap();
        let kept = socket.get_ref().try_clone().unwrap();
        while let Ok(message) = socket.read() {
            if message.is_close() || socket.send(message).is_err() {
                break;
            }
        }
        kept
    });
    let arguments = ["--echo", "--connections", "1", "--timeout", "100ms"];
    let (status, figures) = run_briefly(&url, &arguments);
    assert_eq!((status, count(&figures, "unclosed")), (0, 1), "{figures}");
    drop(server.join().unwrap());
}

#[test]
fn a_request_of_a_connection_that_was_lost_waits_until_the_end() {
    // The idle one keeps the run going.
    let arguments = ["--echo", "--connections", "2", "--idle", "1"];
    let (status, figures) = run_briefly(&echo(Fault::Drops, || ()), &arguments);
    assert_eq!((status, count(&figures, "unanswered")), (1, 2), "{figures}");
    assert!(time(&figures, "latency_us", "min") >= 100_000.0, "half of the run or more: {figures}");
}

/// More Pings than a generator has memory for Pongs.
const PINGS: usize = 400_000;
/// The most memory that it may need meanwhile.
const MAX_RESIDENT_KIB: u64 = 50_000;

#[test]
fn pings_of_a_server_that_does_not_read_need_no_memory() {
    let (listener, url) = listen();
    let mut bench = command(&url, &["--echo", "--connections", "1", "--duration", "1h"]).spawn().unwrap();
    let mut socket = accept(listener.accept().unwrap().0).unwrap();
    let pings = [&[0x89, 125][..], &[b'x'; 125]].concat().repeat(1000);
    for _ in 0..PINGS / 1000 {
        socket.get_mut().write_all(&pings).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", bench.id())).unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix(" kB")).unwrap();
    bench.kill().unwrap();
    bench.wait().unwrap();
    assert!(most.trim().parse::<u64>().unwrap() < MAX_RESIDENT_KIB, "{most} KiB");
}

#[test]
fn the_echo_of_the_program_and_a_foreign_one_send_everything_back() {
    let program = Program::start(&["echo", "--listen", "127.0.0.1:0", "--deflate", "dedicated"]);
    let own = format!("ws://{}", program.address());
    let foreign = echo(Fault::None, || ());
    for url in [&own, &foreign] {
        for arguments in [
            &["--rate", "500"][..],
            &["--pipeline", "8", "--size", "70000", "--connections", "2"],
            &["--size", "0"],
            &["--size", "3", "--pipeline", "3", "--idle", "2"],
            &["--churn", "5", "--connections", "3"],
        ] {
            let (status, figures) = run_briefly(url, &[&["--echo"], arguments].concat());
            let (sent, answered) = (count(&figures, "sent"), count(&figures, "answered"));
            assert!(status == 0 && sent == answered && sent > 0, "{arguments:?}: {figures}");
        }
    }
    let (status, figures) = run_briefly(&own, &["--echo", "--deflate"]);
    assert!(status == 0 && count(&figures, "answered") > 0, "{figures}");
    let ended = run(&foreign, &["--echo", "--deflate"]);
    assert!(
        ended.status == 3 && ended.error.contains("does not agree to permessage-deflate"),
        "{}",
        ended.error
    );
}
