//! A server: a process of its own, on a core of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::Result;

/// Core of the servers, and core of the load.
pub const SERVER_CORE: usize = 0;
pub const LOAD_CORE: usize = 1;

/// A process that listens on loopback, until it is dropped.
pub struct Server {
    child: Child,
    clock: ClockId,
    pub address: SocketAddr,
    /// Kept, so that a server may go on printing.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it, and waits until it says where it listens.
    pub fn start(command: &[String]) -> Result<Server> {
        let (program, arguments) = command.split_first().ok_or("an empty command")?;
        // A child begins on the core of the thread that starts it.
        pin(SERVER_CORE)?;
        let child = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        pin(LOAD_CORE)?;
        let mut child = child.map_err(|error| format!("{program}: {error}"))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let clock = clock_getcpuclockid(Pid::from_raw(child.id().try_into()?))?;
        let mut server =
            Server { child, clock, address: ([127, 0, 0, 1], 0).into(), _stdout: BufReader::new(stdout) };
        let mut line = String::new();
        server._stdout.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        server.address = address.ok_or_else(|| format!("{program} printed {line:?}"))?;
        Ok(server)
    }

    /// CPU time that all its threads have taken.
    pub fn cpu_time(&self) -> Result<Duration> {
        Ok(clock_gettime(self.clock)?.into())
    }

    /// Bytes of it that are in memory.
    pub fn resident_bytes(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let rss = rollup.lines().find_map(|line| line.strip_prefix("Rss:"));
        let kib = rss.and_then(|rss| rss.trim().strip_suffix(" kB")).ok_or("no Rss in smaps_rollup")?;
        Ok(kib.trim().parse::<u64>()? * 1024)
    }

    /// Waits, two seconds at most, until it has done what clients that left gave it to do.
    pub fn settle(&self) -> Result<()> {
        let mut before = self.cpu_time()?;
        for _ in 0..400 {
            thread::sleep(Duration::from_millis(5));
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

/// CPU time that this thread, which is the load, has taken.
pub fn own_cpu_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// Keeps this thread on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &cores).map_err(|error| format!("core {core}: {error}"))?;
    Ok(())
}
