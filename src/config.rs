//! Every limit and timer of a gateway, with its unit, its default, and what it must satisfy.

mod warnings;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::packet::REQUEST_HEADER_BYTES;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::upgrade::{check_health_path, check_origin, check_path, path_matches};

pub use crate::trusted::{TrustedProxy, TrustedProxyError};
pub use crate::upgrade::{OriginError, PathError};

/// Default of [`Config::max_len`], in bytes.
pub const MAX_LEN: usize = 512 * 1024;
/// The largest [`Config::max_len`] that is accepted, in bytes.
pub const MAX_LEN_CEILING: usize = 64 * 1024 * 1024;
/// Default of [`Config::outbox_limit`], in bytes.
pub const OUTBOX_LIMIT: usize = 1024 * 1024;
/// Default of [`Config::log_connections`], in lines a second.
const LOG_CONNECTIONS: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// Default of [`Config::record_limit`], in bytes.
pub const RECORD_LIMIT: usize = 1024 * 1024;
/// The least [`Config::record_limit`] that is accepted, in bytes: an upgrade fits, and something beyond.
pub const MIN_RECORD_LIMIT: usize = 16 * 1024;
/// Bytes that recordings in one directory may have in all before no more are begun.
pub const MAX_DIRECTORY_BYTES: u64 = 256 * 1024 * 1024;
/// The longest head of an upgrade request, in bytes, its final empty line included.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// The most header lines that an upgrade request may have.
pub const MAX_HEAD_LINES: usize = 64;
/// Bytes by which an encoded packet can be longer than its Data: the longest frame header that a
/// server sends (10) and the header of a packet to the client (11).
pub const PACKET_OVERHEAD_BYTES: usize = 10 + 11;
/// Bad requests on one connection that are answered; the next one closes it with 4002.
pub const MAX_BAD_REQUESTS: u32 = 10;
/// Lines of bad input that the log takes from one connection.
pub const MAX_BAD_INPUT_LINES: u8 = 10;
/// The most reactors that one server can have: a [`ConnectionId`](crate::ConnectionId) has 8 bits for its
/// worker, and the last number is not a worker's.
pub const MAX_WORKERS: usize = 255;
/// The longest timer that is accepted: what a timer wheel of millisecond ticks can hold with room.
pub const MAX_TIMER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

// A reply to the largest message must fit the outbox of a client that was keeping up, and must not
// by itself pass the mark at which reading pauses, or echoing one message would stop the next.
const _: () = assert!(MAX_LEN + PACKET_OVERHEAD_BYTES <= OUTBOX_LIMIT);
const _: () = assert!(MAX_LEN <= OUTBOX_LIMIT / 2);
const _: () = assert!(MAX_LEN <= MAX_LEN_CEILING);
// A head is read through the ordinary read buffer and never grows past one message.
const _: () = assert!(MAX_HEAD_BYTES <= MAX_LEN);

/// Where a reactor accepts clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and port; port 0 asks the system for a free one. `[::]` takes IPv4 clients too, unless
    /// [`Config::ipv6_only`] or an IPv4 address beside it says otherwise.
    Tcp(SocketAddr),
    /// The path of a Unix domain socket. What is there already may only be a socket that nobody listens
    /// on; it is replaced. At the end the path is removed, unless something else is there by then.
    Unix(PathBuf),
}

impl Listen {
    /// Whether it is an IPv4 address in the form of IPv6, such as `[::ffff:127.0.0.1]`.
    fn is_mapped(&self) -> bool {
        matches!(self, Listen::Tcp(address) if address.is_ipv6() && address.ip().to_canonical().is_ipv4())
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What happens to a packet that does not fit a connection's outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The connection closes with 4008.
    #[default]
    Close,
    /// The packet is dropped and counted in the record's `error_send`.
    Drop,
}

/// How messages are compressed on the wire (permessage-deflate, RFC 7692).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeflateMode {
    /// Not at all: the client's offer is left unanswered.
    #[default]
    Off,
    /// Each message by itself: one compressor and one inflater serve all connections.
    Shared,
    /// With windows that outlive a message, where the client agrees: better compression, for
    /// 420 KiB of memory for each connection that uses it.
    Dedicated,
}

/// How many lines the log has about refusals, logins and ends of connections: of each so many, on each worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogConnections {
    /// So many a second, and five times as many at once. What is left out is counted in a line of its own.
    PerSecond(NonZeroU32),
    /// All of them. Clients that come and go can fill the log.
    All,
    /// None of them.
    Off,
}

impl Default for LogConnections {
    fn default() -> Self {
        LogConnections::PerSecond(LOG_CONNECTIONS)
    }
}

/// What counts as a sign of life for the client check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Liveness {
    /// Only packets; messages, where there are no packets.
    #[default]
    Packets,
    /// Any frame, Pongs included: for browsers whose timers sleep in a background tab. A client that
    /// only answers Pings lives as long as [`Config::ping_interval`] is below [`Config::client_check`].
    Frames,
}

/// The limits and timers of one gateway.
///
/// A duration or a count of 0 turns that timer or limit off, except for [`max_len`](Self::max_len)
/// and [`mailbox_limit`](Self::mailbox_limit), which must not be 0, and
/// [`close_timeout`](Self::close_timeout). The bytes held for one client are at most
/// `max_len + outbox_limit` and 64 KiB where `max_len` is 512 KiB or more, and 512 KiB in its place where it is
/// less. TLS and [`DeflateMode::Dedicated`] come on top.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to accept clients. Default: `127.0.0.1:9001`.
    pub listen: Vec<Listen>,
    /// Whether the IPv6 wildcard `[::]` is kept from taking IPv4 clients too. It never takes them where the IPv4
    /// wildcard of the same port is listed as well, or another IPv4 address of that port. Default: no.
    pub ipv6_only: bool,
    /// Where it is set, all TCP listeners speak TLS; Unix domain sockets never do. Default: none. Only
    /// with the feature `tls`. Behind a trusted proxy TLS begins after the PROXY header.
    #[cfg(feature = "tls")]
    pub tls: Option<Tls>,
    /// The mode of the files of Unix domain sockets, at most `0o777`: whoever may write may connect. Default: what the
    /// umask leaves.
    pub socket_mode: Option<u32>,
    /// Proxies whose connections begin with a header of the PROXY protocol, version 1 or 2, and must. The
    /// address in it then is the client's, for limits, log and handlers. From others such a header is
    /// never believed: it is a malformed request. Default: none. Needs the feature `proxy-protocol`.
    pub proxy_protocol: Vec<TrustedProxy>,
    /// HTTP proxies whose X-Forwarded-For and Forwarded headers (RFC 7239) are believed. Who connects from one of
    /// them, or is named by its PROXY header, is whoever these headers name: the first address from the right that
    /// is none of these, for limits, log and handlers. From others the headers mean nothing. Where what a trusted
    /// proxy says is malformed, or the two name different clients, the answer is 400. The proxies themselves do not
    /// count in [`max_connections_per_ip`](Self::max_connections_per_ip). Default: none.
    pub forwarded_for: Vec<TrustedProxy>,
    /// The path at which a GET or HEAD, of HTTP/1.0 too, is a health check: it is answered 200, also when the server
    /// is full, or 503 from when a drain was asked for, and takes no place. None of [`paths`](Self::paths) may
    /// match it. With it, clients that are to be refused are answered once their request has come, up to 1024 of
    /// them at a time in each worker. Default: none.
    pub health_path: Option<String>,
    /// The longest message in bytes, its fragments summed, inflated where it was compressed.
    /// A longer one closes with 1009 as soon as a header announces it. Default 524288.
    pub max_len: usize,
    /// [`max_len`](Self::max_len) for clients that have not logged in. Default 0: the same.
    pub max_len_before_login: usize,
    /// Clients at one time; further ones are answered 503. Default 0: no limit.
    pub max_connections: usize,
    /// Clients at one time from one IP address; further ones are answered 429. Generous, because
    /// many players can share an address. Default 4096; 0: no limit.
    pub max_connections_per_ip: usize,
    /// Leading bits of an IPv6 address by which [`max_connections_per_ip`](Self::max_connections_per_ip) tells
    /// addresses apart, 1 to 128: one site has a whole network of them. Default 64.
    pub ipv6_prefix: u8,
    /// Packets a client may send per second, in bursts of up to one second's worth; further ones
    /// are answered with ErrorID 5. Default 0: no limit.
    pub max_packets_per_second: u32,
    /// Time from accept to a complete upgrade request. Default 10 s; then 408.
    pub handshake_timeout: Duration,
    /// Time until the next frame begins, or until a message once begun is complete. Default 60 s;
    /// then 4009.
    pub read_timeout: Duration,
    /// How often to look whether a packet has come since the last look. Default 60 s; then 4003.
    pub client_check: Duration,
    /// Time from the upgrade, or from a logout, to a login. Default 300 s; then 4004.
    pub account_check: Duration,
    /// How often buffers that are held but not used are given back. Default 180 s.
    pub housekeeping: Duration,
    /// A client that has been silent so long is sent a Ping. Default 25 s.
    pub ping_interval: Duration,
    /// Silence of a client that has been sent a Close frame and does not answer it, after which the server ends its
    /// side; after a violation 200 ms are enough. So long after that, or after the client's own Close, the socket is
    /// closed if the client does not end the connection. A client that goes on sending can put off the server's end
    /// by 15 times as much. Default 2 s; 0 counts as 1 ms.
    pub close_timeout: Duration,
    /// What counts as life for the client check.
    pub liveness: Liveness,
    /// Bytes that may wait for a client that does not read. Past half of it the reactor stops
    /// reading from that client. Default 1 MiB; 0: no limit, and reading never pauses.
    pub outbox_limit: usize,
    /// What happens to a packet that does not fit the outbox.
    pub overflow: Overflow,
    /// Data of replies that is longer than this many bytes is sent zlib-compressed (DataStatus 1) where
    /// that is shorter; pushes never are. Without the feature `zlib` without effect. Default 0: never.
    pub compress_above: usize,
    /// How messages are compressed on the wire. Pushes that many share go out as they are. Needs the
    /// feature `deflate` unless it is off. Default: off.
    pub deflate: DeflateMode,
    /// Messages of fewer bytes are sent as they are, whatever was agreed. Default 128.
    pub deflate_above: usize,
    /// Paths that are served; any other is answered 404. One that ends in `/*`, such as `/ws/*`, stands for all
    /// that begin with what is before the `*`. Empty: all paths.
    pub paths: Vec<String>,
    /// Values of `Origin` that are served, compared without regard to ASCII case and to the default ports of http
    /// and https; any other, or none, is answered 403. A `*.` in front of a host's name stands for one or more
    /// labels: `https://*.example.com` serves `https://play.example.com` and not `https://example.com`. Empty: any.
    pub origins: Vec<String>,
    /// Subprotocols that the server speaks. The first of the client's offers that is on the list is
    /// chosen; with none in common the connection goes on without one, unless one is required.
    pub subprotocols: Vec<String>,
    /// Whether a client that offers none of `subprotocols` is answered 400. Default: no.
    pub subprotocol_required: bool,
    /// Time from [`ServerHandle::drain`](crate::ServerHandle::drain) until draining begins: health checks fail, and all
    /// else is as it was, so that whoever distributes clients sends no more. Default 0.
    pub drain_delay: Duration,
    /// Time that draining may take, once it has begun. Default 5 s.
    pub drain_timeout: Duration,
    /// Clients closed per second while draining. Default 0: all at once.
    pub drain_rate: u32,
    /// How long a turn polls without sleeping before it sleeps. Default 0: it sleeps at once.
    pub spin: Duration,
    /// Time after which a turn of the reactor starts no more work, so that no client waits long for others; each
    /// connection gets a 20th of it. 0, or 100 µs to 1 s. Default 4 ms; 0: only bytes and frames are counted.
    pub turn_time: Duration,
    /// A directory to which what clients send and what becomes of it is recorded, one file for each
    /// connection, for `sysconn replay` to go through again; see `docs/recording.md`. Data of routes that are
    /// [secret](crate::Route::secret) is left out; the messages of a service without packets are not. At most
    /// 1000 files and 256 MiB: then no more are begun. Default: none.
    pub record: Option<PathBuf>,
    /// Whether only connections under debug are recorded ([`Handle::set_debug`](crate::Handle::set_debug)),
    /// from the moment at which that is switched on. Default: no, all are, from their first byte.
    pub record_debugged: bool,
    /// Bytes of one recording, at least [`MIN_RECORD_LIMIT`]; what comes then is not recorded. Default
    /// 1 MiB.
    pub record_limit: usize,
    /// Messages from other threads that may wait for the reactor; for each, where there are several.
    /// Default 65536.
    pub mailbox_limit: usize,
    /// Reactors that [`Workers`](crate::Workers) runs, each on a thread of its own: 1 to
    /// [`MAX_WORKERS`]. [`Reactor::bind`](crate::Reactor::bind) makes one, whatever this says. Default 1.
    pub workers: usize,
    /// Lines of the log about refusals, logins and ends of connections. Default: 200 a second of each, 1,000 at once.
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
            health_path: None,
            max_len: MAX_LEN,
            max_len_before_login: 0,
            max_connections: 0,
            max_connections_per_ip: 4096,
            ipv6_prefix: 64,
            max_packets_per_second: 0,
            handshake_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            client_check: Duration::from_secs(60),
            account_check: Duration::from_secs(300),
            housekeeping: Duration::from_secs(180),
            ping_interval: Duration::from_secs(25),
            close_timeout: Duration::from_secs(2),
            liveness: Liveness::Packets,
            outbox_limit: OUTBOX_LIMIT,
            overflow: Overflow::Close,
            compress_above: 0,
            deflate: DeflateMode::Off,
            deflate_above: 128,
            paths: Vec::new(),
            origins: Vec::new(),
            subprotocols: Vec::new(),
            subprotocol_required: false,
            drain_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(5),
            drain_rate: 0,
            spin: Duration::ZERO,
            turn_time: Duration::from_millis(4),
            record: None,
            record_debugged: false,
            record_limit: RECORD_LIMIT,
            mailbox_limit: 65_536,
            workers: 1,
            log_connections: LogConnections::default(),
        }
    }
}

/// Why a [`Config`] was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `listen` is empty.
    NoListener,
    /// `ipv6_only` is set, and an address of `listen` is IPv4 in the form of IPv6: nobody could connect there.
    Ipv6Only,
    /// `ipv6_prefix` is 0 or above 128.
    Ipv6Prefix,
    /// `max_len` is 0 or above [`MAX_LEN_CEILING`].
    MaxLen,
    /// Packets are served, and no packet is as short as `max_len`.
    MaxLenForPackets,
    /// Packets are served, and no packet, a login included, is as short as `max_len_before_login`.
    MaxLenBeforeLoginForPackets,
    /// `max_len_before_login` is above `max_len`.
    MaxLenBeforeLogin,
    /// `outbox_limit` could not take the echo of one message of `max_len` bytes.
    OutboxLimit,
    /// `record_limit` is below [`MIN_RECORD_LIMIT`].
    RecordLimit,
    /// `mailbox_limit` is 0.
    MailboxLimit,
    /// `workers` is 0 or above [`MAX_WORKERS`].
    Workers,
    /// A timer, `spin` aside, is above [`MAX_TIMER`].
    TimerTooLong,
    /// A timer, `spin` aside, is not 0 but below a millisecond.
    TimerTooShort,
    /// `turn_time` is neither 0 nor 100 µs to 1 s.
    TurnTime,
    /// A subprotocol is not a token (RFC 9110 §5.6.2).
    Subprotocol,
    /// A subprotocol is required, but `subprotocols` is empty: nobody could connect.
    NoSubprotocol,
    /// `proxy_protocol` is not empty, and the library was built without the feature of that name.
    NoProxyProtocol,
    /// An entry of `paths` can match no request.
    Path(PathError),
    /// `health_path` can match no request, or ends in a wildcard.
    HealthPath(PathError),
    /// An entry of `paths` matches `health_path`, so that nobody could connect there.
    HealthPathServed,
    /// An entry of `origins` can match no request.
    Origin(OriginError),
    /// `socket_mode` is above `0o777`, or lets nobody write, and so connect.
    SocketMode,
    /// `deflate` is on, and the library was built without the feature of that name.
    NoDeflate,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConfigError::Path(error) => return write!(f, "a path that can match nobody: {error}"),
            ConfigError::HealthPath(error) => {
                return write!(f, "a health-path that can match nobody: {error}");
            }
            ConfigError::HealthPathServed => {
                "health-path must be none of path: no client could connect there"
            }
            ConfigError::Origin(error) => return write!(f, "an origin that can match nobody: {error}"),
            ConfigError::NoListener => "no address to listen on",
            ConfigError::Ipv6Only => "ipv6-only keeps out all clients of an IPv4-mapped address of listen",
            ConfigError::Ipv6Prefix => "ipv6-prefix must be 1 to 128",
            ConfigError::MaxLen => "max-len must be 1 to 67108864 bytes",
            ConfigError::MaxLenForPackets => {
                "max-len must be at least 9 bytes: a packet's header has as many"
            }
            ConfigError::MaxLenBeforeLoginForPackets => {
                "max-len-before-login must be 0 or at least 9 bytes: a packet's header has as many"
            }
            ConfigError::MaxLenBeforeLogin => "max-len-before-login must not be above max-len",
            ConfigError::OutboxLimit => "outbox-limit must be at least max-len and 21 bytes",
            ConfigError::RecordLimit => "record-limit must be at least 16384 bytes",
            ConfigError::MailboxLimit => "mailbox-limit must not be 0",
            ConfigError::Workers => "workers must be 1 to 255",
            ConfigError::TimerTooLong => "a timer must not be above 7 days",
            ConfigError::TimerTooShort => "a timer must be 0 (off) or at least 1ms",
            ConfigError::TurnTime => "turn-time must be 0 or 100us to 1s",
            ConfigError::Subprotocol => "a subprotocol must be a token without spaces or commas",
            ConfigError::NoSubprotocol => "subprotocol-required needs at least one subprotocol",
            ConfigError::NoProxyProtocol => "proxy-protocol is not built in",
            ConfigError::SocketMode => "socket-mode must be 0o777 at most, and let somebody write",
            ConfigError::NoDeflate => "deflate is not built in",
        })
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Checks each value and the relations between them.
    ///
    /// # Errors
    /// The first violation found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::NoListener);
        }
        if self.ipv6_only && self.listen.iter().any(Listen::is_mapped) {
            return Err(ConfigError::Ipv6Only);
        }
        if !(1..=128).contains(&self.ipv6_prefix) {
            return Err(ConfigError::Ipv6Prefix);
        }
        if self.max_len == 0 || self.max_len > MAX_LEN_CEILING {
            return Err(ConfigError::MaxLen);
        }
        if self.max_len_before_login > self.max_len {
            return Err(ConfigError::MaxLenBeforeLogin);
        }
        if self.outbox_limit != 0 && self.outbox_limit < self.max_len.saturating_add(PACKET_OVERHEAD_BYTES) {
            return Err(ConfigError::OutboxLimit);
        }
        if self.record_limit < MIN_RECORD_LIMIT {
            return Err(ConfigError::RecordLimit);
        }
        if self.mailbox_limit == 0 {
            return Err(ConfigError::MailboxLimit);
        }
        if !(1..=MAX_WORKERS).contains(&self.workers) {
            return Err(ConfigError::Workers);
        }
        self.paths.iter().try_for_each(|path| check_path(path)).map_err(ConfigError::Path)?;
        if let Some(path) = &self.health_path {
            check_health_path(path).map_err(ConfigError::HealthPath)?;
            if self.paths.iter().any(|entry| path_matches(entry, path)) {
                return Err(ConfigError::HealthPathServed);
            }
        }
        self.origins.iter().try_for_each(|origin| check_origin(origin)).map_err(ConfigError::Origin)?;
        if !self.subprotocols.iter().all(|name| is_token(name)) {
            return Err(ConfigError::Subprotocol);
        }
        if self.subprotocol_required && self.subprotocols.is_empty() {
            return Err(ConfigError::NoSubprotocol);
        }
        if !self.proxy_protocol.is_empty() && !cfg!(feature = "proxy-protocol") {
            return Err(ConfigError::NoProxyProtocol);
        }
        if self.socket_mode.is_some_and(|mode| mode > 0o777 || mode & 0o222 == 0) {
            return Err(ConfigError::SocketMode);
        }
        if self.deflate != DeflateMode::Off && !cfg!(feature = "deflate") {
            return Err(ConfigError::NoDeflate);
        }
        self.validate_timers()
    }

    /// [`validate`](Self::validate), for a server of packets: no limit may be too short for each of them.
    ///
    /// # Errors
    /// The first violation found.
    pub fn validate_for_packets(&self) -> Result<(), ConfigError> {
        self.validate()?;
        if self.max_len < REQUEST_HEADER_BYTES {
            return Err(ConfigError::MaxLenForPackets);
        }
        if (1..REQUEST_HEADER_BYTES).contains(&self.max_len_before_login) {
            return Err(ConfigError::MaxLenBeforeLoginForPackets);
        }
        Ok(())
    }

    fn validate_timers(&self) -> Result<(), ConfigError> {
        let timers = [
            self.handshake_timeout,
            self.read_timeout,
            self.client_check,
            self.account_check,
            self.housekeeping,
            self.ping_interval,
            self.close_timeout,
            self.drain_delay,
            self.drain_timeout,
        ];
        for timer in timers {
            if timer > MAX_TIMER {
                return Err(ConfigError::TimerTooLong);
            }
            if !timer.is_zero() && timer < Duration::from_millis(1) {
                return Err(ConfigError::TimerTooShort);
            }
        }
        Ok(())
    }

    /// The outbox limit that suits messages of `max_len` bytes: 1 MiB, or twice `max_len` where that
    /// is more.
    #[must_use]
    pub fn outbox_limit_for(max_len: usize) -> usize {
        OUTBOX_LIMIT.max(max_len.saturating_mul(2))
    }
}

fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_no_packet_keeps_is_refused_where_packets_are_served() {
        for (max_len, before_login, expected) in [
            (8, 0, Err(ConfigError::MaxLenForPackets)),
            (9, 0, Ok(())),
            (9, 8, Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, 1, Err(ConfigError::MaxLenBeforeLoginForPackets)),
            (9, 9, Ok(())),
        ] {
            let config = Config { max_len, max_len_before_login: before_login, ..Config::default() };
            assert_eq!(config.validate(), Ok(()), "{max_len}, {before_login}");
            assert_eq!(config.validate_for_packets(), expected, "{max_len}, {before_login}");
        }
    }

    #[test]
    fn what_could_not_work_is_refused() {
        let proxied = Config { proxy_protocol: vec!["::1".parse().unwrap()], ..Config::default() };
        let supported = cfg!(feature = "proxy-protocol");
        assert_eq!(proxied.validate(), if supported { Ok(()) } else { Err(ConfigError::NoProxyProtocol) });

        let required = Config { subprotocol_required: true, ..Config::default() };
        assert_eq!(required.validate(), Err(ConfigError::NoSubprotocol));
        assert_eq!(Config { subprotocols: vec!["v1".into()], ..required }.validate(), Ok(()));

        for (mode, expected) in [
            (0o600, Ok(())),
            (0o777, Ok(())),
            (0o1777, Err(ConfigError::SocketMode)),
            (0o555, Err(ConfigError::SocketMode)),
        ] {
            assert_eq!(
                Config { socket_mode: Some(mode), ..Config::default() }.validate(),
                expected,
                "{mode:o}"
            );
        }

        for (workers, expected) in
            [(0, Err(ConfigError::Workers)), (1, Ok(())), (255, Ok(())), (256, Err(ConfigError::Workers))]
        {
            assert_eq!(Config { workers, ..Config::default() }.validate(), expected, "{workers} workers");
        }
    }
}
