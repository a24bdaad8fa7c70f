//! The real program's memory during a burst of large messages, and after one round of housekeeping. With
//! `--nocapture` it prints the figures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "made by a program, for whoever uses all of it")]
#[path = "../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

use std::collections::HashMap;
use std::process::Command;

use common::{Client, Program, eventually, packet};
use messages::{Kind, account, monitor};
use prost::Message;

/// Settings for glibc's allocator. By default, after it has freed large buffers it takes the next ones from
/// its heap, where one small live allocation keeps all of the heap below it.
const ALLOCATOR: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "65536")];
const CLIENTS: usize = 1000;
const MESSAGE_BYTES: usize = 512 * 1024;

/// Has each client send all but the last byte of its message, and then that byte: every connection then holds
/// its message in a buffer of its own at the same time. Returns the program's memory at that point.
fn burst(program: &Program, clients: &mut [Client], before: usize) -> usize {
    // One in ten is on its way back afterwards (1101), the others get no answer (1102).
    let data = vec![7; MESSAGE_BYTES - 9];
    let messages = [packet(1101, 0, &data), packet(1102, 0, &data)];
    let message_of = |number: usize| messages[usize::from(!number.is_multiple_of(10))].split_last().unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(message_of(number).1);
    }
    let (mut peak, all) = (before, before + CLIENTS * MESSAGE_BYTES * 95 / 100);
    // This may be slow, as long as there is progress.
    while peak <= all {
        let seen = peak;
        eventually("more of it has come", || {
            peak = program.resident_bytes();
            peak > seen
        });
    }
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&[*message_of(number).0]);
    }
    for client in clients.iter_mut().step_by(10) {
        assert_eq!(client.reply().data.len(), data.len());
    }
    for client in clients {
        client.echo(b"handled");
    }
    peak
}

/// A monitor client.
struct Monitor(Client);

impl Monitor {
    fn new(program: &Program) -> Self {
        let mut client = Client::connect(program.address());
        let login = account::Login {
            account: "monitor".into(),
            platform: "platform".into(),
            role_id: 1,
            kind: Kind::Monitor.into(),
            ..account::Login::default()
        };
        client.send_packet(1002, 0, &login.encode_to_vec());
        assert_eq!(client.reply().error_id, 0);
        Monitor(client)
    }

    /// The number of housekeeping rounds of each connection.
    fn rounds(&mut self) -> HashMap<u64, u64> {
        let mut rounds = HashMap::new();
        loop {
            let question =
                monitor::Connections { offset: rounds.len() as u32, limit: 500, ..Default::default() };
            self.0.send_packet(9002, 0, &question.encode_to_vec());
            let page = monitor::ConnectionPage::decode(self.0.reply().data.as_slice()).unwrap();
            rounds.extend(page.connection.iter().map(|connection| (connection.id, connection.loop_counter)));
            if rounds.len() as u64 >= page.total {
                return rounds;
            }
        }
    }
}

#[test]
fn one_round_of_housekeeping_frees_the_memory_of_a_burst() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--housekeeping", "2s"]);
    let program = Program::start_as(command.env_clear().envs(ALLOCATOR));
    let mut monitor = Monitor::new(&program);
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(program.address())).collect();
    for client in &mut clients {
        client.echo(b"here");
    }
    monitor.rounds();
    let before = program.resident_bytes();

    let peak = burst(&program, &mut clients, before);
    let handled = monitor.rounds();
    assert_eq!(handled.len(), CLIENTS + 1);
    eventually("each connection has had one more round", || {
        monitor.rounds().iter().all(|(id, rounds)| *rounds > handled[id])
    });
    let after = program.resident_bytes();
    println!("VmRSS before {} KiB, peak {} KiB, after {} KiB", before / 1024, peak / 1024, after / 1024);
    assert!(after <= before + before / 10, "{before} bytes before the burst, {after} after it");
    for client in &mut clients {
        client.echo(b"still here");
        client.close();
    }
}
