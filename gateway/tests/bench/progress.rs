//! The progress bar: on a terminal only, and gone when the figures come.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::common::Program;
use crate::pty::Pty;
use crate::{command, run, wait};

/// What a bar is made of.
const BAR: [char; 2] = ['█', '░'];

#[test]
fn a_terminal_shows_how_far_a_run_is() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    for (arguments, phase) in [
        (&["--connections", "2", "--ramp", "1h"][..], "1 of 2 connections opened"),
        (&["--warmup", "1h"], "warm-up"),
        (&["--warmup", "0", "--duration", "1h"], "/s, p99 "),
        (
            &[
                "--cmd",
                "1105",
                "--hex",
                "0036ee80",
                "--warmup",
                "0",
                "--duration",
                "100ms",
                "--timeout",
                "1h",
            ],
            "the last replies are awaited",
        ),
    ] {
        let mut terminal = Pty::open(80, 24);
        let mut command = command(&url, arguments);
        terminal.give_to(command.env("TERM", "xterm")).stdout(Stdio::piped());
        let mut bench = command.spawn().unwrap();
        terminal.wait_for(phase);
        assert!(terminal.seen.contains(BAR), "{phase}: {:?}", terminal.seen);
        if phase.contains("awaited") {
            // A signal would end the load only, which is over.
            bench.kill().unwrap();
            bench.wait().unwrap();
            continue;
        }
        kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
        let ended = wait(bench, phase);
        let figures = ended.output;
        assert_eq!(ended.status, 0, "{phase}: {figures}");
        assert!(figures.contains("\nrate ") && !figures.contains(BAR), "{phase}: {figures}");
        // After all that the run has written.
        assert!(terminal.give_to(Command::new("echo").arg("the end")).status().unwrap().success());
        terminal.wait_for("the end");
        let rest = terminal.seen.rsplit("\u{1b}[2K").next().unwrap();
        assert!(!rest.contains(BAR) && !terminal.seen.contains("\nrate "), "{phase}: {:?}", terminal.seen);
    }
    let ended = run(&url, &["--warmup", "0", "--duration", "300ms"]);
    assert_eq!((ended.status, ended.error.as_str()), (0, ""), "no terminal, no bar");
}

#[test]
fn a_run_that_ends_before_all_members_are_there_sends_nothing() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    for rate in [&[][..], &["--rate", "1000"]] {
        let mut terminal = Pty::open(80, 24);
        let rooms = ["--fan-out", "2", "--connections", "4", "--ramp", "1h", "--output", "json"];
        let mut command = command(&url, &[&rooms[..], rate].concat());
        terminal.give_to(command.env("TERM", "xterm")).stdout(Stdio::piped());
        let bench = command.spawn().unwrap();
        terminal.wait_for("1 of 4");
        kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
        let ended = wait(bench, "an interruption");
        let figures = ended.json();
        assert_eq!((ended.status, &figures["sent"]), (0, &0.into()), "{figures}");
    }
}

#[test]
fn a_narrow_terminal_has_no_line_that_wraps() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    for columns in [10, 30, 65, 66, 80] {
        let mut terminal = Pty::open(columns, 24);
        let mut command = command(&url, &["--connections", "2", "--ramp", "1h"]);
        terminal.give_to(command.env("TERM", "xterm")).stdout(Stdio::null());
        let mut bench = command.spawn().unwrap();
        terminal.wait_for("1 of 2");
        kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
        assert!(bench.wait().unwrap().success());
        assert!(terminal.give_to(Command::new("echo").arg("the end")).status().unwrap().success());
        terminal.wait_for("the end");
        assert_eq!(terminal.seen.contains(BAR), columns >= 66, "{columns}: {:?}", terminal.seen);
        let drawn = terminal.seen.replace("\u{1b}[2K", "\r");
        let widest = drawn.split(['\r', '\n']).map(|part| part.chars().count()).max();
        assert!(widest.unwrap() <= usize::from(columns), "{columns}: {:?}", terminal.seen);
    }
}
