//! Runs test programs with one mistake, until one of them notices it or the time is up.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::Result;
use crate::outcomes::Outcome;

/// The limit of memory: a mistake that allocates without end must not take all of the machine's.
const MAX_MEMORY_BYTES: u64 = 8 << 30;
/// How many tests a program runs at once: while one never ends, others can fail.
const THREADS: u64 = 2;

/// Runs the programs, one after the other, each for at most `limit`.
pub fn run(programs: &[PathBuf], tree: &Path, number: usize, limit: Duration) -> Result<Outcome> {
    for program in programs {
        let outcome = run_one(program, tree, number, limit)?;
        if outcome != Outcome::NotNoticed {
            return Ok(outcome);
        }
    }
    Ok(Outcome::NotNoticed)
}

fn run_one(program: &Path, tree: &Path, number: usize, limit: Duration) -> Result<Outcome> {
    let mut child = Command::new(program)
        .args(["--skip", "idle_connections", "--test-threads", &THREADS.to_string()])
        .current_dir(tree)
        .env("CARGO_MANIFEST_DIR", tree)
        .env("PROPTEST_CASES", "32")
        .env("RUST_BACKTRACE", "0")
        // A function with many bodies has a large frame.
        .env("RUST_MIN_STACK", "33554432")
        .env("SYSCONN_MUTANT", number.to_string())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // It may have ended already, so errors are ignored. The limits also end it if this program is killed.
    let limit_seconds = 2 * THREADS * limit.as_secs();
    for (resource, most) in [(Resource::As, MAX_MEMORY_BYTES), (Resource::Cpu, limit_seconds)] {
        let bound = Rlimit { current: Some(most), maximum: Some(most) };
        let _ = rustix::process::prlimit(Some(Pid::from_child(&child)), resource, bound);
    }
    let has_failed = watch(&mut child)?.recv_timeout(limit);
    let outcome = match has_failed {
        Ok(true) => Outcome::Noticed,
        Err(RecvTimeoutError::Timeout) => Outcome::NeverEnds,
        Ok(false) | Err(RecvTimeoutError::Disconnected) if child.wait()?.success() => Outcome::NotNoticed,
        Ok(false) | Err(RecvTimeoutError::Disconnected) => Outcome::Noticed,
    };
    // Ends the processes that it has started. The group may be empty.
    let _ = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
    child.wait()?;
    Ok(outcome)
}

/// Reads what a test program prints, and says whether a test has failed as soon as one has, or at the end.
fn watch(child: &mut Child) -> Result<mpsc::Receiver<bool>> {
    let output = child.stdout.take().ok_or("no output")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
        // If the time is up the receiver is gone.
        let _ = sender.send(lines.any(|line| line.ends_with("... FAILED")));
    });
    Ok(receiver)
}
