//! What metrics cost: the CPU time of a turn with and without them, turn by turn in one run.
//!
//! The load is `small` of benches/peers: 100 connections, a packet with 32 bytes each. Before a turn some of
//! them send one; the fewer there are, the more counts what is done once in a turn. CPU time of the thread
//! does not change with other processes. `cargo bench --bench metrics` prints the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sysconn::config::Listen;
use sysconn::frame::push_masked_frame;
use sysconn::packet::{Request, push_request};
use sysconn::{Access, Application, Config, Module, Reactor, Route, Router};

const CONNECTIONS: usize = 100;
const DATA: [u8; 32] = [7; 32];
/// The bytes of a reply: two headers, and the Data.
const REPLY_BYTES: usize = 2 + 11 + DATA.len();
/// Rounds, and turns of each reactor in a round.
const ROUNDS: usize = 41;
const TURNS: usize = 100;
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

struct Game;

impl Application for Game {
    type Session = ();
}

static ECHO: Module<Game> = Module::new(
    11,
    "echo",
    [Route::new(1101, "echo", Access::Anyone, |_, request, context| context.reply(request.data()))],
);
static ROUTER: Router<Game> = Router::new([&ECHO]);

/// A reactor on this thread, and its clients.
struct Side {
    reactor: Reactor<Game>,
    clients: Vec<TcpStream>,
    packet: Vec<u8>,
    next: usize,
}

impl Side {
    fn new(metrics: bool) -> Self {
        let mut config = Config::default();
        config.listen = vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))];
        config.limits.max_connections_per_ip = None;
        config.metrics = metrics;
        let mut reactor = Reactor::bind(&config, &ROUTER, Game).unwrap();
        let address = reactor.local_addr().unwrap();
        let clients = (0..CONNECTIONS).map(|_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.set_nodelay(true).unwrap();
            client.write_all(UPGRADE).unwrap();
            client.set_nonblocking(true).unwrap();
            let mut head = vec![];
            while !head.ends_with(b"\r\n\r\n") {
                reactor.turn(Some(Duration::ZERO)).unwrap();
                let mut bytes = [0; 1024];
                let len = client.read(&mut bytes).unwrap_or(0);
                head.extend_from_slice(&bytes[..len]);
            }
            client
        });
        let clients = clients.collect();
        let (mut message, mut packet) = (vec![], vec![]);
        push_request(&mut message, &Request { data_status: 0, flag: 1, cmd: 1101, data: &DATA });
        push_masked_frame(&mut packet, true, sysconn::frame::Opcode::Binary, [1, 2, 3, 4], &message);
        Side { reactor, clients, packet, next: 0 }
    }

    /// Has this many clients send a packet, and takes turns until all have their replies. Returns the
    /// nanoseconds of the turns.
    fn exchange(&mut self, senders: usize) -> u64 {
        let first = self.next;
        self.next = (first + senders) % CONNECTIONS;
        let of = |index: usize| (first + index) % CONNECTIONS;
        (0..senders).for_each(|index| self.clients[of(index)].write_all(&self.packet).unwrap());
        let (mut took, mut answered) = (0, 0);
        // One turn answers all, unless its time is up before.
        while answered < senders {
            let began = cpu_ns();
            self.reactor.turn(Some(Duration::ZERO)).unwrap();
            took += cpu_ns() - began;
            while answered < senders
                && self.clients[of(answered)].read(&mut [0; REPLY_BYTES]).is_ok_and(|len| len == REPLY_BYTES)
            {
                answered += 1;
            }
        }
        took
    }
}

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn main() {
    let (mut off, mut on) = (Side::new(false), Side::new(true));
    println!("| packets in a turn | ns for each, without | with | with/without, median and quartiles |");
    println!("| ---: | ---: | ---: | ---: |");
    for senders in [1, 4, 16, CONNECTIONS] {
        let mut rounds: Vec<(f64, f64)> = vec![];
        for round in 0..=ROUNDS {
            let (mut without, mut with) = (0, 0);
            for turn in 0..TURNS {
                // In an order that changes.
                if turn % 2 == 0 {
                    without += off.exchange(senders);
                    with += on.exchange(senders);
                } else {
                    with += on.exchange(senders);
                    without += off.exchange(senders);
                }
            }
            // The first round warms up.
            if round > 0 {
                let each = (TURNS * senders) as f64;
                rounds.push((without as f64 / each, with as f64 / each));
            }
        }
        let median = |mut values: Vec<f64>, share: usize| {
            values.sort_by(f64::total_cmp);
            values[values.len() * share / 4]
        };
        let ratios: Vec<_> = rounds.iter().map(|(without, with)| with / without).collect();
        let [low, middle, high] = [1, 2, 3].map(|share| median(ratios.clone(), share));
        let without = median(rounds.iter().map(|round| round.0).collect(), 2);
        let with = median(rounds.iter().map(|round| round.1).collect(), 2);
        println!("| {senders} | {without:.0} | {with:.0} | {middle:.3} ({low:.3} to {high:.3}) |");
    }
}
