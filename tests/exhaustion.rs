//! No descriptor is free: clients are refused or wait, the log says so once, nothing spins, and it
//! passes. This program lowers its own descriptor limit, so its tests take turns.
#![cfg(feature = "program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arena::{ArenaServer, Hand};
use common::{Client, LINES, PATIENCE, Program, UPGRADE, config, eventually, still_serves};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// Held by the test whose turn it is. The limit that it lowers is raised again when it is dropped.
struct Limit {
    _turn: MutexGuard<'static, ()>,
    before: Rlimit,
}

impl Limit {
    fn take() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        LINES.keep();
        LINES.clear();
        Limit { _turn: turn, before: getrlimit(Resource::Nofile) }
    }

    /// Lets no descriptor be opened with a number above this.
    fn set(&self, limit: u64) {
        let limit = Rlimit { current: Some(limit), ..self.before };
        setrlimit(Resource::Nofile, limit).unwrap();
    }

    fn restore(&self) {
        setrlimit(Resource::Nofile, self.before).unwrap();
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The limit under which so many more descriptors can be opened.
fn limit_with_room_for(more: usize) -> u64 {
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The one that the list itself is read with is open no more.
    let path = |number: &u64| format!("/proc/self/fd/{number}");
    let taken: Vec<u64> = numbers.map(|number| number.parse().unwrap()).collect();
    let free = (0..).filter(|number| !taken.contains(number) || fs::symlink_metadata(path(number)).is_err());
    free.take(more).last().map_or(0, |last| last + 1)
}

/// Sockets that have their descriptors, and are not connected yet.
fn sockets(count: usize) -> Vec<Socket> {
    (0..count).map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()).collect()
}

fn connect(socket: Socket, server: SocketAddr) -> Client {
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    Client::over(stream)
}

const EXHAUSTED: &str = "no descriptor is free";
const FREE_AGAIN: &str = "descriptors are free again";

#[test]
fn clients_beyond_the_limit_are_refused_and_let_in_again_later() {
    let limit = Limit::take();
    let server = ArenaServer::new(&config());
    let mut probe = Client::connect(server.address);
    let sockets = sockets(60);
    limit.set(limit_with_room_for(20));
    // Those that are refused keep their descriptors too, or each would make room for the next.
    let (mut inside, mut refused) = (vec![], vec![]);
    for socket in sockets {
        let mut client = connect(socket, server.address);
        // What it sends can come after the refusal.
        client.send(UPGRADE);
        let head = client.read_head();
        match head.split(' ').nth(1).unwrap() {
            "101" => inside.push(client),
            "503" => refused.push(client),
            other => panic!("{other}"),
        }
        // Nobody who is inside notices.
        probe.ask(b"not held up");
    }
    assert_eq!((inside.len(), refused.len()), (20, 40));
    assert_eq!((LINES.with(EXHAUSTED), LINES.with(FREE_AGAIN)), (1, 0));
    for client in &mut inside {
        client.ask(b"still inside");
    }
    limit.restore();
    for _ in 0..30 {
        let mut client = Client::connect(server.address);
        client.ask(b"let in again");
        client.close();
    }
    assert_eq!((LINES.with(EXHAUSTED), LINES.with(FREE_AGAIN)), (1, 1));
}

#[test]
fn without_even_a_spare_descriptor_it_tries_again_and_does_not_spin() {
    let limit = Limit::take();
    let socket = sockets(1).pop().unwrap();
    // With just as many as a reactor needs to be made, none is left to be kept as a spare.
    let mut room = 1;
    let mut hand = loop {
        limit.restore();
        limit.set(limit_with_room_for(room));
        let (arena, events) = arena::Arena::new();
        if let Ok(reactor) = sysconn::Reactor::bind(&config(), &arena::ARENA, arena) {
            let address = reactor.local_addr().unwrap();
            break Hand { reactor, events, address };
        }
        room += 1;
    };
    hand.settle();
    let client = connect(socket, hand.address);
    hand.turn_until("it is noticed", |_| LINES.with(EXHAUSTED) == 1);
    // Each turn sleeps until there is something to do, which is the next try. A reactor that spins would
    // be through in no time; one that merely runs on a slow machine takes longer still.
    #[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
    let began = std::time::Instant::now();
    for _ in 0..6 {
        hand.reactor.turn(None).unwrap();
    }
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?} for 6 turns", began.elapsed());
    assert_eq!((LINES.with(EXHAUSTED), LINES.with(FREE_AGAIN)), (1, 0));
    limit.restore();
    let (mut client, _) = hand.upgrade(client);
    assert_eq!((LINES.with(EXHAUSTED), LINES.with(FREE_AGAIN)), (1, 1));
    client.send_packet(arena::ECHO, 1, b"served after all");
    hand.settle();
    assert_eq!(client.reply().data, b"served after all");
}

#[test]
fn the_program_survives_it() {
    let _turn = Limit::take();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sysconn")]);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let program = Program::start_as(command.env_clear());
    let address = program.address();
    // The limit of 100 admits 36. Those beyond are told so, and do not go: they take up the rest.
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
        // Told, or closed: its own bytes may have crossed the answer.
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
fn a_drain_answers_those_who_wait_as_far_as_descriptors_go() {
    let _turn = Limit::take();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 100; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sysconn")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--drain-timeout", "60s"]);
    let mut program = Program::start_as(command.env_clear());
    let address = program.address();
    // What comes while it stands still waits.
    program.signal(Signal::STOP);
    eventually("it stands still", || program.is_stopped());
    let mut waiting: Vec<Client> = (0..500).map(|_| Client::raw(address)).collect();
    waiting.iter_mut().for_each(|client| client.send(UPGRADE));
    program.signal(Signal::TERM);
    program.signal(Signal::CONT);
    for client in &mut waiting {
        // Those that it had accepted before it heard of the signal may have been let in.
        let head = client.read_head();
        assert!(head.starts_with("HTTP/1.1 503 ") || head.starts_with("HTTP/1.1 101 "), "{head}");
    }
    drop(waiting);
    assert_eq!(program.wait().0.code(), Some(0));
}
