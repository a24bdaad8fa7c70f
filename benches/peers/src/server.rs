//! A server: a process of its own, on a core of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::Result;

/// Core of the servers, and core of the load.
const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;

/// The time within which a server must listen.
const START: Duration = Duration::from_secs(30);

/// Where server and load run.
#[derive(Clone, Copy)]
pub enum Cores {
    OneEach,
    /// On both, as the system likes.
    Both,
    /// On one, in turns.
    Same,
}

impl Cores {
    fn of_both(self) -> (&'static [usize], &'static [usize]) {
        match self {
            Cores::OneEach => (&[SERVER_CORE], &[LOAD_CORE]),
            Cores::Both => (&[SERVER_CORE, LOAD_CORE], &[SERVER_CORE, LOAD_CORE]),
            Cores::Same => (&[SERVER_CORE], &[SERVER_CORE]),
        }
    }
}

/// A process that listens on loopback, until it is dropped.
pub struct Server {
    child: Child,
    clock: ClockId,
    pub address: SocketAddr,
}

impl Server {
    /// Starts it, and waits until it listens: on the address that it prints, or on the port that it is
    /// given in place of `{port}`.
    pub fn start(command: &[String], cores: Cores) -> Result<Server> {
        let port = free_port()?;
        let given = command.iter().any(|part| part.contains("{port}"));
        let command: Vec<String> =
            command.iter().map(|part| part.replace("{port}", &port.to_string())).collect();
        let (program, arguments) = command.split_first().ok_or("an empty command")?;
        // A child begins on the core of the thread that starts it.
        let (server_cores, load_cores) = cores.of_both();
        pin(server_cores)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        pin(load_cores)?;
        let mut child = child.map_err(|error| format!("{program}: {error}"))?;
        let lines = lines(child.stdout.take().ok_or("no standard output")?);
        let clock = clock_getcpuclockid(Pid::from_raw(child.id().try_into()?))?;
        let mut server = Server { child, clock, address: ([127, 0, 0, 1], port).into() };
        if given {
            server.await_port()?;
        } else {
            let line = lines.recv_timeout(START).map_err(|_| format!("{program} does not listen"))?;
            let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
            server.address = address.ok_or_else(|| format!("{program} printed {line:?}"))?;
        }
        Ok(server)
    }

    fn await_port(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while TcpStream::connect(self.address).is_err() {
            if Instant::now() > deadline || self.child.try_wait()?.is_some() {
                return Err(format!("nothing listens on {}", self.address).into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub fn end(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        let deadline = Instant::now() + START;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err("a server does not end".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// CPU time that all its threads have taken.
    pub fn cpu_time(&self) -> Result<Duration> {
        Ok(clock_gettime(self.clock).map_err(|_| "the server has ended")?.into())
    }

    /// Time for which it could have run, but another process had its core.
    pub fn waited(&self) -> Result<Duration> {
        waited(&format!("/proc/{}/schedstat", self.child.id()))
    }

    /// Its resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = rss.and_then(|rss| rss.trim().strip_suffix(" kB")).ok_or("no Rss in smaps_rollup")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }

    /// Waits, five seconds at most, until it has handled its clients' requests.
    pub fn settle(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let mut before = self.cpu_time()?;
        while Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
            let now = self.cpu_time()?;
            if now - before < Duration::from_micros(100) {
                break;
            }
            before = now;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line comes through the channel; all other output is read and ignored.
fn lines(stdout: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        if stdout.read_line(&mut line).is_ok_and(|count| count > 0) {
            let _ = sender.send(line);
        }
        let _ = io::copy(&mut stdout, &mut io::sink());
    });
    receiver
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// CPU time that this thread, which is the load, has taken.
pub fn own_cpu_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Time for which the load could have run, but another process had its core.
pub fn own_waited() -> Result<Duration> {
    waited("/proc/thread-self/schedstat")
}

/// Nanoseconds on a core, nanoseconds in the queue for one, and how often.
fn waited(schedstat: &str) -> Result<Duration> {
    let figures = fs::read_to_string(schedstat)?;
    let waited = figures.split_whitespace().nth(1).ok_or("no second figure in schedstat")?;
    Ok(Duration::from_nanos(waited.parse()?))
}

/// Keeps this thread on these cores.
fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(|error| format!("cores {cores:?}: {error}"))?;
    Ok(())
}
