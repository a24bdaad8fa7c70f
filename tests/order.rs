//! Replies come in the order of their requests, whoever answers them and however slowly the client
//! reads.

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
fn an_answer_to_an_earlier_life_of_a_slot_reaches_nobody() {
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

#[test]
fn a_burst_arrives_whole_at_a_client_that_reads_slowly() {
    let server = Server::packets(&config());
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    socket.connect(&server.address.into()).unwrap();
    let stream = std::net::TcpStream::from(socket);
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let mut slow = Client::over(stream);
    slow.read_bytes = 1000;
    slow.upgrade(common::UPGRADE);
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
