//! The load: one thread, requests that are built once, and replies that are compared, or whose bytes or
//! frames are counted.

mod churn;
mod closed;
mod idle;
mod lockstep;
mod members;
mod mixed;
mod open;
mod population;
mod push;
mod ring;
mod room;
mod stream;
mod verify;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use churn::churn;
pub use closed::closed;
pub use idle::{Idle, idle};
pub use lockstep::lockstep;
pub use mixed::mixed;
pub use open::open;
pub use population::Population;
pub use push::{Talk, push};
pub use room::TO_ALL;
pub use verify::verify;

use crate::Result;
use crate::histogram::Histogram;
use crate::mode::Mode;
use crate::server::{Server, own_cpu_time, own_waited};
use crate::wire::{Dialect, upgrade_request};
use rustls::ClientConfig;
use stream::Stream;

/// A server, and how clients talk to it.
pub struct Target {
    pub server: Server,
    pub dialect: Dialect,
    pub mode: Mode,
    /// For clients with TLS.
    pub tls: Option<Arc<ClientConfig>>,
}

/// The time limit for immediate answers.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The measurements of one slice of load.
pub struct Sample {
    pub messages: u64,
    pub elapsed: Duration,
    pub server_cpu: Duration,
    pub load_cpu: Duration,
    /// Time for which server or load could have run, but other processes had their cores.
    pub waited: Duration,
    pub latency: Histogram,
    /// Bytes of replies, without TLS; 0 where they are not counted.
    pub reply_bytes: u64,
}

/// The clocks at the beginning of the measurement.
pub struct Mark {
    at: Instant,
    server_cpu: Duration,
    load_cpu: Duration,
    waited: Duration,
}

impl Mark {
    pub fn now(server: &Server) -> Result<Mark> {
        let waited = server.waited()? + own_waited()?;
        let (server_cpu, load_cpu) = (server.cpu_time()?, own_cpu_time()?);
        Ok(Mark { at: Instant::now(), server_cpu, load_cpu, waited })
    }

    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    pub fn sample(&self, server: &Server, messages: u64, latency: Histogram) -> Result<Sample> {
        Ok(Sample {
            messages,
            elapsed: self.at.elapsed(),
            server_cpu: server.cpu_time()? - self.server_cpu,
            load_cpu: own_cpu_time()? - self.load_cpu,
            waited: (server.waited()? + own_waited()?).saturating_sub(self.waited),
            latency,
            reply_bytes: 0,
        })
    }
}

/// Connects `count` clients and upgrades them. Their sockets still block.
pub fn connect(target: &Target, count: usize) -> Result<Vec<Stream>> {
    /// Fewer than any server's backlog holds.
    const AT_ONCE: usize = 100;
    let mut streams = Vec::with_capacity(count);
    for begin in (0..count).step_by(AT_ONCE) {
        for _ in begin..count.min(begin + AT_ONCE) {
            let mut stream = connect_one(target)?;
            if !target.dialect.is_bare() {
                stream.write_all(&upgrade_request(target.mode))?;
            }
            streams.push(stream);
        }
        if !target.dialect.is_bare() {
            for stream in &mut streams[begin..] {
                read_upgrade(stream, target)?;
            }
        }
    }
    Ok(streams)
}

/// Connects one client.
fn connect_one(target: &Target) -> Result<Stream> {
    let stream = TcpStream::connect(target.server.address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Stream::new(stream, target.tls.as_ref())
}

/// Reads and checks the answer to the upgrade request. Returns its length.
fn read_upgrade(stream: &mut Stream, target: &Target) -> Result<usize> {
    let mut head = vec![];
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        head.extend(&buffer[..count]);
        if count == 0 || head.len() > 8192 {
            break;
        }
    }
    if target.dialect.accepts(&head, target.mode) {
        Ok(head.len())
    } else {
        Err(format!("the upgrade was answered by {:?}", String::from_utf8_lossy(&head)).into())
    }
}

/// Reads from a non-blocking socket until a read is short: an event follows when more comes. Calls `take` for
/// what was read. Returns the number of bytes.
fn read_available(stream: &mut Stream, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> Result<usize> {
    let mut total = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err("the server has closed a connection".into()),
            Ok(count) => {
                total += count;
                take(&buffer[..count]);
                // With TLS a read is a record at most.
                if count < buffer.len() && !stream.has_tls() {
                    return Ok(total);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
