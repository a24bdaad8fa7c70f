//! Why a configuration is not accepted.

use std::fmt;

use crate::upgrade::{OriginError, PathError};

/// Why a [`Config`](crate::Config) is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The field with this path, such as `timers.read`, is 0. A timer or limit that is off is `None`.
    Zero(&'static str),
    /// The timer with this path is above [`MAX_TIMER`](super::MAX_TIMER).
    TimerTooLong(&'static str),
    /// The timer with this path is below a millisecond.
    TimerTooShort(&'static str),
    /// `listen` is empty.
    NoListener,
    /// `workers` is 0 or above [`MAX_WORKERS`](super::MAX_WORKERS).
    Workers,
    /// `listeners.ipv6_only` is set, and `listen` contains an IPv4-mapped IPv6 address, to which no client
    /// could connect.
    Ipv6Only,
    /// `listeners.socket_mode` is above `0o777`, or gives no user the write permission, which connecting
    /// requires.
    SocketMode,
    /// `proxies.proxy_protocol` is not empty, and the library was built without the feature
    /// `proxy-protocol`.
    NoProxyProtocol,
    /// An entry of `upgrade.paths` cannot match any request.
    Path(PathError),
    /// `upgrade.health_path` cannot match any request, or ends in a wildcard.
    HealthPath(PathError),
    /// An entry of `upgrade.paths` matches `upgrade.health_path`: clients could not connect there.
    HealthPathServed,
    /// An entry of `upgrade.origins` cannot match any request.
    Origin(OriginError),
    /// An entry of `upgrade.subprotocols` is not a token (RFC 9110 §5.6.2).
    Subprotocol,
    /// `upgrade.subprotocol_required` is set and `upgrade.subprotocols` is empty: no client could connect.
    NoSubprotocol,
    /// `limits.ipv6_prefix` is 0 or above 128.
    Ipv6Prefix,
    /// `limits.max_len` is 0 or above [`MAX_LEN_CEILING`](super::MAX_LEN_CEILING).
    MaxLen,
    /// Packets are served, and `limits.max_len` is below the 9 bytes of a packet header.
    MaxLenForPackets,
    /// `limits.max_len_before_login` is above `limits.max_len`.
    MaxLenBeforeLogin,
    /// Packets are served, and `limits.max_len_before_login` is below the 9 bytes of a packet header: no
    /// client could log in.
    MaxLenBeforeLoginForPackets,
    /// `output.outbox_limit` is below `limits.max_len` and
    /// [`PACKET_OVERHEAD_BYTES`](super::PACKET_OVERHEAD_BYTES): the echo of a message might not fit.
    OutboxLimit,
    /// `output.deflate` is on, and the library was built without the feature `deflate`.
    NoDeflate,
    /// `output.deflate_level` is 0 or above [`MAX_DEFLATE_LEVEL`](super::MAX_DEFLATE_LEVEL).
    DeflateLevel,
    /// `reactor.turn_time` is not from 100 µs to 1 s.
    TurnTime,
    /// `recording.limit` is below [`MIN_RECORD_LIMIT`](super::MIN_RECORD_LIMIT).
    RecordLimit,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConfigError::Zero(field) => return write!(f, "{field} must not be 0"),
            ConfigError::TimerTooLong(field) => return write!(f, "{field} must not be above 7 days"),
            ConfigError::TimerTooShort(field) => return write!(f, "{field} must be at least 1ms"),
            ConfigError::Path(error) => {
                return write!(f, "upgrade.paths has one that can match nobody: {error}");
            }
            ConfigError::HealthPath(error) => {
                return write!(f, "upgrade.health_path can match nobody: {error}");
            }
            ConfigError::HealthPathServed => {
                "upgrade.health_path must be none of upgrade.paths: no client could connect there"
            }
            ConfigError::Origin(error) => {
                return write!(f, "upgrade.origins has one that can match nobody: {error}");
            }
            ConfigError::NoListener => "listen must have at least one address",
            ConfigError::Workers => "workers must be 1 to 255",
            ConfigError::Ipv6Only => {
                "listeners.ipv6_only keeps out all clients of an IPv4-mapped address of listen"
            }
            ConfigError::SocketMode => "listeners.socket_mode must be 0o777 at most, and let somebody write",
            ConfigError::NoProxyProtocol => "proxies.proxy_protocol needs the feature proxy-protocol",
            ConfigError::Subprotocol => "upgrade.subprotocols must be tokens, without spaces or commas",
            ConfigError::NoSubprotocol => {
                "upgrade.subprotocol_required needs at least one of upgrade.subprotocols"
            }
            ConfigError::Ipv6Prefix => "limits.ipv6_prefix must be 1 to 128",
            ConfigError::MaxLen => "limits.max_len must be 1 to 67108864 bytes",
            ConfigError::MaxLenForPackets => {
                "limits.max_len must be at least 9 bytes: a packet's header has as many"
            }
            ConfigError::MaxLenBeforeLogin => "limits.max_len_before_login must not be above limits.max_len",
            ConfigError::MaxLenBeforeLoginForPackets => {
                "limits.max_len_before_login must be at least 9 bytes: a packet's header has as many"
            }
            ConfigError::OutboxLimit => "output.outbox_limit must be at least limits.max_len and 21 bytes",
            ConfigError::NoDeflate => "output.deflate needs the feature deflate",
            ConfigError::DeflateLevel => "output.deflate_level must be 1 to 6",
            ConfigError::TurnTime => "reactor.turn_time must be 100us to 1s",
            ConfigError::RecordLimit => "recording.limit must be at least 16384 bytes",
        })
    }
}

impl std::error::Error for ConfigError {}

/// The error for a field of 0; `None`, which is off, is none.
pub(super) fn not_zero<T: Default + PartialEq>(
    field: &'static str,
    value: Option<T>,
) -> Result<(), ConfigError> {
    if value == Some(T::default()) { Err(ConfigError::Zero(field)) } else { Ok(()) }
}
