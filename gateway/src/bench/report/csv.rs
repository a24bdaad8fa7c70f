//! The main figures as CSV: a line of names, and one of values.

use super::{Report, Times};

/// Two lines, for a spreadsheet. No value has a comma or a quote.
pub(in crate::bench) fn csv(report: &Report) -> String {
    let used = report.server.and_then(|server| server.used);
    let (latency, late, opening) = (report.latency_us, report.late_us, report.opening_us);
    let float = |value: f64| format!("{value:.1}");
    // Nothing was measured: no value.
    let time = |times: Option<Times>, of: fn(Times) -> f64| times.map(of).map(float).unwrap_or_default();
    let optional = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
    let columns = [
        ("url", report.url.clone()),
        ("loop", report.kind_of_loop.to_owned()),
        ("load", report.load.clone()),
        ("connections", report.connections.to_string()),
        ("idle", report.idle.to_string()),
        ("pipeline", report.pipeline.to_string()),
        ("size", report.size.to_string()),
        ("rate_asked", report.rate_asked.map(float).unwrap_or_default()),
        ("seconds", format!("{:.3}", report.seconds)),
        ("was_interrupted", report.was_interrupted.to_string()),
        ("rate", float(report.rate)),
        ("rate_was_reached", report.rate_was_reached.map(|is| is.to_string()).unwrap_or_default()),
        ("sent", report.sent.to_string()),
        ("answered", report.answered.to_string()),
        ("unanswered", report.unanswered.to_string()),
        ("refused", report.refused.values().sum::<u64>().to_string()),
        ("wrong", report.wrong.to_string()),
        ("unsent", report.unsent.to_string()),
        ("delivered", report.delivered.to_string()),
        ("failed", report.failed.values().sum::<u64>().to_string()),
        ("lost", report.lost.values().sum::<u64>().to_string()),
        ("unclosed", report.unclosed.to_string()),
        ("latency_p50_us", time(latency, |times| times.p50)),
        ("latency_p90_us", time(latency, |times| times.p90)),
        ("latency_p99_us", time(latency, |times| times.p99)),
        ("latency_p999_us", time(latency, |times| times.p999)),
        ("latency_max_us", time(latency, |times| times.max)),
        ("late_p99_us", time(late, |times| times.p99)),
        ("opening_p50_us", time(opening, |times| times.p50)),
        ("opening_p99_us", time(opening, |times| times.p99)),
        ("generator_cpu_percent", float(report.generator.cpu_percent)),
        ("generator_waited_percent", float(report.generator.waited_percent)),
        ("generator_spun_percent", float(report.generator.spun_percent)),
        ("generator_was_the_limit", report.generator.was_the_limit.to_string()),
        ("server_cpu_percent", optional(used.map(|used| used.cpu_percent))),
        ("server_cpu_us_each", optional(used.map(|used| used.cpu_us_each))),
        ("server_resident_bytes", used.map(|used| used.resident_bytes.to_string()).unwrap_or_default()),
        ("differs", (!report.differences().is_empty()).to_string()),
    ];
    let names = columns.each_ref().map(|(name, _)| *name).join(",");
    let values = columns.map(|(_, value)| value).join(",");
    format!("{names}\n{values}\n")
}
