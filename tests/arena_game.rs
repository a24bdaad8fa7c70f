//! The example `arena` and its bots as processes: bots play, the server drains, and after its restart they
//! play on where they were. Over 1 and 3 workers.
//!
//! `SYSCONN_ARENA="BOTS SECONDS"` says how many bots play for how long; by default it is short.

#![cfg(all(feature = "client", feature = "protobuf", feature = "token"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::duplicate_mod, reason = "the game and its bots are two programs with the same messages")]

#[path = "../examples/arena/main.rs"]
mod arena;
#[path = "../examples/arena/bots.rs"]
#[allow(dead_code, reason = "its `main`, in whose place is a test")]
mod bots;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Lines that the game may have: as rustfmt leaves it, without blank lines, comments and messages.
const MAX_LINES: usize = 250;
/// The key of the login service.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// The process of the game, for the test below; without its settings it does nothing.
#[test]
fn game_process() {
    if env::var_os("LISTEN").is_some() {
        arena::main().unwrap();
    }
}

/// The process of the bots.
#[test]
fn bots_process() {
    let Ok(settings) = env::var("BOTS") else { return };
    let [address, bots, seconds, is_back] = settings.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{settings}")
    };
    bots::play([address, bots, seconds], is_back == "true").unwrap();
}

/// A process of this program that runs one of the functions above. Killed when it is dropped.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it has printed.
    lines: String,
}

impl Process {
    fn start(function: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", function, "--nocapture"]).env("KEY", KEY);
        command.envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Process { child, output, lines: String::new() }
    }

    /// Reads up to a line that contains these words, and returns it.
    fn line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(
                self.output.read_line(&mut line).unwrap() > 0,
                "it ended without {words:?}:\n{}",
                self.lines
            );
            self.lines.push_str(&line);
            if line.contains(words) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn drain(&self) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(id, Signal::TERM).unwrap();
    }

    fn expect_success(&mut self) {
        while self.output.read_line(&mut self.lines).unwrap() > 0 {}
        assert!(self.child.wait().unwrap().success(), "{}", self.lines);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Has bots play until the server drains, and checks that both end well.
fn play(workers: &str, directory: &Path, bots: &str, is_back: bool) {
    let directory = directory.to_str().unwrap();
    let variables = [("LISTEN", "127.0.0.1:0"), ("WORKERS", workers), ("DIRECTORY", directory)];
    let mut game = Process::start("game_process", &variables);
    let listening = game.line("listening on ");
    let address = listening.rsplit(' ').next().unwrap();
    let mut players = Process::start("bots_process", &[("BOTS", &format!("{address} {bots} {is_back}"))]);
    players.line("time is up");
    game.drain();
    let seen = players.line(" snapshots of ");
    println!("{workers} workers, back: {is_back}: {seen}; {}", players.line(" errors"));
    players.expect_success();
    game.expect_success();
}

#[test]
fn bots_see_what_they_have_done() {
    let bots = env::var("SYSCONN_ARENA").unwrap_or("40 4".to_owned());
    for workers in ["1", "3"] {
        let directory = env::temp_dir().join(format!("arena-{}-{workers}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        play(workers, &directory, &bots, false);
        let (count, _) = bots.split_once(' ').unwrap();
        play(workers, &directory, &format!("{count} 2"), true);
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

#[test]
fn the_game_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/arena");
    let texts =
        ["main.rs", "game.rs", "store.rs"].map(|name| std::fs::read_to_string(folder.join(name)).unwrap());
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines: usize = texts.iter().map(|text| text.lines().filter(is_code).count()).sum();
    assert!(lines <= MAX_LINES, "the game has {lines} lines");
}
