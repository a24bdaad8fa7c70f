//! The program records, and replays what it recorded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, reason = "the library's tests use the rest")]
#[path = "../../tests/recordings/recorded.rs"]
mod recorded;

use std::fs;
use std::process::{Command, Output};

use common::{Client, Program, Reply, join, packet};
use recorded::{Directory, check, replay, shown};
use rustix::process::Signal;
use sysconn::replay::End;

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
/// The fields of a login (m_1002_tos): an account, a role, a monitor, and a token.
const LOGIN: &[u8] = b"\x0a\x01a\x20\x07\x28\x02\x42\x06s3cret";

fn sysconn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sysconn")).args(arguments).env_clear().output().unwrap()
}

fn end(mut program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn serve_records_and_replay_shows_the_first_difference() {
    let directory = Directory::new();
    let path = directory.0.to_str().unwrap();
    let program = Program::start(&[&SERVE[..], &["--record", path, "--workers", "2"]].concat());
    for cmd in [1002, 1001] {
        let mut client = Client::connect(program.address());
        client.send_packet(cmd, 1, LOGIN);
        client.reply();
        client.echo(b"in the open");
        client.close();
    }
    end(program);
    let files = directory.files();
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(check(file, "serve").packets, 2);
        assert!(!file.windows(6).any(|part| part == b"s3cret"));
    }
    let name = directory.0.join("copy.rec");
    let name = name.to_str().unwrap();
    let mut tampered = files[0].clone();
    let echo = packet(1101, 7, b"in the open");
    let at = (0..tampered.len()).find(|&at| tampered[at..].starts_with(&echo)).unwrap();
    tampered[at] ^= 0x10;
    let garbage = join(&[&files[0], b"garbage"]);
    // Behind the version, a head of 1 MiB and a byte.
    let long = join(&[&files[0][..11], b"\x81\x80\x40", &[0; 1024 * 1024 + 1]]);
    // The version stands behind the magic bytes.
    let of_version = |version: u8| {
        let mut file = files[0].clone();
        file[10] = version;
        file
    };
    let [first, last, next] = [1, 3, 5].map(of_version);
    let cases: [(&[u8], i32, &str); 8] = [
        (&files[0], 0, "no difference: "),
        (&tampered, 1, "recorded a packet 1101 of 11 bytes"),
        (&garbage, 2, "copy.rec: a note out of place (offset "),
        (&long, 2, "copy.rec: it claims a head of more than 1 MiB (offset 11)"),
        (&first, 2, "copy.rec: version 1 of the format, of which only 4 is read here (offset 10)"),
        (&last, 2, "copy.rec: version 3 of the format, of which only 4 is read here (offset 10)"),
        (&next, 2, "copy.rec: version 5 of the format, of which only 4 is read here (offset 10)"),
        (b"garbage", 2, "copy.rec: not a recording of sysconn (offset 0)"),
    ];
    for (bytes, status, line) in cases {
        fs::write(name, bytes).unwrap();
        let output = sysconn(&["replay", name]);
        let (said, other) =
            if status == 2 { (output.stderr, output.stdout) } else { (output.stdout, output.stderr) };
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(line) && other.is_empty(), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    fs::write(name, &files[0]).unwrap();
    let output = sysconn(&["replay", "--show", name]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), shown(&files[0]));
}

#[test]
fn an_unusable_directory_is_reported_at_start() {
    for unusable in ["/dev/null", "/proc", "/nowhere/at/all"] {
        let output = sysconn(&[&SERVE[..], &["--record", unusable]].concat());
        assert_eq!(output.status.code(), Some(2), "{unusable}");
        assert!(output.stdout.is_empty(), "it listened");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with(&format!("sysconn: --record: {unusable}: ")), "{error}");
        assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
    }
}

#[test]
fn an_operator_starts_and_stops_a_recording() {
    let directory = Directory::new();
    let path = directory.0.to_str().unwrap();
    let program = Program::start(&[&SERVE[..], &["--record", path, "--record-debugged"]].concat());
    let mut client = Client::connect(program.address());
    client.echo(b"not recorded");
    let mut operator = Client::connect(program.address());
    operator.send_packet(1002, 1, LOGIN);
    operator.reply();
    // Ids are numbered in the order in which clients came: generation 1, slot 0.
    let debug = |operator: &mut Client, on: u8| {
        operator.send_packet(9004, 2, &[8, 0x80, 0x80, 0x80, 0x80, 0x10, 16, on]);
        assert_eq!(operator.reply(), Reply::new(9004, 2, b""));
    };
    debug(&mut operator, 1);
    client.echo(b"recorded");
    debug(&mut operator, 0);
    client.echo(b"not recorded any more");
    client.close();
    drop((client, operator));
    end(program);
    let file = directory.file();
    let replay = replay(&file);
    assert_eq!(
        (replay.difference.clone(), replay.end, replay.packets),
        (None, End::Stopped, 1),
        "{}",
        shown(&file)
    );
}

#[test]
fn the_first_full_recording_is_logged() {
    let directory = Directory::new();
    let path = directory.0.to_str().unwrap();
    let mut program = Program::start(&[&SERVE[..], &["--record", path, "--record-limit", "16KiB"]].concat());
    for _ in 0..3 {
        let mut client = Client::connect(program.address());
        (0..5).for_each(|_| client.echo(&[7; 5000]));
        client.close();
    }
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    let log = String::from_utf8(program.log()).unwrap();
    assert_eq!(log.matches(".rec is full (record-limit)").count(), 1, "{log}");
    let files = directory.files();
    assert_eq!(files.len(), 3);
    for file in files {
        assert!(file.len() <= 16 * 1024, "{} bytes", file.len());
        let replay = replay(&file);
        assert_eq!((replay.difference.clone(), replay.end), (None, End::Full), "{replay}");
    }
}
