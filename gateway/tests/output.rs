//! Standard output that cannot be written: a full disk is an error of every command, with one line and status
//! 2, and a reader that is gone is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use common::{Client, Program, check_full_disk, check_output, eventually};
use rustix::process::{Pid, Signal, kill_process};

/// Has a server record a connection in a new directory. Returns the path of the recording.
fn record(directory: &str) -> String {
    fs::create_dir(directory).unwrap();
    let mut program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--record", directory]);
    let mut client = Client::connect(program.address());
    client.echo(b"it is recorded");
    client.close();
    program.signal(Signal::TERM);
    program.wait();
    let file = fs::read_dir(directory).unwrap().next().unwrap().unwrap();
    file.path().into_os_string().into_string().unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_a_reader_that_is_gone_is_none() {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("output");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let (keys, records, admin) = (path("keys"), path("records"), path("admin"));
    fs::write(&keys, "01".repeat(32)).unwrap();
    let recording = record(&records);
    let unix = format!("unix:{admin}");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--max-packets-per-second", "0"];
    let program = Program::start(&[&serve[..], &["--health-path", "/health", "--admin", &unix]].concat());
    let url = format!("ws://{}", program.address());
    let health = format!("http://{}/health", program.address());
    let bench = ["bench", &url, "--connections", "1", "--warmup", "0", "--duration", "10ms"];
    for arguments in [
        &["--help"][..],
        &["help", "bench"],
        &["--version"],
        &["config", "--markdown"],
        &["completions", "bash"],
        &["routes"],
        &["routes", "--json"],
        &["check-config"],
        &["check-config", "--max-len", "0"],
        &["token", "--token-keys", &keys, "--account", "a", "--role", "1"],
        &["referee", "--list"],
        &["healthcheck", &health],
        &["call", &url, "1101", "--text", "a"],
        &["call", &url, "1101", "--text", "a", "--repeat", "3"],
        &["blacklist", "add", "--url", &url, "--account", "a"],
        &["blacklist", "list", "--url", &url],
        &["top", "--once", &unix],
        &bench,
        &[&bench[..], &["--output", "json"]].concat(),
        &[&bench[..], &["--output", "csv"]].concat(),
        &["replay", &recording],
        &["replay", "--show", &recording],
    ] {
        check_output(arguments);
    }
    // It would wait for a driver.
    check_full_disk(&["referee", "--listen", "127.0.0.1:0"]);
    drop(program);
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_server_serves_though_it_cannot_say_where() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("output-server");
    let listen = format!("unix:{}", path.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["serve", "--listen", &listen]).env_clear();
    command.stdout(File::options().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped());
    let server = command.spawn().unwrap();
    eventually("it accepts clients", || UnixStream::connect(&path).is_ok());
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let Output { status, stderr, .. } = server.wait_with_output().unwrap();
    let log = String::from_utf8(stderr).unwrap();
    let warning = log.lines().find(|line| line.contains("standard output: "));
    assert!(status.success() && warning.is_some_and(|line| line.contains("WARN")), "{log}");
}
