//! The figures as text for Prometheus and others (OpenMetrics 1.0).

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::handle::Metrics;
use super::histogram::Histogram;
use super::snapshot::{RouteSnapshot, Snapshot, WorkerSnapshot};

impl Metrics {
    /// All figures as text in the format of OpenMetrics 1.0, which ends with `# EOF`. Its content type is
    /// `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    ///
    /// Counts and histograms of a command appear once there is something to count.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut out = String::new();
        // Writing to a string never fails.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        let mut out = Out { encoder };
        let mut total = snapshot.total();
        total.log_lines_left_out.extend(self.lines_left_out.map(|of| of()).unwrap_or_default());
        out.connections(&snapshot, &total)?;
        out.packets(&snapshot, &total)?;
        out.times(&snapshot, &total)?;
        out.turns(&snapshot, &total)?;
        out.rest(&snapshot, &total)
    }
}

/// Writes families.
struct Out<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Out<'_> {
    /// Begins a family. A unit follows its name.
    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.encoder.encode_descriptor(name, help, unit, kind)
    }

    /// A family of counters; the name ends with `_total`.
    fn counters<Labels: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        counts: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, unit, MetricType::Counter)?;
        for (labels, count) in counts {
            family.encode_family(&labels)?.encode_counter::<[(&str, &str); 0], _, u64>(&count, None)?;
        }
        Ok(())
    }

    /// A family of counters with one label.
    fn counts<'c, Label: AsRef<str> + 'c>(
        &mut self,
        name: &str,
        label: &str,
        help: &str,
        counts: impl IntoIterator<Item = &'c (Label, u64)>,
    ) -> fmt::Result {
        let unit = name.ends_with("_bytes").then_some(&Unit::Bytes);
        let name = name.strip_suffix("_bytes").unwrap_or(name);
        self.counters(
            name,
            help,
            unit,
            counts.into_iter().map(|(of, count)| ([(label, of.as_ref())], *count)),
        )
    }

    /// A family of gauges.
    fn gauges<Labels: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            let mut of = family.encode_family(&labels)?;
            // Whole numbers are written as such.
            if value.fract() == 0.0 && value.abs() < 1e15 {
                of.encode_gauge(&(value as i64))?;
            } else {
                of.encode_gauge(&value)?;
            }
        }
        Ok(())
    }

    /// A gauge without labels.
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.family(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A family of histograms of seconds.
    fn histograms<'h, Labels: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        histograms: impl IntoIterator<Item = (Labels, &'h Histogram)>,
    ) -> fmt::Result {
        let mut family = self.family(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for (labels, histogram) in histograms {
            let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<_> = bounds.zip(histogram.counts.iter().copied()).collect();
            let mut of = family.encode_family(&labels)?;
            of.encode_histogram::<[(&str, &str); 0]>(histogram.sum, histogram.count(), &buckets, None)?;
        }
        Ok(())
    }
}

/// The label of a worker.
fn worker(of: &WorkerSnapshot) -> [(&'static str, u64); 1] {
    [("worker", of.worker as u64)]
}

/// The label of a command.
fn cmd(route: &RouteSnapshot) -> [(&'static str, &str); 1] {
    [("cmd", &route.label)]
}

/// What is written of clients.
impl Out<'_> {
    fn connections(&mut self, all: &Snapshot, total: &WorkerSnapshot) -> fmt::Result {
        let connections = total.connections.iter();
        self.gauges(
            "sysconn_connections",
            "Admitted clients that are connected, by state and kind of client.",
            None,
            connections.map(|(state, kind, count)| ([("state", *state), ("kind", *kind)], *count as f64)),
        )?;
        if let Some(limit) = all.connections_limit {
            self.gauge("sysconn_connections_limit", "The most clients that are admitted at a time.", limit)?;
        }
        self.gauge("sysconn_draining", "1 while the server drains.", all.draining.into())?;
        self.counts(
            "sysconn_accepted",
            "listener",
            "Clients admitted, by the address of the listener.",
            &total.accepted,
        )?;
        self.counts(
            "sysconn_upgrades_refused",
            "status",
            "Requests answered with an HTTP error instead of the upgrade, by its status. Clients that were \
             not admitted count too.",
            &total.upgrades_refused,
        )?;
        self.counts(
            "sysconn_closed",
            "cause",
            "Admitted clients that are gone, by the cause of the end. With those that are connected, they \
             add up to those accepted.",
            &total.closed,
        )?;
        self.counts("sysconn_logins", "result", "Logins of roles, by result.", &total.logins)?;
        self.counts(
            "sysconn_tls_handshakes",
            "result",
            "TLS handshakes that were completed, that failed, or in whose place plain HTTP came.",
            &total.tls_handshakes,
        )
    }

    fn packets(&mut self, all: &Snapshot, total: &WorkerSnapshot) -> fmt::Result {
        let routes = all.routes.iter().filter(|route| route.cmd.is_some());
        let info = routes.map(|route| {
            let cmd = ("cmd", route.label.as_str());
            ([cmd, ("module", route.module), ("name", route.name), ("access", route.access)], 1.0)
        });
        self.gauges("sysconn_route_info", "The routes of the table: the name of each command.", None, info)?;
        let received = all.routes.iter().map(|route| (cmd(route), route.received));
        self.counters(
            "sysconn_packets_received",
            "Packets received by command, bad ones included. Packets without a route, or too short for a \
             command, are one.",
            None,
            received,
        )?;
        let sent = all.routes.iter().flat_map(|route| {
            let sent = route.sent.iter().filter(|(_, count)| *count > 0);
            sent.map(|(kind, count)| ([("cmd", route.label.as_str()), ("kind", kind)], *count))
        });
        self.counters(
            "sysconn_packets_sent",
            "Packets written to a socket or to an outbox, by command and kind. Pushes under a command \
             without a route are one.",
            None,
            sent,
        )?;
        let help = "Bytes from clients: on the socket, without TLS, and of messages after inflating.";
        self.counts("sysconn_bytes_received", "layer", help, &total.bytes_received)?;
        let help = "Bytes to clients: on the socket, without TLS, and of messages before deflating.";
        self.counts("sysconn_bytes_sent", "layer", help, &total.bytes_sent)?;
        let refusals = all.routes.iter().flat_map(|route| {
            let refusals = route.refusals.iter().filter(|(_, count)| *count > 0);
            refusals.map(|(error, count)| ([("cmd", route.label.as_str()), ("error", error)], *count))
        });
        self.counters(
            "sysconn_refusals",
            "Requests refused, by command and ErrorID; those of the application are one.",
            None,
            refusals,
        )?;
        self.counts(
            "sysconn_bad_requests",
            "reason",
            "Requests that no correct client sends.",
            &total.bad_requests,
        )?;
        self.counts(
            "sysconn_send_errors",
            "policy",
            "Packets that were not sent: the outbox was full, and the connection closed (close) or the \
             packet dropped (drop); no outbox could take it (too_large); too much waited to be sent to many \
             (fan_out); another worker's mailbox was full (mailbox).",
            &total.send_errors,
        )
    }

    fn times(&mut self, all: &Snapshot, total: &WorkerSnapshot) -> fmt::Result {
        let measured = |of: fn(&RouteSnapshot) -> &Histogram| {
            let routes = all.routes.iter().map(move |route| (cmd(route), of(route)));
            routes.filter(|(_, histogram)| histogram.count() > 0)
        };
        self.histograms(
            "sysconn_request_duration",
            "Time from the poll that announced a request's bytes until its handler had ended, by command. \
             It includes the wait behind other clients and behind deferred requests.",
            measured(|route| &route.request_duration),
        )?;
        self.histograms(
            "sysconn_handler_duration",
            "Time of handlers, by command. A handler that follows another one directly begins when that one \
             ends.",
            measured(|route| &route.handler_duration),
        )?;
        self.histograms(
            "sysconn_reply_wait",
            "Time from the queuing of a client's output until its socket had taken all of it, once for what \
             a client is sent at a time. Measured with an error of up to 16 writes.",
            [([("", ""); 0], &total.reply_wait)],
        )?;
        self.histograms(
            "sysconn_rtt",
            "Time from a Ping to its Pong, in whole milliseconds of the turns that sent and read them.",
            [([("", ""); 0], &total.rtt)],
        )
    }
}

/// What is written of reactors.
impl Out<'_> {
    fn turns(&mut self, all: &Snapshot, total: &WorkerSnapshot) -> fmt::Result {
        let turns = all.workers.iter().map(|of| (worker(of), &of.turn_duration));
        self.histograms(
            "sysconn_turn_duration",
            "Time of a reactor's turns, without the wait for events.",
            turns,
        )?;
        let stalls = all.routes.iter().filter(|route| route.stalls > 0);
        let stalls = stalls.map(|route| (cmd(route), route.stalls));
        let others = all.other_stalls.iter().map(|(work, count)| ([("cmd", *work)], *count));
        self.counters(
            "sysconn_stalls",
            "Times that a watchdog found a reactor hanging in one turn, by command, or by what else it did.",
            None,
            stalls.chain(others),
        )?;
        let last = all.workers.iter().map(|of| (worker(of), of.last_turn_unix_seconds));
        let help = "When a reactor's last turn ended, in seconds since 1970.";
        self.gauges("sysconn_last_turn_timestamp", help, Some(&Unit::Seconds), last)?;
        let depth = all.workers.iter().map(|of| (worker(of), of.mailbox_depth as f64));
        self.gauges(
            "sysconn_mailbox_depth",
            "Mail from other threads that waits for a reactor.",
            None,
            depth,
        )?;
        let full = all.workers.iter().map(|of| (worker(of), of.mailbox_full));
        self.counters(
            "sysconn_mailbox_full",
            "Mail refused because a reactor's mailbox was full.",
            None,
            full,
        )?;
        self.counts(
            "sysconn_timers_fired",
            "timer",
            "Timers of connections that have fired.",
            &total.timers_fired,
        )
    }

    fn rest(&mut self, all: &Snapshot, total: &WorkerSnapshot) -> fmt::Result {
        let outbox = [([("", ""); 0], total.outbox_bytes as f64)];
        self.gauges(
            "sysconn_outbox",
            "Bytes that wait in outboxes for their sockets.",
            Some(&Unit::Bytes),
            outbox,
        )?;
        let help = "Connections whose outbox is not empty.";
        self.gauge("sysconn_outbox_connections", help, total.outbox_connections)?;
        let help = "Connections that are not read until they have taken half of their outbox.";
        self.gauge("sysconn_reading_paused", help, total.reading_paused)?;
        self.gauge("sysconn_topics", "Topics that have subscribers.", all.topics)?;
        self.gauge("sysconn_subscriptions", "Subscriptions of connections to topics.", total.subscriptions)?;
        let help = "Publishes to many that have not reached all subscribers.";
        self.gauge("sysconn_publishes_unfinished", help, all.publishes_unfinished)?;
        self.counts(
            "sysconn_deflate_bytes",
            "direction",
            "Bytes that the compression of messages and of Data took in and gave out.",
            &total.deflate_bytes,
        )?;
        self.gauge("sysconn_recordings", "Recordings of connections that are under way.", all.recordings)?;
        let help = "Log lines left out because there were too many, by subject.";
        self.counts("sysconn_log_lines_left_out", "kind", help, &total.log_lines_left_out)
    }
}
