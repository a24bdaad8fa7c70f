//! The same service over TLS: handshakes that succeed, stall or fail, records in any shape, and ends of
//! every kind.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{
    Client, Frame, LINES, PATIENCE, Reply, SHORT, Server, UPGRADE, eventually, frame, join, packet, part,
};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};
use socket2::{Domain, Socket, Type};
use sysconn::frame::Opcode;
use sysconn::{Cause, Config, Reactor, ServerHandle, Tls, TlsError};

type TlsClient<T = TcpStream> = Client<StreamOwned<ClientConnection, T>>;

static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A certificate for `localhost`, signed by its own key.
struct Certificate {
    pem: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Certificate { pem: cert.pem(), key: signing_key.serialize_pem(), der: cert.der().clone() }
    }

    fn tls(&self) -> Tls {
        Tls::from_pem(self.pem.as_bytes(), self.key.as_bytes()).unwrap()
    }

    /// What a client needs that trusts this certificate and no other.
    fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    fn config(&self) -> Config {
        Config { tls: Some(self.tls()), ..common::config() }
    }
}

fn connection(client: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(client.clone(), ServerName::try_from("localhost").unwrap()).unwrap()
}

/// Connected, and no more.
fn over<T: Read + Write>(stream: T, client: &Arc<ClientConfig>) -> TlsClient<T> {
    Client::over(StreamOwned::new(connection(client), stream))
}

/// Connected and upgraded.
fn connect(address: SocketAddr, client: &Arc<ClientConfig>) -> TlsClient {
    let mut client = over(Client::raw(address).stream, client);
    client.upgrade(UPGRADE);
    client
}

/// Tries a handshake.
fn handshake(address: SocketAddr, client: &Arc<ClientConfig>) -> io::Result<ClientConnection> {
    let (mut stream, mut connection) = (Client::raw(address).stream, connection(client));
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(connection)
}

/// The error of TLS in a failed handshake.
fn tls_error(result: io::Result<ClientConnection>) -> Option<Error> {
    result.err()?.get_ref()?.downcast_ref::<Error>().cloned()
}

/// The first flight of a client.
fn hello(client: &Arc<ClientConfig>) -> Vec<u8> {
    let mut bytes = vec![];
    connection(client).write_tls(&mut bytes).unwrap();
    bytes
}

/// All that comes until the server ends.
fn rest(mut client: Client) -> Vec<u8> {
    let mut bytes = vec![];
    client.stream.read_to_end(&mut bytes).unwrap();
    bytes
}

fn still_serves(address: SocketAddr, client: &Arc<ClientConfig>) {
    let mut client = connect(address, client);
    client.echo(b"still there");
    client.close();
}

/// Gives the socket one byte at a time, each in a segment of its own.
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes.get(..1).unwrap_or_default())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn echoes_of_every_length_in_records_of_any_shape() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let mut tls = certificate.client(version);
        let plain = Arc::new(tls.clone());
        let mut client = connect(server.address, &plain);
        for len in [0, 125, 126, 65_535, 65_536, 524_279] {
            client.echo(&vec![7; len]);
        }
        // Many frames in one record.
        let many: Vec<_> = (0..200).map(|flag| packet(1101, flag, b"many")).collect();
        client.send(&many.concat());
        for flag in 0..200 {
            assert_eq!(client.reply(), Reply::new(1101, flag, b"many"));
        }
        // A record for each byte.
        client.dribble(&packet(1101, 1, b"byte by byte"));
        assert_eq!(client.reply(), Reply::new(1101, 1, b"byte by byte"));
        client.close();

        // A segment for each byte, the handshake's included.
        let mut client = over(Dribble(Client::raw(server.address).stream), &plain);
        client.upgrade(UPGRADE);
        client.echo(&[7; 300]);
        client.close();

        // One frame over many records.
        tls.max_fragment_size = Some(64);
        let mut client = connect(server.address, &Arc::new(tls));
        client.echo(&vec![7; 100_000]);
        client.close();
    }
}

#[test]
fn a_slow_reader_gets_all_of_it() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let (mut slow, mut witness) = (connect(server.address, &tls), connect(server.address, &tls));
        socket2::SockRef::from(&slow.stream.sock).set_recv_buffer_size(64 * 1024).unwrap();
        slow.read_bytes = 4096;
        for _ in 0..24 {
            slow.send_packet(1104, 1, &20_000u16.to_be_bytes());
        }
        // The Pong overtakes what waits; it must not do so within a record that is on its way.
        slow.send(&frame(Opcode::Ping, b"over"));
        witness.echo(b"not held up");
        let mut pongs = 0;
        for _ in 0..24 {
            let mut index = 0u32;
            while index < 20_000 {
                match slow.next() {
                    Frame::Pong(payload) => pongs += usize::from(payload == b"over"),
                    Frame::Binary(message) => {
                        assert_eq!(message[message.len() - 4..], index.to_be_bytes());
                        index += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        if pongs == 0 {
            assert_eq!(slow.next(), Frame::Pong(b"over".to_vec()));
        }
        slow.echo(&vec![7; 300_000]);

        // What is left when the conversation ends comes as well, and then a proper end.
        for _ in 0..24 {
            slow.send_packet(1104, 1, &20_000u16.to_be_bytes());
        }
        // More than one read brings, and all of it waits by the time that it is read.
        slow.send_packet(1101, 1, &[7; 100_000]);
        slow.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
        slow.stream.conn.send_close_notify();
        slow.stream.flush().unwrap();
        witness.echo(b"not held up");
        for _ in 0..24 * 20_000 {
            assert_eq!(slow.reply().data.len(), 4);
        }
        assert_eq!(slow.reply().data.len(), 100_000);
        slow.expect_close(1000, "behind all else");
        witness.close();
    }
}

/// Connected over a socket that keeps the server's kernel from taking more than about 48 KiB.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

#[test]
fn what_the_kernel_does_not_take_at_once_comes_too() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let mut witness = connect(server.address, &tls);
        // Short enough that TLS takes it whole, so that nothing is left in the outbox.
        for len in [50_000, 55_000, 60_000] {
            for ends in [false, true] {
                let mut client = over(narrow(server.address), &tls);
                client.upgrade(UPGRADE);
                client.send_packet(1101, 1, &vec![7; len]);
                if ends {
                    client.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
                    client.stream.conn.send_close_notify();
                    client.stream.flush().unwrap();
                }
                witness.echo(b"not held up");
                witness.echo(b"not held up");
                assert_eq!(client.reply().data.len(), len);
                if ends {
                    client.expect_close(1000, "behind the reply");
                } else {
                    client.close();
                }
            }
        }
        witness.close();
    }
}

#[test]
fn what_one_read_leaves_is_read_without_an_event() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let mut client = connect(server.address, &Arc::new(certificate.client(version)));
        // The kernel learns to hold more than one read brings.
        for _ in 0..8 {
            client.echo(&vec![7; 500_000]);
        }
        // Nothing is read while the second packet waits for the answer to the first one.
        client.send(&join(&[&packet(1105, 1, b""), &packet(1101, 2, b"waits")]));
        let ticket = server.ticket();
        client.send_packet(1101, 3, &[7; 90_000]);
        ticket.reply(b"");
        for (flag, cmd, len) in [(1, 1105, 0), (2, 1101, 5), (3, 1101, 90_000)] {
            let reply = client.reply();
            assert_eq!((reply.flag, reply.cmd, reply.data.len()), (flag, cmd, len));
        }
        client.close();
    }
}

#[test]
fn sessions_are_resumed() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut client = connect(server.address, &tls);
            client.echo(b"resumed or not");
            assert_eq!(client.stream.conn.handshake_kind(), Some(expected), "{version:?}");
            client.close();
        }
    }
}

#[test]
fn alpn_is_http_1_1_or_nothing() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let negotiate = |offers: &[&str]| {
            let mut tls = certificate.client(version);
            tls.alpn_protocols = offers.iter().map(|offer| offer.as_bytes().to_vec()).collect();
            handshake(server.address, &Arc::new(tls))
        };
        let chosen = |offers| negotiate(offers).unwrap().alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen(&["h2", "http/1.1"]), Some(b"http/1.1".to_vec()));
        assert_eq!(chosen(&[]), None);
        let refused = Error::AlertReceived(AlertDescription::NoApplicationProtocol);
        assert_eq!(tls_error(negotiate(&["h2"])), Some(refused));
    }
}

#[test]
fn plain_http_is_told_and_other_bytes_are_cut_off() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    let mut client = Client::raw(server.address);
    client.send(UPGRADE);
    let (status, _, body) = client.read_refusal();
    assert_eq!((status, body.as_str()), (400, "this port speaks TLS: use wss:// and not ws:// (tls-cert)\n"));
    // One byte is enough to see it.
    let mut client = Client::raw(server.address);
    client.send(b"G");
    assert_eq!(client.read_refusal().0, 400);

    // An alert of TLS at most.
    let close_notify = [hello(&Arc::new(certificate.client(&TLS13))), b"\x15\x03\x03\0\x02\x01\0".to_vec()];
    let others: [&[u8]; 5] =
        [b"\x16\x03\x01\0\x05hello", b"\0\0\0\0\0\0", &[0x80; 100], &[0x17; 20_000], &close_notify.concat()];
    for bytes in others {
        let mut client = Client::raw(server.address);
        client.send(bytes);
        // It may have ended already.
        let _ = client.stream.shutdown(Shutdown::Write);
        let mut answer = vec![];
        // What the server has not read may turn its end into a reset.
        let _ = client.stream.read_to_end(&mut answer);
        assert!(!answer.windows(4).any(|window| window == b"HTTP"), "{bytes:?}");
    }
    still_serves(server.address, &Arc::new(certificate.client(&TLS13)));
}

#[test]
fn the_handshake_timeout_covers_tls() {
    let certificate = Certificate::new();
    let server = Server::packets(&Config { handshake_timeout: SHORT, ..certificate.config() });
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let hello = hello(&tls);
        for len in [0, 1, hello.len() / 2, hello.len() - 1] {
            let mut client = Client::raw(server.address);
            client.send(&hello[..len]);
            assert_eq!(rest(client), b"", "{len}");
        }
        // The server has answered, and waits for the client to finish.
        let mut client = Client::raw(server.address);
        client.send(&hello);
        let answer = rest(client);
        assert_eq!(answer.first(), Some(&0x16));
        assert!(!answer.windows(4).any(|window| window == b"HTTP"));
        // The handshake is complete, so there is an answer, and a proper end.
        let mut client = over(Client::raw(server.address).stream, &tls);
        client.send(&UPGRADE[..10]);
        assert_eq!(client.read_refusal().0, 408);
    }
}

#[test]
fn an_end_without_close_notify_is_an_abort() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let requests = join(&[&packet(1101, 1, b"half"), &packet(1101, 2, b"closed")]);
        for (notifies, expected) in [(true, Cause::PeerGone), (false, Cause::Reset)] {
            let mut client = connect(server.address, &tls);
            let address = client.stream.sock.local_addr().unwrap();
            client.echo(b"here");
            if notifies {
                // The replies to what came before it are owed.
                client.send(&requests);
                client.stream.conn.send_close_notify();
                client.stream.flush().unwrap();
                assert_eq!(client.reply(), Reply::new(1101, 1, b"half"));
                assert_eq!(client.reply(), Reply::new(1101, 2, b"closed"));
                assert_eq!(client.next(), Frame::End);
            }
            client.stream.sock.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.cause_from(address), expected, "{version:?}");
        }
        // In the midst of a record.
        let mut client = connect(server.address, &tls);
        let address = client.stream.sock.local_addr().unwrap();
        let mut record = vec![];
        client.stream.conn.writer().write_all(&requests).unwrap();
        client.stream.conn.write_tls(&mut record).unwrap();
        client.stream.sock.write_all(&record[..record.len() - 1]).unwrap();
        client.stream.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.cause_from(address), Cause::Reset);
        // A record that was tampered with.
        let mut client = connect(server.address, &tls);
        let address = client.stream.sock.local_addr().unwrap();
        client.stream.sock.write_all(b"\x17\x03\x03\0\x20 ciphertext that no key made at all").unwrap();
        assert_eq!(server.cause_from(address), Cause::Reset);
    }
}

#[test]
fn close_codes_and_refusals_are_delivered_before_close_notify() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let cases: [(&[u8], u16); 4] = [
            (&frame(Opcode::Binary, b"short"), 4000),
            (b"\x82\x04data", 1002),
            (&part(true, Opcode::Close, &1000u16.to_be_bytes()), 1000),
            (&packet(1108, 1, b""), 4100),
        ];
        for (bytes, code) in cases {
            let mut client = connect(server.address, &tls);
            client.send(bytes);
            client.expect_close(code, "over TLS");
        }
        let mut client = over(Client::raw(server.address).stream, &tls);
        client.send(b"POST /chat HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.read_refusal().0, 405);
    }
}

#[test]
fn draining_ends_tls_too() {
    let certificate = Certificate::new();
    let mut server = Server::packets(&certificate.config());
    let tls = Arc::new(certificate.client(&TLS13));
    let mut client = connect(server.address, &tls);
    client.echo(b"here");
    server.handle.drain();
    client.expect_close(1001, "draining");
    drop(client);
    server.join();
}

/// Whatever a client had sent when the drain began, its answer comes once its handshake is complete.
#[test]
fn a_drain_answers_after_the_handshake() {
    let certificate = Certificate::new();
    for version in VERSIONS {
        let config = Config { drain_timeout: 6 * PATIENCE, close_timeout: PATIENCE, ..certificate.config() };
        let tls = Arc::new(certificate.client(version));
        let (events, _seen) = channel();
        let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
        let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
        let begun = |reactor: &mut Reactor<common::Game>, bytes: usize| {
            let mut client = over(Client::raw(address).stream, &tls);
            let connection = &mut client.stream.conn;
            let mut flight = vec![];
            connection.write_tls(&mut flight).unwrap();
            client.stream.sock.write_all(&flight[..bytes]).unwrap();
            for _ in 0..50 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            (client, flight.split_off(bytes))
        };
        // In the middle of their handshake, and not accepted yet.
        let mut clients: Vec<_> = [0, 50].map(|bytes| begun(&mut reactor, bytes)).into();
        clients.extend((0..20).map(|_| (over(Client::raw(address).stream, &tls), vec![])));
        handle.drain();
        // What a turn finds of clients goes before what it hears of the drain.
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let running = std::thread::spawn(move || reactor.run());
        for (number, (client, flight)) in clients.iter_mut().enumerate() {
            client.stream.sock.write_all(flight).unwrap();
            if number % 2 == 0 {
                // The others only listen.
                client.send(UPGRADE);
            }
            assert_eq!(client.read_refusal().0, 503, "{number}");
        }
        drop(clients);
        running.join().unwrap().unwrap();
    }
}

#[test]
fn a_handshake_that_stalls_does_not_keep_a_drain() {
    let certificate = Certificate::new();
    let mut server = Server::packets(&Config { drain_timeout: SHORT, ..certificate.config() });
    let mut stalled = Client::raw(server.address);
    stalled.send(&hello(&Arc::new(certificate.client(&TLS13)))[..50]);
    server.handle.drain();
    server.join();
    assert_eq!(rest(stalled), b"");
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn a_drain_answers_after_the_header_of_a_proxy_and_the_handshake() {
    let certificate = Certificate::new();
    let config = Config {
        proxy_protocol: vec!["127.0.0.1".parse().unwrap()],
        drain_timeout: 6 * PATIENCE,
        ..certificate.config()
    };
    let tls = Arc::new(certificate.client(&TLS13));
    let (events, _seen) = channel();
    let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let accepted = Client::raw(address).stream;
    for _ in 0..50 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let waiting = Client::raw(address).stream;
    handle.drain();
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let running = std::thread::spawn(move || reactor.run());
    for stream in [accepted, waiting] {
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 4321 443\r\n".to_vec();
        let mut client = over(Behind { header, stream }, &tls);
        client.send(UPGRADE);
        assert_eq!(client.read_refusal().0, 503);
    }
    running.join().unwrap().unwrap();
}

/// They see the connection end, and nothing of why; the operator sees that.
#[test]
fn too_many_clients_are_turned_away_without_a_handshake() {
    LINES.keep();
    let certificate = Certificate::new();
    let tls = Arc::new(certificate.client(&TLS13));
    for (limits, said) in [
        (Config { max_connections: 1, ..certificate.config() }, "status=503 reason=\"the server is full"),
        (Config { max_connections_per_ip: 1, ..certificate.config() }, "status=429 reason=\"too many"),
    ] {
        let server = Server::packets(&limits);
        let mut first = connect(server.address, &tls);
        let mut refused = Client::raw(server.address);
        let peer = format!("peer={} ", refused.stream.local_addr().unwrap());
        refused.send(&hello(&tls));
        assert_eq!(rest(refused), b"");
        LINES.await_with(&["upgrade refused id=", &peer, said]);
        first.echo(b"not bothered");
        first.close();
    }
}

#[test]
fn health_is_told_over_tls_however_full_the_server_is() {
    let certificate = Certificate::new();
    let config = Config {
        max_connections: 1,
        health_path: Some("/health".into()),
        drain_delay: Duration::from_secs(3600),
        ..certificate.config()
    };
    let (events, _seen) = channel();
    let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    std::thread::spawn(move || reactor.run());
    for (version, is_last) in VERSIONS.into_iter().zip([false, true]) {
        let tls = Arc::new(certificate.client(version));
        let ask = |request: &[u8]| {
            let mut client = over(Client::raw(address).stream, &tls);
            client.send(request);
            let (status, _, body) = client.read_refusal();
            assert_eq!(body.is_empty(), request.starts_with(b"HEAD"));
            status
        };
        let healthy = |expected| {
            assert_eq!(ask(b"GET /health HTTP/1.0\r\n\r\n"), expected);
            assert_eq!(ask(b"HEAD /health HTTP/1.1\r\nHost: h\r\n\r\n"), expected);
        };
        healthy(200);
        let mut inside = connect(address, &tls);
        healthy(200);
        assert_eq!(ask(UPGRADE), 503);
        if is_last {
            handle.drain();
            inside.echo(b"served on");
            healthy(503);
        }
        inside.echo(b"not bothered");
        inside.close();
        drop(inside);
        eventually("the place is free", || is_last || clients_inside(&handle) == 0);
    }
}

fn clients_inside(handle: &ServerHandle) -> usize {
    let (sender, seen) = channel();
    handle.survey(move |survey| sender.send(survey.page(0, 10).len()).unwrap()).unwrap();
    seen.recv_timeout(PATIENCE).unwrap()
}

#[test]
fn many_handshakes_at_once_all_come_to_their_end() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    let tls = Arc::new(certificate.client(&TLS13));
    // All have said hello before the first of them goes on.
    let mut waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut client = over(Client::raw(server.address).stream, &tls);
            let StreamOwned { conn, sock } = &mut client.stream;
            conn.write_tls(sock).unwrap();
            client
        })
        .collect();
    for client in &mut waiting {
        client.upgrade(UPGRADE);
        client.echo(b"in");
    }
    waiting.iter_mut().for_each(Client::close);
}

#[test]
fn key_updates_are_answered_but_not_without_end() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    let tls = Arc::new(certificate.client(&TLS13));
    let mut client = connect(server.address, &tls);
    for _ in 0..100 {
        client.stream.conn.refresh_traffic_keys().unwrap();
        client.echo(b"with a new key");
    }
    let address = client.stream.sock.local_addr().unwrap();
    for _ in 0..100 {
        client.stream.conn.refresh_traffic_keys().unwrap();
    }
    // The server may end before all of it is sent.
    let _ = client.stream.flush();
    assert_eq!(server.cause_from(address), Cause::Reset);
    still_serves(server.address, &tls);
}

#[test]
fn set_tls_is_for_new_clients_only() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let server = Server::packets(&old.config());
    let (trusts_old, trusts_new) = (Arc::new(old.client(&TLS13)), Arc::new(new.client(&TLS13)));
    let mut client = connect(server.address, &trusts_old);
    client.echo(b"before");
    server.handle.set_tls(new.tls()).unwrap();
    eventually("new clients see the new certificate", || handshake(server.address, &trusts_new).is_ok());
    assert!(handshake(server.address, &trusts_old).is_err());
    client.echo(b"after");
    client.close();

    // Where there is no TLS there will be none.
    let plain = Server::packets(&common::config());
    plain.handle.set_tls(new.tls()).unwrap();
    common::still_serves(plain.address);
    common::still_serves(plain.address);
}

/// As `openssl x509 -req` makes it: without extensions, and so of version 1.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBEzCBuwIUQoKt6x9PTSq342fQm3WGHzs2ODkwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBaDAgFw0yNjExMjkwMTI0MjVaGA8yMTI2MTEwNTAxMjQyNVowDDEKMAgG
A1UEAwwBaDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLIINcRrWJjk5GHvmxmW
wQKZKjYC6e7W5GeA4iHD6mnPcj3LRtxuUFTtjY+iH7gBYaW0ZchseCh70YudlsQr
WmUwCgYIKoZIzj0EAwIDRwAwRAIgSh8eJ+ylBzYu5YmPQ2uVe7iFlzrZaxlfRwXS
EptTKZ0CICOOfJJiEeBjGQrso2ojJakSdqdqWE0+MP2R37EPIRDD
-----END CERTIFICATE-----
";
/// The key of that.
const VERSION_1_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgafa5Ztz/7kZwHITA
W1DLukq83Ol+h3+rdpzVwkch4IShRANCAASyCDXEa1iY5ORh75sZlsECmSo2Aunu
1uRngOIhw+ppz3I9y0bcblBU7Y2Poh+4AWGltGXIbHgoe9GLnZbEK1pl
-----END PRIVATE KEY-----
";
/// For ECDSA with P-521.
const UNSUPPORTED_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAhCL/1vZbx0JVV81x
Lvd1cM4TQ931jPoqlMbNLShHpp24jDZaIF6eZ3jELz/3qws44tRq6NmLpBier/4w
p8UySxehgYkDgYYABAG4rh2bzWygPReH+KvsgL7NVuafQCE+l5AuafZdiD6CYQex
nxeKEYv9lO3Sy5iAYhbV2yxMdb9PyV9DVHwFG+rDsgEbtXvVNxB0p8YOqKL0Nc0P
mOg4rQk6m9Hg40rijIAXbJUrPgrhAsq/XW+9pAHlaSlSX4xUOzXaypmtUxw6Ma+G
Vw==
-----END PRIVATE KEY-----
";

#[test]
fn what_is_no_certificate_or_no_key_is_told_apart() {
    let (one, two) = (Certificate::new(), Certificate::new());
    let cases = [
        (one.pem.as_str(), one.key.as_str(), None),
        (&format!("{}{}", one.key, one.pem), &format!("{}{}", one.pem, one.key), None),
        (&format!("{}{}", one.pem, two.pem), &one.key, None),
        ("", &one.key, Some(TlsError::Certificate)),
        (&one.key, &one.key, Some(TlsError::Certificate)),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one.key,
            Some(TlsError::UnusableCertificate),
        ),
        (VERSION_1, VERSION_1_KEY, Some(TlsError::UnusableCertificate)),
        ("-----BEGIN CERTIFICATE-----\n", &one.key, Some(TlsError::UnusableCertificate)),
        (&one.pem, "", Some(TlsError::Key)),
        (&one.pem, &one.pem, Some(TlsError::Key)),
        (
            &one.pem,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            Some(TlsError::UnusableKey),
        ),
        (&one.pem, UNSUPPORTED_KEY, Some(TlsError::UnusableKey)),
        (&one.pem, &two.key, Some(TlsError::Mismatch)),
    ];
    for (pem, key, expected) in cases {
        assert_eq!(Tls::from_pem(pem.as_bytes(), key.as_bytes()).err(), expected, "{pem}{key}");
    }
}

/// Sends a header in front of the first bytes that are written, in the same write.
#[cfg(feature = "proxy-protocol")]
struct Behind {
    header: Vec<u8>,
    stream: std::net::TcpStream,
}

#[cfg(feature = "proxy-protocol")]
impl Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

#[cfg(feature = "proxy-protocol")]
impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let header = std::mem::take(&mut self.header);
        self.stream.write_all(&[&header[..], bytes].concat())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn behind_a_trusted_proxy_tls_begins_after_its_header() {
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 4321 443\r\n";
    let one = Certificate::new();
    let proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
    let config = Config { proxy_protocol, ..one.config() };
    let server = Server::packets(&config);
    let hasty = Server::packets(&Config { handshake_timeout: SHORT, ..config });
    for version in VERSIONS {
        let client = Arc::new(one.client(version));
        // With the first bytes of TLS, before them, and byte by byte.
        for (before, with) in [(0, header.len()), (header.len(), 0), (7, header.len() - 7)] {
            let mut stream = Client::raw(server.address).stream;
            for byte in &header[..before] {
                stream.write_all(&[*byte]).unwrap();
            }
            let behind = Behind { header: header[before..][..with].to_vec(), stream };
            let mut client = over(behind, &client);
            client.upgrade(UPGRADE);
            client.echo(&[7; 100_000]);
            let named = sysconn::Peer::from("192.0.2.7:4321".parse::<SocketAddr>().unwrap());
            assert!(common::peers(&server).contains(&named));
            client.close();
        }
        // A header that names nobody, such as that of a health check, is over as well.
        for unnamed in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
            let behind = Behind { header: unnamed.to_vec(), stream: Client::raw(server.address).stream };
            let mut client = over(behind, &client);
            client.upgrade(UPGRADE);
            client.echo(b"from the proxy itself");
            client.close();
        }
        // TLS without a header is none, and neither is HTTP behind one.
        let mut bare = Client::raw(server.address);
        bare.send(&hello(&client));
        assert_eq!(bare.read_refusal().0, 400);
        let mut plain = Client::raw(server.address);
        plain.send(&[&header[..], UPGRADE].concat());
        assert_eq!(plain.read_refusal().0, 400);
        // A handshake that stalls behind the header has the deadline of any other.
        let mut stalled = Client::raw(hasty.address);
        stalled.send(&[&header[..], &hello(&client)[..20]].concat());
        assert_eq!(rest(stalled), []);
    }
}

#[cfg(feature = "program")]
mod program {
    use std::fs;
    use std::path::PathBuf;

    use rustix::process::Signal;

    use super::*;
    use common::Program;

    /// The two files, in a folder of their own.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str) -> Self {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}"));
            fs::create_dir_all(&folder).unwrap();
            Files(folder)
        }

        fn write(&self, certificate: &str, key: &str) {
            fs::write(self.0.join("cert.pem"), certificate).unwrap();
            fs::write(self.0.join("key.pem"), key).unwrap();
        }

        fn start(&self, mode: &str, workers: &str) -> Program {
            let path = |name| self.0.join(name).to_str().unwrap().to_owned();
            let (cert, key) = (path("cert.pem"), path("key.pem"));
            let listen = [mode, "--listen", "127.0.0.1:0", "--workers", workers];
            Program::start(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat())
        }
    }

    #[test]
    fn sighup_reads_the_certificate_again() {
        for workers in ["1", "3"] {
            sighup(workers);
        }
    }

    fn sighup(workers: &str) {
        let (old, new) = (Certificate::new(), Certificate::new());
        let files = Files::new("sighup");
        files.write(&old.pem, &old.key);
        let mut program = files.start("serve", workers);
        let address = program.address();
        let (trusts_old, trusts_new) = (Arc::new(old.client(&TLS13)), Arc::new(new.client(&TLS13)));
        let mut client = connect(address, &trusts_old);
        assert!(handshake(address, &trusts_new).is_err());

        files.write(&new.pem, &new.key);
        program.signal(Signal::HUP);
        eventually("new clients see the new certificate, whatever worker they come to", || {
            (0..10).all(|_| handshake(address, &trusts_new).is_ok())
        });
        client.echo(b"undisturbed");

        for (broken, key) in [("", ""), (old.pem.as_str(), new.key.as_str())] {
            let before = program.log().len();
            files.write(broken, key);
            program.signal(Signal::HUP);
            eventually("the log says so", || {
                String::from_utf8_lossy(&program.log()[before..])
                    .contains("the certificate stays as it was: ")
            });
            still_serves(address, &trusts_new);
        }
        client.echo(b"undisturbed");
        program.signal(Signal::TERM);
        client.expect_close(1001, "draining");
        drop(client);
        assert_eq!(program.wait().0.code(), Some(0));
    }

    #[test]
    fn a_handshake_that_fails_has_one_line_with_the_reason() {
        let (ours, other) = (Certificate::new(), Certificate::new());
        let files = Files::new("failed");
        files.write(&ours.pem, &ours.key);
        let program = files.start("serve", "1");
        let lines = || String::from_utf8_lossy(&program.log()).into_owned();
        assert!(handshake(program.address(), &Arc::new(other.client(&TLS13))).is_err());
        eventually("the alert is shown", || lines().contains("TLS handshake failed id="));
        drop(Client::raw(program.address()));
        eventually("an end is shown", || lines().matches("TLS handshake failed id=").count() == 2);
        for reason in ["received fatal alert", "the client ended the connection"] {
            assert!(lines().contains(&format!("reason=\"{reason}")), "{}", lines());
        }
        assert!(!lines().contains("connection ended"), "{}", lines());
    }

    #[test]
    fn dates_that_clients_refuse_are_logged_at_the_start_and_at_each_reload() {
        let made = |from, to| {
            let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
            let key = rcgen::KeyPair::generate().unwrap();
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        };
        let files = Files::new("dates");
        let write = |(certificate, key): (String, String)| files.write(&certificate, &key);
        write(made(2020, 2021));
        let program = files.start("serve", "2");
        let lines = |part: &str| String::from_utf8_lossy(&program.log()).matches(part).count();
        let expired = "cert.pem: the certificate has expired on 2021-01-01 00:00:00 UTC: clients refuse it";
        assert_eq!((lines(expired), lines("WARN")), (1, 1));

        write(made(2090, 2091));
        program.signal(Signal::HUP);
        let early =
            "cert.pem: the certificate is not valid before 2090-01-01 00:00:00 UTC: clients refuse it";
        eventually("the log says so", || lines(early) == 1);
        write(made(2020, 2090));
        program.signal(Signal::HUP);
        // The reload is over once both workers have the new one.
        eventually("the new one is used", || lines("new clients see the new certificate") == 4);
        assert_eq!((lines(expired), lines(early), lines("WARN")), (1, 1, 2));
    }

    #[test]
    fn echo_speaks_tls_too() {
        let certificate = Certificate::new();
        let files = Files::new("echo");
        files.write(&certificate.pem, &certificate.key);
        let program = files.start("echo", "1");
        let mut client = connect(program.address(), &Arc::new(certificate.client(&TLS12)));
        client.send(&frame(Opcode::Text, "κόσμε".as_bytes()));
        assert_eq!(client.next(), Frame::Text("κόσμε".into()));
        client.close();
    }

    #[test]
    fn handshakes_that_stand_still_cost_no_time() {
        let certificate = Certificate::new();
        let files = Files::new("idle");
        files.write(&certificate.pem, &certificate.key);
        let program = files.start("serve", "1");
        let tls = Arc::new(certificate.client(&TLS13));
        let hello = hello(&tls);
        let stalled = [0, 1, 50, hello.len()].map(|len| {
            let mut client = Client::raw(program.address());
            client.send(&hello[..len]);
            client
        });
        stalled[2].shutdown_write();
        let mut notified = connect(program.address(), &tls);
        notified.stream.conn.send_close_notify();
        notified.stream.flush().unwrap();
        assert_eq!(notified.next(), Frame::End);
        let mut witness = connect(program.address(), &tls);
        witness.echo(b"settled");
        for _ in 0..100 {
            witness.echo(b"still");
            program.falls_asleep();
        }
    }
}
