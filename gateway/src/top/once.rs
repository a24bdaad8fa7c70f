//! The figures once, as lines for scripts: a name, and values behind it.

use std::fmt::Write as _;

use super::figures::{Page, Rates, Stats};
use super::shown::Shown;
use super::view::describe;

/// The lines.
pub(super) fn lines(stats: &Stats, page: &Page) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name} {value}");
    };
    line("state", stats.stuck.first().map_or_else(|| stats.state.to_string(), describe));
    line("version", name(&stats.version));
    line("uptime_s", stats.uptime_s.to_string());
    line("workers", stats.workers.to_string());
    line("pid", stats.pid.to_string());
    if let Some(node) = &stats.node {
        line("node", name(node));
    }
    for node in &stats.other_nodes {
        line("other_node", name(node));
    }
    line("clients", stats.clients.total.to_string());
    for (state, clients) in &stats.clients.by_state {
        line("clients_in_state", format!("{state} {clients}"));
    }
    let totals = &stats.totals;
    for (name, number) in [
        ("packets_received", totals.packets_received),
        ("packets_sent", totals.packets_sent),
        ("bytes_received", totals.bytes_received),
        ("bytes_sent", totals.bytes_sent),
        ("accepted", totals.accepted),
        ("closed", totals.closed),
        ("logins", totals.logins),
        ("bad_requests", totals.bad_requests),
        ("send_errors", totals.send_errors),
        ("stalls", totals.stalls),
        ("memory_bytes", stats.memory_bytes),
        ("outbox_bytes", stats.outbox_bytes),
        ("fds", stats.fds),
        ("fds_limit", stats.fds_limit),
    ] {
        line(name, number.to_string());
    }
    let rate = |of: fn(&Rates) -> f64| measured(stats.rates.as_ref().map(of));
    line("packets_received_per_second", rate(|rates| rates.packets_received));
    line("packets_sent_per_second", rate(|rates| rates.packets_sent));
    line("cpu_cores", rate(|rates| rates.cpu));
    line("cpu_seconds", stats.cpu_seconds.to_string());
    line("turn_max_ms", measured(stats.turn_max_ms));
    let quantiles = &stats.request_ms;
    line("request_p50_ms", measured(quantiles.p50));
    line("request_p99_ms", measured(quantiles.p99));
    line("request_p999_ms", measured(quantiles.p999));
    for command in &stats.commands {
        let latencies = [command.p50_ms, command.p99_ms, command.p999_ms].map(measured).join(" ");
        line(
            "command",
            format!("{} {} {} {latencies}", measured(command.cmd), name(command.title()), command.count),
        );
    }
    for (cause, closed) in &stats.closed_by_cause {
        line("closed_by_cause", format!("{cause} {closed}"));
    }
    for found in &page.connections {
        let (account, recv, sent) = (name(&found.account), found.recv_count, found.send_count);
        let (id, peer) = (name(&found.id), name(&found.peer));
        line("connection", format!("{id} {peer} {account} {recv} {sent}"));
    }
    text
}

fn measured(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A name as one word.
fn name(name: &Shown) -> String {
    match name.as_str() {
        "" => "-".to_owned(),
        // It is no empty one.
        "-" => "\\u{2d}".to_owned(),
        name => name.replace(' ', "\\u{20}"),
    }
}
