//! Bad usage, servers that are not there, interruptions, and the forms of output.

use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::Program;
use crate::echoes::{Fault, echo};
use crate::{command, run, wait};

#[test]
fn what_cannot_be_used_is_said_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    for (url, arguments, status, part) in [
        ("http://a", &[][..], 2, "expected ws://HOST:PORT or wss://HOST:PORT"),
        ("ws://a", &["--rate", "0"], 2, "expected requests a second"),
        ("ws://a", &["--rate", "1e3"], 2, "expected requests a second"),
        ("ws://a", &["--connections", "0"], 2, "--connections"),
        ("ws://a", &["--duration", "0"], 2, "expected a time such as 10s"),
        ("ws://a", &["--size", "65MiB"], 2, "expected at most 64MiB"),
        ("ws://a", &["--size", "1", "--hex", "00"], 2, "cannot be used with"),
        ("ws://a", &["--echo", "--fan-out", "2"], 2, "cannot be used with"),
        ("ws://a", &["--echo", "--cmd", "1101"], 2, "cannot be used with"),
        ("ws://a", &["--replies", "0"], 2, "--replies 0: without replies only a --rate says when to send"),
        ("ws://a", &["--fan-out", "3"], 2, "--fan-out: expected a divisor of --connections"),
        ("ws://a", &["--fan-out", "2", "--size", "15"], 2, "--fan-out: expected a --size of 16 or more"),
        ("ws://a", &["--fan-out", "2", "--churn", "1"], 2, "cannot be used with"),
        ("ws://a", &["--without-close"], 2, "--without-close: expected --churn beside it"),
        ("ws://a", &["--output", "xml"], 2, "--output"),
        ("ws://a", &["--fan-out", "2", "--cmd", "1101"], 2, "cannot be used with"),
        ("ws://a", &["--echo", "--token-keys", "/nowhere"], 2, "cannot be used with"),
        ("ws://a", &["--echo", "--token", "x"], 2, "cannot be used with"),
        ("ws://a", &["--account", "x"], 2, "--account: expected --login beside it"),
        ("ws://a", &["--first-role", "5"], 2, "--first-role: expected --login beside it"),
        ("ws://a", &["--kind", "monitor"], 2, "--kind: expected --login beside it"),
        ("ws://a", &["--login", "--kind", "x"], 2, "expected tester, game-server or monitor"),
        ("ws://a", &["--login", "--first-role", "18446744073709551615"], 2, "--first-role: expected fewer"),
        ("ws://a", &["--replies", "0", "--rate", "1", "--pipeline", "2"], 2, "--pipeline: without replies"),
        ("ws://a", &["--origin", "a\nb"], 2, r"invalid value 'a\nb' for '--origin"),
        (&nobody, &["--json", "{}"], 2, "--json: no message of command 1101 is known\n"),
        ("ws://a", &["--token-file", "x"], 2, "--token-file: expected --admin beside it"),
        ("ws://a", &["--ca", "x"], 2, "--ca: expected a wss:// URL, or --admin https://"),
        (
            "ws://a",
            &["--ca", "x", "--admin", "http://a"],
            2,
            "--ca: expected a wss:// URL, or --admin https://",
        ),
        (&nobody, &["--ca", "/nowhere", "--admin", "https://a"], 2, "--ca: /nowhere: cannot be read"),
        ("wss://a", &["--ca", "/nowhere"], 2, "--ca: /nowhere: cannot be read"),
        (&nobody, &["--cmd", "echo.eco"], 2, "unknown command echo.eco"),
        (&nobody, &["--admin", "ftp://a"], 2, "expected http://HOST:PORT, https://HOST:PORT or unix:PATH"),
        (
            &nobody,
            &["--admin", "http://a", "--token-file", "/nowhere"],
            2,
            "--token-file: /nowhere: cannot be read",
        ),
        (
            &nobody,
            &["--admin", &nobody.replace("ws", "http")],
            2,
            "--admin: no connection: Connection refused",
        ),
        (&nobody, &["--pid", "4194305"], 2, "--pid 4194305: there is no such process"),
        (&nobody, &["--token-keys", "/nowhere", "--login"], 2, "--token-keys: /nowhere: cannot be read"),
        (&nobody, &["--connections", "300"], 3, "no connection: Connection refused"),
        (&nobody, &["--deflate", "--echo"], 3, "no connection: Connection refused"),
    ] {
        let ended = run(url, arguments);
        assert_eq!((ended.status, &*ended.output), (status, ""), "{arguments:?}: {}", ended.error);
        assert!(ended.error.starts_with("sysconn: ") && ended.error.contains(part), "{}", ended.error);
        assert_eq!(ended.error.find('\n'), Some(ended.error.len() - 1), "{}", ended.error);
    }
}

/// The columns of `--output csv` in docs/bench.md.
fn documented_columns() -> String {
    let page = include_str!("../../../docs/bench.md");
    let (_, rest) = page.split_once("```csv\n").expect("a list of the columns");
    let (columns, _) = rest.split_once("\n```").expect("the end of the list");
    columns.replace('\n', "")
}

#[test]
fn figures_are_text_json_or_csv() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--log", "warn"]);
    let url = format!("ws://{}", program.address());
    let brief = ["--duration", "100ms", "--warmup", "0"];
    let text = run(&url, &brief).output;
    for part in [
        "closed loop: stalls are hidden",
        " replies/s\n",
        "10 opened",
        "p99.9",
        "all that was sent has come back",
    ] {
        assert!(text.contains(part), "{text}");
    }
    for rate in ["100", "0.5", "12.25"] {
        let text = run(&url, &[&brief[..], &["--rate", rate]].concat()).output;
        assert!(text.contains(&format!("open loop: {rate}/s, ")), "{text}");
        assert!(text.contains("sent late"), "{rate}: {text}");
    }
    let csv = run(&url, &[&brief[..], &["--output", "csv"]].concat()).output;
    let lines: Vec<Vec<_>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((lines.len(), lines[0].len()), (2, lines[1].len()), "{csv}");
    assert_eq!(csv.lines().next(), Some(&*documented_columns()), "docs/bench.md lists the columns");
    assert!(csv.contains(&format!("\n{url},closed,command 1101,10,0,1,64,,")), "{csv}");
    assert_eq!(program.log(), b"", "the server has nothing to complain of");
}

#[test]
fn a_generator_that_never_rests_was_the_limit() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let brief = ["--connections", "1", "--warmup", "0", "--duration", "300ms", "--timeout", "100ms"];
    // The next request is always due already, or nothing is.
    for (rate, was_the_limit) in [("10000000", true), ("1", false)] {
        let text = run(&url, &[&brief[..], &["--rate", rate]].concat()).output;
        assert_eq!(text.contains("the generator was the limit"), was_the_limit, "{rate}: {text}");
    }
    // A request is always due soon, so that it does not sleep, and has little to do.
    let soon = ["--rate", "20000", "--output", "json"];
    let generator = &run(&url, &[&brief[..], &soon].concat()).json()["generator"];
    assert!(generator["spun_percent"].as_f64() > Some(0.0), "{generator}");
    let closed = &run(&url, &[&brief[..], &["--output", "json"]].concat()).json()["generator"];
    assert_eq!(closed["spun_percent"], 0.0, "{closed}");
}

#[test]
fn what_was_not_measured_has_no_value() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--diagnostics"]);
    let url = format!("ws://{}", program.address());
    // All are refused, so that there is no latency.
    let refused = ["--cmd", "1103", "--hex", "1234", "--rate", "50", "--duration", "100ms", "--warmup", "0"];
    let figures = run(&url, &[&refused[..], &["--output", "json"]].concat()).json();
    assert!(figures["latency_us"].is_null() && figures["late_us"]["count"] == 5, "{figures}");
    assert_eq!((&figures["size"], &figures["rate_was_reached"]), (&2.into(), &false.into()), "{figures}");
    let csv = run(&url, &[&refused[..], &["--output", "csv"]].concat()).output;
    let mut lines = csv.lines().map(|line| line.split(','));
    let (mut names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let at = names.position(|name| name == "latency_p50_us").unwrap();
    assert_eq!(values.skip(at).take(5).collect::<String>(), "", "{csv}");
}

#[test]
fn more_connections_than_descriptors_are_refused_at_once() {
    let mut shell = std::process::Command::new("sh");
    let bench = env!("CARGO_BIN_EXE_sysconn");
    shell.args(["-c", "ulimit -n 60; exec \"$0\" bench ws://127.0.0.1:1 --connections 20 --idle 9", bench]);
    let child = shell.env_clear().stderr(Stdio::piped()).spawn().unwrap();
    let ended = wait(child, "few descriptors");
    let error = ended.error;
    assert_eq!(ended.status, 2, "{error}");
    assert!(error.contains("29 connections: the descriptor limit of 60 (ulimit -n) allows 28"), "{error}");
}

#[test]
fn a_run_that_ends_in_the_warm_up_has_measured_nothing() {
    // It answers nobody, and ends all.
    let url = echo(Fault::Drops, || ());
    let figures = run(&url, &["--echo", "--rate", "100", "--warmup", "1h", "--output", "json"]).json();
    assert_eq!((&figures["ended_early"], &figures["seconds"]), (&true.into(), &0.0.into()), "{figures}");
    assert_eq!((&figures["rate"], &figures["generator"]["was_the_limit"]), (&0.0.into(), &false.into()));
    assert!(figures["rate_was_reached"].is_null(), "{figures}");
}

#[test]
fn an_interruption_ends_it_early_with_what_was_measured() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0"]);
    let url = format!("ws://{}", program.address());
    let child = command(&url, &["--duration", "1h", "--warmup", "0", "--output", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Once the connections are there, the signals are caught, and requests come.
    crate::common::eventually("the load begins", || {
        let calls = run_call(&url);
        calls >= 11
    });
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let ended = wait(child, "an interruption");
    let figures = ended.json();
    assert_eq!((ended.status, &figures["was_interrupted"]), (0, &true.into()), "{figures}");
    assert!(figures["answered"].as_u64() > Some(0) && figures["answered"] == figures["sent"], "{figures}");
}

/// How many connections the server has, as its monitor says.
pub(crate) fn run_call(url: &str) -> u64 {
    let mut call = std::process::Command::new(env!("CARGO_BIN_EXE_sysconn"));
    call.args(["call", url, "9001", "--account", "me", "--kind", "monitor"]).env_clear();
    let output = String::from_utf8(call.output().unwrap().stdout).unwrap();
    let stats: serde_json::Value = serde_json::from_str(&output).unwrap_or_default();
    stats["connections"].as_str().and_then(|number| number.parse().ok()).unwrap_or(0)
}
