//! What looks like a NATS server, and is none: it greets, answers the first PING, and then fails, or does not
//! even greet as one.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What it does with a connection that it has greeted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Closes it.
    Closes,
    /// Sends what is no protocol.
    Babbles,
    /// Sends the same error again and again.
    Repeats(&'static str),
    /// Greets by this in place of what a NATS server sends, and does nothing else.
    Greets(&'static str),
}

pub(crate) struct FalseServer {
    pub(crate) port: u16,
    /// How many connections there were.
    pub(crate) connections: Arc<AtomicUsize>,
}

impl FalseServer {
    pub(crate) fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::spawn(move || serve(socket, fault));
            }
        });
        FalseServer { port, connections }
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
}

/// Serves one connection until it fails.
fn serve(mut socket: TcpStream, fault: Fault) -> Option<()> {
    let info = r#"INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576,"headers":true}"#;
    let greeting = if let Fault::Greets(greeting) = fault { greeting } else { &format!("{info}\r\n") };
    socket.write_all(greeting.as_bytes()).ok()?;
    let (mut read, mut bytes) = (Vec::new(), [0; 4096]);
    while !read.windows(6).any(|part| part == b"PING\r\n") {
        let len = socket.read(&mut bytes).ok().filter(|len| *len > 0)?;
        read.extend_from_slice(&bytes[..len]);
    }
    socket.write_all(b"PONG\r\n").ok()?;
    match fault {
        Fault::Closes => Some(()),
        Fault::Babbles => socket.write_all(&b"\0\xff HELLO\r\n".repeat(100)).ok(),
        Fault::Repeats(error) => loop {
            socket.write_all(format!("-ERR '{error}'\r\n").repeat(100).as_bytes()).ok()?;
        },
        // It has not sent a PING.
        Fault::Greets(_) => None,
    }
}
