//! Client addresses in the headers of HTTP proxies: over real sockets, from trusted proxies and from others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::os::unix::net::UnixStream;

use common::{
    Client, Event, PATIENCE, Server, UPGRADE, config, hooks_and_handlers_see, join, packet, peers,
    upgrade_of, with,
};
use sysconn::config::Listen;
use sysconn::upgrade::{Fault, Refusal};
use sysconn::{Cause, Config, Peer};

/// A server that trusts these proxies.
fn trusting(proxies: &[&str]) -> Config {
    with(config(), |config| {
        config.proxies.forwarded_for = proxies.iter().map(|text| text.parse().unwrap()).collect()
    })
}

fn peer(address: &str) -> Peer {
    match address.parse::<std::net::SocketAddr>() {
        Ok(address) => Peer::from(address),
        Err(_) => Peer::Ip(address.parse().unwrap(), 0),
    }
}

fn listed(clients: &str) -> Vec<u8> {
    upgrade_of("/chat", &format!("X-Forwarded-For: {clients}\r\n"))
}

/// Upgraded on behalf of a client.
fn behalf(server: &Server, clients: &str) -> Client {
    let mut client = Client::raw(server.address);
    client.upgrade(&listed(clients));
    client
}

#[test]
fn the_client_address_comes_from_trusted_proxies() {
    let trusted = Server::packets(&trusting(&["127.0.0.0/8", "10.0.0.0/8"]));
    let not_trusted = Server::packets(&trusting(&["10.0.0.0/8", "::1", "unix"]));
    for (lines, named) in [
        ("X-Forwarded-For: 192.0.2.7\r\n", Some("192.0.2.7")),
        ("x-forwarded-for: 198.51.100.1, 192.0.2.7:4711, 10.0.0.2\r\n", Some("192.0.2.7:4711")),
        ("X-Forwarded-For: 192.0.2.7\r\nX: y\r\nX-Forwarded-For: 10.0.0.2\r\n", Some("192.0.2.7")),
        ("Forwarded: for=\"[2001:db8::9]:1\";proto=https\r\n", Some("[2001:db8::9]:1")),
        ("Forwarded: for=192.0.2.7\r\nX-Forwarded-For: ::ffff:192.0.2.7\r\n", Some("192.0.2.7")),
        ("X-Forwarded-For: unknown\r\n", None),
        ("Forwarded: proto=https\r\n", None),
        ("X-Forwarded-For: \r\n", None),
        ("X-Real-IP: 192.0.2.7\r\n", None),
        ("", None),
    ] {
        for (server, named) in [(&trusted, named), (&not_trusted, None)] {
            for whole in [true, false] {
                let mut client = Client::raw(server.address);
                let own = Peer::from(client.stream.local_addr().unwrap());
                let expected = named.map_or(own, peer);
                let bytes = join(&[&upgrade_of("/chat", lines), &packet(1101, 7, b"at once")]);
                if whole {
                    client.send(&bytes);
                } else {
                    client.dribble(&bytes);
                }
                client.read_upgraded();
                assert_eq!(client.reply().data, b"at once", "{lines}");
                assert_eq!(peers(server), [expected], "{lines}");
                client.close();
                drop(client);
                let Event::Closed(of, Cause::PeerClosed(_)) = server.event() else { panic!("{lines}") };
                assert_eq!(of, expected, "{lines}");
            }
        }
    }
}

#[test]
fn invalid_headers_of_trusted_proxies_are_refused() {
    let trusted = Server::packets(&trusting(&["127.0.0.1"]));
    let not_trusted = Server::packets(&trusting(&["127.0.0.2"]));
    for (lines, fault) in [
        ("X-Forwarded-For: nonsense\r\n", Fault::Forwarded),
        ("X-Forwarded-For: 192.0.2.7, 192.0.2.256\r\n", Fault::Forwarded),
        ("Forwarded: 192.0.2.7\r\n", Fault::Forwarded),
        ("Forwarded: for=192.0.2.7\r\nX-Forwarded-For: nonsense\r\n", Fault::Forwarded),
        ("Forwarded: for=192.0.2.7\r\nX-Forwarded-For: 192.0.2.8\r\n", Fault::ForwardedTwice),
    ] {
        let request = upgrade_of("/chat", lines);
        let expected = (400, format!("{}\n", Refusal::BadRequest(fault).text()));
        assert_eq!(trusted.refuses(&request), expected, "{lines}");
        let mut client = Client::raw(not_trusted.address);
        client.upgrade(&request);
        client.close();
    }
    // Entries from the client itself are ignored.
    behalf(&trusted, "nonsense, 192.0.2.7").close();
}

#[test]
fn limits_count_the_forwarded_address() {
    let server = Server::packets(&with(trusting(&["127.0.0.1", "10.0.0.0/8"]), |config| {
        config.limits.max_connections_per_ip = Some(2)
    }));
    let mut inside = [behalf(&server, "192.0.2.7"), behalf(&server, "192.0.2.7:2")];
    for clients in ["192.0.2.7", "198.51.100.1, 192.0.2.7", "192.0.2.7, 10.0.0.2", "::ffff:192.0.2.7"] {
        assert_eq!(server.refuses(&listed(clients)).0, 429, "{clients}");
    }
    // An IPv6 site counts as one address, and the proxies themselves do not count, however many clients they
    // carry.
    let mut others = vec![behalf(&server, "2001:db8::1"), behalf(&server, "2001:db8::2")];
    assert_eq!(server.refuses(&listed("2001:db8::3")).0, 429);
    others.extend((1..20).map(|number| behalf(&server, &format!("192.0.2.7, 198.51.100.{number}"))));
    others.extend((0..4).map(|_| behalf(&server, "unknown")));
    others.extend((0..4).map(|_| behalf(&server, "10.0.0.2")));
    others.extend((0..4).map(|_| Client::connect(server.address)));
    for client in inside.iter_mut().chain(&mut others) {
        client.echo(b"inside");
    }
    let [first, second] = inside;
    drop(first);
    assert_eq!(server.cause_from("192.0.2.7:0".parse().unwrap()), Cause::PeerGone);
    behalf(&server, "192.0.2.7").close();
    drop(second);
}

#[test]
fn without_forwarding_headers_clients_count_as_the_proxy() {
    let server = Server::packets(&with(config(), |config| config.limits.max_connections_per_ip = Some(2)));
    let _inside = [behalf(&server, "192.0.2.7"), behalf(&server, "192.0.2.8")];
    assert_eq!(server.refuses(&listed("192.0.2.9")).0, 429);
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn trust_depends_on_the_address_in_the_proxy_header() {
    let config = with(trusting(&["10.0.0.0/8"]), |config| {
        config.proxies.proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
        config.limits.max_connections_per_ip = Some(1);
    });
    let server = Server::packets(&config);
    let v1 = |client: &str| format!("PROXY TCP4 {client} 10.0.0.1 4711 80\r\n").into_bytes();
    let mut inside = vec![];
    for (header, clients, expected) in [
        (v1("10.0.0.2"), "192.0.2.7", "192.0.2.7"),
        (v1("10.0.0.2"), "192.0.2.8, 10.0.0.3", "192.0.2.8"),
        (v1("10.0.0.2"), "unknown", "10.0.0.2:4711"),
        (v1("10.0.0.2"), "unknown", "10.0.0.2:4711"),
        (v1("198.51.100.1"), "192.0.2.9", "198.51.100.1:4711"),
    ] {
        let before = peers(&server);
        let mut client = Client::raw(server.address);
        client.upgrade(&join(&[&header, &listed(clients)]));
        let mut now = peers(&server);
        before.iter().for_each(|old| {
            now.remove(now.iter().position(|new| new == old).unwrap());
        });
        assert_eq!(now, [peer(expected)], "{clients}");
        inside.push(client);
    }
    for (header, clients) in [(v1("10.0.0.4"), "192.0.2.7"), (v1("198.51.100.1"), "192.0.2.10")] {
        assert_eq!(server.refuses(&join(&[&header, &listed(clients)])).0, 429, "{clients}");
    }
}

#[test]
fn a_proxy_on_a_unix_socket_can_be_trusted() {
    let path = std::env::temp_dir().join(format!("sysconn-{}-forwarded", std::process::id()));
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
    named.upgrade(&listed("192.0.2.7"));
    assert_eq!(peers(&server), [peer("192.0.2.7")]);
    let mut refused = connect();
    refused.send(&listed("192.0.2.7, unix:"));
    assert_eq!(refused.read_refusal().0, 429);
    let mut unnamed = connect();
    unnamed.upgrade(UPGRADE);
    unnamed.echo(b"local");
    assert!(peers(&server).contains(&Peer::Local));
    for mut client in [named, unnamed] {
        client.close();
    }
}

#[test]
fn health_checks_ignore_forwarding_headers() {
    let config = with(trusting(&["127.0.0.1"]), |config| {
        config.upgrade.health_path = Some("/health".into());
        config.limits.max_connections_per_ip = Some(1);
    });
    let server = Server::packets(&config);
    let mut inside = behalf(&server, "192.0.2.7");
    for clients in ["192.0.2.7", "nonsense", "192.0.2.8"] {
        let check = format!("GET /health HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {clients}\r\n\r\n");
        assert_eq!(server.refuses(check.as_bytes()).0, 200, "{clients}");
    }
    assert_eq!(server.refuses(&listed("192.0.2.7")).0, 429);
    inside.close();
}

#[test]
fn hooks_and_handlers_see_the_client() {
    hooks_and_handlers_see(&trusting(&["127.0.0.1"]), &listed("192.0.2.7:4660"), peer("192.0.2.7:4660"));
}
