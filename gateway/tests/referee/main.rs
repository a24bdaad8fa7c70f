//! `sysconn referee`: the Rust client passes, so does one that reconnects, and one that is wrong fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod faults;
mod packet;
mod reconnecting;
mod rust;
mod wire;
mod wrong_drivers;

use std::process::Command;

use driver::judge;
use faults::FAULTS;
use reconnecting::Reconnecting;
use rust::RustClient;

#[test]
fn the_rust_client_passes_all_cases_but_those_of_reconnecting() {
    let verdicts = judge(&[], &["reconnect"], RustClient::default());
    for (name, verdict) in &verdicts.cases {
        let expected = if name.starts_with("reconnect/") { "skipped" } else { "passed" };
        assert_eq!(verdict, expected, "{name}: {}", verdicts.reasons[name]);
    }
    assert_eq!(verdicts.status, 0);
}

#[test]
fn a_client_that_reconnects_passes_all_cases() {
    let verdicts = judge(&[], &[], Reconnecting::default());
    for (name, verdict) in &verdicts.cases {
        assert_eq!(verdict, "passed", "{name}: {}", verdicts.reasons[name]);
    }
    assert_eq!(verdicts.status, 0);
}

#[test]
fn nothing_tried_is_no_success() {
    let verdicts = judge(&["--case", "reconnect/wake"], &["5"], RustClient::default());
    assert_eq!((verdicts.status, &*verdicts.cases[0].1), (1, "skipped"));
}

#[test]
fn what_cannot_be_used_is_said_in_one_line() {
    for (arguments, part) in [
        (&["--case", "flags/lat"][..], "expected the number or the name of a case, or its beginning"),
        (&["--patience", "0"], "expected 1ms or more"),
        (&["--listen", "nowhere"], "invalid value 'nowhere' for '--listen <ADDR:PORT>'"),
        (&["--listen", "192.0.2.1:1"], "--listen: 192.0.2.1:1: "),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        let output = command.arg("referee").args(arguments).env_clear().output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]), "{arguments:?}");
        assert!(error.starts_with("sysconn: ") && error.contains(part), "{error}");
        assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
    }
}

/// The names of all cases, each with what it is about.
fn listed() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_sysconn")).args(["referee", "--list"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text.lines().map(|line| {
        let (name, about) = line.split_once(' ').unwrap().1.trim_start().split_once(' ').unwrap();
        (name.to_owned(), about.trim().to_owned())
    });
    rows.collect()
}

/// The cases that a fault must fail.
fn cases_of(patterns: &[&str], listed: &[(String, String)]) -> Vec<String> {
    let is_meant = |(name, about): &(String, String), pattern: &str| match pattern {
        "now" => name.starts_with("reconnect/code") && about.starts_with("connects again at once"),
        "later" => name.starts_with("reconnect/code") && about.starts_with("connects again later"),
        "never" => name.starts_with("reconnect/code") && about.starts_with("does not connect again"),
        _ if pattern.ends_with(['/', '-']) => name.starts_with(pattern),
        _ => name == pattern,
    };
    let meant = listed.iter().filter(|row| patterns.iter().any(|pattern| is_meant(row, pattern)));
    meant.map(|(name, _)| name.clone()).collect()
}

#[test]
fn a_client_that_is_wrong_fails_each_case() {
    let listed = listed();
    let mut failed = std::thread::scope(|scope| {
        let judged = FAULTS.iter().map(|&(fault, patterns)| {
            let cases = cases_of(patterns, &listed);
            scope.spawn(move || {
                let mut arguments = vec!["--patience", "400ms"];
                arguments.extend(cases.iter().flat_map(|case| ["--case", case]));
                let verdicts = judge(&arguments, &[], Reconnecting::with(fault));
                for (name, verdict) in &verdicts.cases {
                    assert_eq!(verdict, "failed", "{fault:?} passes {name}");
                }
                assert_eq!((verdicts.status, verdicts.cases.len()), (1, cases.len()), "{fault:?}");
                cases
            })
        });
        let judged: Vec<_> = judged.collect();
        judged.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    failed.sort();
    failed.dedup();
    let mut all: Vec<_> = listed.into_iter().map(|(name, _)| name).collect();
    all.sort();
    assert_eq!(failed, all, "cases that no fault fails");
}
