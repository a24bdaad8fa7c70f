//! A queue of clients that wait to be accepted, and the listeners at which they do.

use std::collections::VecDeque;

use mio::Token;

use crate::config::Listen;

/// Clients that may wait in one queue.
pub(super) const BACKLOG: usize = 4096;

/// Clients that wait at one address. Each reactor has a queue of its own at a TCP address; those at a Unix
/// domain socket share one.
#[derive(Debug)]
pub(super) struct AcceptQueue {
    pub(super) listen: Listen,
    /// The numbers of their connections.
    pub(super) backlog: VecDeque<usize>,
    /// Open listeners that take clients from here.
    pub(super) listeners: usize,
}

/// One reactor's listener.
#[derive(Debug)]
pub(super) struct ListenerState {
    /// The index of its queue.
    pub(super) queue: usize,
    /// The poll that reports its events.
    pub(super) poll: usize,
    pub(super) token: Option<Token>,
    /// When something happened that the poll has not reported yet.
    pub(super) edge: Option<u64>,
}
