//! A program that was stopped and continued asks its clients before it closes them for silence.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Read;
use std::thread;
use std::time::Duration;

use common::{Client, Frame, PATIENCE, Program, eventually, frame};
use rustix::process::Signal;
use sysconn::frame::Opcode;

/// Reads frames and answers Pings until `count` of them have come.
fn answer_pings(client: &mut Client, count: usize) {
    for _ in 0..count {
        match client.next() {
            Frame::Ping(payload) => client.send(&frame(Opcode::Pong, &payload)),
            other => panic!("{other:?} in place of a Ping"),
        }
    }
}

#[test]
fn a_stopped_program_pings_silent_clients_before_it_closes_them() {
    let timers: [&[&str]; 2] = [
        &["--read-timeout", "1s", "--client-check", "0"],
        &["--read-timeout", "0", "--client-check", "1s", "--liveness", "frames"],
    ];
    let tests = timers.map(|timers| {
        thread::spawn(move || {
            let common =
                ["serve", "--listen", "127.0.0.1:0", "--ping-interval", "300ms", "--account-check", "20s"];
            let program = Program::start(&[&common, timers].concat());
            let mut client = Client::connect(program.address());
            let mut silent = Client::connect(program.address());
            answer_pings(&mut client, 2);
            program.signal(Signal::STOP);
            eventually("it stands still", || program.is_stopped());
            // The server sends no Pings meanwhile, so the clients send nothing.
            client.stream.set_read_timeout(Some(Duration::from_millis(3000))).unwrap();
            client.stream.read_exact(&mut [0]).unwrap_err();
            client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
            program.signal(Signal::CONT);
            answer_pings(&mut client, 6);
            client.send_packet(1101, 1, b"still there");
            // This check shows that the timers are on.
            let end = loop {
                match silent.next() {
                    Frame::Ping(_) => {}
                    other => break other,
                }
            };
            assert!(matches!(end, Frame::Close(Some(4003 | 4009))), "{end:?}");
        })
    });
    tests.into_iter().for_each(|test| test.join().unwrap());
}
