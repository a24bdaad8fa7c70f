//! Clients behind a proxy that reports their addresses: over real sockets, from trusted addresses and from
//! others.

#![cfg(feature = "proxy-protocol")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Read;
use std::os::unix::net::UnixStream;

use common::{
    Client, Event, PATIENCE, SHORT, Server, UPGRADE, config, hooks_and_handlers_see, join, packet, peers,
    with,
};
use sysconn::config::Listen;
use sysconn::upgrade::{Fault, Refusal};
use sysconn::{Cause, Config, Peer};

/// A server that trusts these proxies.
fn trusting(proxies: &[&str]) -> Config {
    with(config(), |config| {
        config.proxies.proxy_protocol = proxies.iter().map(|text| text.parse().unwrap()).collect()
    })
}

/// A header of version 1 that names this client.
fn v1(client: &str) -> Vec<u8> {
    let client = peer(client);
    let family = if client.ip().unwrap().is_ipv4() { "TCP4" } else { "TCP6" };
    let Peer::Ip(ip, port) = client else { panic!("{client} has no address") };
    format!("PROXY {family} {ip} {ip} {port} 443\r\n").into_bytes()
}

/// A header of version 2, with the command PROXY, TCP over IPv4, that names 203.0.113.9:4660.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xcb\0\x71\x09\x7f\0\0\x01\x12\x34\x01\xbb\x04\0\0";
/// One with the command LOCAL.
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

fn peer(address: &str) -> Peer {
    Peer::from(address.parse::<std::net::SocketAddr>().unwrap())
}

/// Connected, introduced by a header, and upgraded.
fn behind(server: &Server, header: &[u8]) -> Client {
    let mut client = Client::raw(server.address);
    client.upgrade(&join(&[header, UPGRADE]));
    client
}

#[test]
fn the_client_address_comes_from_a_trusted_proxy() {
    let server = Server::packets(&trusting(&["10.0.0.0/8", "127.0.0.0/8"]));
    for (header, named) in [
        (v1("192.0.2.7:4711"), Some("192.0.2.7:4711")),
        (v1("[2001:db8::9]:1"), Some("[2001:db8::9]:1")),
        // These are one client, however it reached the proxy.
        (b"PROXY TCP6 ::ffff:192.0.2.8 ::1 2 443\r\n".to_vec(), Some("192.0.2.8:2")),
        (V2.to_vec(), Some("203.0.113.9:4660")),
        (V2_LOCAL.to_vec(), None),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
    ] {
        let name = header.escape_ascii().to_string();
        for whole in [true, false] {
            let mut client = Client::raw(server.address);
            let own = Peer::from(client.stream.local_addr().unwrap());
            let expected = named.map_or(own, peer);
            let bytes = join(&[&header, UPGRADE, &packet(1101, 7, b"at once")]);
            if whole {
                client.send(&bytes);
            } else {
                client.dribble(&bytes);
            }
            client.read_upgraded();
            assert_eq!(client.reply().data, b"at once", "{name}");
            assert_eq!(peers(&server), [expected], "{name}");
            client.close();
            drop(client);
            let Event::Closed(of, Cause::PeerClosed(_)) = server.event() else { panic!("{name}") };
            assert_eq!(of, expected, "{name}");
        }
    }
}

#[test]
fn a_trusted_proxy_must_send_a_header() {
    let server = Server::packets(&trusting(&["127.0.0.1"]));
    let long = format!("PROXY UNKNOWN {}", "x".repeat(100));
    let text = format!("{}\n", Refusal::BadRequest(Fault::ProxyHeader).text());
    for bytes in [
        UPGRADE,
        b"G",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n",
        long.as_bytes(),
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"\r\n\r\n\0\r\nQUIT\n\x31\0\0\0",
    ] {
        assert_eq!(server.refuses(bytes), (400, text.clone()), "{}", bytes.escape_ascii());
    }
    // A second header is not a valid request.
    let (status, body) = server.refuses(&join(&[&v1("192.0.2.7:1"), &v1("192.0.2.8:1"), UPGRADE]));
    assert_eq!(status, 400);
    assert_ne!(body, text);
    behind(&server, V2).close();
}

#[test]
fn a_proxy_header_of_anyone_else_is_refused() {
    for proxies in [&["10.0.0.0/8", "::1", "unix"][..], &[]] {
        let server = Server::packets(&trusting(proxies));
        for header in [&v1("192.0.2.7:1")[..], V2, V2_LOCAL] {
            let (status, body) = server.refuses(&join(&[header, UPGRADE]));
            assert_eq!(status, 400);
            assert_ne!(body, format!("{}\n", Refusal::BadRequest(Fault::ProxyHeader).text()));
        }
        let mut client = Client::connect(server.address);
        assert_eq!(peers(&server), [Peer::from(client.stream.local_addr().unwrap())]);
        client.close();
    }
}

#[test]
fn limits_count_the_address_in_the_header() {
    let server = Server::packets(&with(trusting(&["127.0.0.1"]), |config| {
        config.limits.max_connections_per_ip = Some(2)
    }));
    let mut inside = [behind(&server, &v1("192.0.2.7:1")), behind(&server, &v1("192.0.2.7:2"))];
    for bytes in [v1("192.0.2.7:3"), join(&[&v1("192.0.2.7:3"), UPGRADE])] {
        // The connection is refused before its request comes.
        assert_eq!(server.refuses(&bytes).0, 429);
    }
    // The proxy itself and its other clients are not counted with them, however many there are.
    let mut others = vec![behind(&server, &v1("192.0.2.8:1")), behind(&server, V2)];
    others.extend((0..4).map(|_| behind(&server, V2_LOCAL)));
    assert_eq!(server.refuses(&join(&[&v1("192.0.2.7:4"), UPGRADE])).0, 429);
    for client in inside.iter_mut().chain(&mut others) {
        client.echo(b"inside");
    }
    let [first, mut second] = inside;
    drop(first);
    assert_eq!(server.cause_from("192.0.2.7:1".parse().unwrap()), Cause::PeerGone);
    behind(&server, &v1("192.0.2.7:5")).close();
    second.close();
}

#[test]
fn connections_before_their_header_count_in_all() {
    let server =
        Server::packets(&with(trusting(&["127.0.0.1"]), |config| config.limits.max_connections = Some(1)));
    let mut first = Client::raw(server.address);
    first.send(&V2[..7]);
    // Before a byte of it is read.
    assert_eq!(server.refuses(b"").0, 503);
    first.upgrade(&join(&[&V2[7..], UPGRADE]));
    assert_eq!(peers(&server), [peer("203.0.113.9:4660")]);
    first.close();
}

#[test]
fn a_header_that_is_not_complete_in_time_gets_408() {
    let server =
        Server::packets(&with(trusting(&["127.0.0.1"]), |config| config.timers.handshake = Some(SHORT)));
    let stalled: Vec<_> = [&b""[..], b"P", b"PROXY TCP4 192.0.2.7 ", &V2[..20], V2, &join(&[V2, b"GET"])]
        .iter()
        .map(|bytes| {
            let mut client = Client::raw(server.address);
            client.send(bytes);
            client
        })
        .collect();
    for mut client in stalled {
        assert_eq!(client.read_refusal().0, 408);
    }
}

#[test]
fn a_client_that_leaves_within_the_header_is_released() {
    let server =
        Server::packets(&with(trusting(&["127.0.0.1"]), |config| config.limits.max_connections = Some(1)));
    for bytes in [&b""[..], b"PROXY ", &V2[..V2.len() - 1]] {
        let mut client = Client::raw(server.address);
        client.send(bytes);
        client.shutdown_write();
        let mut answer = vec![];
        client.stream.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"", "nothing is said to who is gone");
    }
    behind(&server, V2).close();
}

#[test]
fn clients_of_a_unix_socket_can_be_trusted() {
    let path = std::env::temp_dir().join(format!("sysconn-{}-proxied", std::process::id()));
    let listen = vec![Listen::Unix(path.clone())];
    let server = Server::packets(&with(trusting(&["unix"]), |config| {
        config.listen = listen;
        config.limits.max_connections_per_ip = Some(1);
    }));
    let connect = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client::over(stream)
    };
    let mut named = connect();
    named.upgrade(&join(&[V2, UPGRADE]));
    assert_eq!(peers(&server), [peer("203.0.113.9:4660")]);
    let mut refused = connect();
    refused.send(V2);
    assert_eq!(refused.read_refusal().0, 429);
    let mut unnamed = connect();
    unnamed.upgrade(&join(&[b"PROXY UNKNOWN\r\n", UPGRADE]));
    unnamed.echo(b"local");
    assert!(peers(&server).contains(&Peer::Local));
    for mut client in [named, unnamed] {
        client.close();
    }
}

#[test]
fn hooks_and_handlers_see_the_client() {
    hooks_and_handlers_see(&trusting(&["127.0.0.1"]), &join(&[V2, UPGRADE]), peer("203.0.113.9:4660"));
}
