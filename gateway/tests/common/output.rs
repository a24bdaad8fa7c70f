//! What a command does whose standard output cannot be written.

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, Vec<u8>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
    let Output { status, stdout, stderr } = command.spawn().unwrap().wait_with_output().unwrap();
    (status.code(), stdout, String::from_utf8(stderr).unwrap())
}

/// A full disk is an error, and a reader that is gone is none. The command prints something, and can be
/// repeated.
pub(crate) fn check_output(arguments: &[&str]) {
    let (status, output, _) = run(arguments, Stdio::piped());
    assert!(!output.is_empty(), "{arguments:?} prints nothing");
    check_full_disk(arguments);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let (without_reader, _, error) = run(arguments, writer);
    assert!(without_reader == status && !error.contains("output"), "{arguments:?}: {error}");
}

/// A full disk is an error.
pub(crate) fn check_full_disk(arguments: &[&str]) {
    let (status, _, error) = run(arguments, File::options().write(true).open("/dev/full").unwrap());
    let is_said = error.lines().last().is_some_and(|line| line.starts_with("sysconn: standard output: "));
    assert!(status == Some(2) && is_said, "{arguments:?}: {status:?} {error}");
}
