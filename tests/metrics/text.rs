//! The text of the metrics, as a scraper reads it.

use std::collections::BTreeMap;

use sysconn::metrics::Metrics;

use super::common::{Client, Server, config, with};

/// The samples of a text, by their names with labels.
pub(crate) fn samples(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.encode();
    assert!(text.ends_with("# EOF\n"));
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

/// The sum of a family's samples, over all labels.
pub(crate) fn sum(samples: &BTreeMap<String, f64>, family: &str) -> f64 {
    let is_of_family = |name: &str| name.split('{').next() == Some(family);
    samples.iter().filter(|(name, _)| is_of_family(name)).map(|(_, value)| value).sum()
}

#[test]
fn each_family_has_a_name_a_help_and_a_type() {
    let server = Server::packets(&with(config(), |config| {
        config.metrics = true;
        config.limits.max_connections = Some(100);
    }));
    let metrics = server.handle.metrics().unwrap();
    Client::connect(server.address).echo(b"one");
    let text = metrics.encode();
    let named = |word: &str| -> Vec<&str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(|line| line.split(' ').next().unwrap()).collect()
    };
    let (helps, types) = (named("# HELP "), named("# TYPE "));
    assert_eq!(helps, types);
    let expected = [
        "connections",
        "connections_limit",
        "draining",
        "accepted",
        "upgrades_refused",
        "closed",
        "logins",
        "tls_handshakes",
        "route_info",
        "packets_received",
        "packets_sent",
        "bytes_received",
        "bytes_sent",
        "refusals",
        "bad_requests",
        "send_errors",
        "request_duration_seconds",
        "handler_duration_seconds",
        "reply_wait_seconds",
        "rtt_seconds",
        "turn_duration_seconds",
        "stalls",
        "last_turn_timestamp_seconds",
        "mailbox_depth",
        "mailbox_full",
        "timers_fired",
        "outbox_bytes",
        "outbox_connections",
        "reading_paused",
        "topics",
        "subscriptions",
        "publishes_unfinished",
        "deflate_bytes",
        "recordings",
        "log_lines_left_out",
    ];
    assert_eq!(helps, expected.map(|name| format!("sysconn_{name}")));
    for help in text.lines().filter(|line| line.starts_with("# HELP ")) {
        assert!(help.ends_with('.'), "{help}");
    }
}

#[test]
fn without_the_setting_there_are_no_metrics() {
    let server = Server::packets(&config());
    assert!(server.handle.metrics().is_none());
}
