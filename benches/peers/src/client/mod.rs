//! The load: one thread, plain TCP, requests that are built once, and replies of which only the bytes
//! are counted.

mod churn;
mod closed;
mod idle;
mod members;
mod open;
mod population;
mod push;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub use churn::churn;
pub use closed::closed;
pub use idle::idle;
pub use open::open;
pub use population::Population;
pub use push::push;

use crate::Result;
use crate::histogram::Histogram;
use crate::server::{Server, own_cpu_time, own_waited};
use crate::wire::{Dialect, Exchange, upgrade_request};

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
        })
    }
}

/// Connects `count` clients and upgrades them. Their sockets still block.
pub fn connect(address: SocketAddr, dialect: Dialect, count: usize) -> Result<Vec<TcpStream>> {
    /// Fewer than any server's backlog holds.
    const AT_ONCE: usize = 100;
    let mut streams = Vec::with_capacity(count);
    for begin in (0..count).step_by(AT_ONCE) {
        for _ in begin..count.min(begin + AT_ONCE) {
            let mut stream = connect_one(address)?;
            if !dialect.is_bare() {
                stream.write_all(upgrade_request())?;
            }
            streams.push(stream);
        }
        if !dialect.is_bare() {
            for stream in &mut streams[begin..] {
                read_upgrade(stream, dialect)?;
            }
        }
    }
    Ok(streams)
}

/// Connects one client.
fn connect_one(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads and checks the answer to the upgrade request. Returns its length.
fn read_upgrade(stream: &mut TcpStream, dialect: Dialect) -> Result<usize> {
    let mut head = vec![];
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        head.extend(&buffer[..count]);
        if count == 0 || head.len() > 8192 {
            break;
        }
    }
    if dialect.accepts(&head) {
        Ok(head.len())
    } else {
        Err(format!("the upgrade was answered by {:?}", String::from_utf8_lossy(&head)).into())
    }
}

/// One request, whose reply is compared byte by byte.
pub fn verify(server: &Server, dialect: Dialect, exchange: &Exchange) -> Result<()> {
    for stream in &mut connect(server.address, dialect, 2)? {
        let mut reply = vec![0; exchange.reply.len()];
        // Long requests are sent while their replies are read: a server may be unable to hold them.
        let mut sender = stream.try_clone()?;
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || sender.write_all(&exchange.request));
            stream.read_exact(&mut reply)?;
            sent.join().map_err(|_| "the sender panicked")??;
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
        if reply != exchange.reply {
            let begin = &reply[..reply.len().min(64)];
            return Err(format!("a reply is wrong; it begins {begin:02x?}").into());
        }
    }
    Ok(())
}

/// Reads from a non-blocking socket until a read is short: an event follows when more comes. Returns the
/// number of bytes.
fn read_available(stream: &mut mio::net::TcpStream, buffer: &mut [u8]) -> Result<usize> {
    let mut total = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err("the server has closed a connection".into()),
            Ok(count) => {
                total += count;
                if count < buffer.len() {
                    return Ok(total);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(total),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
