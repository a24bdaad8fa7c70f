//! The last 15 minutes, a point a second, in memory that does not grow: what all clients did, and what the
//! busiest commands did.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use sysconn::metrics::{Histogram, Snapshot};

use super::process::Process;
use super::series::Series;
use super::times::{largest, quantile};

/// Seconds that are kept.
pub(super) const SECONDS: usize = 900;
/// How far the seconds of points may be from the system's clock before they follow it.
const SLACK_S: u64 = 2;

/// One second. What was not measured is not a number.
#[derive(Clone, Debug)]
struct Point {
    /// By state.
    clients: Box<[f32]>,
    /// Ends by cause.
    closed: Box<[f32]>,
    rates: Rates,
    turn_max_ms: f32,
    memory_bytes: f32,
    /// The time of requests, in milliseconds: p50, p99, p999.
    request_ms: [f32; 3],
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rates {
    pub(super) packets_received: f32,
    pub(super) packets_sent: f32,
    pub(super) bytes_received: f32,
    pub(super) bytes_sent: f32,
    pub(super) accepted: f32,
    pub(super) closed: f32,
    /// Processors in use.
    pub(super) cpu: f32,
    pub(super) turn_max_ms: Option<f32>,
}

/// Sums since the program began, as the last point had them.
#[derive(Clone)]
struct Before {
    snapshot: Snapshot,
    cpu_seconds: f64,
}

/// The points.
#[derive(Clone, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    states: Vec<&'static str>,
    causes: Vec<&'static str>,
    series: Series,
    before: Option<Before>,
    /// When the last point was taken, in milliseconds since 1970.
    end_ms: u64,
    /// The second of the last point, since 1970. It goes on by one with each point: of times that are rounded
    /// two could be of one second, and none of another.
    end_s: u64,
}

/// The share of requests of each figure about their time.
const SHARES: [f64; 3] = [0.5, 0.99, 0.999];

/// The layer whose bytes are shown.
const LAYER: &str = "socket";

fn of(counts: &[(&'static str, u64)], label: &str) -> u64 {
    counts.iter().find(|(of, _)| *of == label).map_or(0, |(_, count)| *count)
}

fn sum<L>(counts: &[(L, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

/// Packets received and sent.
pub(super) fn packets(snapshot: &Snapshot) -> (u64, u64) {
    let routes = snapshot.routes.iter();
    routes.fold((0, 0), |(received, sent), route| (received + route.received, sent + sum(&route.sent)))
}

/// Bytes received and sent by sockets.
pub(super) fn bytes(total: &sysconn::metrics::WorkerSnapshot) -> (u64, u64) {
    (of(&total.bytes_received, LAYER), of(&total.bytes_sent, LAYER))
}

/// The number of clients in each state.
pub(super) fn by_state(total: &sysconn::metrics::WorkerSnapshot) -> Vec<(&'static str, u64)> {
    let mut states: Vec<(&'static str, u64)> = Vec::new();
    for (state, _, count) in &total.connections {
        match states.iter_mut().find(|(of, _)| of == state) {
            Some((_, sum)) => *sum += count,
            None => states.push((state, *count)),
        }
    }
    states
}

/// The times of all requests that have a route.
pub(super) fn requests(snapshot: &Snapshot) -> Histogram {
    let mut all = Histogram::default();
    for route in &snapshot.routes {
        for (sum, more) in all.counts.iter_mut().zip(&route.request_duration.counts) {
            *sum += more;
        }
        all.sum += route.request_duration.sum;
    }
    all
}

impl History {
    /// Takes a point, so many seconds after the one before.
    pub(super) fn take(&mut self, snapshot: Snapshot, process: &Process, now_ms: u64, seconds: usize) {
        let total = snapshot.total();
        let states = by_state(&total);
        if self.states.is_empty() {
            self.states = states.iter().map(|(state, _)| *state).collect();
            self.causes = total.closed.iter().map(|(cause, _)| *cause).collect();
        }
        let seconds = seconds.max(1);
        let before = self.before.take();
        self.end_ms = now_ms;
        let passed = self.advance(now_ms / 1000, seconds);
        let Some(before) = before else {
            self.before = Some(Before { snapshot, cpu_seconds: process.cpu_seconds });
            return;
        };
        for _ in 1..passed.min(SECONDS) {
            let gap = self.gap();
            self.push(gap);
            self.series.gap();
        }
        let earlier = before.snapshot.total();
        let per_second = |now: u64, then: u64| now.saturating_sub(then) as f32 / seconds as f32;
        let turns = total.turn_duration.since(&earlier.turn_duration);
        let turn_max_ms = largest(&turns).map(|seconds| (seconds * 1e3) as f32);
        let (now, then) = (packets(&snapshot), packets(&before.snapshot));
        let (bytes_now, bytes_then) = (bytes(&total), bytes(&earlier));
        let asked = requests(&snapshot).since(&requests(&before.snapshot));
        let closed = total.closed.iter().zip(&earlier.closed);
        let point = Point {
            clients: states.iter().map(|(_, count)| *count as f32).collect(),
            closed: closed.map(|((_, now), (_, then))| per_second(*now, *then)).collect(),
            rates: Rates {
                packets_received: per_second(now.0, then.0),
                packets_sent: per_second(now.1, then.1),
                bytes_received: per_second(bytes_now.0, bytes_then.0),
                bytes_sent: per_second(bytes_now.1, bytes_then.1),
                accepted: per_second(sum(&total.accepted), sum(&earlier.accepted)),
                closed: per_second(sum(&total.closed), sum(&earlier.closed)),
                cpu: ((process.cpu_seconds - before.cpu_seconds) / seconds as f64) as f32,
                turn_max_ms,
            },
            turn_max_ms: turn_max_ms.unwrap_or(f32::NAN),
            memory_bytes: process.resident_bytes.map_or(f32::NAN, |bytes| bytes as f32),
            request_ms: times(&asked),
        };
        self.push(point);
        self.series.take(&snapshot, &before.snapshot, seconds);
        self.before = Some(Before { snapshot, cpu_seconds: process.cpu_seconds });
    }

    /// Goes on by so many seconds, or to the time of a clock that was set. Returns by how many points: none
    /// is taken back.
    fn advance(&mut self, clock_s: u64, seconds: usize) -> usize {
        let before = self.end_s;
        self.end_s = before.saturating_add(seconds as u64);
        if self.end_s.abs_diff(clock_s) > SLACK_S {
            self.end_s = clock_s;
        }
        let passed = usize::try_from(self.end_s.saturating_sub(before)).unwrap_or(SECONDS);
        passed.max(seconds)
    }

    /// A second in which nothing was measured.
    fn gap(&self) -> Point {
        let none = f32::NAN;
        Point {
            clients: vec![none; self.states.len()].into(),
            closed: vec![none; self.causes.len()].into(),
            rates: Rates {
                packets_received: none,
                packets_sent: none,
                bytes_received: none,
                bytes_sent: none,
                accepted: none,
                closed: none,
                cpu: none,
                turn_max_ms: None,
            },
            turn_max_ms: none,
            memory_bytes: none,
            request_ms: [none; 3],
        }
    }

    fn push(&mut self, point: Point) {
        if self.points.len() >= SECONDS {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// What happened in the last second.
    pub(super) fn rates(&self) -> Option<Rates> {
        self.points.back().map(|point| point.rates)
    }

    /// The last seconds as JSON, with these commands.
    pub(super) fn show(&self, seconds: usize, commands: &Wanted) -> Value {
        let skip = self.points.len().saturating_sub(seconds);
        let points = || self.points.iter().skip(skip);
        let column = |of: &dyn Fn(&Point) -> f32| numbers(points().map(of));
        let labelled = |labels: &[&'static str], of: fn(&Point) -> &[f32], all: bool| {
            let columns = labels.iter().enumerate().filter_map(|(index, label)| {
                let value = |point: &Point| of(point).get(index).copied().unwrap_or(f32::NAN);
                (all || points().any(|point| value(point) > 0.0))
                    .then(|| ((*label).to_owned(), column(&value)))
            });
            columns.collect::<Map<String, Value>>()
        };
        json!({
            "step_ms": 1000,
            "end_ms": self.end_ms.to_string(),
            "end_s": self.end_s,
            "count": points().count(),
            "clients": labelled(&self.states, |point| &point.clients, true),
            "closed": labelled(&self.causes, |point| &point.closed, false),
            "packets_received": column(&|point| point.rates.packets_received),
            "packets_sent": column(&|point| point.rates.packets_sent),
            "bytes_received": column(&|point| point.rates.bytes_received),
            "bytes_sent": column(&|point| point.rates.bytes_sent),
            "accepted": column(&|point| point.rates.accepted),
            "turn_max_ms": column(&|point| point.turn_max_ms),
            "cpu": column(&|point| point.rates.cpu),
            "memory_bytes": column(&|point| point.memory_bytes),
            "request_ms": {
                "p50": column(&|point| point.request_ms[0]),
                "p99": column(&|point| point.request_ms[1]),
                "p999": column(&|point| point.request_ms[2]),
            },
            "commands": self.series.names(),
            "by_command": self.series.show(points().count(), commands),
        })
    }
}

/// Which commands are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    These(Vec<u16>),
}

/// The three figures about times, in milliseconds.
pub(super) fn times(histogram: &Histogram) -> [f32; 3] {
    SHARES.map(|share| quantile(histogram, share).map_or(f32::NAN, |seconds| (seconds * 1e3) as f32))
}

/// Numbers as JSON; what is not a number is null. Four digits are enough for a graph.
pub(super) fn numbers(values: impl Iterator<Item = f32>) -> Value {
    Value::Array(values.map(number).collect())
}

/// A number as JSON, with the digits that a graph can show.
pub(super) fn number(value: f32) -> Value {
    let value = f64::from(value);
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Value::from(value as i64);
    }
    let rounded = (value * 1e4).round() / 1e4;
    serde_json::Number::from_f64(rounded).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last second and the number of points, after points at these times of the clock, so many seconds
    /// after the one before.
    fn after(points: &[(u64, usize)]) -> (u64, usize) {
        let mut history = History::default();
        for (now_ms, seconds) in points {
            history.take(Snapshot::default(), &Process::default(), *now_ms, *seconds);
        }
        (history.end_s, history.points.len())
    }

    #[test]
    fn the_seconds_of_points_go_on_by_one_whatever_their_lateness() {
        // The first one only begins.
        for (points, expected) in [
            (&[(1_000_499, 1), (1_001_501, 1), (1_002_498, 1)][..], (1002, 2)),
            (&[(1_000_999, 1), (1_002_001, 1), (1_002_999, 1)], (1002, 2)),
            (&[(1_000_000, 1), (1_001_900, 1), (1_002_001, 1)], (1002, 2)),
            // One was left out.
            (&[(1_000_000, 1), (1_002_700, 2), (1_003_000, 1)], (1003, 3)),
            // The clock was set forward, or the machine slept; then back.
            (&[(1_000_000, 1), (1_001_000, 1), (1_061_000, 1), (1_062_000, 1)], (1062, 62)),
            (&[(1_000_000, 1), (1_001_000, 1), (901_000, 1), (902_000, 1)], (902, 3)),
            (&[(1_000_000, 1), (u64::MAX, 1)], (u64::MAX / 1000, SECONDS)),
        ] {
            assert_eq!(after(points), expected, "{points:?}");
        }
    }
}
