//! What the figures say, beside what clients counted.

use std::collections::BTreeMap;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::common::{Client, eventually};
use super::stage::Stage;

/// The samples of a scrape.
pub(crate) fn scrape(stage: &Stage) -> BTreeMap<String, f64> {
    let answer = stage.get("/metrics");
    assert_eq!(answer.status, 200);
    let content_type = "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(answer.head.contains(content_type), "{}", answer.head);
    assert!(answer.body.ends_with("# EOF\n"));
    let mut samples = BTreeMap::new();
    let mut families = std::collections::BTreeSet::new();
    for line in answer.body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap().to_owned()), "twice: {line}");
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
    }
    samples
}

/// The sum of the samples of a family with these labels.
fn sum(samples: &BTreeMap<String, f64>, family: &str, part: &str) -> f64 {
    let of = samples.iter().filter(|(name, _)| name.split('{').next() == Some(family) && name.contains(part));
    of.map(|(_, value)| value).sum()
}

#[test]
fn the_figures_agree_with_what_clients_counted() {
    for workers in ["1", "3"] {
        let stage = Stage::new(&["--workers", workers]);
        let mut clients: Vec<Client> = (0..10).map(|_| stage.client()).collect();
        let mut replies = 0;
        for (number, client) in clients.iter_mut().enumerate() {
            for flag in 0..=number as u32 {
                client.send_packet(1101, flag, &[7; 100]);
                assert_eq!(client.reply().flag, flag);
                replies += 1;
            }
            // Five replies to one request, and a refusal.
            client.send_packet(1104, 1, &[0, 5]);
            (0..5).for_each(|_| drop(client.reply()));
            client.send_packet(999, 1, b"");
            assert_eq!(client.reply().error_id, 1);
        }
        clients.truncate(6);
        eventually("four are gone", || stage.json("/api/stats")["totals"]["closed"] == json!(4));
        let samples = scrape(&stage);
        let is = |family: &str, part: &str, expected: usize| {
            assert_eq!(sum(&samples, family, part), expected as f64, "{workers} workers: {family} {part}");
        };
        is("sysconn_packets_received_total", "cmd=\"1101\"", replies);
        is("sysconn_packets_received_total", "cmd=\"1104\"", 10);
        is("sysconn_packets_received_total", "", replies + 20);
        is("sysconn_packets_sent_total", "cmd=\"1101\"", replies);
        is("sysconn_packets_sent_total", "cmd=\"1104\"", 50);
        is("sysconn_packets_sent_total", "", replies + 60);
        is("sysconn_refusals_total", "error=\"1\"", 10);
        is("sysconn_accepted_total", "", 10);
        is("sysconn_closed_total", "", 4);
        is("sysconn_connections", "state=\"open\"", 6);
        let stats = stage.json("/api/stats");
        assert_eq!(stats["workers"], json!(workers.parse::<u64>().unwrap()));
        assert_eq!(stats["clients"]["total"], json!(6));
        assert_eq!(stats["clients"]["by_state"]["open"], json!(6));
        assert_eq!(stats["totals"]["packets_received"], json!(replies + 20));
        assert_eq!(stats["totals"]["packets_sent"], json!(replies + 60));
        assert_eq!(stats["totals"]["accepted"], json!(10));
        let closed: u64 =
            stats["closed_by_cause"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(closed, 4);
        let echo = stats["commands"].as_array().unwrap().iter().find(|command| command["cmd"] == json!(1101));
        let echo = echo.unwrap();
        assert_eq!((&echo["name"], &echo["received"]), (&json!("echo.echo"), &json!(replies)));
        assert!(echo["p50_ms"].is_number() && echo["p999_ms"].is_number(), "{echo}");
        // And with what the list of connections says.
        let page = stage.json("/api/connections");
        let listed: u64 = page["connections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|connection| connection["recv_count"].as_u64().unwrap())
            .sum();
        assert_eq!(listed, (1..=6).sum::<u64>() + 12);
    }
}

#[test]
fn the_program_has_families_of_its_own() {
    let stage = Stage::new(&[]);
    let samples = scrape(&stage);
    for name in [
        "process_cpu_seconds_total",
        "process_start_time_seconds",
        "process_resident_memory_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_max_fds",
    ] {
        assert!(samples.get(name).is_some_and(|value| *value > 0.0), "{name}: {samples:?}");
    }
    for name in [
        "sysconn_blacklist_entries{kind=\"account\"}",
        "sysconn_wechat_requests_total{result=\"accepted\"}",
        "sysconn_store_errors_total",
        "sysconn_draining",
    ] {
        assert_eq!(samples.get(name), Some(&0.0), "{name}: {samples:?}");
    }
    let version = format!("sysconn_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(samples.keys().any(|name| name.starts_with(&version)), "{samples:?}");
    let stats = stage.json("/api/stats");
    for name in ["now_ms", "started_ms", "commit", "version"] {
        assert!(stats[name].is_string(), "{name}: {stats}");
    }
    for name in ["pid", "uptime_s", "cpu_seconds", "memory_bytes", "fds", "fds_limit", "outbox_bytes"] {
        assert!(stats[name].is_number(), "{name}: {stats}");
    }
    assert_eq!((&stats["state"], &stats["stuck"]), (&json!("serving"), &json!([])));
}

#[test]
fn the_history_fills() {
    let stage = Stage::new(&[]);
    let mut client = stage.client();
    let mut sent = 0;
    let mut history = Value::Null;
    eventually("three seconds are there, with packets in them", || {
        client.echo(b"hello");
        sent += 1;
        history = stage.json("/api/history?cmd=1101&seconds=900");
        let received = history["packets_received"].as_array().unwrap();
        received.len() >= 3 && received.iter().filter(|count| count.as_f64() > Some(0.0)).count() >= 2
    });
    let count = history["count"].as_u64().unwrap() as usize;
    for name in [
        "packets_received",
        "packets_sent",
        "bytes_received",
        "bytes_sent",
        "accepted",
        "turn_max_ms",
        "cpu",
        "memory_bytes",
    ] {
        assert_eq!(history[name].as_array().unwrap().len(), count, "{name}: {history}");
    }
    for part in
        [&history["clients"]["open"], &history["request_ms"]["p99"], &history["by_command"]["1101"]["p999"]]
    {
        assert_eq!(part.as_array().unwrap().len(), count, "{history}");
    }
    assert_eq!(history["commands"][0], json!({ "cmd": 1101, "name": "echo.echo" }));
    let in_history: f64 =
        history["by_command"]["1101"]["count"].as_array().unwrap().iter().filter_map(Value::as_f64).sum();
    assert!(in_history > 0.0 && in_history <= f64::from(sent), "{in_history} of {sent}");
    assert!(stage.json("/api/stats")["rates"]["packets_received"].is_number());
    assert_eq!(stage.json("/api/history?seconds=1")["count"], json!(1));
    assert_eq!(stage.json("/api/history")["by_command"], json!({}));
    assert!(stage.json("/api/history?cmd=all")["by_command"]["1101"].is_object());
    for bad in ["seconds=0", "seconds=901", "cmd=x", "cmd=all&cmd=1", "other=1"] {
        assert_eq!(stage.get(&format!("/api/history?{bad}")).status, 400, "{bad}");
    }
}

#[test]
fn a_server_that_drains_is_not_ready() {
    let mut stage = Stage::new(&["--drain-delay", "30s"]);
    let mut client = stage.client();
    assert_eq!(stage.get("/readyz").status, 200);
    stage.program.signal(Signal::TERM);
    eventually("it is not ready", || stage.get("/readyz").status == 503);
    assert_eq!(stage.get("/readyz").body, "draining\n");
    // During the delay it serves, and says so.
    client.echo(b"hello");
    assert_eq!(stage.get("/healthz").status, 200);
    assert_eq!(stage.json("/api/stats")["state"], json!("draining"));
    stage.program.signal(Signal::TERM);
    stage.program.wait();
}
