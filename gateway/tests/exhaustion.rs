//! No descriptor is free: the program refuses clients or lets them wait, logs it once, and serves on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::process::Command;

use common::{Client, Program, UPGRADE, eventually, still_serves};
use rustix::process::Signal;

const EXHAUSTED: &str = "no descriptor is free";
const FREE_AGAIN: &str = "descriptors are free again";

/// Starts the program with at most 100 descriptors.
fn start_limited(more: &[&str]) -> Program {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sysconn")]);
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(more);
    Program::start_as(command.env_clear())
}

#[test]
fn the_program_serves_on_without_free_descriptors() {
    let program = start_limited(&[]);
    let address = program.address();
    // The limit of 100 admits 36 clients. Further ones are refused but do not leave: they use up the rest.
    let mut inside: Vec<Client> = (0..36).map(|_| Client::connect(address)).collect();
    let outside: Vec<Client> = (0..100).map(|_| Client::raw(address)).collect();
    eventually("it has no descriptor left", || String::from_utf8(program.log()).unwrap().contains(EXHAUSTED));
    let count = program.descriptors();
    assert!(count >= 98, "{count}");
    for turn in 0..100 {
        inside[turn % 36].echo(b"not held up");
        program.falls_asleep();
    }
    for mut client in outside {
        // Refused, or closed: its own bytes may have crossed the answer.
        assert_eq!(client.read_refusal().0, 503);
    }
    for mut client in inside {
        client.close();
    }
    eventually("the descriptors come back", || program.descriptors() < 20);
    still_serves(address);
    let log = String::from_utf8(program.log()).unwrap();
    assert_eq!(log.matches(EXHAUSTED).count(), 1, "{log}");
    assert_eq!(log.matches(FREE_AGAIN).count(), 1, "{log}");
}

#[test]
fn a_drain_answers_waiting_clients_as_far_as_descriptors_allow() {
    let mut program = start_limited(&["--drain-timeout", "60s"]);
    let address = program.address();
    // Clients that come while it is stopped wait.
    program.signal(Signal::STOP);
    eventually("it stands still", || program.is_stopped());
    let mut waiting: Vec<Client> = (0..500).map(|_| Client::raw(address)).collect();
    waiting.iter_mut().for_each(|client| client.send(UPGRADE));
    program.signal(Signal::TERM);
    program.signal(Signal::CONT);
    for client in &mut waiting {
        // Clients that it accepted before it received the signal may have been let in.
        let head = client.read_head();
        assert!(head.starts_with("HTTP/1.1 503 ") || head.starts_with("HTTP/1.1 101 "), "{head}");
    }
    drop(waiting);
    assert_eq!(program.wait().0.code(), Some(0));
}
