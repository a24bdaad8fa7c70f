//! `sysconn bench`: its counts, its figures and its exit statuses, against sysconn and against others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
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

use std::process::{Command, Stdio};

use serde_json::Value;

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
    let output = command(url, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status.code().unwrap(), output: text(output.stdout), error: text(output.stderr) }
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
