//! However clients end, they leave nothing behind in the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Write;

use common::{Client, Frame, Program, UPGRADE, eventually, frame, packet, still_serves};
use sysconn::frame::Opcode;

fn serve() -> Program {
    Program::start(&["serve", "--listen", "127.0.0.1:0"])
}

/// The program has as many descriptors as before, and serves on.
fn gives_back(program: &Program, before: usize) {
    still_serves(program.address());
    eventually(&format!("descriptors: {before} before, {} now", program.descriptors()), || {
        program.descriptors() <= before
    });
}

#[test]
fn ten_thousand_connections_leave_no_descriptor() {
    let program = serve();
    let mut witness = Client::connect(program.address());
    witness.echo(b"here first");
    let before = program.descriptors();
    for round in 0..10_000 {
        let mut client = Client::connect(program.address());
        match round % 3 {
            0 => client.send(&frame(Opcode::Close, &1000u16.to_be_bytes())),
            1 => client.shutdown_write(),
            _ => {
                client.reset();
                continue;
            }
        }
        while client.next() != Frame::End {}
    }
    gives_back(&program, before);
    witness.echo(b"here last");
    witness.close();
}

#[test]
fn many_that_end_at_once_leave_no_descriptor() {
    let program = serve();
    still_serves(program.address());
    let before = program.descriptors();
    let mut survivor = Client::connect(program.address());

    // Open, and dropped all together.
    let clients: Vec<_> = (0..300).map(|_| Client::connect(program.address())).collect();
    assert!(program.descriptors() >= before + 300);
    drop(clients);
    survivor.echo(b"dropped");

    // Reset all together, at each offset within a frame and a request.
    let packet = packet(1101, 1, b"reset");
    let clients: Vec<_> = (0..300)
        .map(|round| {
            let mut client = Client::raw(program.address());
            let bytes = [UPGRADE, &packet].concat();
            client.send(&bytes[..round % bytes.len()]);
            client
        })
        .collect();
    clients.into_iter().for_each(Client::reset);
    survivor.echo(b"reset");

    // Reset at once after the request, and before anything was sent.
    for round in 0..500 {
        let mut client = Client::raw(program.address());
        if round % 2 == 0 {
            client.send(UPGRADE);
        }
        client.reset();
    }
    survivor.echo(b"connected and reset");

    for _ in 0..30 {
        let mut client = Client::raw(program.address());
        client.send(&UPGRADE[..60]);
        client.shutdown_write();
        assert!(matches!(client.next(), Frame::End));
    }
    for _ in 0..100 {
        drop(Client::connect(program.address()));
    }
    survivor.close();
    drop(survivor);
    gives_back(&program, before);
}

#[test]
fn random_bytes_leave_no_descriptor() {
    let program = serve();
    let before = program.descriptors();
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        // xorshift64, so that a failure can be repeated.
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for round in 0..400 {
        let mut client = Client::raw(program.address());
        if round % 2 == 0 {
            client.upgrade(UPGRADE);
        }
        let bytes: Vec<u8> = (0..random() % 600).map(|_| (random() >> 32) as u8).collect();
        // The server may have closed before all is sent.
        let _ = client.stream.write_all(&bytes);
    }
    gives_back(&program, before);
}

#[test]
fn a_client_that_does_not_read_holds_little_memory() {
    let program = serve();
    let mut witness = Client::connect(program.address());
    witness.echo(b"here first");
    let before = program.resident_bytes();
    let mut greedy = Client::connect(program.address());
    greedy.stream.set_nonblocking(true).unwrap();
    let request = packet(1101, 1, &vec![7; 60_000]);
    let mut sent = 0;
    let mut stalled = 0;
    // 64 MiB, or until the server has stopped reading for a while.
    while sent < 64 << 20 && stalled < 100 {
        match greedy.stream.write(&request[sent % request.len()..]) {
            Ok(written) => {
                sent += written;
                stalled = 0;
            }
            Err(_) => {
                stalled += 1;
                witness.echo(b"not held up");
            }
        }
    }
    assert!(sent < 64 << 20, "the server takes no end of requests");
    let grown = program.resident_bytes().saturating_sub(before);
    assert!(grown <= 32 << 20, "{grown} bytes");

    // Once it reads, it gets the replies to all its complete requests.
    greedy.stream.set_nonblocking(false).unwrap();
    greedy.shutdown_write();
    for _ in 0..sent / request.len() {
        assert_eq!(greedy.reply().data.len(), 60_000);
    }
    assert_eq!(greedy.next(), Frame::End);
    witness.close();
}

#[test]
fn idle_connections_cost_no_time() {
    let program = serve();
    let mut urgent = Client::connect(program.address());
    let mut half = Client::connect(program.address());
    half.shutdown_write();
    assert_eq!(half.next(), Frame::End);
    assert_eq!(socket2::SockRef::from(&urgent.stream).send_out_of_band(b"!").unwrap(), 1);
    let mut paused = Client::connect(program.address());
    paused.send_packet(1105, 1, b"\0\x01\0\0later");
    paused.send_packet(1101, 2, b"behind");
    // The server does not handle this end before the reply has come, and must not poll for it meanwhile.
    paused.shutdown_write();
    urgent.echo(b"settled");
    for _ in 0..100 {
        urgent.echo(b"still");
        program.falls_asleep();
    }
}
