//! Each kind of load against `serve`: all that is sent comes back, and the counts say so.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::Program;
use crate::{count, run, run_briefly, time};

fn serve(more: &[&str]) -> (Program, String) {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
    let program = Program::start(&arguments);
    let url = format!("ws://{}", program.address());
    (program, url)
}

/// What every run that goes well has in common.
fn is_right(figures: &Value, what: &str) {
    let sent = count(figures, "sent");
    for name in ["unanswered", "wrong", "unsent"] {
        assert_eq!(count(figures, name), 0, "{what}: {name}: {figures}");
    }
    for name in ["refused", "failed", "lost"] {
        assert_eq!(figures[name], serde_json::json!({}), "{what}: {figures}");
    }
    assert!(sent > 0 && figures["differences"] == serde_json::json!([]), "{what}: {figures}");
}

#[test]
fn all_that_is_sent_comes_back() {
    let (program, url) = serve(&["--deflate", "shared", "--compress-above", "100"]);
    let pid = program.id().to_string();
    for (arguments, connections, replies) in [
        (&["--size", "0"][..], 10, true),
        (&["--connections", "3", "--pipeline", "16", "--size", "100KiB"], 3, true),
        (&["--deflate", "--size", "3KiB"], 10, true),
        (&["--deflate", "--size", "10", "--pipeline", "4"], 10, true),
        (&["--rate", "1000", "--size", "5", "--pid", &pid], 10, true),
        (&["--rate", "300", "--connections", "7", "--idle", "5", "--ramp", "50ms"], 12, true),
        (&["--cmd", "account.server_time", "--login"], 10, true),
        (&["--cmd", "monitor.stats", "--login", "--kind", "monitor"], 10, true),
        (&["--cmd", "1104", "--hex", "0005", "--replies", "5"], 10, true),
        (&["--cmd", "1105", "--hex", "00000001", "--rate", "200"], 10, true),
        (&["--cmd", "echo.sink", "--replies", "0", "--rate", "500"], 10, false),
        // More becomes due at once than is written at once, and no reply says when to go on.
        (&["--cmd", "echo.sink", "--replies", "0", "--rate", "100000", "--connections", "1"], 1, false),
        (&["--fan-out", "5", "--connections", "10", "--rate", "200"], 10, true),
        (&["--fan-out", "1", "--connections", "2", "--size", "16", "--idle", "1"], 3, true),
    ] {
        let (status, figures) = run_briefly(&url, arguments);
        is_right(&figures, &format!("{arguments:?}"));
        let (sent, answered) = (count(&figures, "sent"), count(&figures, "answered"));
        assert_eq!((status, answered), (0, if replies { sent } else { 0 }), "{arguments:?}: {figures}");
        assert_eq!(count(&figures, "opened"), connections, "{arguments:?}: {figures}");
        let is_open = arguments.contains(&"--rate");
        assert_eq!(figures["loop"], if is_open { "open" } else { "closed" }, "{arguments:?}");
        assert_eq!(figures["late_us"].is_null(), !is_open, "{arguments:?}: {figures}");
        if let Some(members) = figures["load"].as_str().unwrap().strip_prefix("rooms of ") {
            let due = sent * members.parse::<u64>().unwrap();
            assert_eq!((count(&figures, "delivered"), count(&figures, "deliveries_due")), (due, due));
        }
        if replies {
            assert!(time(&figures, "latency_us", "p50") > 0.0, "{arguments:?}: {figures}");
        }
        if arguments.contains(&"--pid") {
            let used = &figures["server"]["used"];
            assert!(used["resident_bytes"].as_u64() > Some(1_000_000), "{figures}");
            assert!(used["cpu_us_each"].as_f64() > Some(0.0), "{figures}");
        }
    }
}

#[test]
fn an_open_loop_sends_as_many_as_the_rate_says() {
    let (_program, url) = serve(&[]);
    let arguments = ["--rate", "500", "--duration", "400ms", "--warmup", "100ms", "--output", "json"];
    let figures = run(&url, &arguments).json();
    is_right(&figures, "rate");
    // 500 a second for 500 ms, the last one just before the end.
    assert_eq!(count(&figures, "sent"), 250, "{figures}");
    assert_eq!(figures["latency_us"]["count"], 200, "the warm-up is not measured: {figures}");
}

#[test]
fn a_rate_that_is_not_reached_is_counted_to_the_last_request() {
    let (_program, url) = serve(&[]);
    for (arguments, due) in [
        (&["--rate", "10000000", "--connections", "3"][..], 2_000_000),
        (&["--rate", "1000000", "--connections", "2", "--fan-out", "2"], 200_000),
        (&["--rate", "1000000", "--connections", "1", "--size", "256KiB"], 200_000),
    ] {
        let (_, figures) = run_briefly(&url, &[arguments, &["--timeout", "100ms"]].concat());
        let of = ["sent", "unsent"].map(|name| count(&figures, name));
        assert_eq!(of[0] + of[1], due, "{arguments:?}: {figures}");
        assert_eq!(figures["rate_was_reached"], false, "{arguments:?}: {figures}");
    }
}

#[test]
fn a_connection_that_is_used_up_makes_way_for_another() {
    let (_program, url) = serve(&[]);
    for (arguments, each) in [
        (&["--churn", "1", "--connections", "4"][..], 1),
        (&["--churn", "3", "--connections", "4", "--rate", "400"], 3),
        (&["--churn", "2", "--connections", "4", "--pipeline", "2", "--login"], 2),
        (&["--churn", "1", "--connections", "4", "--without-close"], 1),
        (&["--churn", "3", "--connections", "4", "--without-close", "--rate", "400"], 3),
    ] {
        let (status, figures) = run_briefly(&url, arguments);
        is_right(&figures, &format!("{arguments:?}"));
        let (sent, opened) = (count(&figures, "sent"), count(&figures, "opened"));
        assert!(status == 0 && opened > 4, "{arguments:?}: {figures}");
        assert!(sent <= opened * each && sent + 4 * each >= (opened - 4) * each, "{arguments:?}: {figures}");
        assert_eq!(figures["opening_us"]["count"], opened, "{arguments:?}: {figures}");
    }
}

#[test]
fn logins_have_tokens_where_the_server_wants_them() {
    let keys = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}.keys", std::process::id()));
    fs::write(&keys, format!("{}\n", "0".repeat(64))).unwrap();
    let keys = keys.to_str().unwrap();
    let (_program, url) = serve(&["--token-keys", keys]);
    for (arguments, status, failed) in [
        (&["--token-keys", keys, "--account", "bot-"][..], 0, 0),
        (&["--fan-out", "2", "--token-keys", keys, "--rate", "50"], 0, 0),
        (&["--cmd", "9001", "--kind", "monitor", "--token-keys", keys], 0, 0),
        (&["--token", "{account}.{role}"], 3, 10),
    ] {
        let ended =
            run(&url, &[arguments, &["--duration", "100ms", "--warmup", "0", "--output", "json"]].concat());
        assert_eq!(ended.status, status, "{arguments:?}: {}", ended.error);
        let is_refused =
            ended.error.contains("the login was refused with ErrorID 7, the server does not accept");
        assert_eq!(is_refused, failed > 0, "{arguments:?}: {}", ended.error);
    }
    fs::remove_file(keys).unwrap();
}

#[test]
fn what_is_not_answered_as_it_should_be_is_a_difference() {
    let (_program, url) = serve(&["--max-connections", "5", "--diagnostics"]);
    for (arguments, part) in [
        (
            &["--cmd", "1103", "--hex", "1234", "--rate", "50", "--connections", "2"][..],
            "requests were refused",
        ),
        (&["--cmd", "1102", "--connections", "1", "--timeout", "100ms"], "1 request has no reply"),
        (
            &["--replies", "2", "--connections", "3", "--timeout", "100ms"],
            r#"["3 requests have fewer replies than --replies says: 3 replies to them came"]"#,
        ),
        (&["--cmd", "1106", "--connections", "1"], r#"no reply","1 connection ended before its time"]"#),
        (&["--cmd", "1106", "--connections", "2", "--rate", "50"], "2 connections ended before their time"),
        (&["--cmd", "1104", "--hex", "0002", "--connections", "1"], "messages are not what they should be"),
        (&["--connections", "8"], "3 connections could not be opened"),
    ] {
        let (status, figures) = run_briefly(&url, arguments);
        let lines = figures["differences"].to_string();
        assert!(status == 1 && lines.contains(part), "{arguments:?}: {figures}");
    }
    // What the ErrorID means, and what to do about it.
    for (arguments, line) in [
        (
            &["--cmd", "1201", "--hex", "ff"][..],
            ": ErrorID 3, the command is for clients that have logged in (--login)\n",
        ),
        (&["--cmd", "9001", "--login"], "such as a room that was not joined (--kind says which kind)\n"),
    ] {
        let ended = run(&url, &[arguments, &["--warmup", "0", "--duration", "100ms"]].concat());
        assert!(ended.output.contains(line), "{}", ended.output);
    }
}
