//! What a turn of the reactor costs beside hostile neighbours, in CPU time of its thread, which other
//! processes of the machine do not change.
//!
//! The sockets are as full as the system lets them be before each turn, so that each is as long as the
//! budgets allow. Another client waits for the turn that goes on, and for the one that serves it: what a
//! neighbour adds to its time is at most two turns. `cargo bench --bench turns` prints the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use socket2::SockRef;
use sysconn::config::Listen;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_request};
use sysconn::{Access, Application, Config, Module, Outcome, Reactor, Route, Router};

const TURNS: usize = 400;
/// Clients that come at once in a storm: more than a turn accepts.
const STORM: usize = 32;
const LONGEST: usize = 524_288 - 9;
const ECHO: u16 = 1101;
const SINK: u16 = 1102;
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct Game;

impl Application for Game {}

static MODULE: Module<Game> = Module::new(
    11,
    "echo",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::Anyone, |_, _, _| Outcome::Done),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

/// A packet in frames of so many bytes of payload.
fn packet(cmd: u16, len: usize, fragment: usize) -> Vec<u8> {
    let (mut message, mut frames) = (vec![], vec![]);
    push_request(&mut message, &Request { data_status: 0, flag: 7, cmd, data: &vec![7; len] });
    let last = message.len().div_ceil(fragment) - 1;
    for (index, piece) in message.chunks(fragment).enumerate() {
        let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
        push_masked_frame(&mut frames, index == last, opcode, [0x37, 0xfa, 0x21, 0x3d], piece);
    }
    frames
}

/// Clients that send the same bytes again and again.
struct Flood {
    clients: Vec<(TcpStream, usize)>,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Flood {
    fn new(address: SocketAddr, count: usize, bytes: Vec<u8>) -> Self {
        let connect = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(UPGRADE).unwrap();
            stream.set_nonblocking(true).unwrap();
            (stream, 0)
        };
        Flood { clients: (0..count).map(connect).collect(), bytes, scratch: vec![0; 1 << 20] }
    }

    /// Takes what has come, and writes for as long as the system takes it at once.
    fn fill(&mut self) {
        for (stream, sent) in &mut self.clients {
            while at_once(stream.read(&mut self.scratch)) > 0 {}
            loop {
                let written = at_once(stream.write(&self.bytes[*sent % self.bytes.len()..]));
                if written == 0 {
                    break;
                }
                *sent += written;
            }
        }
    }
}

fn at_once(result: std::io::Result<usize>) -> usize {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        result => result.unwrap(),
    }
}

/// So many clients that ask for the upgrade at once.
fn storm(address: SocketAddr) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(UPGRADE).unwrap();
        // Its port is free at once when it is dropped.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        stream
    };
    (0..STORM).map(connect).collect()
}

/// One turn, in microseconds of CPU time.
fn turn(reactor: &mut Reactor<Game>) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    };
    let began = now();
    reactor.turn(Some(Duration::ZERO)).unwrap();
    now() - began
}

fn report(name: &str, mut turns: Vec<f64>) {
    turns.sort_unstable_by(f64::total_cmp);
    let [p50, p99] = [50, 99].map(|percent| turns[turns.len() * percent / 100]);
    println!("{name:<44}{p50:>10.1}{p99:>10.1}");
}

fn main() {
    let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
    let config = Config { listen, ..Config::default() };
    println!("{:<44}{:>10}{:>10}", "µs of CPU in one turn", "p50", "p99");
    for (name, count, bytes) in [
        ("nobody", 0, vec![0]),
        ("4 that send fragments of 1 byte", 4, packet(SINK, 1000, 1).repeat(100)),
        ("4 that send 512 KiB", 4, packet(SINK, LONGEST, usize::MAX).repeat(2)),
        ("4 that have 512 KiB echoed", 4, packet(ECHO, LONGEST, usize::MAX).repeat(2)),
        ("4 that send small packets", 4, packet(SINK, 0, usize::MAX).repeat(40_000)),
        ("4 that have small packets echoed", 4, packet(ECHO, 0, usize::MAX).repeat(40_000)),
    ] {
        let mut reactor = Reactor::bind(&config, &ROUTER, Game).unwrap();
        let mut flood = Flood::new(reactor.local_addr().unwrap(), count, bytes);
        for _ in 0..100 {
            turn(&mut reactor);
        }
        // What comes first is the answer to the upgrade.
        let turns = (0..TURNS).map(|_| {
            flood.fill();
            turn(&mut reactor)
        });
        report(name, turns.collect());
    }
    let mut reactor = Reactor::bind(&config, &ROUTER, Game).unwrap();
    let address = reactor.local_addr().unwrap();
    let mut turns = vec![];
    for _ in 0..TURNS / 4 {
        let clients = storm(address);
        turns.extend((0..4).map(|_| turn(&mut reactor)));
        drop(clients);
        turns.push(turn(&mut reactor));
    }
    report("a storm of clients that connect", turns);
}
