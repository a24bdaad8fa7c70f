//! `sysconn bench`: its counts, its figures and its exit statuses, against sysconn and against others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod churn;
#[path = "../common/mod.rs"]
mod common;
mod echoes;
mod floods;
mod loads;
mod mixed_up;
mod progress;
#[allow(dead_code, reason = "other tests type")]
#[path = "../common/pty.rs"]
mod pty;
mod stalls;
mod tls;
mod usage;

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use serde_json::Value;

use common::PATIENCE;

/// The longest that a run may take: some seconds are usual.
const LIMIT: Duration = Duration::from_secs(120);

/// A run has ended.
struct Ended {
    status: i32,
    output: String,
    error: String,
}

impl Ended {
    /// The figures of `--output json`.
    fn json(&self) -> Value {
        serde_json::from_str(&self.output).unwrap_or_else(|_| panic!("{}: {}", self.output, self.error))
    }
}

/// The command, without an environment.
fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["bench", url]).args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// Runs it.
fn run(url: &str, arguments: &[&str]) -> Ended {
    let child = command(url, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait(child, &format!("{arguments:?}"))
}

/// A listener for a test to accept at, and its URL. Neither it nor its connections wait without end.
fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    for timeout in [Timeout::Recv, Timeout::Send] {
        // Connections inherit it.
        set_socket_timeout(&listener, timeout, Some(PATIENCE)).unwrap();
    }
    (listener, url)
}

/// Waits for the end of a run. One that hangs is killed, and fails the test.
fn wait(child: Child, what: &str) -> Ended {
    wait_within(child, what, LIMIT)
}

fn wait_within(mut child: Child, what: &str, limit: Duration) -> Ended {
    let (sender, closed) = channel();
    let output = child.stdout.take().map(|pipe| read(pipe, sender.clone()));
    let error = child.stderr.take().map(|pipe| read(pipe, sender));
    // The senders go when it has closed both.
    let hangs = closed.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
    if hangs {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let text =
        |reading: Option<thread::JoinHandle<String>>| reading.map_or(String::new(), |it| it.join().unwrap());
    let (output, error) = (text(output), text(error));
    assert!(!hangs, "{what}: the run has not ended within {limit:?}: {output}{error}");
    Ended { status: status.code().unwrap(), output, error }
}

/// Reads a pipe to its end, and drops the sender then.
fn read(mut pipe: impl Read + Send + 'static, open: Sender<()>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let _open = open;
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

#[test]
#[should_panic(expected = "sleep: the run has not ended within 10ms: ")]
fn a_run_that_hangs_fails_with_words() {
    let child =
        Command::new("sleep").arg("1h").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_within(child, "sleep", Duration::from_millis(10));
}

/// Runs it for a short time, with figures in JSON.
fn run_briefly(url: &str, arguments: &[&str]) -> (i32, Value) {
    let brief = ["--warmup", "0", "--duration", "200ms", "--output", "json"];
    let ended = run(url, &[&brief[..], arguments].concat());
    (ended.status, ended.json())
}

/// A figure that is a whole number.
fn count(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap_or_else(|| panic!("{name}: {figures}"))
}

/// A figure in microseconds.
fn time(figures: &Value, distribution: &str, name: &str) -> f64 {
    figures[distribution][name].as_f64().unwrap_or_else(|| panic!("{distribution}.{name}: {figures}"))
}
