//! All figures at one time, as plain data.

use super::histogram::{Buckets, Histogram};
use super::labels::{
    BadRequest, Compression, ERRORS, KINDS, Layer, LoginResult, SendError, SentKind, State, Timer, TlsResult,
    status_label,
};
use super::number::Number;
use super::pulse::Work;
use super::shared::SharedMetrics;
use super::worker_numbers::WorkerNumbers;
use crate::cause::Cause;
use crate::log_limiter::SUBJECTS;

/// Counts under their labels.
pub type Counts<Label = &'static str> = Vec<(Label, u64)>;

/// All figures of a server at one time. The text of [`Metrics::encode`](super::Metrics::encode) has the same.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The workers, in the order of their numbers.
    pub workers: Vec<WorkerSnapshot>,
    /// The commands, over all workers: first the one that stands for all commands without a route, then the
    /// routes in the order of their commands.
    pub routes: Vec<RouteSnapshot>,
    /// Stalls outside of handlers, predicates and ciphers, by what the reactor worked on.
    pub other_stalls: Counts,
    /// The most clients that are admitted at a time; none for no limit.
    pub connections_limit: Option<u64>,
    /// Whether the server drains.
    pub draining: bool,
    /// Topics that have subscribers.
    pub topics: u64,
    /// Publishes to many that have not reached all subscribers.
    pub publishes_unfinished: u64,
    /// Recordings that are under way.
    pub recordings: u64,
}

/// Figures of one command, over all workers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RouteSnapshot {
    /// The command; none for all that have no route.
    pub cmd: Option<u16>,
    /// The label: the command, `unknown` for those without a route, or `any` for a service without a table.
    pub label: String,
    /// The name of its module; empty without a route.
    pub module: &'static str,
    /// Its name; empty without a route.
    pub name: &'static str,
    /// Who may call it, as [`Access::word`](crate::Access::word) says it; empty without a route.
    pub access: &'static str,
    /// Packets received, bad ones included.
    pub received: u64,
    /// Packets sent: `reply`, `push` and `refusal`.
    pub sent: Counts,
    /// Refused requests by ErrorID: `1` to `7`, and `other` for those of the application. They include
    /// refusals that did not fit the outbox.
    pub refusals: Counts,
    /// Times that a watchdog found a reactor hanging in it.
    pub stalls: u64,
    /// From the arrival of a request's bytes to the end of its handler, in seconds.
    pub request_duration: Histogram,
    /// The time of its handler, in seconds.
    pub handler_duration: Histogram,
}

/// Figures of one worker.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerSnapshot {
    /// The number of the worker; 0 in a [total](Snapshot::total).
    pub worker: usize,
    /// Turns so far.
    pub turns: u64,
    /// The time of turns, without their polls, in seconds.
    pub turn_duration: Histogram,
    /// When the last turn ended, in seconds since 1970; 0 before the first one.
    pub last_turn_unix_seconds: f64,
    /// Clients admitted, by the address of the listener.
    pub accepted: Counts<String>,
    /// Upgrades refused, by HTTP status; those of clients that were not admitted are included.
    pub upgrades_refused: Counts<String>,
    /// Admitted clients that are gone, by [`Cause::label`].
    pub closed: Counts,
    /// Admitted clients that are there, by state and kind.
    pub connections: Vec<(&'static str, &'static str, u64)>,
    /// Logins, by result.
    pub logins: Counts,
    /// Bytes received, by layer.
    pub bytes_received: Counts,
    /// Bytes sent, by layer.
    pub bytes_sent: Counts,
    /// Bad requests, by reason.
    pub bad_requests: Counts,
    /// Packets that were not sent, by the policy that applied.
    pub send_errors: Counts,
    /// From the queuing of a client's output until its socket had taken it, in seconds.
    pub reply_wait: Histogram,
    /// From a Ping to its Pong, in seconds.
    pub rtt: Histogram,
    /// Timers of connections that have fired.
    pub timers_fired: Counts,
    /// Mail that waits for the worker.
    pub mailbox_depth: u64,
    /// Mail that was refused because the mailbox was full.
    pub mailbox_full: u64,
    /// Bytes in outboxes.
    pub outbox_bytes: u64,
    /// Connections whose outbox is not empty.
    pub outbox_connections: u64,
    /// Connections that are not read until they take their output.
    pub reading_paused: u64,
    /// Subscriptions of this worker's connections to topics.
    pub subscriptions: u64,
    /// TLS handshakes, by result.
    pub tls_handshakes: Counts,
    /// Bytes that compression took in and gave out.
    pub deflate_bytes: Counts,
    /// Log lines left out, by subject.
    pub log_lines_left_out: Counts,
}

impl WorkerSnapshot {
    /// The number of admitted clients that are there.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.iter().map(|(_, _, count)| count).sum()
    }

    fn add(&mut self, other: &WorkerSnapshot) {
        self.turns += other.turns;
        self.last_turn_unix_seconds = self.last_turn_unix_seconds.max(other.last_turn_unix_seconds);
        for (sum, more) in [
            (&mut self.turn_duration, &other.turn_duration),
            (&mut self.reply_wait, &other.reply_wait),
            (&mut self.rtt, &other.rtt),
        ] {
            sum.add(more);
        }
        add(&mut self.accepted, &other.accepted);
        add(&mut self.upgrades_refused, &other.upgrades_refused);
        for (state, kind, count) in &other.connections {
            match self.connections.iter_mut().find(|sum| (&sum.0, &sum.1) == (state, kind)) {
                Some(sum) => sum.2 += count,
                None => self.connections.push((state, kind, *count)),
            }
        }
        for (sums, more) in [
            (&mut self.closed, &other.closed),
            (&mut self.logins, &other.logins),
            (&mut self.bytes_received, &other.bytes_received),
            (&mut self.bytes_sent, &other.bytes_sent),
            (&mut self.bad_requests, &other.bad_requests),
            (&mut self.send_errors, &other.send_errors),
            (&mut self.timers_fired, &other.timers_fired),
            (&mut self.tls_handshakes, &other.tls_handshakes),
            (&mut self.deflate_bytes, &other.deflate_bytes),
            (&mut self.log_lines_left_out, &other.log_lines_left_out),
        ] {
            add(sums, more);
        }
        self.mailbox_depth += other.mailbox_depth;
        self.mailbox_full += other.mailbox_full;
        self.outbox_bytes += other.outbox_bytes;
        self.outbox_connections += other.outbox_connections;
        self.reading_paused += other.reading_paused;
        self.subscriptions += other.subscriptions;
    }
}

/// Adds counts to those under the same labels.
fn add<Label: PartialEq + Clone>(sums: &mut Counts<Label>, more: &Counts<Label>) {
    for (label, count) in more {
        match sums.iter_mut().find(|(of, _)| of == label) {
            Some((_, sum)) => *sum += count,
            None => sums.push((label.clone(), *count)),
        }
    }
}

/// The sum of counts.
#[must_use]
pub fn sum<Label>(counts: &[(Label, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

impl Snapshot {
    /// The figures of all workers together.
    #[must_use]
    pub fn total(&self) -> WorkerSnapshot {
        let mut total = WorkerSnapshot::default();
        for worker in &self.workers {
            total.add(worker);
        }
        total
    }

    pub(super) fn of(shared: &SharedMetrics) -> Self {
        let numbers = shared.workers.iter().enumerate();
        let (topics, publishes_unfinished) = shared.elsewhere.topics();
        Snapshot {
            workers: numbers.map(|(worker, numbers)| of_worker(shared, worker, numbers)).collect(),
            routes: (0..shared.routes.count()).map(|number| of_route(shared, number)).collect(),
            other_stalls: Work::ALL
                .iter()
                .zip(&shared.other_stalls)
                .filter(|(work, _)| !work.has_cmd())
                .map(|(work, count)| (work.name(), count.get()))
                .collect(),
            connections_limit: shared.max_connections.map(|max| max as u64),
            draining: shared.workers.iter().any(|numbers| numbers.draining.get() > 0),
            topics,
            publishes_unfinished,
            recordings: shared.elsewhere.recordings(),
        }
    }
}

fn counts(names: &[&'static str], numbers: &[Number]) -> Counts {
    names.iter().copied().zip(values(numbers)).collect()
}

fn values(numbers: &[Number]) -> impl Iterator<Item = u64> {
    numbers.iter().map(Number::get)
}

fn histogram(buckets: &Buckets) -> Histogram {
    let mut histogram = Histogram::default();
    buckets.add_to(&mut histogram);
    histogram
}

fn of_worker(shared: &SharedMetrics, worker: usize, numbers: &WorkerNumbers) -> WorkerSnapshot {
    let refused = numbers.refused.iter().enumerate().filter(|(_, number)| number.get() > 0);
    let accepted = shared.listeners.iter().cloned().zip(&numbers.accepted);
    let connections = State::NAMES.iter().zip(&numbers.connections).flat_map(|(state, kinds)| {
        KINDS.iter().zip(kinds).map(|(kind, number)| (*state, *kind, number.get()))
    });
    WorkerSnapshot {
        worker,
        turns: numbers.heart.turn(),
        turn_duration: histogram(&numbers.turn),
        last_turn_unix_seconds: last_turn(shared, numbers.turn_ended_ns.get()),
        accepted: accepted.map(|(address, number)| (address, number.get())).collect(),
        upgrades_refused: refused.map(|(index, number)| (status_label(index), number.get())).collect(),
        closed: Cause::ALL.iter().map(|cause| cause.label()).zip(values(&numbers.closed)).collect(),
        connections: connections.collect(),
        logins: counts(&LoginResult::NAMES, &numbers.logins),
        bytes_received: counts(&Layer::NAMES, &numbers.received),
        bytes_sent: counts(&Layer::NAMES, &numbers.sent),
        bad_requests: counts(&BadRequest::NAMES, &numbers.bad_requests),
        send_errors: counts(&SendError::NAMES, &numbers.send_errors),
        reply_wait: histogram(&numbers.reply_wait),
        rtt: histogram(&numbers.rtt),
        timers_fired: counts(&Timer::NAMES, &numbers.timers),
        mailbox_depth: numbers.mail.get() + shared.elsewhere.mailbox_depth(worker),
        mailbox_full: shared.elsewhere.mailbox_full(worker),
        outbox_bytes: numbers.outbox_bytes.get(),
        outbox_connections: numbers.outbox_connections.get(),
        reading_paused: numbers.reading_paused.get(),
        subscriptions: numbers.subscriptions.get(),
        tls_handshakes: counts(&TlsResult::NAMES, &numbers.tls),
        deflate_bytes: counts(&Compression::NAMES, &numbers.deflate),
        log_lines_left_out: counts(&SUBJECTS, &numbers.left_out),
    }
}

/// When a turn ended, in seconds since 1970, from the time of the server's clock; 0 for none.
fn last_turn(shared: &SharedMetrics, ended_ns: u64) -> f64 {
    if ended_ns == 0 {
        return 0.0;
    }
    let (now, unix_ms) = shared.elsewhere.now();
    unix_ms as f64 / 1e3 - now.as_ns().saturating_sub(ended_ns) as f64 / 1e9
}

fn of_route(shared: &SharedMetrics, number: usize) -> RouteSnapshot {
    let labels = shared.routes.get(number);
    let mut route = RouteSnapshot {
        cmd: labels.map(|labels| labels.cmd),
        label: shared.routes.label(number),
        module: labels.map_or("", |labels| labels.module),
        name: labels.map_or("", |labels| labels.name),
        access: labels.map_or("", |labels| labels.access),
        received: 0,
        sent: SentKind::NAMES.map(|name| (name, 0)).to_vec(),
        refusals: ERRORS.map(|name| (name, 0)).to_vec(),
        stalls: shared.stalls.get(number).map_or(0, Number::get),
        request_duration: Histogram::default(),
        handler_duration: Histogram::default(),
    };
    for numbers in shared.workers.iter().filter_map(|worker| worker.routes.get(number)) {
        route.received += numbers.received.get();
        add(&mut route.sent, &counts(&SentKind::NAMES, &numbers.sent));
        add(&mut route.refusals, &counts(&ERRORS, &numbers.refusals));
        numbers.request.add_to(&mut route.request_duration);
        numbers.handler.add_to(&mut route.handler_duration);
    }
    route
}
