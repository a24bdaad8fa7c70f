//! From the server's Close to the end of the socket, over TCP, TLS and Unix domain sockets: every client that
//! reads gets the Close, and the server ends its side at the right time.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::{
    Client, Event, Frame, PATIENCE, Reply, SHORT, Server, UPGRADE, config, frame, join, packet, with,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::Socket;
use sysconn::config::Listen;
use sysconn::frame::Opcode;
use sysconn::{Cause, Tls};

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Tls,
    Unix,
}

const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Tls, Transport::Unix];

/// A server on one transport, and the address and certificate for its clients.
struct Endpoint {
    server: Server,
    path: PathBuf,
    tls: Option<Arc<ClientConfig>>,
}

/// A client, and its socket below TLS.
struct Guest {
    client: Client<Box<dyn Stream>>,
    socket: Socket,
}

impl Endpoint {
    /// A server that waits for a client's Close for longer than any test takes.
    fn new(transport: Transport) -> Self {
        Endpoint::with(transport, Duration::from_secs(600))
    }

    fn with(transport: Transport, close_timeout: Duration) -> Self {
        let mut config = with(config(), |config| {
            config.timers.close = close_timeout;
            config.drain.timeout = Some(Duration::from_secs(600));
        });
        let path = std::env::temp_dir().join(format!("sysconn-closing-{}", std::process::id()));
        let mut tls = None;
        match transport {
            Transport::Tcp => {}
            Transport::Tls => {
                let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
                let key = made.signing_key.serialize_pem();
                config.tls = Some(Tls::from_pem(made.cert.pem().as_bytes(), key.as_bytes()).unwrap());
                let mut roots = RootCertStore::empty();
                roots.add(made.cert.der().clone()).unwrap();
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let client = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                tls = Some(Arc::new(client));
            }
            Transport::Unix => {
                let name = std::thread::current().name().unwrap_or_default().to_owned();
                let path = path.with_extension(name);
                let _ = std::fs::remove_file(&path);
                config.listen = vec![Listen::Unix(path.clone())];
                return Endpoint { server: Server::packets(&config), path, tls };
            }
        }
        Endpoint { server: Server::packets(&config), path, tls }
    }

    /// Connected, and no more.
    fn raw(&self) -> Guest {
        if self.server.address.port() == 0 {
            let stream = UnixStream::connect(&self.path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let socket = stream.try_clone().unwrap().into();
            return Guest { client: Client::over(Box::new(stream)), socket };
        }
        let stream: TcpStream = Client::raw(self.server.address).stream;
        let socket = stream.try_clone().unwrap().into();
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("localhost").unwrap();
                let connection = ClientConnection::new(tls.clone(), name).unwrap();
                Box::new(StreamOwned::new(connection, stream))
            }
        };
        Guest { client: Client::over(stream), socket }
    }

    /// Connected and upgraded.
    fn guest(&self) -> Guest {
        let mut guest = self.raw();
        guest.client.upgrade(UPGRADE);
        guest
    }

    /// Lets the server turn.
    fn turn(&self) {
        self.guest().client.echo(b"a turn of the reactor");
    }
}

impl Guest {
    /// The server's Close, behind any replies. It is not answered.
    fn closed(&mut self, code: u16, name: &str) {
        self.client.answers_close = false;
        let close = loop {
            match self.client.next() {
                Frame::Binary(_) => {}
                other => break other,
            }
        };
        assert_eq!(close, Frame::Close(Some(code)), "{name}");
    }

    fn answer(&mut self, code: u16) {
        self.client.send(&frame(Opcode::Close, &code.to_be_bytes()));
    }

    /// Whether neither bytes nor an end have come.
    fn is_quiet(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let result = self.socket.peek(&mut [MaybeUninit::uninit()]);
        self.socket.set_nonblocking(false).unwrap();
        result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// The header of a masked message of that many bytes.
fn announce(len: u64) -> Vec<u8> {
    join(&[&[0x82, 0xff], &len.to_be_bytes(), b"mask"])
}

#[test]
fn a_client_that_still_sends_gets_its_close_and_no_reset() {
    for transport in TRANSPORTS {
        let place = Endpoint::new(transport);
        for len in [600_000, 8 << 20] {
            let mut guest = place.guest();
            guest.client.send(&announce(len));
            // The Close has gone out by now.
            place.turn();
            guest.client.send(&vec![0x88; usize::try_from(len).unwrap()]);
            guest.client.send(&join(&[&packet(1101, 1, b"behind"), &frame(Opcode::Ping, b"behind")]));
            guest.closed(1009, "all was sent");
            place.turn();
            assert!(guest.is_quiet(), "{transport:?}: the end did not wait for the Close");
            guest.answer(1009);
            assert_eq!(guest.client.next(), Frame::End, "{transport:?}, {len} bytes");
        }
    }
}

#[test]
fn fin_follows_the_clients_close_at_once() {
    type Act = fn(&mut Guest);
    let cases: [(&str, Act, u16); 6] = [
        ("a handler panics", |guest| guest.client.send(&packet(1106, 1, b"")), 1011),
        ("a short packet", |guest| guest.client.send(&frame(Opcode::Binary, b"short")), 4000),
        ("text", |guest| guest.client.send(&frame(Opcode::Text, b"text")), 1003),
        ("too long", |guest| guest.client.send(&join(&[&announce(524_289), &vec![7; 524_289]])), 1009),
        ("bad requests", |guest| guest.client.send(&packet(9999, 1, b"").repeat(11)), 4002),
        (
            "behind a request whose reply is owed",
            |guest| {
                let short = frame(Opcode::Binary, b"short");
                guest.client.send(&join(&[&packet(1102, 1, b""), &short, &packet(1101, 2, b"behind")]));
            },
            4000,
        ),
    ];
    for transport in TRANSPORTS {
        let place = Endpoint::new(transport);
        for (name, act, code) in cases {
            let mut guest = place.guest();
            act(&mut guest);
            guest.closed(code, name);
            place.turn();
            assert!(guest.is_quiet(), "{transport:?}: {name}: the end did not wait for the Close");
            guest.answer(code);
            assert_eq!(guest.client.next(), Frame::End, "{transport:?}: {name}");
        }
    }
}

#[test]
fn fin_follows_violations_and_refusals_soon() {
    type Act = fn(&mut Guest);
    // The Close that comes before the end, if one does.
    let cases: [(&str, Act, Option<u16>); 6] = [
        ("a violation, and no answer", |guest| guest.client.send(&[0x82, 0]), Some(1002)),
        ("an invalid Close", |guest| guest.client.send(&frame(Opcode::Close, b"\x03\xed")), Some(1002)),
        (
            "a reason that is no text",
            |guest| guest.client.send(&frame(Opcode::Close, b"\x03\xe8\xff")),
            Some(1007),
        ),
        ("the client's own Close", |guest| guest.answer(4321), Some(4321)),
        (
            "an invalid answer",
            |guest| {
                guest.client.send(&frame(Opcode::Binary, b"short"));
                guest.closed(4000, "to be answered");
                guest.client.send(&frame(Opcode::Close, b"\x03"));
            },
            None,
        ),
        (
            "an answer in pieces",
            |guest| {
                guest.client.send(&frame(Opcode::Binary, b"short"));
                guest.closed(4000, "to be answered");
                guest.client.dribble(&frame(Opcode::Close, b"\x0f\xa0"));
            },
            None,
        ),
    ];
    for transport in TRANSPORTS {
        let place = Endpoint::new(transport);
        for (name, act, code) in cases {
            let mut guest = place.guest();
            act(&mut guest);
            if let Some(code) = code {
                guest.closed(code, name);
            }
            assert_eq!(guest.client.next(), Frame::End, "{transport:?}: {name}");
        }
        let mut guest = place.raw();
        guest.client.send(b"GET /chat HTTP/1.1\r\n\r\n");
        // Its end is part of it.
        assert_eq!(guest.client.read_refusal().0, 400, "{transport:?}");
    }
}

#[test]
fn fin_follows_after_the_close_timeout_without_an_answer() {
    for transport in TRANSPORTS {
        let place = Endpoint::with(transport, SHORT);
        for bytes in [frame(Opcode::Binary, b"short"), announce(524_289)] {
            let mut guest = place.guest();
            guest.client.send(&bytes);
            guest.client.answers_close = false;
            assert!(matches!(guest.client.next(), Frame::Close(Some(4000 | 1009))), "{transport:?}");
            assert_eq!(guest.client.next(), Frame::End, "{transport:?}");
        }
    }
}

#[test]
fn a_half_closed_client_gets_its_replies_and_the_end() {
    for transport in [Transport::Tcp, Transport::Unix] {
        let place = Endpoint::new(transport);
        let mut guest = place.guest();
        guest.client.send(&join(&[&packet(1101, 1, b"one"), &packet(1101, 2, b"two")]));
        guest.socket.shutdown(Shutdown::Write).unwrap();
        for (flag, data) in [(1, b"one"), (2, b"two")] {
            assert_eq!(guest.client.reply(), Reply::new(1101, flag, data));
        }
        assert_eq!(guest.client.next(), Frame::End, "{transport:?}");
        // After the server's Close its end needs no Close either.
        let mut guest = place.guest();
        guest.client.send(&frame(Opcode::Binary, b"short"));
        guest.closed(4000, "half-closed then");
        guest.socket.shutdown(Shutdown::Write).unwrap();
        assert_eq!(guest.client.next(), Frame::End, "{transport:?}");
    }
}

#[test]
fn a_drain_ends_although_clients_do_not_end_tcp() {
    for transport in TRANSPORTS {
        let mut place = Endpoint::new(transport);
        let mut guests: Vec<Guest> = (0..20).map(|_| place.guest()).collect();
        place.server.handle.drain();
        for guest in &mut guests {
            guest.closed(1001, "a drain");
            guest.answer(1001);
            assert_eq!(guest.client.next(), Frame::End, "{transport:?}");
        }
        // All of them are still there.
        for _ in &guests {
            let ended = place.server.event();
            assert!(matches!(ended, Event::Closed(_, Cause::GoingAway)), "{transport:?}: {ended:?}");
        }
        place.server.join();
    }
}
