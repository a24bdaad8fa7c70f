//! The families of metrics that the program adds to those of the library.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use sysconn::metrics::{Counts, Metrics};

use super::process::Process;
use crate::blacklist::Blacklist;
use crate::cluster::{Cluster, Figures};
use crate::tally::{Tally, certificate_end};

/// The commit that this program was built from, where the build names it (`SYSCONN_COMMIT`).
pub(super) const COMMIT: &str = match option_env!("SYSCONN_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
/// The type of the text.
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the families come from.
#[derive(Clone, Debug)]
pub(super) struct Families {
    pub(super) metrics: Metrics,
    pub(super) blacklist: Arc<Blacklist>,
    pub(super) cluster: Option<Arc<Cluster>>,
    /// The file of the certificate.
    pub(super) certificate: Option<String>,
    /// When the program began, in seconds since 1970.
    pub(super) began: f64,
}

impl Families {
    /// All families, the library's first. Counting descriptors can take milliseconds.
    pub(super) fn encode(&self) -> String {
        let mut registry = Registry::default();
        let metrics = self.metrics.clone().with_log_lines_left_out(lines_left_out);
        registry.register_collector(Box::new(metrics));
        registry.register_collector(Box::new(Program { of: self.clone(), process: Process::now() }));
        let mut out = String::new();
        // Writing to a string never fails.
        let _ = encode(&mut out, &registry);
        out
    }
}

/// Log lines that the program leaves out, by what they are about.
fn lines_left_out() -> Counts {
    let lines = [
        ("unwritten", Tally::LinesUnwritten),
        ("wechat", Tally::LinesOfWechat),
        ("blacklist", Tally::LinesOfBlacklist),
        ("admin", Tally::LinesOfAdmin),
        ("stalls", Tally::LinesOfStalls),
    ];
    lines.map(|(kind, tally)| (kind, tally.get())).into()
}

/// The program's families.
#[derive(Debug)]
struct Program {
    of: Families,
    process: Process,
}

impl Collector for Program {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        let build = [("version", env!("CARGO_PKG_VERSION")), ("commit", COMMIT)];
        out.gauges("sysconn_build_info", "The version of the program.", None, [(build, 1)])?;
        self.game(&mut out)?;
        if let Some(cluster) = &self.of.cluster {
            out.cluster(&cluster.figures())?;
        }
        self.process(&mut out)
    }
}

impl Program {
    fn game(&self, out: &mut Out<'_>) -> fmt::Result {
        let (accounts, addresses) = self.of.blacklist.counts();
        let entries = [([("kind", "account")], as_i64(accounts)), ([("kind", "address")], as_i64(addresses))];
        out.gauges("sysconn_blacklist_entries", "Entries of the black list.", None, entries)?;
        if let (Some(file), Some(end)) = (&self.of.certificate, certificate_end()) {
            let help = "When the certificate in this file ends: the first one of its chain.";
            let end = [([("file", file.as_str())], end)];
            out.gauges("sysconn_tls_certificate_not_after_timestamp", help, Some(&Unit::Seconds), end)?;
        }
        let wechat = [
            ("accepted", Tally::WechatAccepted),
            ("refused", Tally::WechatRefused),
            ("failed", Tally::WechatFailed),
            ("turned_away", Tally::WechatTurnedAway),
        ];
        let help = "Login codes for WeChat. Those that were turned away were too many to be sent.";
        out.tallies("sysconn_wechat_requests", "result", help, &wechat)?;
        out.counter("sysconn_store_errors", "Requests to the store without a result.", Tally::StoreError)?;
        let help = "Requests to the admin server with a wrong token.";
        out.counter("sysconn_admin_wrong_tokens", help, Tally::WrongToken)
    }

    fn process(&self, out: &mut Out<'_>) -> fmt::Result {
        let process = &self.process;
        let (seconds, bytes) = (Some(&Unit::Seconds), Some(&Unit::Bytes));
        out.0
            .encode_descriptor("process_cpu", "Time on processors.", seconds, MetricType::Counter)?
            .encode_counter::<[(&str, &str); 0], _, f64>(&process.cpu_seconds, None)?;
        for (name, help, unit, value) in [
            ("process_start_time", "When the process began.", seconds, Some(self.of.began)),
            ("process_resident_memory", "Memory in use.", bytes, process.resident_bytes.map(|of| of as f64)),
            (
                "process_virtual_memory",
                "Memory with addresses.",
                bytes,
                process.virtual_bytes.map(|of| of as f64),
            ),
            ("process_open_fds", "Open descriptors.", None, process.open_fds.map(|of| of as f64)),
            ("process_max_fds", "The most open descriptors.", None, process.max_fds.map(|of| of as f64)),
        ] {
            let Some(value) = value else { continue };
            let mut family = out.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            if value.fract() == 0.0 {
                family.encode_gauge(&(value as i64))?
            } else {
                family.encode_gauge(&value)?
            }
        }
        Ok(())
    }
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Writes families.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    /// A family of gauges of whole numbers.
    fn gauges<Labels: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (Labels, i64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// The families of the cluster.
    fn cluster(&mut self, figures: &Figures) -> fmt::Result {
        const NONE: [(&str, &str); 0] = [];
        let help = "Servers of the cluster that are known, this one included.";
        self.gauges("sysconn_cluster_nodes", help, None, [(NONE, as_i64(figures.nodes))])?;
        let help = "Whether a NATS server is connected.";
        self.gauges("sysconn_cluster_connected", help, None, [(NONE, i64::from(figures.is_connected))])?;
        let help = "Bytes that wait for the cluster, or for this server.";
        self.gauges(
            "sysconn_cluster_queue",
            help,
            Some(&Unit::Bytes),
            [(NONE, as_i64(figures.queue_bytes))],
        )?;
        let messages = figures
            .messages
            .iter()
            .map(|(direction, kind, count)| ([("direction", *direction), ("kind", *kind)], *count));
        self.counters("sysconn_cluster_messages", "Messages of the cluster.", messages)?;
        let dropped = figures.dropped.iter().map(|(reason, count)| ([("reason", *reason)], *count));
        let help = "Messages of the cluster that were dropped: not sent (full, too_large, not_connected, refused), \
                    not understood or not for this server (garbage, version, clock_ahead, not_held), or too \
                    many (inbound, gap, too_many).";
        self.counters("sysconn_cluster_dropped", help, dropped)
    }

    /// A family of counters.
    fn counters<Labels: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_counter::<[(&str, &str); 0], _, u64>(&value, None)?;
        }
        Ok(())
    }

    /// A family of counters with one label.
    fn tallies(&mut self, name: &str, label: &str, help: &str, of: &[(&str, Tally)]) -> fmt::Result {
        self.counters(name, help, of.iter().map(|(value, tally)| ([(label, *value)], tally.get())))
    }

    /// A counter without labels.
    fn counter(&mut self, name: &str, help: &str, of: Tally) -> fmt::Result {
        const NONE: [(&str, &str); 0] = [];
        self.counters(name, help, [(NONE, of.get())])
    }
}
