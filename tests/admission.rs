//! Admission of clients, and limits on their requests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use arena::{ArenaServer, ECHO, LOGIN, SINK, login};
use common::{Client, PATIENCE, Reply, UPGRADE, config, eventually, join, packet, with};
use sysconn::{Cause, frame};

/// A client with another address of this machine.
fn client_from(ip: [u8; 4], server: SocketAddr) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ip)), 0).into()).unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Client::over(stream)
}

/// The status that a new client of that address gets: a refusal, or 101.
fn status(ip: [u8; 4], server: SocketAddr) -> (u16, Client) {
    let mut client = client_from(ip, server);
    client.send(UPGRADE);
    let head = client.read_head();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), client)
}

#[test]
fn many_clients_refused_at_once_are_all_answered() {
    let hour = std::time::Duration::from_secs(3600);
    let cases = [
        (with(config(), |config| config.limits.max_connections = Some(1)), 503),
        (with(config(), |config| config.limits.max_connections_per_ip = Some(1)), 429),
    ];
    for (config, expected) in cases {
        let server = ArenaServer::new(&with(config, |config| config.timers.close = hour));
        let mut inside = Client::connect(server.address);
        let mut refused: Vec<_> = (0..2000).map(|_| Client::raw(server.address)).collect();
        // All of them were answered before the first of them sends anything.
        assert_eq!(refused.last_mut().unwrap().read_refusal().0, expected);
        for client in &mut refused {
            client.send(UPGRADE);
        }
        refused.pop();
        for client in &mut refused {
            assert_eq!(client.read_refusal().0, expected);
        }
        inside.ask(b"not held up");
    }
}

#[test]
fn connection_limits_hold_and_are_released() {
    let (here, there) = ([127, 0, 0, 1], [127, 0, 0, 2]);
    let cases = [
        (with(config(), |config| config.limits.max_connections = Some(3)), 503, 503),
        (with(config(), |config| config.limits.max_connections_per_ip = Some(3)), 429, 101),
    ];
    for (config, for_the_same, for_another) in cases {
        let server = ArenaServer::new(&config);
        // Each kind of end gives the permit back.
        for round in 0..6 {
            let mut inside: Vec<Client> = (0..3).map(|_| Client::connect(server.address)).collect();
            for _ in 0..5 {
                // Refused clients take no permit.
                assert_eq!(status(here, server.address).0, for_the_same, "round {round}");
            }
            let (another, mut client) = status(there, server.address);
            assert_eq!(another, for_another);
            if another == 101 {
                client.ask(b"from another address");
                client.close();
                drop(client);
                server.closed();
            }
            for client in &mut inside {
                client.ask(b"still inside");
            }
            for client in inside {
                match round % 3 {
                    0 => drop(client),
                    1 => client.reset(),
                    _ => client.shutdown_write(),
                }
                server.closed();
            }
        }
        // A client that never upgrades takes a permit too, and gives it back.
        let silent: Vec<Client> = (0..3).map(|_| Client::raw(server.address)).collect();
        eventually("they are let in", || {
            server.survey(|survey| survey.totals().accepted - survey.totals().closed) == 3
        });
        assert_eq!(status(here, server.address).0, for_the_same);
        drop(silent);
        eventually("their places come back", || status(here, server.address).0 == 101);
    }
}

#[test]
fn packets_above_the_rate_are_refused_until_it_allows_more() {
    let server = ArenaServer::new(&with(config(), |config| config.limits.max_packets_per_second = Some(5)));
    let mut client = Client::connect(server.address);
    let mut other = Client::connect(server.address);
    let requests: Vec<Vec<u8>> = (0..100).map(|flag| packet(ECHO, flag, b"")).collect();
    client.send(&requests.concat());
    for flag in 0..100 {
        let expected = if flag < 5 { Reply::new(ECHO, flag, b"") } else { Reply::refusal(ECHO, flag, 5) };
        assert_eq!(client.reply(), expected);
    }
    // Neighbours are not affected, and these do not count as bad requests: the client stays connected and is
    // served again.
    other.ask(b"not refused");
    let mut refused = 0u32;
    loop {
        client.send_packet(ECHO, 200, b"again");
        match client.reply() {
            Reply { error_id: 5, .. } => refused += 1,
            reply => {
                assert_eq!(reply, Reply::new(ECHO, 200, b"again"), "after {refused}");
                break;
            }
        }
    }
    assert_eq!(server.survey(|survey| survey.totals().bad_requests), 0);
    client.close();
}

#[test]
fn messages_are_limited_further_before_a_login() {
    let config = with(config(), |config| {
        config.limits.max_len = 4096;
        config.limits.max_len_before_login = Some(64);
    });
    let server = ArenaServer::new(&config);
    // With the header of 9 bytes.
    let (longest, too_long) = ([7; 64 - 9], [7; 65 - 9]);
    let (longest_after, too_long_after) = ([7; 4096 - 9], [7; 4097 - 9]);

    let mut client = Client::connect(server.address);
    client.ask(&longest);
    client.send_packet(SINK, 0, &too_long);
    client.expect_close(1009, "before the login");
    drop(client);
    assert_eq!(server.closed().1, Cause::Protocol(frame::Error::TooBig));

    let mut client = Client::connect(server.address);
    // In the same write as the login: it counts from the next message on.
    client.send(&join(&[&login(3), &packet(ECHO, 1, &longest_after)]));
    assert_eq!(client.reply(), Reply::new(LOGIN, 0, b""));
    assert_eq!(client.reply(), Reply::new(ECHO, 1, &longest_after));
    client.send_packet(SINK, 0, &too_long_after);
    client.expect_close(1009, "after the login");

    let mut client = Client::connect(server.address);
    client.login(3);
    client.ask(&too_long);
    client.send(&join(&[&packet(arena::LOGOUT, 2, b""), &packet(SINK, 3, &too_long)]));
    assert_eq!(client.reply(), Reply::new(arena::LOGOUT, 2, b""));
    client.expect_close(1009, "after the logout");
}
