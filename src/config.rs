//! Configuration: every limit and timer of a server, with its unit and its default.
//!
//! [`Config`] holds the settings in groups, [`Config::validate`] checks them, and [`Config::warnings`] lists
//! settings that work against each other. Limits that cannot be set are constants here.

mod bounds;
mod choices;
mod drain;
mod error;
mod inherited;
mod limits;
mod listen;
mod output;
mod proxies;
mod recording;
mod timers;
mod tuning;
mod upgrades;
mod validate;
mod warnings;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::presence::Presence;
#[cfg(feature = "tls")]
use crate::tls::Tls;

pub use crate::trusted::{TrustedProxy, TrustedProxyError};
pub use crate::upgrade::{OriginError, PathError};
pub use bounds::{
    MAX_BAD_INPUT_LINES, MAX_BAD_REQUESTS, MAX_DEFLATE_LEVEL, MAX_DIRECTORY_BYTES, MAX_HEAD_BYTES,
    MAX_HEAD_LINES, MAX_LEN, MAX_LEN_CEILING, MAX_TICKETS, MAX_TIMER, MAX_WORKERS, MIN_RECORD_LIMIT,
    OUTBOX_LIMIT, PACKET_OVERHEAD_BYTES, RECORD_LIMIT,
};
pub use choices::{DeflateMode, Liveness, LogConnections, Overflow};
pub use drain::Drain;
pub use error::ConfigError;
pub use inherited::Inherited;
pub(crate) use inherited::InheritedSocket;
pub use limits::Limits;
pub use listen::{Listen, Listeners};
pub use output::Output;
pub use proxies::Proxies;
pub use recording::Recording;
pub use timers::Timers;
pub use tuning::Tuning;
pub use upgrades::Upgrades;

/// The settings of a server, in groups.
///
/// Begin with the defaults, and change what you need. `None` turns a timer or limit off; 0 is an error where
/// it makes no sense.
///
/// ```
/// use std::time::Duration;
/// use sysconn::Config;
///
/// let mut config = Config::default();
/// config.limits.max_connections = Some(10_000);
/// config.timers.account_check = Some(Duration::from_secs(30));
/// config.timers.ping_interval = None;
/// # assert_eq!(config.validate(), Ok(()));
/// ```
///
/// The bytes held for one client are at most [`max_len`](Limits::max_len) (but at least 512 KiB),
/// [`outbox_limit`](Output::outbox_limit) and 64 KiB together. TLS and [`DeflateMode::Dedicated`] need more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The addresses on which to accept clients. Default: `127.0.0.1:9001`. May be empty if there are
    /// [inherited](Listeners::inherited) listeners.
    pub listen: Vec<Listen>,
    /// The number of reactors that [`Workers`](crate::Workers) runs, each on its own thread: 1 to
    /// [`MAX_WORKERS`]. Default: 1.
    ///
    /// [`Reactor::bind`](crate::Reactor::bind) ignores it and makes one.
    pub workers: usize,
    /// The interval of [`Application::tick`](crate::Application::tick), from 1 ms to [`MAX_TIMER`], on a
    /// fixed grid from the first turn. Default: `None`, no ticks.
    pub tick: Option<Duration>,
    /// The time that a handler, a tick, a hook, an access predicate, a cipher or a survey may take; one that
    /// takes longer is named in the log, with its command and its time. Default: `None`.
    ///
    /// If it is set, the clock is read before and after each of them. The log gets 20 such lines at once,
    /// then one a second of each worker.
    pub slow_handler: Option<Duration>,
    /// The certificate and key with which all TCP addresses speak TLS. Default: none. Needs the feature
    /// `tls`.
    ///
    /// Unix domain sockets never speak TLS. Behind a proxy of [`Proxies::proxy_protocol`], TLS begins after
    /// the PROXY header.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// Whether the server counts and measures what it does: [`metrics`](crate::metrics). Default: no. Needs
    /// the feature `metrics`.
    ///
    /// If it is set, the clock is read once for each packet.
    #[cfg(feature = "metrics")]
    pub metrics: bool,
    /// How listeners are opened.
    pub listeners: Listeners,
    /// The proxies that are trusted to name the client.
    pub proxies: Proxies,
    /// Which upgrade requests are accepted, and health checks.
    pub upgrade: Upgrades,
    /// How many clients there may be, and how much each may send.
    pub limits: Limits,
    /// When a silent client is sent a Ping, or closed.
    pub timers: Timers,
    /// What waits for a client, and how it is compressed.
    pub output: Output,
    /// How the server drains.
    pub drain: Drain,
    /// How a reactor divides its time, and how much mail it keeps.
    pub reactor: Tuning,
    /// What is recorded of connections, and where. Default: `None`, nothing.
    pub recording: Option<Recording>,
    /// How many lines the log gets about refusals, logins and ended connections. Default: of each 200 a
    /// second, and 1000 at once.
    pub log_connections: LogConnections,
    /// What is told of the roles and topics on this server, for a game on several machines. Default: `None`,
    /// nothing, which costs nothing.
    pub presence: Option<Arc<dyn Presence>>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: vec![Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001))],
            workers: 1,
            tick: None,
            slow_handler: None,
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "metrics")]
            metrics: false,
            listeners: Listeners::default(),
            proxies: Proxies::default(),
            upgrade: Upgrades::default(),
            limits: Limits::default(),
            timers: Timers::default(),
            output: Output::default(),
            drain: Drain::default(),
            reactor: Tuning::default(),
            recording: None,
            log_connections: LogConnections::default(),
            presence: None,
        }
    }
}

impl Config {
    /// Whether metrics are on.
    pub(crate) fn has_metrics(&self) -> bool {
        #[cfg(feature = "metrics")]
        return self.metrics;
        #[cfg(not(feature = "metrics"))]
        false
    }
}

#[cfg(test)]
impl Config {
    /// The defaults, changed.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        change(&mut config);
        config
    }
}
