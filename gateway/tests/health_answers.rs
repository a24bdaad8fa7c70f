//! `sysconn healthcheck` against servers that do not answer as they should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Asks, and returns the status of the program and its line.
fn asks(url: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_sysconn")).args(["healthcheck", url]).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!((line.lines().count(), output.stderr.len()), (1, 0), "{line}");
    (output.status.code(), line.trim_end().to_owned())
}

/// A server that answers everything in this way, and its port.
fn server(answers: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answers = answers.clone();
            thread::spawn(move || answers(stream.unwrap()));
        }
    });
    port
}

#[test]
fn only_a_status_of_200_is_healthy() {
    for (answer, status, line) in [
        ("HTTP/1.1 200 OK\r\n\r\n", 0, "200"),
        ("HTTP/1.0 200\r\n\r\n", 0, "200"),
        ("HTTP/1.1 301 Moved\r\nLocation: http://localhost/\r\n\r\n", 1, "301"),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 1, "100"),
        ("HTTP/1.1 2000 OK\r\n\r\n", 1, "no HTTP answer"),
        ("HTTP/1.1 \x1b[3 OK\r\n\r\n", 1, "no HTTP answer"),
        ("HTTP/2.0 200 OK\r\n\r\n", 1, "no HTTP answer"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", 1, "no HTTP answer"),
        ("HTTP/1.1 200", 1, "closed without an answer"),
        ("", 1, "closed without an answer"),
    ] {
        let port = server(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        });
        let answer = asks(&format!("http://127.0.0.1:{port}/up"));
        assert_eq!(answer, (Some(status), format!("127.0.0.1:{port}: {line}")));
    }
}

#[test]
fn a_server_that_never_ends_its_answer_is_not_waited_for() {
    let hangs =
        |stream: TcpStream| drop(stream.try_clone().unwrap().read(&mut [0; 1024]).map(|_| thread::park()));
    // A byte at a time, each soon enough.
    let drips = |mut stream: TcpStream| {
        for byte in b"HTTP/1.1 200 OK".iter().cycle() {
            thread::sleep(std::time::Duration::from_millis(900));
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("full-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let full = UnixListener::bind(&path).unwrap();
    // As many as fit in its queue, so that a further one waits.
    let queue: Vec<_> = (0..).map_while(|_| connects(&path)).collect();
    let (hangs, drips) = (server(hangs), server(drips));
    let urls = [
        format!("http://127.0.0.1:{hangs}/up"),
        format!("https://127.0.0.1:{hangs}/up"),
        format!("http://127.0.0.1:{drips}/up"),
        format!("unix:{}", path.display()),
    ];
    let asking: Vec<_> = urls.map(|url| thread::spawn(move || asks(&url))).into_iter().collect();
    for asked in asking {
        let (status, line) = asked.join().unwrap();
        assert!(status == Some(1) && line.ends_with(": no answer within 3 s"), "{line}");
    }
    drop((queue, full));
    std::fs::remove_file(path).unwrap();
}

/// A connection in the queue of a Unix socket; none if that is full.
fn connects(path: &Path) -> Option<rustix::fd::OwnedFd> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    connect(&socket, &SocketAddrUnix::new(path).unwrap()).ok().map(|()| socket)
}
