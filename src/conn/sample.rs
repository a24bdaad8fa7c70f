//! What a socket said when it was last asked how much its client has taken.

use crate::moment::Moment;

/// What a socket says of the bytes that were written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Bytes that the peer has not acknowledged.
    pub(crate) in_flight: u64,
    /// Bytes that were written in all, if the socket itself counts them: with TLS these are others than those
    /// that it was given.
    pub(crate) written: Option<u64>,
}

/// How much a client had taken when its socket was last asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Moment,
    /// Bytes that were acknowledged by then, counted from an arbitrary start.
    pub(super) acknowledged: u64,
    /// Bytes that the socket took since.
    pub(super) written: u64,
}
