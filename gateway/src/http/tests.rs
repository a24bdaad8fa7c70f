//! What is slow is ended in time, and what a site does not say about its answers is added.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sysconn::config::Listen;
use tokio::sync::Notify;

use super::server::Times;
use super::*;
use crate::side::Side;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than the buffers of a socket take.
const LARGE: usize = 64 * 1024 * 1024;

/// Its answers are large, and tell when they are dropped. Those to `/later` say that they are begun, and
/// wait.
struct Large {
    dropped: Sender<()>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_reached: Notify,
    is_open: Notify,
}

struct Body {
    bytes: Vec<u8>,
    dropped: Sender<()>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let _ = self.dropped.send(());
    }
}

impl Site for Large {
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        assert_ne!(request.uri().path(), "/panic");
        if request.uri().path() == "/later" {
            self.gate.is_reached.notify_one();
            self.gate.is_open.notified().await;
        }
        let body = Body { bytes: vec![b'x'; LARGE], dropped: self.dropped.clone() };
        answer(StatusCode::OK, "text/plain", Bytes::from_owner(body))
    }
}

/// A server with these times, and where it tells that an answer was dropped.
fn serve(times: Times) -> (SocketAddr, Receiver<()>) {
    serve_with(times, Arc::default())
}

fn serve_with(times: Times, gate: Arc<Gate>) -> (SocketAddr, Receiver<()>) {
    let listen = Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let mut server = HttpServer::bind(&listen, None).unwrap();
    server.times = times;
    let Listen::Tcp(address) = *server.address() else { panic!("{}", server.address()) };
    let (dropped, receiver) = channel();
    let mut side = Side::default();
    side.add(move || server.serve(Large { dropped, gate }));
    side.start().unwrap();
    (address, receiver)
}

fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Whether the server ends the connection without an answer.
fn is_ended(mut stream: TcpStream) -> bool {
    let mut bytes = vec![];
    match stream.read_to_end(&mut bytes) {
        Ok(_) => bytes.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn slow_heads_and_bodies_are_ended() {
    let (soon, late) = (Duration::from_millis(20), PATIENCE * 2);
    for (times, request) in [
        (Times { head: soon, all: late }, ""),
        (Times { head: soon, all: late }, "GET / HTTP/1.1\r\nHost: loc"),
        (Times { head: late, all: soon }, ""),
        (
            Times { head: late, all: soon },
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf",
        ),
    ] {
        let (address, _answers) = serve(times);
        assert!(is_ended(send(address, request)), "{request:?}");
    }
}

#[test]
fn a_client_that_sends_no_more_is_answered() {
    let gate = Arc::new(Gate::default());
    let (address, _answers) = serve_with(Times { head: PATIENCE, all: PATIENCE }, gate.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // What the server sees first is chance.
    for _ in 0..16 {
        let client = send(address, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
        runtime.block_on(gate.is_reached.notified());
        client.shutdown(Shutdown::Write).unwrap();
        gate.is_open.notify_one();
        assert!(!is_ended(client));
    }
}

#[test]
fn a_slow_reader_is_ended() {
    let (address, answers) = serve(Times { head: PATIENCE, all: Duration::from_millis(200) });
    let _reads_nothing = send(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    answers.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_panic_ends_its_own_connection_only() {
    let (address, _answers) = serve(Times { head: PATIENCE, all: PATIENCE });
    assert!(is_ended(send(address, "GET /panic HTTP/1.1\r\nHost: localhost\r\n\r\n")));
    let mut text = String::new();
    send(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").read_to_string(&mut text).unwrap();
    assert!(text.len() > LARGE);
    for header in [
        "content-security-policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "cache-control: no-store",
    ] {
        assert!(text.contains(&format!("\r\n{header}\r\n")), "{header}");
    }
}
