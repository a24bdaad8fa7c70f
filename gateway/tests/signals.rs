//! The real program's reaction to signals, whatever signal mask it inherits, and whatever file it is reading.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use common::{Client, Program, eventually};
use nix::sys::signal::SigSet;
use rustix::process::{Pid, Signal, kill_process};

/// Keys of logins, in a file that is gone when it is dropped.
struct KeyFile(PathBuf);

impl KeyFile {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}.keys", std::process::id());
        let file = KeyFile(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name));
        fs::write(&file.0, KeyFile::text()).unwrap();
        file
    }

    fn text() -> String {
        "5a".repeat(32) + "\n"
    }

    /// Has a FIFO take the file's place.
    fn become_fifo(&self) {
        fs::remove_file(&self.0).unwrap();
        assert!(Command::new("mkfifo").arg(&self.0).status().unwrap().success());
    }

    /// The writing end of the FIFO, as soon as a process reads from it.
    fn written_to(&self) -> File {
        OpenOptions::new().write(true).open(&self.0).unwrap()
    }

    fn arguments(&self) -> [&str; 5] {
        ["serve", "--listen", "127.0.0.1:0", "--token-keys", self.0.to_str().unwrap()]
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Waits for a process to end by itself, and returns how it ended.
fn ends(child: &mut Child) -> ExitStatus {
    let mut status = None;
    eventually("it ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

fn log(program: &Program) -> String {
    String::from_utf8(program.log()).unwrap()
}

#[test]
fn signals_blocked_by_the_parent_work() {
    // A process inherits the mask of the thread that starts it.
    let blocked = || {
        let start = || {
            SigSet::all().thread_block().unwrap();
            Program::start(&["serve", "--listen", "127.0.0.1:0", "--workers", "2"])
        };
        std::thread::spawn(start).join().unwrap()
    };
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = blocked();
        let mut client = Client::connect(program.address());
        program.signal(Signal::HUP);
        eventually("SIGHUP is taken", || log(&program).contains("nothing to read again"));
        program.signal(signal);
        client.expect_close(1001, "draining");
        drop(client);
        assert_eq!(program.wait().0.code(), Some(0), "{signal:?}");
    }
}

#[test]
fn a_signal_ends_the_program_while_it_opens_a_file() {
    for arguments in [&["replay"][..], &["serve", "--config"]] {
        let fifo = KeyFile::new("waited-for");
        fifo.become_fifo();
        let path = fifo.0.clone();
        let start = move || {
            SigSet::all().thread_block().unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
            command.args(arguments).arg(path).env_clear().spawn().unwrap()
        };
        let mut child = std::thread::spawn(start).join().unwrap();
        let _writer = fifo.written_to();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(ends(&mut child).signal(), Some(Signal::TERM.as_raw()), "{arguments:?}");
    }
}

#[test]
fn sighup_never_ends_the_program() {
    for mode in ["serve", "echo"] {
        let mut program = Program::start(&[mode, "--listen", "127.0.0.1:0"]);
        let mut client = Client::connect(program.address());
        for times in 1..=3 {
            program.signal(Signal::HUP);
            eventually("SIGHUP is taken", || log(&program).matches("nothing to read again").count() == times);
        }
        program.signal(Signal::TERM);
        client.expect_close(1001, "draining");
        drop(client);
        assert_eq!(program.wait().0.code(), Some(0));
        let lines = log(&program);
        let others = lines.lines().filter(|line| !line.contains("connection ended")).count();
        assert_eq!(others, 4, "{lines}");
    }
}

#[test]
fn sighup_during_the_start_does_not_end_the_program() {
    for option in ["--token-keys", "--config"] {
        let file = KeyFile::new(&format!("starting{option}"));
        file.become_fifo();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sysconn"))
            .args(["serve", "--listen", "127.0.0.1:0", option, file.0.to_str().unwrap()])
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is reading the file, and does not listen yet.
        let mut writer = file.written_to();
        kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
        let text = if option == "--config" { String::new() } else { KeyFile::text() };
        writer.write_all(text.as_bytes()).unwrap();
        drop(writer);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "), "{option}: {line}");
        if option == "--token-keys" {
            // Now it acts on the signal.
            drop(file.written_to());
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(ends(&mut child).code(), Some(0), "{option}");
    }
}

#[test]
fn reloads_requested_during_a_reload_become_one() {
    const DONE: &str = "the keys of logins were read again";
    let keys = KeyFile::new("several");
    let mut program = Program::start(&keys.arguments());
    keys.become_fifo();
    let asked = |times: usize| {
        program.signal(Signal::HUP);
        eventually("a request is taken", || log(&program).matches("reload: ").count() == times);
    };
    let read = |times: usize| eventually("they are read", || log(&program).matches(DONE).count() == times);
    asked(1);
    let mut writer = keys.written_to();
    (2..=5).for_each(asked);
    writer.write_all(KeyFile::text().as_bytes()).unwrap();
    drop(writer);
    read(1);
    writer = keys.written_to();
    writer.write_all(KeyFile::text().as_bytes()).unwrap();
    drop(writer);
    read(2);
    // A third reload would wait for the FIFO, and this one would wait for that.
    fs::remove_file(&keys.0).unwrap();
    fs::write(&keys.0, KeyFile::text()).unwrap();
    asked(6);
    read(3);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_hanging_reload_delays_neither_clients_nor_the_end() {
    let keys = KeyFile::new("stuck");
    let mut program = Program::start(&keys.arguments());
    let mut client = Client::connect(program.address());
    keys.become_fifo();
    program.signal(Signal::HUP);
    let _writer = keys.written_to();
    program.signal(Signal::TERM);
    client.expect_close(1001, "draining");
    drop(client);
    assert_eq!(program.wait().0.code(), Some(0));
}
