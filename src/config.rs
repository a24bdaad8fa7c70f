//! Configuration: every limit and timer of a server, with its unit and its default.
//!
//! [`Config`] holds the settings, [`Config::validate`] checks them, and [`Config::warnings`] lists settings
//! that work against each other. Limits that cannot be set are constants here.

mod choices;
mod error;
mod limits;
mod listen;
mod validate;
mod warnings;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "tls")]
use crate::tls::Tls;

pub use crate::trusted::{TrustedProxy, TrustedProxyError};
pub use crate::upgrade::{OriginError, PathError};
pub use choices::{DeflateMode, Liveness, LogConnections, Overflow};
pub use error::ConfigError;
pub use limits::{
    MAX_BAD_INPUT_LINES, MAX_BAD_REQUESTS, MAX_TICKETS, MAX_DIRECTORY_BYTES, MAX_HEAD_BYTES, MAX_HEAD_LINES, MAX_LEN,
    MAX_LEN_CEILING, MAX_TIMER, MAX_WORKERS, MIN_RECORD_LIMIT, OUTBOX_LIMIT, PACKET_OVERHEAD_BYTES,
    RECORD_LIMIT,
};
pub use listen::Listen;

/// The settings of a server.
///
/// A duration or count of 0 turns that timer or limit off, except for [`max_len`](Self::max_len) and
/// [`mailbox_limit`](Self::mailbox_limit), which must not be 0, and [`close_timeout`](Self::close_timeout).
///
/// The bytes held for one client are at most `max_len` (but at least 512 KiB), `outbox_limit` and 64 KiB
/// together. TLS and [`DeflateMode::Dedicated`] need more.
#[derive(Clone, Debug)]
pub struct Config {
    // Listening.
    /// The addresses on which to accept clients. Default: `127.0.0.1:9001`.
    pub listen: Vec<Listen>,
    /// Whether the IPv6 wildcard `[::]` takes IPv6 clients only. Default: no.
    ///
    /// Otherwise it takes IPv4 clients too, unless an IPv4 address with the same port is listed as well.
    pub ipv6_only: bool,
    /// The certificate and key with which all TCP addresses speak TLS. Default: none. Needs the feature
    /// `tls`.
    ///
    /// Unix domain sockets never speak TLS. Behind a proxy of [`proxy_protocol`](Self::proxy_protocol), TLS
    /// begins after the PROXY header.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// The file mode of Unix domain sockets, at most `0o777`: write permission allows a client to connect.
    /// Default: the umask decides.
    pub socket_mode: Option<u32>,

    // Proxies.
    /// Proxies whose connections must begin with a header of the PROXY protocol, version 1 or 2. Default:
    /// none. Needs the feature `proxy-protocol`.
    ///
    /// The address in the header counts as the client's for limits, log and handlers. From anyone else such a
    /// header is a malformed request.
    pub proxy_protocol: Vec<TrustedProxy>,
    /// HTTP proxies whose `X-Forwarded-For` and `Forwarded` headers (RFC 7239) are trusted. Default: none.
    ///
    /// If a client connects from one of them, or a PROXY header names one, the client's address for limits,
    /// log and handlers is the first address from the right in these headers that is not a trusted proxy.
    /// From anyone else they are ignored. If they are malformed, or the two contradict each other, the answer
    /// is 400. The proxies themselves do not count for
    /// [`max_connections_per_ip`](Self::max_connections_per_ip).
    pub forwarded_for: Vec<TrustedProxy>,

    // Upgrade requests.
    /// The paths that are served; others are answered 404. Empty, the default: all paths.
    ///
    /// A path that ends in `/*`, such as `/ws/*`, matches all that begin with the part before the `*`.
    pub paths: Vec<String>,
    /// The values of `Origin` that are served; others, and requests without one, are answered 403. Empty, the
    /// default: any.
    ///
    /// ASCII case and the default ports of http and https make no difference. `*.` in front of a host name
    /// stands for one or more labels: `https://*.example.com` matches `https://play.example.com` but not
    /// `https://example.com`.
    pub origins: Vec<String>,
    /// The subprotocols that the server speaks. The first of the client's offers that is listed is chosen.
    /// Default: none.
    ///
    /// If none is, the connection continues without a subprotocol, unless
    /// [`subprotocol_required`](Self::subprotocol_required).
    pub subprotocols: Vec<String>,
    /// Whether a client that offers none of [`subprotocols`](Self::subprotocols) is answered 400. Default:
    /// no.
    pub subprotocol_required: bool,
    /// The path of health checks: a GET or HEAD of it, with HTTP/1.0 too, is answered 200, or 503 while the
    /// server drains. Default: none.
    ///
    /// A health check is answered even if the server is full, and counts as no client. No entry of
    /// [`paths`](Self::paths) may match the path. If it is set, a client that will be refused is answered
    /// once its request has arrived; each worker waits for at most 1024 such clients at a time.
    pub health_path: Option<String>,
    /// The time from accept to a complete upgrade request; then the answer is 408. Default: 10 s.
    pub handshake_timeout: Duration,

    // Limits of clients.
    /// The most clients at one time; others are answered 503. Default: 0, no limit.
    pub max_connections: usize,
    /// The most clients at one time with one IP address; others are answered 429. Default: 4096, since many
    /// players can share an address; 0: no limit.
    pub max_connections_per_ip: usize,
    /// The number of leading bits that identify an IPv6 address for
    /// [`max_connections_per_ip`](Self::max_connections_per_ip), 1 to 128. Default: 64, the network of one
    /// site.
    pub ipv6_prefix: u8,
    /// The longest message in bytes, all its fragments together, inflated if it is compressed.
    /// Default: 524288.
    ///
    /// A longer message closes the connection with 1009 as soon as a header announces it.
    pub max_len: usize,
    /// [`max_len`](Self::max_len) for clients that are not logged in. Default: 0, the same.
    pub max_len_before_login: usize,
    /// The most packets of a client per second, in bursts of up to as many; others are answered with
    /// ErrorID 5. Default: 0, no limit.
    pub max_packets_per_second: u32,

    // Timers of clients.
    /// The time until the next frame begins, or until a message that has begun is complete; then 4009.
    /// Default: 60 s.
    pub read_timeout: Duration,
    /// The interval of the client check: if no packet came since the last one, it closes with 4003. Default:
    /// 60 s.
    pub client_check: Duration,
    /// What counts as a sign of life for the client check. Default: packets.
    pub liveness: Liveness,
    /// The time from the upgrade, or from a logout, to a login; then 4004. Default: 300 s.
    pub account_check: Duration,
    /// The silence of a client after which it is sent a Ping. Default: 25 s.
    pub ping_interval: Duration,
    /// The silence of a client that has got a Close and does not answer it, after which the server ends its
    /// side of the connection. Default: 2 s; 0 means 1 ms.
    ///
    /// The socket is closed after as much time again, or as long after the client's own Close, if the client
    /// does not end the connection. After a violation of the protocol the first wait is 200 ms at most. A
    /// client that keeps sending can delay the server's end by 15 times as much.
    pub close_timeout: Duration,
    /// The interval at which buffers that are allocated but not in use are freed. Default: 180 s.
    pub housekeeping: Duration,

    // Output.
    /// The most bytes that may wait for a client that does not read. Default: 1 MiB; 0: no limit.
    ///
    /// Above half of it nothing more is read from the client. Without a limit reading never pauses.
    pub outbox_limit: usize,
    /// What happens to a packet that does not fit the outbox. Default: the connection closes.
    pub overflow: Overflow,
    /// Replies with more than this many bytes of Data are sent zlib-compressed (DataStatus 1) where that
    /// makes them shorter. Default: 0, never.
    ///
    /// Pushes are never compressed this way. Without the feature `zlib` it has no effect.
    pub compress_above: usize,
    /// How messages are compressed on the wire (permessage-deflate). Default: not at all. Needs the feature
    /// `deflate`.
    ///
    /// A push to many connections is sent uncompressed.
    pub deflate: DeflateMode,
    /// Messages of fewer bytes are not compressed by [`deflate`](Self::deflate). Default: 128.
    pub deflate_above: usize,

    // Draining.
    /// The time from [`ServerHandle::drain`](crate::ServerHandle::drain) until draining begins. Default: 0.
    ///
    /// Meanwhile health checks fail and everything else continues, so that a load balancer can stop sending
    /// clients.
    pub drain_delay: Duration,
    /// The time that draining may take once it has begun. Default: 5 s.
    pub drain_timeout: Duration,
    /// The number of clients that are closed per second while draining. Default: 0, all at once.
    pub drain_rate: u32,

    // The reactor.
    /// The number of reactors that [`Workers`](crate::Workers) runs, each on its own thread: 1 to
    /// [`MAX_WORKERS`]. Default: 1.
    ///
    /// [`Reactor::bind`](crate::Reactor::bind) ignores it and makes one.
    pub workers: usize,
    /// The time after which a turn of the reactor starts no more work: 0, or 100 µs to 1 s. Default: 4 ms.
    ///
    /// It bounds how long clients wait for each other; each connection gets a 20th of it. At 0 a turn is
    /// bounded by bytes and frames only.
    pub turn_time: Duration,
    /// How long a turn polls without sleeping before it sleeps. Default: 0, it sleeps at once.
    pub spin: Duration,
    /// The most messages from other threads that may wait for a reactor. Default: 65536.
    pub mailbox_limit: usize,

    // Recordings and the log.
    /// The directory for recordings of what each client sends and of its results, one file for each
    /// connection. Default: none.
    ///
    /// `sysconn replay` runs a recording again; see `docs/recording.md`. It contains no Data of routes that
    /// are [secret](crate::Route::secret), but all messages of a service without packets. Beyond 1000 files
    /// or 256 MiB no new recordings are begun.
    pub record: Option<PathBuf>,
    /// Whether only connections under debug ([`Handle::set_debug`](crate::Handle::set_debug)) are recorded,
    /// from the moment at which that is turned on. Default: no, all are recorded from their first byte.
    pub record_debugged: bool,
    /// The most bytes of one recording, at least [`MIN_RECORD_LIMIT`]; then it ends. Default: 1 MiB.
    pub record_limit: usize,
    /// How many lines the log gets about refusals, logins and ended connections. Default: of each 200 a
    /// second, and 1000 at once.
    pub log_connections: LogConnections,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: vec![Listen::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001))],
            ipv6_only: false,
            #[cfg(feature = "tls")]
            tls: None,
            socket_mode: None,
            proxy_protocol: Vec::new(),
            forwarded_for: Vec::new(),
            paths: Vec::new(),
            origins: Vec::new(),
            subprotocols: Vec::new(),
            subprotocol_required: false,
            health_path: None,
            handshake_timeout: Duration::from_secs(10),
            max_connections: 0,
            max_connections_per_ip: 4096,
            ipv6_prefix: 64,
            max_len: MAX_LEN,
            max_len_before_login: 0,
            max_packets_per_second: 0,
            read_timeout: Duration::from_secs(60),
            client_check: Duration::from_secs(60),
            liveness: Liveness::Packets,
            account_check: Duration::from_secs(300),
            ping_interval: Duration::from_secs(25),
            close_timeout: Duration::from_secs(2),
            housekeeping: Duration::from_secs(180),
            outbox_limit: OUTBOX_LIMIT,
            overflow: Overflow::Close,
            compress_above: 0,
            deflate: DeflateMode::Off,
            deflate_above: 128,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(5),
            drain_rate: 0,
            workers: 1,
            turn_time: Duration::from_millis(4),
            spin: Duration::ZERO,
            mailbox_limit: 65_536,
            record: None,
            record_debugged: false,
            record_limit: RECORD_LIMIT,
            log_connections: LogConnections::default(),
        }
    }
}

impl Config {
    /// The outbox limit that suits messages of up to `max_len` bytes: 1 MiB, or twice `max_len` if that is
    /// more.
    #[must_use]
    pub fn outbox_limit_for(max_len: usize) -> usize {
        OUTBOX_LIMIT.max(max_len.saturating_mul(2))
    }
}
