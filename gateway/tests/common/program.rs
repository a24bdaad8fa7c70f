//! The real program, as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::{PATIENCE, eventually};

/// Killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
    /// The reader of its standard output, which holds a descriptor.
    reading: Option<JoinHandle<()>>,
    log: PathBuf,
    /// The addresses that the program printed.
    pub(crate) listening: String,
}

impl Program {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Program::start_as(Command::new(env!("CARGO_BIN_EXE_sysconn")).args(arguments).env_clear())
    }

    /// Starts it through a command that becomes the program, and waits until it listens.
    pub(crate) fn start_as(command: &mut Command) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("sysconn-{}-{number}.log", std::process::id());
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut child =
            command.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        let reading = std::thread::spawn(move || {
            for line in stdout.lines() {
                let _ = sender.send(line.unwrap());
            }
        });
        let first = lines.recv_timeout(PATIENCE).unwrap();
        let listening = first.strip_prefix("listening on ").unwrap().to_owned();
        Program { child, lines, reading: Some(reading), log, listening }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end. Also returns its standard output after the first line.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Vec<String>) {
        let mut more = vec![];
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => more.push(line),
                Err(RecvTimeoutError::Disconnected) => return (self.child.wait().unwrap(), more),
                Err(RecvTimeoutError::Timeout) => panic!("the program did not end"),
            }
        }
    }

    /// The number of its open descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
    }

    /// Its main thread has no more to do, and sleeps until something happens (proc(5)). A reactor that spins
    /// never does.
    pub(crate) fn falls_asleep(&self) {
        eventually("the reactor sleeps", || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('S')
        });
    }

    /// Whether all its threads stand still after SIGSTOP (proc(5)).
    pub(crate) fn is_stopped(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        tasks.into_iter().all(|task| {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        })
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> Vec<u8> {
        let mut bytes = vec![];
        fs::File::open(&self.log).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A test that counts descriptors must not find this one gone later.
        let _ = self.reading.take().map(JoinHandle::join);
        let _ = fs::remove_file(&self.log);
    }
}
