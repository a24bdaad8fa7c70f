//! Why a configuration is not accepted.

use std::fmt;

use crate::upgrade::{OriginError, PathError};

/// Why a [`Config`](crate::Config) is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `listen` is empty.
    NoListener,
    /// `ipv6_only` is set, and `listen` contains an IPv4-mapped IPv6 address, to which no client could
    /// connect.
    Ipv6Only,
    /// `ipv6_prefix` is 0 or above 128.
    Ipv6Prefix,
    /// `max_len` is 0 or above [`MAX_LEN_CEILING`](super::MAX_LEN_CEILING).
    MaxLen,
    /// Packets are served, and `max_len` is below the 9 bytes of a packet header.
    MaxLenForPackets,
    /// Packets are served, and `max_len_before_login` is below the 9 bytes of a packet header: no client
    /// could log in.
    MaxLenBeforeLoginForPackets,
    /// `max_len_before_login` is above `max_len`.
    MaxLenBeforeLogin,
    /// `outbox_limit` is below `max_len` and [`PACKET_OVERHEAD_BYTES`](super::PACKET_OVERHEAD_BYTES): the
    /// echo of a message might not fit.
    OutboxLimit,
    /// `record_limit` is below [`MIN_RECORD_LIMIT`](super::MIN_RECORD_LIMIT).
    RecordLimit,
    /// `mailbox_limit` is 0.
    MailboxLimit,
    /// `workers` is 0 or above [`MAX_WORKERS`](super::MAX_WORKERS).
    Workers,
    /// A timer other than `spin` is above [`MAX_TIMER`](super::MAX_TIMER).
    TimerTooLong,
    /// A timer other than `spin` is below a millisecond and not 0.
    TimerTooShort,
    /// `turn_time` is neither 0 nor 100 µs to 1 s.
    TurnTime,
    /// A subprotocol is not a token (RFC 9110 §5.6.2).
    Subprotocol,
    /// `subprotocol_required` is set and `subprotocols` is empty: no client could connect.
    NoSubprotocol,
    /// `proxy_protocol` is not empty, and the library was built without the feature `proxy-protocol`.
    NoProxyProtocol,
    /// An entry of `paths` cannot match any request.
    Path(PathError),
    /// `health_path` cannot match any request, or ends in a wildcard.
    HealthPath(PathError),
    /// An entry of `paths` matches `health_path`: clients could not connect there.
    HealthPathServed,
    /// An entry of `origins` cannot match any request.
    Origin(OriginError),
    /// `socket_mode` is above `0o777`, or gives no user the write permission, which connecting requires.
    SocketMode,
    /// `deflate` is on, and the library was built without the feature `deflate`.
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
