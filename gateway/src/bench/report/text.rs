//! The figures as text, for a person.

use sysconn::packet::ErrorId;

use super::{Report, Times};
use crate::call::meaning;
use crate::words::plural;

/// Some lines.
pub(in crate::bench) fn text(report: &Report) -> String {
    let mut lines = head(report);
    lines.extend(counts(report));
    lines.extend(distributions(report));
    lines.extend(usage(report));
    lines.extend(verdict(report));
    lines.join("\n") + "\n"
}

/// What was done.
fn head(report: &Report) -> Vec<String> {
    let seconds = report.seconds;
    let (connections, idle) = (report.connections, report.idle);
    let connections = plural(connections, "connection", "connections");
    let idle = match idle {
        0 => String::new(),
        idle => format!(" and {}", plural(idle, "idle one", "idle ones")),
    };
    let size = plural(report.size, "byte", "bytes");
    let mut lines = vec![format!(
        "{} at {}: {connections}{idle}, {size}, {seconds:.1} s measured",
        report.load, report.url
    )];
    lines.push(match report.rate_asked {
        Some(rate) => {
            format!("open loop: {rate}/s, and latency counts from when each request was to be sent")
        }
        None => format!("closed loop: stalls are hidden (--rate shows them); {} in flight", report.pipeline),
    });
    if report.was_interrupted {
        lines.push("interrupted: the figures are those until then".to_owned());
    }
    if report.ended_early {
        lines.push("all connections have ended: the figures are those until then".to_owned());
    }
    lines
}

fn counts(report: &Report) -> Vec<String> {
    let refused: u64 = report.refused.values().sum();
    let unanswered = if report.replies > 1 { "without all replies" } else { "without a reply" };
    let mut lines = vec![String::new(), format!("rate         {:.1} {}/s", report.rate, report.counted())];
    if let Some(due) = report.rate_due.filter(|_| report.rate_was_reached == Some(false)) {
        lines.push(format!("             of {due:.1} due: the rate was not reached"));
    }
    lines.push(format!(
        "requests     {} sent, {} answered, {refused} refused, {} wrong, {} {unanswered}, {} due but not sent",
        report.sent, report.answered, report.wrong, report.unanswered, report.unsent
    ));
    for (id, count) in &report.refused {
        let advice = match ErrorId(*id) {
            ErrorId::NOT_LOGGED_IN => " (--login)",
            ErrorId::NOT_ALLOWED => " (--kind says which kind)",
            _ => "",
        };
        lines.push(format!("             {count}: ErrorID {id}, {}{advice}", meaning(ErrorId(*id))));
    }
    if report.is_fan_out() {
        lines.push(format!("deliveries   {} of {}", report.delivered, report.deliveries_due));
    }
    if report.others > 0 {
        let others = plural(report.others, "push or text", "pushes or texts");
        lines.push(format!("others       {others} that nothing asked for"));
    }
    let (failed, lost): (u64, u64) = (report.failed.values().sum(), report.lost.values().sum());
    lines.push(format!("connections  {} opened, {failed} failed, {lost} lost", report.opened));
    for (reason, count) in report.failed.iter().chain(&report.lost) {
        lines.push(format!("             {count}: {reason}"));
    }
    if report.unclosed > 0 {
        lines.push(format!("             {}: the server did not close them in time", report.unclosed));
    }
    lines
}

fn distributions(report: &Report) -> Vec<String> {
    let mut lines = vec![
        String::new(),
        "                  p50       p90       p99     p99.9       max      mean".to_owned(),
    ];
    match &report.latency_us {
        None => lines.push("latency      none: no reply to a request of the measured time".to_owned()),
        Some(times) => lines.push(row("latency", times)),
    }
    let late = report.late_us.as_ref().filter(|_| report.rate_asked.is_some());
    lines.extend(late.map(|times| row("sent late", times)));
    lines.extend(report.opening_us.as_ref().map(|times| row("opening", times)));
    lines
}

fn row(name: &str, times: &Times) -> String {
    let columns = [times.p50, times.p90, times.p99, times.p999, times.max, times.mean]
        .map(|us| format!("{:>10}", time(us)));
    format!("{name:<11}{}", columns.concat())
}

/// A time with three digits and a unit.
fn time(us: f64) -> String {
    match us {
        us if us < 1e3 => format!("{us:.1} us"),
        us if us < 1e6 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

fn usage(report: &Report) -> Vec<String> {
    let generator = &report.generator;
    let (cpu, waited, spun) = (generator.cpu_percent, generator.waited_percent, generator.spun_percent);
    let mut lines = vec![
        String::new(),
        format!("generator    {cpu:.0} % of a core; {waited:.0} % of the time it was ready and had none"),
    ];
    if spun >= 0.5 {
        lines.push(format!("             {spun:.0} % of the time without work, and awake to send in time"));
    }
    if generator.was_the_limit {
        lines.push(
            "             together above 80 %: the generator was the limit, the server may do more"
                .to_owned(),
        );
    }
    if let Some(server) = report.server {
        lines.push(match server.used {
            Some(used) => format!(
                "server       {:.0} % of a core, {:.2} us each, {:.1} MiB resident (process {})",
                used.cpu_percent,
                used.cpu_us_each,
                used.resident_bytes as f64 / (1024.0 * 1024.0),
                server.pid
            ),
            None => format!("server       process {} has ended", server.pid),
        });
    }
    lines
}

fn verdict(report: &Report) -> Vec<String> {
    let mut lines = vec![String::new()];
    let agrees = report.server_count.as_ref().map(|count| count.agrees);
    if agrees == Some(None) {
        let line = "no connection is open at the end: nothing was compared with what the server has counted";
        lines.push(line.to_owned());
    }
    if let Some(count) = report.server_count.as_ref().filter(|_| agrees == Some(Some(true))) {
        let ended = report.opened.saturating_sub(count.connections);
        let (at_end, not_compared) = match ended {
            0 => ("", String::new()),
            ended => (" that are open at the end", format!("; {ended} that have ended are not compared")),
        };
        lines.push(format!(
            "the server has counted the same on {}{at_end}: {} received, {} sent{not_compared}",
            plural(count.connections, "connection", "connections"),
            plural(count.received, "packet", "packets"),
            count.sent
        ));
    }
    match report.differences() {
        [] if report.replies == 0 => lines.push("all was sent, and nothing was to come back".to_owned()),
        [] => lines.push("all that was sent has come back".to_owned()),
        differences => lines.extend(differences.iter().map(|line| format!("DIFFERS: {line}"))),
    }
    lines
}

impl Report {
    fn is_fan_out(&self) -> bool {
        self.load.starts_with("rooms")
    }

    /// What the rate counts.
    fn counted(&self) -> &'static str {
        match self.replies {
            _ if self.is_fan_out() => "deliveries",
            0 => "requests",
            _ => "replies",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        for (us, expected) in [(0.9, "0.9 us"), (999.0, "999.0 us"), (1234.0, "1.23 ms"), (2.5e6, "2.50 s")] {
            assert_eq!(time(us), expected);
        }
    }
}
