//! What the admin server's API answers, as far as it is shown. What it leaves out counts as nothing.

use std::collections::BTreeMap;

use super::answers::answers;
use super::shown::Shown;

answers! {
    /// `/api/stats`.
    pub(super) struct Stats {
        pub(super) version: Shown,
        pub(super) now_ms: Shown,
        /// When the server began: another one has another time.
        pub(super) started_ms: Shown,
        pub(super) uptime_s: f64,
        pub(super) workers: u32,
        pub(super) pid: u32,
        /// `serving`, `draining` or `stuck`.
        pub(super) state: Shown,
        pub(super) stuck: Vec<Stuck>,
        pub(super) clients: Clients,
        pub(super) totals: Totals,
        /// `None` in the first second.
        pub(super) rates: Option<Rates>,
        pub(super) request_ms: Quantiles,
        pub(super) commands: Vec<Command>,
        pub(super) closed_by_cause: BTreeMap<Shown, u64>,
        pub(super) turn_max_ms: Option<f64>,
        pub(super) cpu_seconds: f64,
        pub(super) memory_bytes: u64,
        pub(super) fds: u64,
        pub(super) fds_limit: u64,
        pub(super) outbox_bytes: u64,
        /// The server's name in its cluster, if it is in one, and those of the others that it knows.
        pub(super) node: Option<Shown>,
        pub(super) other_nodes: Vec<Shown>,
    }

    /// A worker that hangs.
    pub(super) struct Stuck {
        pub(super) worker: u32,
        /// The command whose handler it is in.
        pub(super) cmd: Option<u16>,
        pub(super) name: Option<Shown>,
        pub(super) for_ms: u64,
    }

    /// The clients of the server.
    pub(super) struct Clients {
        pub(super) total: u64,
        pub(super) by_state: BTreeMap<Shown, u64>,
        pub(super) by_kind: BTreeMap<Shown, u64>,
        pub(super) limit: Option<u64>,
    }

    /// Counts since the server began.
    pub(super) struct Totals {
        pub(super) accepted: u64,
        pub(super) closed: u64,
        pub(super) packets_received: u64,
        pub(super) packets_sent: u64,
        pub(super) bytes_received: u64,
        pub(super) bytes_sent: u64,
        pub(super) bad_requests: u64,
        pub(super) send_errors: u64,
        pub(super) logins: u64,
        pub(super) stalls: u64,
    }

    /// What happened in the last whole second.
    pub(super) struct Rates {
        pub(super) packets_received: f64,
        pub(super) packets_sent: f64,
        pub(super) bytes_received: f64,
        pub(super) bytes_sent: f64,
        /// Cores.
        pub(super) cpu: f64,
    }

    /// Latencies in milliseconds; `None` where nothing was measured.
    pub(super) struct Quantiles {
        pub(super) p50: Option<f64>,
        pub(super) p99: Option<f64>,
        pub(super) p999: Option<f64>,
    }

    /// A command, with its calls of the last 60 s.
    pub(super) struct Command {
        /// `None`: those without a route, together.
        pub(super) cmd: Option<u16>,
        /// The label of its metrics.
        pub(super) label: Shown,
        /// Empty if it has none.
        pub(super) name: Shown,
        pub(super) count: u64,
        pub(super) per_second: f64,
        pub(super) p50_ms: Option<f64>,
        pub(super) p99_ms: Option<f64>,
        pub(super) p999_ms: Option<f64>,
        pub(super) stalls: u64,
    }

    /// `/api/connections`.
    pub(super) struct Page {
        pub(super) total: usize,
        pub(super) matching: usize,
        pub(super) offset: usize,
        pub(super) connections: Vec<Connection>,
        /// Servers of the cluster that have not answered.
        pub(super) missing_nodes: Vec<Shown>,
    }

    /// A connection. Its counts are since it was accepted; `None` is what another server does not say.
    pub(super) struct Connection {
        /// Its server, in a list of all servers of a cluster.
        pub(super) node: Shown,
        pub(super) id: Shown,
        pub(super) worker: u32,
        pub(super) peer: Shown,
        pub(super) kind: Shown,
        pub(super) account: Shown,
        pub(super) platform: Shown,
        pub(super) zone_id: u64,
        pub(super) role_id: Shown,
        pub(super) custodian: Shown,
        pub(super) custodian_role_id: Shown,
        pub(super) connected_ms: Shown,
        pub(super) recv_count: u64,
        pub(super) send_count: u64,
        pub(super) bytes_received: Option<u64>,
        pub(super) bytes_sent: Option<u64>,
        pub(super) error_send: u64,
        pub(super) bad_req_count: u64,
        pub(super) last_cmd: Option<u16>,
        pub(super) loop_counter: u64,
        pub(super) outbox_bytes: u64,
        pub(super) debug: bool,
    }
}

impl Command {
    /// Its name, or else its label.
    pub(super) fn title(&self) -> &Shown {
        if self.name.as_str().is_empty() { &self.label } else { &self.name }
    }
}

/// The number in a text of digits; 0 if it is none.
pub(super) fn number(text: &Shown) -> u64 {
    text.as_str().parse().unwrap_or_default()
}
