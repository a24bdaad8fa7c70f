//! No descriptor is free: clients are refused or wait, the log reports it once, nothing spins, and the server
//! recovers. This program lowers its own descriptor limit, so its tests take turns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arena::{ArenaServer, Hand};
use common::{Client, LINES, PATIENCE, UPGRADE, config};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

/// Held by the test that is running. Dropping it raises the lowered limit again.
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

/// The limit that leaves `more` descriptors to be opened.
fn limit_that_allows(more: usize) -> u64 {
    let numbers = fs::read_dir("/proc/self/fd").unwrap();
    let numbers = numbers.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // The descriptor for reading the list itself is closed by now.
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
fn clients_beyond_the_descriptor_limit_are_refused_until_descriptors_are_free() {
    let limit = Limit::take();
    let server = ArenaServer::new(&config());
    let mut probe = Client::connect(server.address);
    let sockets = sockets(60);
    limit.set(limit_that_allows(20));
    // Refused clients keep their descriptors too, or each would free one for the next.
    let (mut inside, mut refused) = (vec![], vec![]);
    for socket in sockets {
        let mut client = connect(socket, server.address);
        // Its bytes can come after the refusal.
        client.send(UPGRADE);
        let head = client.read_head();
        match head.split(' ').nth(1).unwrap() {
            "101" => inside.push(client),
            "503" => refused.push(client),
            other => panic!("{other}"),
        }
        // Connected clients are not affected.
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
fn without_a_spare_descriptor_the_reactor_retries_and_does_not_spin() {
    let limit = Limit::take();
    let socket = sockets(1).pop().unwrap();
    // With exactly as many descriptors as a new reactor needs, none is left as a spare.
    let mut allowed = 1;
    let mut hand = loop {
        limit.restore();
        limit.set(limit_that_allows(allowed));
        let (arena, events) = arena::Arena::new();
        if let Ok(reactor) = sysconn::Reactor::bind(&config(), &arena::ARENA, arena) {
            let address = reactor.local_addr().unwrap();
            break Hand { reactor, events, address };
        }
        allowed += 1;
    };
    hand.settle();
    let client = connect(socket, hand.address);
    hand.turn_until("it is noticed", |_| LINES.with(EXHAUSTED) == 1);
    // Each turn sleeps until there is something to do, which is the next try. A reactor that spins would
    // finish at once; on a slow machine it only takes longer.
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
