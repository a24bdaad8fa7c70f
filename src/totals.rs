//! What a reactor has done since it began, in numbers.

/// Counts over all connections, those that have ended included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Clients let in.
    pub accepted: u64,
    /// Connections that have ended, of those let in.
    pub closed: u64,
    /// Packets received, bad ones included.
    pub packets_received: u64,
    /// Packets written to a socket or to an outbox.
    pub packets_sent: u64,
    /// Packets that did not fit an outbox.
    pub send_errors: u64,
    /// Bad requests.
    pub bad_requests: u64,
}
