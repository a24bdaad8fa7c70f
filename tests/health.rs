//! Health checks in the form that proxies send: over real sockets, to servers that are free, full, or
//! draining.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{Client, PATIENCE, SHORT, Server, UPGRADE, config, eventually, with};
use sysconn::upgrade::{self, Refusal};
use sysconn::{Application, Config, Message, Outcome, Peer, Reactor, Service};

const HOUR: Duration = Duration::from_secs(3600);
/// A check as HAProxy sends it.
const CHECK: &[u8] = b"GET /health HTTP/1.0\r\n\r\n";

fn checked() -> Config {
    with(config(), |config| {
        config.upgrade.health_path = Some("/health".into());
        config.upgrade.paths = vec!["/chat".into()];
    })
}

/// Checks the form of an answer, to a HEAD or another request, and returns its status.
fn status<T: Read + Write>(client: &mut Client<T>, is_head: bool) -> u16 {
    let (status, head, body) = client.read_refusal();
    assert!(head.contains("\r\nConnection: close"), "{head}");
    let length: usize =
        head.split_once("Content-Length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
    assert!(length > 0);
    assert_eq!(body.len(), if is_head { 0 } else { length }, "{head}");
    status
}

fn ask(server: SocketAddr, request: &[u8]) -> u16 {
    let mut client = Client::raw(server);
    client.send(request);
    status(&mut client, request.starts_with(b"HEAD"))
}

/// Requests that are checks.
fn checks() -> Vec<Vec<u8>> {
    let mut all = vec![];
    for method in ["GET", "HEAD"] {
        for target in ["/health", "/health?from=proxy", "http://game.example/health"] {
            for rest in [
                "HTTP/1.0\r\n\r\n",
                "HTTP/1.0\r\nHost: game.example\r\n\r\n",
                "HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nUser-Agent: x\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            ] {
                all.push(format!("{method} {target} {rest}").into_bytes());
            }
        }
    }
    let mut upgrade = UPGRADE.to_vec();
    upgrade.splice(4..9, *b"/health");
    all.push(upgrade);
    all
}

/// An application that fails if a health check reaches it.
struct Unasked;

impl Application for Unasked {
    type Session = ();

    fn upgrade(&mut self, _: &upgrade::Request<'_>, _: Peer) -> Result<(), Refusal> {
        panic!("a health check was taken for an upgrade")
    }
}

/// A server whose thread is not joined.
fn unasked(config: &Config) -> (SocketAddr, sysconn::ServerHandle) {
    fn never(_: &mut Unasked, _: Message<'_>, _: &mut sysconn::Context<'_>) -> Outcome {
        Outcome::Done
    }
    let mut reactor = Reactor::bind(config, Service::Messages(never), Unasked).unwrap();
    let at = (reactor.local_addr().unwrap(), reactor.handle());
    std::thread::spawn(move || reactor.run());
    at
}

#[test]
fn health_checks_do_not_reach_the_application() {
    let (server, _handle) = unasked(&checked());
    for check in checks() {
        assert_eq!(ask(server, &check), 200, "{}", check.escape_ascii());
        let mut client = Client::raw(server);
        client.dribble(&check);
        assert_eq!(status(&mut client, check.starts_with(b"HEAD")), 200, "{}", check.escape_ascii());
    }
    let mut client = Client::raw(server);
    client.send(CHECK);
    let (_, head, body) = client.read_refusal();
    assert!(head.contains("\r\nCache-Control: no-store\r\n"), "{head}");
    assert_eq!(body, "healthy\n");
}

#[test]
fn other_requests_are_refused_as_usual() {
    let server = Server::packets(&checked());
    let without = Server::packets(&with(checked(), |config| config.upgrade.health_path = None));
    for (request, expected) in [
        ("POST /health HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        ("OPTIONS /health HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        ("get /health HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        ("HEAD /chat HTTP/1.1\r\nHost: h\r\n\r\n", 405),
        ("OPTIONS / HTTP/1.0\r\n\r\n", 400),
        ("GET /chat HTTP/1.0\r\nHost: h\r\n\r\n", 400),
        ("HEAD / HTTP/1.0\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\n\r\n", 400),
        ("HEAD /health HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        ("GET /health HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
        ("GET /health HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", 400),
        ("HEAD /health HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("HEAD /health HTTP/1.2\r\n", 400),
        ("HEAD /health#x HTTP/1.0\r\n\r\n", 400),
        ("GET /Health HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /health/ HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET /%68ealth HTTP/1.1\r\nHost: h\r\n\r\n", 404),
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 404),
    ] {
        assert_eq!(ask(server.address, request.as_bytes()), expected, "{request}");
    }
    for check in checks() {
        let is_1_0 = check.windows(8).any(|window| window == b"HTTP/1.0");
        let expected = if is_1_0 {
            400
        } else if check.starts_with(b"HEAD") {
            405
        } else {
            404
        };
        assert_eq!(ask(without.address, &check), expected, "{}", check.escape_ascii());
    }
    common::still_serves(server.address);
}

#[test]
fn a_slow_health_check_gets_408() {
    let server = Server::packets(&with(checked(), |config| config.timers.handshake = Some(SHORT)));
    for begun in ["HEAD /health HTTP/1.1\r\n", "\r\nHEAD ", "GET /health HTTP/1.1\r\n"] {
        let mut client = Client::raw(server.address);
        client.send(begun.as_bytes());
        assert_eq!(status(&mut client, begun.contains("HEAD")), 408, "{begun:?}");
    }
}

/// Servers that admit one client, which is connected, and their answers to others.
fn full() -> Vec<(Server, Client, u16)> {
    let limits = [(Some(1), None, 503), (None, Some(1), 429)];
    let fill = |(max_connections, max_connections_per_ip, expected)| {
        let config = with(checked(), |config| {
            config.limits.max_connections = max_connections;
            config.limits.max_connections_per_ip = max_connections_per_ip;
            config.timers.close = HOUR;
        });
        let server = Server::packets(&config);
        let inside = Client::connect(server.address);
        (server, inside, expected)
    };
    limits.map(fill).into()
}

#[test]
fn a_full_server_is_healthy_and_refuses_clients() {
    for (server, mut inside, expected) in full() {
        for check in checks() {
            assert_eq!(ask(server.address, &check), 200, "{}", check.escape_ascii());
        }
        for request in [
            UPGRADE,
            b"GET /health",
            b"GET / HTTP/1.0\r\n\r\n",
            b"HEAD /chat HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HEAD /nowhere HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\x16\x03\x01",
        ] {
            let is_cut = request == b"GET /health";
            let mut client = Client::raw(server.address);
            client.dribble(request);
            if is_cut {
                client.dribble(b"y HTTP/1.1\r\nHost: h\r\n\r\n");
            }
            let is_head = request.starts_with(b"HEAD");
            assert_eq!(status(&mut client, is_head), expected, "{}", request.escape_ascii());
        }
        inside.echo(b"not bothered");
        let (sender, seen) = channel();
        server.handle.survey(move |survey| sender.send(survey.totals()).unwrap()).unwrap();
        let totals = seen.recv_timeout(PATIENCE).unwrap();
        assert_eq!((totals.accepted, totals.closed), (1, 0), "checks are nobody that was let in");
        inside.close();
    }
}

#[test]
fn silent_connections_beyond_the_limit_are_answered_in_time() {
    // As many as the server reads at a time.
    const MAX_HEARD: usize = 1024;
    for (server, mut inside, expected) in full() {
        let mut silent: Vec<_> = (0..MAX_HEARD + 3).map(|_| Client::raw(server.address)).collect();
        // The first ones are refused early, and no others.
        for mut client in silent.drain(..3) {
            assert_eq!(status(&mut client, false), expected);
        }
        assert_eq!(ask(server.address, CHECK), 200);
        silent[10].send(CHECK);
        assert_eq!(status(&mut silent[10], false), 200);
        inside.close();
    }
    let config = with(checked(), |config| {
        config.timers.handshake = Some(SHORT);
        config.limits.max_connections = Some(1);
    });
    let server = Server::packets(&config);
    let mut inside = Client::connect(server.address);
    for begun in [&b""[..], b"GET /health HTTP/1.0\r\n", b"HEAD /health HTTP/1.1\r\n"] {
        let mut client = Client::raw(server.address);
        client.send(begun);
        assert_eq!(status(&mut client, begun.starts_with(b"HEAD")), 503);
    }
    inside.close();
}

#[test]
fn a_health_check_occupies_no_connection_after_its_answer() {
    for per_ip in [false, true] {
        let mut config = with(checked(), |config| config.timers.close = HOUR);
        *if per_ip {
            &mut config.limits.max_connections_per_ip
        } else {
            &mut config.limits.max_connections
        } = Some(1);
        let server = Server::packets(&config);
        let mut check = Client::raw(server.address);
        check.send(CHECK);
        // Its answer has come, and it stays connected.
        assert_eq!(status(&mut check, false), 200);
        let mut client = Client::connect(server.address);
        client.echo(b"inside");
        let (sender, seen) = channel();
        server.handle.survey(move |survey| sender.send(survey.page(0, 10).len()).unwrap()).unwrap();
        assert_eq!(seen.recv_timeout(PATIENCE), Ok(1));
        client.close();
        drop((check, client));
        eventually("the place is free", || {
            let mut next = Client::raw(server.address);
            next.send(UPGRADE);
            next.read_head().starts_with("HTTP/1.1 101 ")
        });
    }
}

#[test]
fn health_checks_fail_as_soon_as_a_drain_is_requested() {
    for max_connections in [None, Some(1)] {
        let config = with(checked(), |config| {
            config.drain.delay = HOUR;
            config.limits.max_connections = max_connections;
        });
        let (events, _seen) = channel();
        let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
        let (server, handle) = (reactor.local_addr().unwrap(), reactor.handle());
        std::thread::spawn(move || reactor.run());
        let mut inside = Client::connect(server);
        assert_eq!(ask(server, CHECK), 200);
        handle.drain();
        inside.echo(b"served on");
        for check in checks() {
            assert_eq!(ask(server, &check), 503, "{}", check.escape_ascii());
        }
        inside.echo(b"served on");
        if max_connections.is_none() {
            Client::connect(server).echo(b"let in");
        } else {
            assert_eq!(ask(server, UPGRADE), 503);
        }
    }
}

#[test]
fn a_health_check_that_a_drain_interrupts_fails() {
    for max_connections in [None, Some(1)] {
        let mut server =
            Server::packets(&with(checked(), |config| config.limits.max_connections = max_connections));
        let mut inside = Client::connect(server.address);
        let mut checks = [&b"GET /health HTTP/1.1\r\n"[..], b"HEAD /health HTTP/1.1\r\n"].map(|begun| {
            let mut client = Client::raw(server.address);
            client.send(begun);
            client
        });
        // They were accepted before this is answered.
        let mut last = Client::raw(server.address);
        last.send(CHECK);
        assert_eq!(status(&mut last, false), 200);
        inside.echo(b"here");
        server.handle.drain();
        for (client, is_head) in checks.iter_mut().zip([false, true]) {
            assert_eq!(status(client, is_head), 503);
        }
        inside.expect_close(1001, "a drain");
        drop((checks, inside, last));
        server.join();
    }
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn health_checks_may_follow_a_proxy_header() {
    use common::join;

    const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let named = |port: u16| format!("PROXY TCP4 192.0.2.7 192.0.2.1 {port} 80\r\n").into_bytes();
    for (max_connections, max_connections_per_ip, expected) in [(Some(1), None, 503), (None, Some(1), 429)] {
        let proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
        let config = with(checked(), |config| {
            config.limits.max_connections = max_connections;
            config.limits.max_connections_per_ip = max_connections_per_ip;
            config.proxies.proxy_protocol = proxy_protocol;
            config.timers.close = HOUR;
        });
        let server = Server::packets(&config);
        for header in [LOCAL.to_vec(), named(1)] {
            assert_eq!(ask(server.address, &join(&[&header, CHECK])), 200);
        }
        let mut inside = Client::raw(server.address);
        inside.upgrade(&join(&[&named(1), UPGRADE]));
        for header in [LOCAL.to_vec(), named(2)] {
            let mut client = Client::raw(server.address);
            client.dribble(&join(&[&header, CHECK]));
            assert_eq!(status(&mut client, false), 200);
            assert_eq!(ask(server.address, &join(&[&header, CHECK])), 200);
        }
        let mut client = Client::raw(server.address);
        client.dribble(&join(&[&named(3), UPGRADE]));
        assert_eq!(status(&mut client, false), expected);
        assert_eq!(ask(server.address, &join(&[&named(3), UPGRADE])), expected);
        inside.echo(b"not bothered");
        inside.close();
    }
}
