//! What a slow or hostile neighbour adds to the time that another client waits for its replies.
//!
//! The victim has one request of 64 bytes in flight, in slices alternately without the neighbour and with
//! it. The program runs on core 0, both clients on core 1, the neighbour at the lowest priority; what it
//! sends is made beforehand. Still its calls can keep the victim from its core, so that the figures are
//! upper bounds. `cargo bench --bench neighbours` prints p50 and p99 of each, and what the neighbour adds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::nice;
use rustix::thread::{CpuSet, sched_setaffinity};
use socket2::SockRef;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_request};

const SLICES: usize = 15;
const SLICE: Duration = Duration::from_millis(200);
/// After a change: what was under way has gone by, and the neighbour is at full speed.
const SETTLE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that a neighbour writes, or reads, in one call: little enough for the victim to get its core back soon.
const CALL_BYTES: usize = 32 * 1024;
/// What a neighbour that cannot go on waits.
const PAUSE: Duration = Duration::from_micros(100);
/// Clients in a storm that are there at the same time.
const STORM: usize = 32;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const ECHO: u16 = 1101;
const SINK: u16 = 1102;
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A packet in frames of so many bytes of payload.
fn packet(cmd: u16, len: usize, fragment: usize) -> Vec<u8> {
    let (mut message, mut frames) = (vec![], vec![]);
    push_request(&mut message, &Request { data_status: 0, flag: 7, cmd, data: &vec![7; len] });
    let last = message.len().div_ceil(fragment) - 1;
    for (index, piece) in message.chunks(fragment).enumerate() {
        let opcode = if index == 0 { Opcode::Binary } else { Opcode::Continuation };
        push_masked_frame(&mut frames, index == last, opcode, KEY, piece);
    }
    frames
}

/// What a neighbour does as long as it is told to.
enum Kind {
    /// Nothing: what two slices differ by for no reason.
    None,
    /// Sends the same again and again on so many connections, and reads what comes or does not.
    Flood { connections: usize, bytes: Vec<u8>, reads: bool },
    /// Connects, asks for the upgrade, and is reset.
    Storm,
}

/// What a client says and hears without waiting.
struct Flooder {
    stream: TcpStream,
    sent: usize,
}

fn connect(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(UPGRADE).unwrap();
    stream
}

fn upgraded(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

impl Flooder {
    fn new(address: SocketAddr) -> Self {
        let stream = upgraded(address);
        stream.set_nonblocking(true).unwrap();
        Flooder { stream, sent: 0 }
    }

    /// Goes on as far as the system lets it at once: the bytes that were written, or read.
    fn go_on(&mut self, bytes: &[u8], reads: bool, scratch: &mut [u8]) -> io::Result<usize> {
        let at = self.sent % bytes.len();
        let rest = &bytes[at..];
        let written = at_once(self.stream.write(&rest[..rest.len().min(CALL_BYTES)]))?;
        self.sent += written;
        let read = if reads { at_once(self.stream.read(scratch))? } else { 0 };
        Ok(written + read)
    }
}

fn at_once(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// What both threads know.
#[derive(Default)]
struct Signals {
    goes_on: AtomicBool,
    ends: AtomicBool,
    /// Bytes that the neighbour has moved, or connections that it has made.
    done: AtomicU64,
}

fn run(kind: &Kind, address: SocketAddr, signals: &Signals) {
    // Where this is not allowed the figures are higher.
    let _ = nice(19);
    while !signals.ends.load(Ordering::Relaxed) {
        if !signals.goes_on.load(Ordering::Relaxed) {
            thread::sleep(PAUSE);
            continue;
        }
        match kind {
            Kind::None => thread::sleep(PAUSE),
            Kind::Flood { connections, bytes, reads } => flood(*connections, bytes, *reads, address, signals),
            Kind::Storm => storm(address, signals),
        }
    }
}

fn flood(connections: usize, bytes: &[u8], reads: bool, address: SocketAddr, signals: &Signals) {
    let mut scratch = vec![0; CALL_BYTES];
    let mut flooders: Vec<_> = (0..connections).map(|_| Flooder::new(address)).collect();
    while signals.goes_on.load(Ordering::Relaxed) {
        let mut moved = 0;
        for flooder in &mut flooders {
            match flooder.go_on(bytes, reads, &mut scratch) {
                Ok(len) => moved += len,
                // Whoever is thrown out comes back.
                Err(_) => *flooder = Flooder::new(address),
            }
        }
        signals.done.fetch_add(moved as u64, Ordering::Relaxed);
        if moved == 0 {
            thread::sleep(PAUSE);
            if !reads {
                // Nothing goes on while it reads nothing: others take its place.
                flooders[0] = Flooder::new(address);
                flooders.rotate_left(1);
            }
        }
    }
    flooders.iter().for_each(|flooder| reset(&flooder.stream));
}

fn storm(address: SocketAddr, signals: &Signals) {
    let mut clients: Vec<_> = (0..STORM).map(|_| connect(address)).collect();
    let mut oldest = 0;
    while signals.goes_on.load(Ordering::Relaxed) {
        reset(&clients[oldest]);
        clients[oldest] = connect(address);
        oldest = (oldest + 1) % STORM;
        signals.done.fetch_add(1, Ordering::Relaxed);
    }
    clients.iter().for_each(reset);
}

/// The connection ends with a reset when it is dropped: its port is free at once.
fn reset(stream: &TcpStream) {
    SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
}

/// The client that is watched: how long it waited for each reply, in nanoseconds.
fn ask(victim: &mut TcpStream, request: &[u8], reply: &mut [u8], slice: Duration, waits: &mut Vec<u64>) {
    let began = Instant::now();
    while began.elapsed() < slice {
        let asked = Instant::now();
        victim.write_all(request).unwrap();
        victim.read_exact(reply).unwrap();
        waits.push(u64::try_from(asked.elapsed().as_nanos()).unwrap());
    }
}

fn percentile(waits: &[u64], percent: usize) -> f64 {
    waits[(waits.len() * percent / 100).min(waits.len() - 1)] as f64 / 1000.0
}

fn measure(name: &str, kind: Kind, address: SocketAddr) {
    let signals = Arc::new(Signals::default());
    let neighbour = thread::spawn({
        let signals = signals.clone();
        move || run(&kind, address, &signals)
    });
    let mut victim = upgraded(address);
    let request = packet(ECHO, 64, usize::MAX);
    // The two bytes of the frame, and the longer header of the packet.
    let mut reply = [0; 2 + 11 + 64];
    let mut waits = [vec![], vec![]];
    for _ in 0..SLICES {
        for (index, waits) in waits.iter_mut().enumerate() {
            signals.goes_on.store(index == 1, Ordering::Relaxed);
            ask(&mut victim, &request, &mut reply, SETTLE, &mut vec![]);
            ask(&mut victim, &request, &mut reply, SLICE, waits);
        }
    }
    signals.goes_on.store(false, Ordering::Relaxed);
    signals.ends.store(true, Ordering::Relaxed);
    neighbour.join().unwrap();
    waits.iter_mut().for_each(|waits| waits.sort_unstable());
    let [[p50, p99], [p50_with, p99_with]] =
        waits.each_ref().map(|waits| [50, 99].map(|p| percentile(waits, p)));
    let (p50_more, p99_more) = (p50_with - p50, p99_with - p99);
    let done = signals.done.load(Ordering::Relaxed) as f64 / (SLICES as f64 * (SLICE + SETTLE).as_secs_f64());
    println!(
        "{name:<44}{p50:>8.1}{p50_with:>10.1}{p50_more:>10.1}{p99:>10.1}{p99_with:>10.1}{p99_more:>10.1}{done:>14.0}"
    );
}

/// The program, which ends with the benchmark.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From now on this thread, and whatever it starts, runs on one core.
fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        println!("not pinned to core {core}: {error}");
    }
}

fn main() {
    pin(0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env_clear();
    let mut server = Server(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    pin(1);
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on ").unwrap().parse().unwrap();

    let flood = |connections, bytes, reads| Kind::Flood { connections, bytes, reads };
    let many = |cmd, len, count| packet(cmd, len, usize::MAX).repeat(count);
    let longest = 524_288 - 9;
    println!(
        "µs{:>50}{:>8}{:>8}{:>9}{:>8}{:>8}{:>14}",
        "p50", "with", "more", "p99", "with", "more", "B or conn/s"
    );
    for (name, kind) in [
        ("nobody", Kind::None),
        ("16 that read nothing", flood(16, many(ECHO, 60_000, 1), false)),
        ("4 that send fragments of 1 byte", flood(4, packet(SINK, 1000, 1).repeat(20), true)),
        ("4 that send 512 KiB", flood(4, many(SINK, longest, 1), true)),
        ("4 that have 512 KiB echoed", flood(4, many(ECHO, longest, 1), true)),
        ("4 that send small packets", flood(4, many(SINK, 0, 2000), true)),
        ("a storm of clients that connect", Kind::Storm),
    ] {
        measure(name, kind, address);
    }
}
