//! The program under a service manager: sockets that it inherits, and what it tells.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod activation;
mod notify;

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Becomes the program, with the listener that is its standard input as the sockets that systemd passes.
const ACTIVATED: &str = r#"exec 3<&0 4<&0 0</dev/null; export LISTEN_PID=$$; exec "$0" "$@""#;

/// The program with a listener in place of one that it opens: as one socket `game`, or as two of which the
/// other has the name `other`.
fn activated(listener: &TcpListener, count: u32, arguments: &[&str]) -> Command {
    let descriptor = OwnedFd::from(listener.try_clone().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", ACTIVATED, env!("CARGO_BIN_EXE_sysconn")]).args(arguments).env_clear();
    command.env("LISTEN_FDS", count.to_string()).env("LISTEN_FDNAMES", "game:other");
    command.stdin(Stdio::from(descriptor));
    command
}

fn temporary(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sysconn-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}
