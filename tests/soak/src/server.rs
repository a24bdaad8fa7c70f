//! The program under load, as a process of its own, with figures from the system and from its monitor.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::plan::Plan;
use crate::wire::{Field, PING, fields, number_field, parse_frame, parse_packet, request};

/// For what should come at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Has glibc's allocator give back what is freed. Its heap shrinks from the end only, so that one small
/// allocation that lives on keeps all that was freed below it: a megabyte or two of a population's buffers,
/// which come and go by chance. So whatever has 1 KiB gets a mapping of its own, and nothing that was freed
/// is kept for the next allocation.
const ALLOCATOR: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.malloc.mmap_threshold=1024:glibc.malloc.trim_threshold=4096:glibc.malloc.top_pad=0:\
     glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1",
);
const STATS: u16 = 9001;
const CONNECTIONS: u16 = 9002;
/// The kind of client that may ask for these.
const MONITOR: u64 = 2;

/// Killed when it is dropped.
pub struct Server {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    folder: PathBuf,
    pub tcp: SocketAddr,
    pub unix: PathBuf,
}

/// What it holds.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    pub rss_kib: u64,
    pub pss_kib: u64,
    /// What it has allocated, swapped out or not.
    pub anonymous_kib: u64,
    pub descriptors: usize,
}

impl Server {
    /// Starts it on a free port and on a Unix socket.
    pub fn start(program: &Path, more: &[String]) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("sysconn-soak-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let unix = folder.join("socket");
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--listen"])
            .arg(format!("unix:{}", unix.display()));
        // A round of housekeeping can be waited for. Lines about single connections have limits of their own.
        command
            .args(["--housekeeping", "500ms", "--log-connections", "off"])
            .args(more)
            .env_clear()
            .envs([ALLOCATOR]);
        let log = File::create(folder.join("log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let listening = line.trim().strip_prefix("listening on ").and_then(|line| line.split(',').next());
        let tcp = listening.and_then(|address| address.parse().ok());
        let tcp = tcp.ok_or_else(|| format!("{} printed {line:?}", program.display()))?;
        Ok(Server { child, stdout, folder, tcp, unix })
    }

    pub fn holds(&self) -> Result<Holds> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let kib = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok::<u64, Box<dyn std::error::Error>>(kib.ok_or("smaps_rollup lacks a line")?.parse()?)
        };
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count();
        Ok(Holds {
            rss_kib: kib("Rss:")?,
            pss_kib: kib("Pss:")?,
            anonymous_kib: kib("Anonymous:")? + kib("Swap:")?,
            descriptors,
        })
    }

    pub fn log_bytes(&self) -> Result<u64> {
        Ok(fs::metadata(self.folder.join("log"))?.len())
    }

    /// Ends it as an operator would. Its exit status, and what else it printed.
    pub fn finish(mut self) -> Result<(ExitStatus, String)> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let mut more = String::new();
        self.stdout.read_to_string(&mut more)?;
        Ok((self.child.wait()?, more))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The server's own figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub connections: u64,
    pub accepted: u64,
    pub closed: u64,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub send_errors: u64,
    pub bad_requests: u64,
}

/// A client that may ask for them.
pub struct Monitor {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Monitor {
    /// It has to be the first client, so that it can find itself in the list.
    pub fn connect(server: &Server) -> Result<Self> {
        let mut plan = Plan::upgraded(0);
        plan.log_in(1 << 40, MONITOR);
        let mut stream = TcpStream::connect(server.tcp)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&plan.sent_bytes())?;
        let mut monitor = Monitor { stream, input: vec![] };
        while !monitor.input.windows(4).any(|four| four == b"\r\n\r\n") {
            monitor.read()?;
        }
        let head = monitor.input.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0) + 4;
        monitor.input.drain(..head);
        monitor.reply()?;
        Ok(monitor)
    }

    pub fn stats(&mut self) -> Result<Stats> {
        let reply = self.ask(STATS, &[])?;
        let mut stats = Stats::default();
        for field in fields(&reply).ok_or("the monitor's reply is no message")? {
            match field {
                (1, Field::Number(number)) => stats.connections = number,
                (2, Field::Number(number)) => stats.accepted = number,
                (3, Field::Number(number)) => stats.closed = number,
                (4, Field::Number(number)) => stats.packets_received = number,
                (5, Field::Number(number)) => stats.packets_sent = number,
                (6, Field::Number(number)) => stats.send_errors = number,
                (7, Field::Number(number)) => stats.bad_requests = number,
                _ => {}
            }
        }
        Ok(stats)
    }

    /// Waits until the server has no more than so many connections, and has kept house since: whatever
    /// connections have, they have given back what they do not use.
    pub fn await_rest(&mut self, connections: u64) -> Result<Stats> {
        let deadline = Instant::now() + PATIENCE;
        while self.stats()?.connections > connections && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let rounds = self.own_rounds()?;
        while self.own_rounds()? < rounds + 2 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.stats()
    }

    /// Rounds of housekeeping that its connection has had.
    fn own_rounds(&mut self) -> Result<u64> {
        let reply = self.ask(CONNECTIONS, &number_field(2, 1))?;
        let page = fields(&reply).ok_or("the list is no message")?;
        let first = page.iter().find_map(|field| match field {
            (2, Field::Bytes(connection)) => fields(connection),
            _ => None,
        });
        let rounds = first.ok_or("the list is empty")?.into_iter().find_map(|field| match field {
            (15, Field::Number(rounds)) => Some(rounds),
            _ => None,
        });
        Ok(rounds.unwrap_or(0))
    }

    fn ask(&mut self, cmd: u16, data: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(&request(cmd, 1, data))?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some((first, range)) = parse_frame(&self.input) {
                let payload: Vec<u8> = self.input.drain(..range.end).skip(range.start).collect();
                if first == 0x80 | PING {
                    continue;
                }
                let (error_id, _, _, data) = parse_packet(&payload).ok_or("the monitor gets no packet")?;
                if error_id != 0 {
                    return Err(format!("the monitor is refused: {error_id}").into());
                }
                return Ok(data.to_vec());
            }
            self.read()?;
        }
    }

    fn read(&mut self) -> Result<()> {
        let mut buffer = [0; 4096];
        let len = self.stream.read(&mut buffer)?;
        if len == 0 {
            return Err("the server has ended the monitor's connection".into());
        }
        self.input.extend(&buffer[..len]);
        Ok(())
    }
}
