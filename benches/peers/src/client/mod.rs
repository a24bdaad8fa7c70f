//! The load: one thread, plain TCP, requests that are built once, and replies of which only the bytes
//! are counted.

mod closed;
mod crowd;
mod open;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

pub use closed::closed;
pub use crowd::Crowd;
pub use open::open;

use crate::Result;
use crate::histogram::Histogram;
use crate::server::{Server, own_cpu_time};
use crate::wire::{Dialect, Exchange, upgrade_request};

/// For what should come at once, and is lost if it does not.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What one slice of load has shown.
pub struct Sample {
    pub messages: u64,
    pub elapsed: Duration,
    pub server_cpu: Duration,
    pub load_cpu: Duration,
    pub latency: Histogram,
}

/// The clocks at the beginning of what is measured.
pub struct Mark {
    at: Instant,
    server_cpu: Duration,
    load_cpu: Duration,
}

impl Mark {
    pub fn now(server: &Server) -> Result<Mark> {
        let (server_cpu, load_cpu) = (server.cpu_time()?, own_cpu_time()?);
        Ok(Mark { at: Instant::now(), server_cpu, load_cpu })
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
            latency,
        })
    }
}

/// Connects `count` clients and upgrades them. They block still.
pub fn connect(address: SocketAddr, dialect: Dialect, count: usize) -> Result<Vec<TcpStream>> {
    /// Fewer than any server's backlog holds.
    const AT_ONCE: usize = 100;
    let mut streams = Vec::with_capacity(count);
    for begin in (0..count).step_by(AT_ONCE) {
        for _ in begin..count.min(begin + AT_ONCE) {
            let mut stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            if dialect != Dialect::Bare {
                stream.write_all(upgrade_request())?;
            }
            streams.push(stream);
        }
        if dialect != Dialect::Bare {
            streams[begin..].iter_mut().try_for_each(|stream| read_upgrade(stream, dialect))?;
        }
    }
    Ok(streams)
}

/// Reads what comes for the upgrade request, and checks it.
fn read_upgrade(stream: &mut TcpStream, dialect: Dialect) -> Result<()> {
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
        Ok(())
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
