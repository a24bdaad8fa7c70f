//! A listener as the network sees it: clients that wait to be accepted.

use std::collections::VecDeque;

use mio::Token;

use crate::config::Listen;

/// Clients that may wait at one listener.
pub(super) const BACKLOG: usize = 4096;

/// A listener's address, and who waits there.
#[derive(Debug)]
pub(super) struct AcceptQueue {
    pub(super) listen: Listen,
    /// The numbers of their connections.
    pub(super) backlog: VecDeque<usize>,
    pub(super) token: Option<Token>,
    /// When something happened that the poll has not reported yet.
    pub(super) edge: Option<u64>,
}
