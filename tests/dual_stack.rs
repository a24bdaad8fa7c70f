//! Which clients IPv6 listeners accept; an IPv4 client has its IPv4 address on every listener.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::mpsc::channel;

use common::{Client, Event, Game, PATIENCE, Server, UPGRADE, config, echo, with};
use sysconn::config::Listen;
use sysconn::{Peer, Reactor, Service};

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn listening(addresses: &[&str]) -> Vec<Listen> {
    addresses.iter().map(|address| Listen::Tcp(address.parse().unwrap())).collect()
}

/// The address that the server sees for a client that connects to `ip`; none if there is no listener.
fn known_as(server: &Server, ip: IpAddr, port: u16) -> Option<Peer> {
    let stream = TcpStream::connect(SocketAddr::new(ip, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let here = stream.local_addr().unwrap();
    let mut client = Client::over(stream);
    client.upgrade(UPGRADE);
    client.close();
    drop(client);
    let Event::Closed(peer, _) = server.event() else { panic!("not closed") };
    assert_eq!(peer, Peer::Ip(ip, here.port()), "{here}");
    Some(peer)
}

#[test]
fn the_ipv6_wildcard_accepts_ipv4_unless_it_is_listed_or_excluded() {
    // The listed addresses, whether IPv4 is excluded, and whether the first address accepts IPv4 and IPv6.
    for (addresses, ipv6_only, ipv4, ipv6) in [
        (&["[::]:0"][..], false, true, true),
        (&["[::]:0"], true, false, true),
        (&["[::]:0", "0.0.0.0:0"], false, false, true),
        (&["[::]:0", "127.0.0.1:0"], false, true, true),
        (&["[::]:0", "[::]:0"], false, true, true),
        (&["[::1]:0"], false, false, true),
        (&["[::1]:0"], true, false, true),
        (&["[::ffff:127.0.0.1]:0"], false, true, false),
        (&["0.0.0.0:0", "[::]:0"], false, true, false),
        (&["0.0.0.0:0", "[::]:0"], true, true, false),
    ] {
        let server = Server::packets(&with(config(), |config| {
            config.listen = listening(addresses);
            config.listeners.ipv6_only = ipv6_only;
        }));
        let taken = [IPV4, IPV6].map(|ip| known_as(&server, ip, server.address.port()).is_some());
        assert_eq!(taken, [ipv4, ipv6], "{addresses:?}, ipv6_only {ipv6_only}");
    }
}

#[test]
fn addresses_with_the_same_port_coexist() {
    let bind = |addresses: &[&str]| {
        let config = with(config(), |config| config.listen = listening(addresses));
        Reactor::bind(&config, Service::Messages(echo), Game::new(channel().0))
    };
    for ipv4 in ["0.0.0.0", "127.0.0.1"] {
        // Another process may take the port in between; then another port is tried.
        let bound = (0..20).any(|_| {
            let port = bind(&["[::]:0"]).unwrap().local_addr().unwrap().port();
            let (ipv6, ipv4) = (format!("[::]:{port}"), format!("{ipv4}:{port}"));
            [[&*ipv6, &ipv4], [&ipv4, &ipv6]].iter().all(|addresses| bind(addresses).is_ok())
        });
        assert!(bound, "{ipv4}");
    }
}

#[test]
fn an_ipv4_client_of_an_ipv6_listener_has_its_ipv4_address() {
    let listen = listening(&["[::]:0", "127.0.0.1:0"]);
    let limited = with(config(), |config| {
        config.listen = listen;
        config.limits.max_connections_per_ip = Some(1);
    });
    let server = Server::packets(&limited);
    let address = SocketAddr::new(IPV4, server.address.port());
    let first = Client::connect(address);
    let mut second = Client::raw(address);
    second.send(UPGRADE);
    assert_eq!(second.read_refusal().0, 429);
    // Another address, though IPv6 would map the first one into the same network.
    drop(Client::connect(SocketAddr::new(IPV6, address.port())));
    drop(first);
}

#[cfg(feature = "proxy-protocol")]
#[test]
fn an_ipv4_client_that_a_proxy_names_in_ipv6_has_its_ipv4_address() {
    let listen = listening(&["[::]:0", "127.0.0.1:0"]);
    let trusting = with(config(), |config| {
        config.listen = listen;
        config.proxies.proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
    });
    let server = Server::packets(&trusting);
    let mut proxied = Client::raw(SocketAddr::new(IPV4, server.address.port()));
    proxied.send(b"PROXY TCP6 ::ffff:192.0.2.7 ::1 5 6\r\n");
    proxied.upgrade(UPGRADE);
    proxied.close();
    drop(proxied);
    let Event::Closed(peer, _) = server.event() else { panic!("not closed") };
    assert_eq!(peer.to_string(), "192.0.2.7:5");
}
