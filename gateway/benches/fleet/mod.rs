//! What the benches with many sockets share: clients in processes of their own, which a descriptor limit
//! of 20,000 allows, and the CPU time of a process.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{Request, push_request};

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The name of a thread whose time does not count: it only gives the server work.
pub(crate) const POSTER: &str = "poster";
/// How long a fleet waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A process that this bench has started as a copy of itself, or a server: it is told what to do by lines,
/// and says by lines that it has done so. Killed when it is dropped.
pub(crate) struct Helper {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts a copy of this bench with other arguments.
    pub(crate) fn copy(arguments: &[&str]) -> Result<Self> {
        Helper::start(Command::new(std::env::current_exe()?).args(arguments))
    }

    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Helper { child, input, output })
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result {
        Ok(writeln!(self.input, "{line}")?)
    }

    pub(crate) fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() { Err("a helper has ended".into()) } else { Ok(line.trim_end().to_owned()) }
    }

    /// Waits for a server's first line.
    pub(crate) fn listening(&mut self) -> Result<String> {
        let line = self.hear()?;
        Ok(line.strip_prefix("listening on ").ok_or("it does not listen")?.to_owned())
    }

    /// CPU time that its threads have used, but for one called [`POSTER`], in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<u64> {
        let mut sum = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let thread = thread?.path();
            if std::fs::read_to_string(thread.join("comm"))?.trim_end() != POSTER {
                let text = std::fs::read_to_string(thread.join("schedstat"))?;
                sum += text.split_whitespace().next().ok_or("no time")?.parse::<u64>()?;
            }
        }
        Ok(sum)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has this process run on one core only.
pub(crate) fn pin(cpu: usize) -> Result {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// A packet in a frame that is masked with zeros.
pub(crate) fn packet(cmd: u16, data: &[u8]) -> Vec<u8> {
    let (mut message, mut bytes) = (vec![], vec![]);
    push_request(&mut message, &Request { data_status: 0, flag: 0, cmd, data });
    push_masked_frame(&mut bytes, true, Opcode::Binary, [0; 4], &message);
    bytes
}

/// Connects a client and upgrades it.
fn connect(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(UPGRADE)?;
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if head.starts_with(b"HTTP/1.1 101") { Ok(stream) } else { Err("the upgrade was refused".into()) }
}

/// Reads a short reply.
fn reply(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    stream.read_exact(&mut vec![0; usize::from(head[1])])
}

/// Clients that only read, once they have been sent on their way.
pub(crate) struct Fleet {
    poll: Poll,
    events: Events,
    streams: Vec<mio::net::TcpStream>,
    buffer: Vec<u8>,
}

impl Fleet {
    /// Connects so many clients. Each sends `hello` of its number, and gets `replies` to that.
    pub(crate) fn connect(
        address: SocketAddr,
        count: usize,
        hello: impl Fn(usize) -> Vec<u8>,
        replies: usize,
    ) -> Result<Self> {
        let poll = Poll::new()?;
        let mut streams = Vec::with_capacity(count);
        for number in 0..count {
            let mut stream = connect(address)?;
            stream.write_all(&hello(number))?;
            for _ in 0..replies {
                reply(&mut stream)?;
            }
            stream.set_nonblocking(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            streams.push(stream);
        }
        Ok(Fleet { poll, events: Events::with_capacity(1024), streams, buffer: vec![0; 64 * 1024] })
    }

    /// Sends bytes through one of the clients.
    pub(crate) fn send(&mut self, client: usize, bytes: &[u8]) -> Result {
        Ok(self.streams[client].write_all(bytes)?)
    }

    /// Reads until so many bytes have come to all of them together.
    pub(crate) fn read(&mut self, bytes: usize) -> Result {
        let mut left = bytes;
        while left > 0 {
            self.poll.poll(&mut self.events, Some(PATIENCE))?;
            if self.events.is_empty() {
                return Err(format!("{left} of {bytes} bytes have not come").into());
            }
            for event in &self.events {
                let stream = &mut self.streams[event.token().0];
                loop {
                    match stream.read(&mut self.buffer) {
                        Ok(0) => return Err("the server has closed".into()),
                        Ok(len) => {
                            left = left.checked_sub(len).ok_or("more came than was due")?;
                            if len < self.buffer.len() {
                                break;
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        Ok(())
    }
}

/// What is in the middle of some figures, and the least and the greatest of them.
pub(crate) fn middle(mut figures: Vec<f64>) -> (f64, f64, f64) {
    figures.sort_by(f64::total_cmp);
    let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
    (at(figures.len() / 2), at(0), at(figures.len().saturating_sub(1)))
}
