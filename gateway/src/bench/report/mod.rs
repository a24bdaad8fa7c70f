//! The figures of a run, as they are printed.

mod csv;
mod json;
mod text;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::admin::Counted;
use super::phases::Measured;
use super::plan::Kind;
use super::shared::Shared;
use super::verdict::differences;
pub(super) use csv::csv;
pub(super) use json::json;
pub(super) use text::text;

/// The share of its time in which the generator runs, or waits for a core, above which it is the limit.
const LIMIT: f64 = 0.8;
/// Above this share of the rate that was asked for, the rate was reached.
const REACHED: f64 = 0.99;

/// The figures of a run. Times without a unit in their name are in seconds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    /// `open` or `closed`.
    #[serde(rename = "loop")]
    pub(super) kind_of_loop: &'static str,
    /// What was sent: `echo`, `command 1101`, `rooms of 10`.
    pub(super) load: String,
    pub(super) connections: usize,
    pub(super) idle: usize,
    pub(super) pipeline: usize,
    /// Replies to each request.
    pub(super) replies: u32,
    pub(super) size: usize,
    /// The rate that was asked for; `None` in a closed loop.
    pub(super) rate_asked: Option<f64>,
    /// The time that was measured.
    pub(super) seconds: f64,
    pub(super) was_interrupted: bool,
    /// No connection was left to go on with.
    pub(super) ended_early: bool,
    /// Replies, or deliveries, a second in that time; requests if there are no replies.
    pub(super) rate: f64,
    /// What that should have been, and whether it was; `None` in a closed loop, or if nothing was measured.
    pub(super) rate_due: Option<f64>,
    pub(super) rate_was_reached: Option<bool>,
    pub(super) sent: u64,
    pub(super) answered: u64,
    pub(super) unanswered: u64,
    pub(super) refused: BTreeMap<u16, u64>,
    pub(super) wrong: u64,
    pub(super) unsent: u64,
    pub(super) others: u64,
    pub(super) delivered: u64,
    pub(super) deliveries_due: u64,
    pub(super) misdelivered: u64,
    pub(super) bytes_sent: u64,
    pub(super) opened: u64,
    pub(super) failed: BTreeMap<String, u64>,
    pub(super) lost: BTreeMap<String, u64>,
    pub(super) unclosed: u64,
    pub(super) latency_us: Option<Times>,
    pub(super) late_us: Option<Times>,
    pub(super) opening_us: Option<Times>,
    pub(super) generator: Generator,
    pub(super) server: Option<Server>,
    pub(super) server_count: Option<ServerCount>,
    /// One line for each difference; none if all that was sent has come back.
    differences: Vec<String>,
}

/// A distribution with at least one value, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Times {
    pub(super) count: u64,
    pub(super) min: f64,
    pub(super) mean: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    pub(super) max: f64,
}

/// What the generator itself used.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Generator {
    /// A share of one core, in percent.
    pub(super) cpu_percent: f64,
    /// The share of the time in which it was ready and had no core, in percent.
    pub(super) waited_percent: f64,
    /// The share of the time in which an open loop had nothing to do and did not sleep, in percent. It counts
    /// as neither of the others.
    pub(super) spun_percent: f64,
    /// Together they leave little to spare.
    pub(super) was_the_limit: bool,
}

impl Generator {
    fn new(measured: Measured) -> Self {
        let share = |nanos: u64| nanos as f64 / measured.time.max(1) as f64;
        let cpu = share(measured.own_cpu.saturating_sub(measured.spun));
        let waited = share(measured.own_wait);
        Generator {
            cpu_percent: cpu * 100.0,
            waited_percent: waited * 100.0,
            spun_percent: share(measured.spun) * 100.0,
            was_the_limit: cpu + waited > LIMIT,
        }
    }
}

/// What the server's process used.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Server {
    pub(super) pid: u32,
    /// `None` if it has ended.
    pub(super) used: Option<Used>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Used {
    pub(super) cpu_percent: f64,
    /// For each reply or delivery.
    pub(super) cpu_us_each: f64,
    pub(super) resident_bytes: u64,
}

/// What the server has counted of the connections that were open at the end, logins included.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ServerCount {
    /// Why it does not say.
    pub(super) error: Option<String>,
    pub(super) connections: u64,
    pub(super) received: u64,
    pub(super) sent: u64,
    /// `None`: no connection was open at the end, so nothing was compared.
    pub(super) agrees: Option<bool>,
}

impl Report {
    pub(super) fn new(
        shared: &Shared,
        measured: Measured,
        pid: Option<u32>,
        counted: Option<Result<Counted, String>>,
    ) -> Self {
        let (plan, figures) = (&shared.plan, &shared.figures);
        let seconds = figures.window.end.saturating_sub(figures.window.start) as f64 / 1e9;
        let (time, each) = (measured.time.max(1) as f64, figures.measured.max(1) as f64);
        let arrivals = if let Kind::Rooms { members } = plan.kind { members as f64 } else { 1.0 };
        let rate_due = plan.rate.map(|rate| rate * arrivals);
        // The last request may be answered just after the end.
        let is_reached = |due: f64| figures.measured as f64 + arrivals >= due * seconds * REACHED;
        let used = measured.server.map(|usage| Used {
            cpu_percent: usage.cpu as f64 / time * 100.0,
            cpu_us_each: usage.cpu as f64 / 1e3 / each,
            resident_bytes: usage.resident_bytes,
        });
        Report {
            url: plan.url.shown(),
            kind_of_loop: if plan.rate.is_some() { "open" } else { "closed" },
            load: match plan.kind {
                Kind::Echo => "echo".to_owned(),
                Kind::Call { cmd, .. } => format!("command {cmd}"),
                Kind::Rooms { members } => format!("rooms of {members}"),
            },
            connections: plan.connections,
            idle: plan.idle,
            pipeline: plan.pipeline,
            replies: plan.kind.replies(),
            size: plan.size,
            rate_asked: plan.rate,
            seconds,
            was_interrupted: measured.was_interrupted,
            ended_early: measured.ended_early,
            rate: if seconds > 0.0 { figures.measured as f64 / seconds } else { 0.0 },
            rate_due,
            rate_was_reached: rate_due.filter(|_| seconds > 0.0).map(is_reached),
            sent: figures.sent,
            answered: figures.answered,
            unanswered: figures.unanswered,
            refused: figures.refused.clone(),
            wrong: figures.wrong,
            unsent: figures.unsent,
            others: figures.others,
            delivered: figures.delivered,
            deliveries_due: figures.deliveries_due,
            misdelivered: figures.misdelivered,
            bytes_sent: figures.bytes_sent,
            opened: figures.opened,
            failed: figures.failed.clone(),
            lost: figures.lost.clone(),
            unclosed: figures.unclosed,
            latency_us: times(&figures.latency),
            late_us: times(&figures.late),
            opening_us: times(&figures.opening),
            generator: Generator::new(measured),
            server: pid.map(|pid| Server { pid, used }),
            differences: differences(figures, plan.kind, counted.as_ref()),
            server_count: counted.map(count),
        }
    }

    /// One line for each difference between what was sent and what has come back.
    pub(super) fn differences(&self) -> &[String] {
        &self.differences
    }
}

fn count(counted: Result<Counted, String>) -> ServerCount {
    let error = counted.as_ref().err().cloned();
    let counted = counted.unwrap_or_default();
    ServerCount {
        agrees: (error.is_some() || counted.own.connections > 0)
            .then_some(error.is_none() && counted.differing == 0),
        error,
        connections: counted.server.connections,
        received: counted.server.received,
        sent: counted.server.sent,
    }
}

/// `None`: nothing was measured, which is not the same as 0.
fn times(histogram: &Histogram<u64>) -> Option<Times> {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
    let times = || Times {
        count: histogram.len(),
        min: histogram.min() as f64 / 1e3,
        mean: histogram.mean() / 1e3,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max() as f64 / 1e3,
    };
    (!histogram.is_empty()).then(times)
}
