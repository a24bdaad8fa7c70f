//! `GET /api/stats`: the server now, and in the last minute.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use sysconn::metrics::{Histogram, RouteSnapshot, Snapshot, WorkerSnapshot};

use super::families::COMMIT;
use super::history::{History, by_state, bytes, number, packets, requests, times};
use super::process::Process;
use super::times::largest;
use super::watchdog::{Stall, name_of};

/// Commands that are shown.
const MAX_COMMANDS: usize = 32;
/// Seconds between two marks, and how many are kept: the figures are of 60 to 70 seconds.
const MARK_SECONDS: u64 = 10;
const MARKS: usize = 7;

/// The histograms of a minute ago, with which those of now are compared.
pub(super) struct Minute {
    marks: VecDeque<Mark>,
    seconds: u64,
}

struct Mark {
    /// When it was made, in seconds of the history.
    at: u64,
    turns: Histogram,
    /// By the index of the route.
    requests: Vec<Histogram>,
}

impl Default for Minute {
    /// The first mark is that of a server that has done nothing: its first second counts too.
    fn default() -> Self {
        let nothing = Mark { at: 0, turns: Histogram::default(), requests: vec![] };
        Minute { marks: [nothing].into(), seconds: 0 }
    }
}

impl Minute {
    /// Tells that so many seconds have passed.
    pub(super) fn pass(&mut self, snapshot: &Snapshot, seconds: u64) {
        self.seconds += seconds;
        let is_due = self.marks.back().is_none_or(|mark| self.seconds - mark.at >= MARK_SECONDS);
        if !is_due {
            return;
        }
        if self.marks.len() >= MARKS {
            self.marks.pop_front();
        }
        let requests = snapshot.routes.iter().map(|route| route.request_duration.clone()).collect();
        let turns = snapshot.total().turn_duration;
        self.marks.push_back(Mark { at: self.seconds, turns, requests });
    }

    /// The seconds from the oldest mark until now.
    fn len(&self) -> u64 {
        self.marks.front().map_or(0, |mark| self.seconds - mark.at).max(1)
    }

    fn turns(&self, now: &Histogram) -> Histogram {
        self.marks.front().map_or_else(|| now.clone(), |mark| now.since(&mark.turns))
    }

    fn request(&self, index: usize, now: &Histogram) -> Histogram {
        let before = self.marks.front().and_then(|mark| mark.requests.get(index));
        before.map_or_else(|| now.clone(), |before| now.since(before))
    }
}

/// What else is known of the server.
pub(super) struct About<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) process: Process,
    pub(super) minute: &'a Minute,
    pub(super) history: &'a History,
    pub(super) is_draining: bool,
    pub(super) stalls: Vec<Stall>,
    pub(super) began_ms: u64,
    pub(super) now_ms: u64,
}

/// The figures as JSON.
pub(super) fn stats(about: &About<'_>) -> Value {
    let total = about.snapshot.total();
    let (minute, process) = (about.minute, &about.process);
    let state = match (about.is_draining, about.stalls.is_empty()) {
        (_, false) => "stuck",
        (true, true) => "draining",
        (false, true) => "serving",
    };
    let mut asked = Histogram::default();
    for (index, route) in about.snapshot.routes.iter().enumerate() {
        add(&mut asked, &minute.request(index, &route.request_duration));
    }
    let turn_max_ms = largest(&minute.turns(&total.turn_duration)).map(|seconds| seconds * 1e3);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": COMMIT,
        "pid": std::process::id(),
        "now_ms": about.now_ms.to_string(),
        "started_ms": about.began_ms.to_string(),
        "uptime_s": about.now_ms.saturating_sub(about.began_ms) as f64 / 1e3,
        "workers": about.snapshot.workers.len(),
        "state": state,
        "is_draining": about.is_draining,
        "stuck": about.stalls.iter().map(stuck).collect::<Vec<_>>(),
        "clients": clients(about.snapshot, &total),
        "totals": totals(about.snapshot, &total),
        "rates": rates(about.history),
        "request_ms": quantiles(&asked),
        "requests_seen": requests(about.snapshot).count(),
        "minute_s": minute.len(),
        "commands": commands(about.snapshot, minute),
        "closed_by_cause": labelled(total.closed.iter().filter(|(_, count)| *count > 0)),
        "turn_max_ms": turn_max_ms,
        "cpu_seconds": process.cpu_seconds,
        "memory_bytes": process.resident_bytes,
        "fds": process.open_fds,
        "fds_limit": process.max_fds,
        "outbox_bytes": total.outbox_bytes,
        "topics": about.snapshot.topics,
        "recordings": about.snapshot.recordings,
    })
}

fn stuck(stall: &Stall) -> Value {
    json!({
        "worker": stall.worker,
        "work": stall.work,
        "cmd": stall.cmd,
        "name": stall.cmd.and_then(name_of),
        "for_ms": stall.lasted.as_millis() as u64,
    })
}

fn clients(snapshot: &Snapshot, total: &WorkerSnapshot) -> Value {
    let mut kinds: Vec<(&'static str, u64)> = Vec::new();
    for (_, kind, count) in &total.connections {
        match kinds.iter_mut().find(|(of, _)| of == kind) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((kind, *count)),
        }
    }
    json!({
        "total": total.connections(),
        "by_state": labelled(by_state(total).iter()),
        "by_kind": labelled(kinds.iter()),
        "limit": snapshot.connections_limit,
    })
}

fn totals(snapshot: &Snapshot, total: &WorkerSnapshot) -> Value {
    let (received, sent) = packets(snapshot);
    let (bytes_received, bytes_sent) = bytes(total);
    let routes = snapshot.routes.iter();
    json!({
        "accepted": sum(&total.accepted),
        "closed": sum(&total.closed),
        "packets_received": received,
        "packets_sent": sent,
        "bytes_received": bytes_received,
        "bytes_sent": bytes_sent,
        "bad_requests": sum(&total.bad_requests),
        "send_errors": sum(&total.send_errors),
        "logins": sum(&total.logins),
        "refusals": routes.clone().map(|route| sum(&route.refusals)).sum::<u64>(),
        "stalls": routes.map(|route| route.stalls).sum::<u64>() + sum(&snapshot.other_stalls),
    })
}

fn rates(history: &History) -> Value {
    let Some(rates) = history.rates() else { return Value::Null };
    json!({
        "packets_received": number(rates.packets_received),
        "packets_sent": number(rates.packets_sent),
        "bytes_received": number(rates.bytes_received),
        "bytes_sent": number(rates.bytes_sent),
        "accepted": number(rates.accepted),
        "closed": number(rates.closed),
        "cpu": number(rates.cpu),
        "turn_max_ms": rates.turn_max_ms.map(number),
    })
}

/// The busiest commands of the last minute.
fn commands(snapshot: &Snapshot, minute: &Minute) -> Vec<Value> {
    let asked = |(index, route): (usize, &RouteSnapshot)| {
        let asked = minute.request(index, &route.request_duration);
        (asked.count(), asked, route.cmd, route.label.clone(), route.received, route.stalls)
    };
    let mut commands: Vec<_> =
        snapshot.routes.iter().enumerate().map(asked).filter(|command| command.4 > 0).collect();
    commands.sort_by_key(|command| std::cmp::Reverse((command.0, command.4)));
    commands.truncate(MAX_COMMANDS);
    let seconds = minute.len();
    let shown = commands.into_iter().map(|(count, asked, cmd, label, received, stalls)| {
        let [p50, p99, p999] = times(&asked).map(number);
        json!({
            "cmd": cmd,
            "label": label,
            "name": cmd.and_then(name_of),
            "received": received,
            "count": count,
            "per_second": number(count as f32 / seconds as f32),
            "p50_ms": p50,
            "p99_ms": p99,
            "p999_ms": p999,
            "stalls": stalls,
        })
    });
    shown.collect()
}

fn quantiles(asked: &Histogram) -> Value {
    let [p50, p99, p999] = times(asked).map(number);
    json!({ "count": asked.count(), "p50": p50, "p99": p99, "p999": p999 })
}

fn add(all: &mut Histogram, more: &Histogram) {
    for (sum, more) in all.counts.iter_mut().zip(&more.counts) {
        *sum += more;
    }
}

fn sum<L>(counts: &[(L, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

fn labelled<'a>(counts: impl Iterator<Item = &'a (&'static str, u64)>) -> Map<String, Value> {
    counts.map(|(label, count)| ((*label).to_owned(), Value::from(*count))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_second_counts_for_a_minute() {
        let mut snapshot = Snapshot::default();
        snapshot.workers.push(WorkerSnapshot::default());
        snapshot.workers[0].turn_duration.counts[3] = 2;
        let mut minute = Minute::default();
        for second in 0..70 {
            assert_eq!(minute.turns(&snapshot.total().turn_duration).count(), 2, "after {second} s");
            minute.pass(&snapshot, 1);
        }
        assert_eq!(minute.turns(&snapshot.total().turn_duration).count(), 0);
    }
}
