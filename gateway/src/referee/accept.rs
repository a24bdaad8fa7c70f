//! Accepts connections, reads their upgrade requests, and sorts drivers from clients.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::time::Duration;

use sysconn::upgrade::accept_key;

use super::deadline::Deadline;
use super::deflate::Deflate;
use super::socket::Socket;

/// The longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 8192;
/// The longest time for a request, and for each write.
const PATIENCE: Duration = Duration::from_secs(10);
/// The path of the control connection.
const CONTROL: &str = "/control";
/// The paths of clients under test begin so.
pub(super) const CASES: &str = "/case/";

/// A connection that has asked for an upgrade, and has no answer yet.
#[derive(Debug)]
pub(super) struct Arrival {
    stream: TcpStream,
    /// Behind the head.
    received: Vec<u8>,
    path: String,
    key: Option<String>,
    /// The extensions that it offers.
    extensions: String,
    /// The address that the other side has connected to, as it names it.
    pub(super) host: String,
}

/// The connections that have come, in their order.
#[derive(Debug)]
pub(super) struct Arrivals {
    /// Until the first one has come.
    drivers: Option<Receiver<Arrival>>,
    clients: Receiver<Arrival>,
}

/// Accepts connections on a thread of its own.
pub(super) fn accept(listener: TcpListener) -> Arrivals {
    let ((to_drivers, drivers), (to_clients, clients)) = (channel(), channel());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let (to_drivers, to_clients) = (to_drivers.clone(), to_clients.clone());
            std::thread::spawn(move || sort(stream, &to_drivers, &to_clients));
        }
    });
    Arrivals { drivers: Some(drivers), clients }
}

/// Reads a request. A connection without one is closed; what is neither a driver nor a client is told so.
fn sort(stream: TcpStream, to_drivers: &Sender<Arrival>, to_clients: &Sender<Arrival>) {
    let Some(arrival) = Arrival::read(stream) else { return };
    if arrival.path.starts_with(CASES) {
        // Without a receiver the referee has finished.
        let _ = to_clients.send(arrival);
    } else if arrival.path != CONTROL || arrival.key.is_none() {
        arrival
            .answer("400 Bad Request", "this is sysconn referee: a driver opens a WebSocket to /control\n");
    } else if let Err(SendError(late)) = to_drivers.send(arrival) {
        late.answer("503 Service Unavailable", "a driver is here already\n");
    }
}

impl Arrivals {
    /// Waits for the control connection. There is one only.
    pub(super) fn driver(&mut self) -> Option<Arrival> {
        self.drivers.take()?.recv().ok()
    }

    /// The next connection to a path; those to others are dropped. `None`: none has come in time.
    pub(super) fn client(&self, path: &str, deadline: Deadline) -> Option<Arrival> {
        loop {
            let arrival = self.clients.recv_timeout(deadline.left()?).ok()?;
            if arrival.path == path {
                return Some(arrival);
            }
        }
    }
}

impl Arrival {
    fn read(mut stream: TcpStream) -> Option<Self> {
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let (mut received, mut piece) = (Vec::new(), [0; 1024]);
        let end = loop {
            if let Some(at) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at.saturating_add(4);
            }
            let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
            received.extend_from_slice(piece.get(..read)?);
            if received.len() > MAX_HEAD_BYTES {
                return None;
            }
        };
        let rest = received.split_off(end);
        let head = String::from_utf8(received).ok()?;
        let target = head.split(' ').nth(1)?;
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let header = |wanted: &str| {
            head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            })
        };
        let (key, host) = (header("sec-websocket-key"), header("host").unwrap_or_default());
        let extensions = header("sec-websocket-extensions").unwrap_or_default();
        Some(Arrival { stream, received: rest, path, key, extensions, host })
    }

    /// Accepts the upgrade, without extensions.
    pub(super) fn upgrade(self) -> Result<Socket, String> {
        self.upgrade_with("", None)
    }

    /// Accepts the upgrade, and `permessage-deflate` if the client offers it.
    pub(super) fn upgrade_deflated(self) -> Result<Socket, String> {
        match Deflate::accept(&self.extensions) {
            None => self.upgrade(),
            Some((answer, deflate)) => {
                self.upgrade_with(&format!("Sec-WebSocket-Extensions: {answer}\r\n"), Some(deflate))
            }
        }
    }

    fn upgrade_with(mut self, line: &str, deflate: Option<Deflate>) -> Result<Socket, String> {
        let key = self.key.ok_or("the request has no Sec-WebSocket-Key")?;
        let accept = accept_key(key.as_bytes());
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n{line}\r\n",
            String::from_utf8_lossy(&accept)
        );
        let written = self.stream.write_all(response.as_bytes());
        written.map_err(|error| format!("the client does not take the response: {error}"))?;
        Ok(Socket::new(self.stream, self.received, deflate))
    }

    /// Refuses the upgrade with 503, and closes.
    pub(super) fn refuse(self) {
        self.answer("503 Service Unavailable", "");
    }

    /// Answers without an upgrade, and closes.
    fn answer(mut self, status: &str, body: &str) {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        // The client may have gone.
        let _ = self.stream.write_all(answer.as_bytes());
    }
}
