//! Settings with a few named values.

use std::num::NonZeroU32;

use super::bounds::LOG_CONNECTIONS;

/// What happens to a packet that does not fit a connection's outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The connection closes with 4008.
    #[default]
    Close,
    /// The packet is dropped, and counted in [`Record::error_send`](crate::Record::error_send).
    Drop,
}

/// How messages are compressed on the wire (permessage-deflate, RFC 7692).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeflateMode {
    /// They are not: the client's offer is ignored.
    #[default]
    Off,
    /// Each message by itself. One compressor and one inflater serve all connections.
    Shared,
    /// With a window that is kept from message to message, if the client agrees: better compression of
    /// messages that resemble earlier ones, and up to 31 KB of memory for each connection that uses it
    /// ([`Output::deflate_level`](super::Output::deflate_level) 1). Most of it is given back by
    /// [housekeeping](super::Timers::housekeeping) while nothing is sent.
    Dedicated,
}

/// How many lines the log gets about refusals, logins and ended connections: for each of the three, and each
/// worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogConnections {
    /// This many per second, and five times as many at once. A further line counts the lines that are left
    /// out.
    PerSecond(NonZeroU32),
    /// All of them. Clients can then fill the log by connecting again and again.
    All,
    /// None.
    Off,
}

impl Default for LogConnections {
    fn default() -> Self {
        LogConnections::PerSecond(LOG_CONNECTIONS)
    }
}

/// What counts as a sign of life for the [client check](super::Timers::client_check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Liveness {
    /// Packets only; for a service without packets, messages.
    #[default]
    Packets,
    /// Any frame, Pongs included: for browsers, which suspend timers in background tabs. A client that only
    /// answers Pings is kept if [`Timers::ping_interval`](super::Timers::ping_interval) is below
    /// [`Timers::client_check`](super::Timers::client_check).
    Frames,
}
