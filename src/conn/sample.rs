//! A socket's last report of how much its client has taken.

use crate::moment::Moment;

/// A socket's report on the bytes that were written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Bytes that the peer has not acknowledged.
    pub(crate) in_flight: u64,
    /// The total of written bytes, if the socket itself counts them: with TLS it writes other bytes than it
    /// was given.
    pub(crate) written: Option<u64>,
}

/// How much a client had taken when its socket was last asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Moment,
    /// Bytes acknowledged by then, counted from an arbitrary start.
    pub(super) acknowledged: u64,
    /// Bytes that the socket has taken since.
    pub(super) written: u64,
}
