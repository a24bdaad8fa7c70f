//! The reactor in loops of others: the examples, each as a process that serves and drains at a signal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[path = "../examples/own_loop.rs"]
mod own_loop;
#[path = "../examples/tokio_loop.rs"]
mod tokio_loop;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{Client, Reply, eventually};
use rustix::process::{Pid, Signal, kill_process};

/// A process of the test below, which says where it listens; without that it does nothing.
#[test]
fn own_loop_process() {
    if std::env::var_os("LISTEN").is_some() {
        own_loop::main().unwrap();
    }
}

/// As above.
#[test]
fn tokio_loop_process() {
    if std::env::var_os("LISTEN").is_some() {
        tokio_loop::main().unwrap();
    }
}

/// A process of this program that runs one of the functions above. Killed when it is dropped.
struct Example {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Example {
    fn start(function: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", function, "--nocapture"]).env("LISTEN", "127.0.0.1:0");
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Example { process, output }
    }

    /// The address that it prints.
    fn address(&mut self) -> std::net::SocketAddr {
        let mut line = String::new();
        while !line.contains("listening on ") {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended without an address");
        }
        line.trim_end().rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, signal).unwrap();
    }

    fn expect_success(&mut self) {
        eventually("the process ends", || self.process.try_wait().unwrap().is_some());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn examples_serve_in_loops_of_their_own_and_drain_at_a_signal() {
    for (function, signal) in [
        ("own_loop_process", Signal::TERM),
        ("own_loop_process", Signal::INT),
        ("tokio_loop_process", Signal::TERM),
        ("tokio_loop_process", Signal::INT),
    ] {
        let mut example = Example::start(function);
        let mut client = Client::connect(example.address());
        let is_epoll = function == "own_loop_process";
        for number in 1..=3u8 {
            let position = [0, 0, 0, 3, 0, 0, 0, number];
            client.send_packet(2101, 7, &position);
            assert_eq!(client.reply(), Reply::new(2101, 7, &position), "{function}");
            if is_epoll {
                // From the next step of the world, between two turns.
                assert_eq!(client.reply(), Reply::new(2110, 0, &u64::from(number).to_be_bytes()));
            }
        }
        client.send_packet(2101, 8, &[0; 8]);
        assert_eq!(client.reply(), Reply::new(2101, 8, &[0; 8]), "{function}");
        if is_epoll {
            assert_eq!(client.reply(), Reply::new(2110, 0, &4u64.to_be_bytes()));
        }
        example.signal(signal);
        if is_epoll {
            assert_eq!(client.reply(), Reply::new(2111, 0, b"the server restarts"));
        }
        client.expect_close(1001, function);
        drop(client);
        example.expect_success();
    }
}
