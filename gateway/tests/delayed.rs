//! Delayed answers of `echo.deferred`: their delays, their limits, and their removal when the client leaves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, Program, Reply, eventually, frame, join, packet};
use sysconn::frame::Opcode;

fn serve(more: &[&str]) -> Program {
    Program::start(&[&["serve", "--listen", "127.0.0.1:0"], more].concat())
}

/// A delay in milliseconds that no test waits for.
const HOUR: [u8; 4] = 3_600_000u32.to_be_bytes();
/// Data of such a length that 33 requests fill the limit of one address: 16 MiB.
static DATA: [u8; 500_000] = [7; 500_000];

#[test]
fn an_answer_is_put_off_by_at_most_an_hour() {
    let program = serve(&[]);
    for (ms, is_refused) in [(3_600_000u32, false), (3_600_001, true), (u32::MAX, true)] {
        let mut client = Client::connect(program.address());
        client.send(&join(&[&packet(1105, 1, &ms.to_be_bytes()), &frame(Opcode::Ping, b"behind")]));
        if is_refused {
            assert_eq!(client.reply(), Reply::refusal(1105, 1, 6), "{ms} ms");
        }
        assert_eq!(client.next(), Frame::Pong(b"behind".to_vec()), "{ms} ms");
    }
}

#[test]
fn pending_answers_are_dropped_with_their_client() {
    // How a client leaves. If it only ends its sending side, the Ping shows that it is gone.
    type Way = (&'static str, fn(Client));
    let ways: [Way; 3] = [
        ("a Close", |mut client| client.send(&frame(Opcode::Close, &1000u16.to_be_bytes()))),
        ("a reset", Client::reset),
        ("its end", drop),
    ];
    for (way, leave) in ways {
        let program = serve(&["--workers", "2", "--ping-interval", "100ms"]);
        // Whether an answer with a delay of an hour is accepted. A refusal comes one turn later.
        let delayed = || {
            let mut client = Client::connect(program.address());
            client.send_packet(1105, 1, &join(&[&HOUR, &DATA]));
            for _ in 0..3 {
                client.send(&frame(Opcode::Ping, b""));
                loop {
                    match client.next() {
                        Frame::Ping(_) => {}
                        Frame::Pong(_) => break,
                        Frame::Binary(refusal) => {
                            assert_eq!(refusal[..2], [0, 6]);
                            return None;
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            Some(client)
        };
        let has_capacity = || {
            let mut client = Client::connect(program.address());
            client.send_packet(1105, 1, &join(&[&[0; 4], &DATA]));
            loop {
                match client.next() {
                    Frame::Ping(_) => {}
                    Frame::Binary(reply) => break reply[..2] == [0, 0],
                    other => panic!("{other:?}"),
                }
            }
        };
        let waiting: Vec<_> = (0..33).map(|_| delayed().expect(way)).collect();
        assert!(delayed().is_none() && !has_capacity(), "{way}");
        waiting.into_iter().for_each(leave);
        eventually(&format!("there is capacity again after {way}"), has_capacity);
        // All of it is free again: as many as before are accepted.
        eventually(&format!("all is released after {way}"), || {
            let again: Vec<_> = std::iter::from_fn(delayed).take(33).collect();
            let count = again.len();
            again.into_iter().for_each(Client::reset);
            count == 33
        });
    }
}
