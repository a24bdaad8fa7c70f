//! Replies come in the order of their requests, from whichever thread, and however slowly the client reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, Reply, Server, config, frame, join, packet, still_serves};
use sysconn::Cause;
use sysconn::frame::Opcode;
use sysconn::packet::ErrorId;

#[test]
fn deferred_and_immediate_replies_keep_their_order() {
    let server = Server::packets(&config());
    let mut client = Client::connect(server.address);
    let mut bytes = vec![];
    for flag in 0..300 {
        bytes.extend(packet(if flag % 3 == 0 { 1105 } else { 1101 }, flag, &flag.to_be_bytes()));
    }
    client.send(&bytes);
    let mut other = Client::connect(server.address);
    for flag in 0..300u32 {
        if flag % 3 == 0 {
            // Nothing overtakes it, and nobody else waits for it.
            let ticket = server.ticket();
            other.echo(b"not held up");
            match flag % 9 {
                0 => ticket.reply(flag.to_be_bytes()),
                3 => ticket.refuse(ErrorId(200)),
                _ => drop(ticket),
            }
        }
        let expected = match flag % 9 {
            0 => Reply::new(1105, flag, &flag.to_be_bytes()),
            3 => Reply::refusal(1105, flag, 200),
            6 => Reply::refusal(1105, flag, 6),
            _ => Reply::new(1101, flag, &flag.to_be_bytes()),
        };
        assert_eq!(client.reply(), expected);
    }
    client.close();
}

#[test]
fn a_ping_does_not_wait_for_a_deferred_reply() {
    let server = Server::packets(&config());
    let mut client = Client::connect(server.address);
    client.send(&join(&[&packet(1105, 1, b""), &frame(Opcode::Ping, b"with it")]));
    assert_eq!(client.next(), Frame::Pong(b"with it".to_vec()));
    client.dribble(&frame(Opcode::Ping, b"behind it"));
    assert_eq!(client.next(), Frame::Pong(b"behind it".to_vec()));
    server.ticket().reply(*b"late");
    assert_eq!(client.reply(), Reply::new(1105, 1, b"late"));

    // So does a Close, and the answer then reaches nobody.
    client.send_packet(1105, 2, b"");
    let ticket = server.ticket();
    client.close();
    ticket.reply(*b"too late");
    let late = Client::connect(server.address);
    drop(late);
    still_serves(server.address);
}

#[test]
fn a_late_answer_does_not_reach_the_next_connection_in_the_slot() {
    let server = Server::packets(&config());
    for _ in 0..20 {
        let mut first = Client::connect(server.address);
        first.send_packet(1105, 1, b"");
        let ticket = server.ticket();
        let address = first.stream.local_addr().unwrap();
        // Not a mere end: that could be a half, and the reply would be owed.
        first.reset();
        assert_eq!(server.cause_from(address), Cause::Reset);
        // It has the slot of the first, and waits for an answer to a request of the same number.
        let mut second = Client::connect(server.address);
        second.send_packet(1105, 2, b"");
        let own = server.ticket();
        assert_ne!(ticket.connection(), own.connection());
        ticket.reply(*b"for the first");
        own.reply(*b"for the second");
        assert_eq!(second.reply(), Reply::new(1105, 2, b"for the second"));
        second.close();
    }
}

/// A client that is slow, and for which the system keeps little.
fn slow_client(server: &Server) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let mut slow = Client::over(stream);
    slow.read_bytes = 1000;
    slow.upgrade(common::UPGRADE);
    slow
}

#[test]
fn large_echoes_come_whole_and_in_order() {
    let server = Server::packets(&config());
    let sizes = [
        4000, 524_279, 16_000, 4096, 65_524, 1, 65_525, 70_000, 16_384, 16_384, 16_384, 131_072, 0, 262_144,
        524_279, 524_279,
    ];
    let data = |index: usize, size: usize| -> Vec<u8> {
        (0..size).map(|at| (at / 251 + at + index) as u8).collect()
    };
    let mut bytes = vec![];
    for (index, &size) in sizes.iter().enumerate() {
        bytes.extend(packet(1101, index as u32, &data(index, size)));
        bytes.extend(frame(Opcode::Pong, b"not to be answered"));
    }
    for mut client in [Client::connect(server.address), slow_client(&server)] {
        let mut sending = client.stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| std::io::Write::write_all(&mut sending, &bytes).unwrap());
            for (index, &size) in sizes.iter().enumerate() {
                let reply = client.reply();
                assert_eq!((reply.flag, reply.data.len()), (index as u32, size));
                assert!(reply == Reply::new(1101, index as u32, &data(index, size)), "the {index}th differs");
            }
        });
        client.close();
    }
}

#[test]
fn a_slow_reader_receives_a_burst_whole() {
    let server = Server::packets(&config());
    let mut slow = slow_client(&server);
    slow.send(&join(&[&packet(1104, 5, &60_000u16.to_be_bytes()), &packet(1101, 6, b"behind")]));
    let mut other = Client::connect(server.address);
    for index in 0..60_000u32 {
        assert_eq!(slow.reply(), Reply::new(1104, 5, &index.to_be_bytes()));
        if index % 1000 == 0 {
            other.echo(b"not held up");
        }
    }
    assert_eq!(slow.reply(), Reply::new(1101, 6, b"behind"));
    slow.close();
    other.close();
}
