//! Handshakes that succeed, stall or fail.

use std::io::Read;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustls::version::TLS13;
use rustls::{AlertDescription, Error, HandshakeKind, StreamOwned};
use sysconn::{Reactor, ServerHandle};

use crate::client::{Certificate, VERSIONS, connect, handshake, hello, over, rest, still_serves, tls_error};
use crate::common;
use crate::common::{Client, LINES, PATIENCE, SHORT, Server, UPGRADE, eventually, with};

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
fn plain_http_gets_an_answer_and_other_bytes_none() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    let mut client = Client::raw(server.address);
    client.send(UPGRADE);
    let (status, _, body) = client.read_refusal();
    assert_eq!((status, body.as_str()), (400, "this port speaks TLS: use wss:// and not ws:// (tls-cert)\n"));
    // One byte is enough to detect it.
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
        // Unread bytes may turn the server's end into a reset.
        let _ = client.stream.read_to_end(&mut answer);
        assert!(!answer.windows(4).any(|window| window == b"HTTP"), "{bytes:?}");
    }
    still_serves(server.address, &Arc::new(certificate.client(&TLS13)));
}

#[test]
fn the_handshake_timeout_covers_tls() {
    let certificate = Certificate::new();
    let server = Server::packets(&with(certificate.config(), |config| config.timers.handshake = Some(SHORT)));
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

/// Clients see only that the connection ends; the operator sees the reason.
#[test]
fn clients_beyond_the_limit_are_refused_without_a_handshake() {
    LINES.keep();
    let certificate = Certificate::new();
    let tls = Arc::new(certificate.client(&TLS13));
    for (limits, said) in [
        (
            with(certificate.config(), |config| config.limits.max_connections = Some(1)),
            "status=503 reason=\"the server is full",
        ),
        (
            with(certificate.config(), |config| config.limits.max_connections_per_ip = Some(1)),
            "status=429 reason=\"too many",
        ),
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
fn a_full_server_answers_health_checks_over_tls() {
    let certificate = Certificate::new();
    let config = with(certificate.config(), |config| {
        config.limits.max_connections = Some(1);
        config.upgrade.health_path = Some("/health".into());
        config.drain.delay = Duration::from_secs(3600);
    });
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

/// Each costs a signature, however the client goes on.
#[test]
fn a_turn_answers_four_clients_that_say_hello() {
    let certificate = Certificate::new();
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        for behind in [&b""[..], b"\x17\x03\x03\0\x04none", b"no record"] {
            let (events, _seen) = channel();
            let mut reactor =
                Reactor::bind(&certificate.config(), &common::ROUTER, common::Game::new(events)).unwrap();
            let address = reactor.local_addr().unwrap();
            let mut waiting: Vec<_> = (0..20)
                .map(|_| {
                    let mut client = Client::raw(address);
                    client.send(&[&hello(&tls), behind].concat());
                    client.stream.set_nonblocking(true).unwrap();
                    client
                })
                .collect();
            let mut answered = vec![];
            while !waiting.is_empty() {
                reactor.turn(Some(SHORT)).unwrap();
                let before = waiting.len();
                waiting.retain(|client| client.stream.peek(&mut [0]).is_err());
                answered.push(before - waiting.len());
            }
            assert!(answered.iter().all(|count| *count <= 4), "{version:?}, {behind:?}: {answered:?}");
        }
    }
}

#[test]
fn many_handshakes_at_once_all_complete() {
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
