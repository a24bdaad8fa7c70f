//! One connection: the bytes on their way in both directions, and the state of both ends.

use std::collections::VecDeque;

use mio::Token;

use super::buffers::Buffers;
use super::fault::Fault;
use super::ledger::Traffic;
use crate::record::Peer;

/// The readiness that the poll reports for one token, like an event of mio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) token: Token,
    /// The connection's number, if the event is about one that exists.
    pub(super) number: Option<usize>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
    pub(crate) priority: bool,
}

/// The state of the server's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The client waits to be accepted.
    Waiting,
    Open,
    Closed,
}

/// Both directions of a connection, as the system keeps them. Times are in microseconds.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    pub(super) held: Held,
    /// When the server accepted it.
    pub(super) accepted_at: Option<u64>,
    pub(super) token: Option<Token>,
    /// The poll that reports its events, once it has a token.
    pub(super) poll: usize,
    /// When something happened that the poll has not reported yet.
    pub(super) edge: Option<u64>,
    /// Events that are to come because calls were refused without a reason.
    pub(super) rearms: u32,
    pub(super) buffers: Buffers,

    /// Sent by the client, and not arrived: delayed, or there is no space.
    pub(super) under_way: VecDeque<u8>,
    /// Nothing arrives before this.
    pub(super) stalled_until: u64,
    /// Arrived, and not read.
    pub(super) unread: VecDeque<u8>,
    /// The client has ended its direction, behind what is under way.
    pub(super) client_done: bool,
    /// That end has arrived.
    pub(super) end_arrived: bool,
    /// The position of the urgent byte, counted like `traffic.read`.
    pub(super) urgent_at: Option<u64>,

    /// Written by the server, and not arrived at the client.
    pub(super) unsent: VecDeque<u8>,
    /// Arrived at the client, and not received.
    pub(super) arrived: VecDeque<u8>,
    /// The server has ended its direction, behind what is unsent.
    pub(super) server_done: bool,
    /// A write was cut short: the server is owed an event when there is space.
    pub(super) wants_space: bool,

    /// The connection was reset: nothing travels any more.
    pub(super) is_reset: bool,
    /// The server has not learned of the reset by an error.
    pub(super) owes_error: bool,
    /// The client's process has died: arriving bytes are not received.
    pub(super) client_gone: bool,
    /// The client's handle was dropped.
    pub(super) client_dropped: bool,
    /// The client could not send all: it waits for space.
    pub(super) client_wants_space: bool,
    /// The client has got the end.
    pub(super) end_told: bool,
    /// The client is among the network's news.
    pub(super) is_news: bool,

    /// Calls that a storm still refuses.
    pub(super) storm_left: u64,
    /// An event has reported input, and no read has found the end of it since.
    pub(super) may_read: bool,
    /// That event has also said that a short read is not the last.
    pub(super) reads_on: bool,
    /// No write was cut short since an event last reported space.
    pub(super) may_write: bool,
    /// The fault that the connection has suffered.
    pub(super) fault: Option<Fault>,
    pub(super) traffic: Traffic,
    /// The turn in which `turn_read` and `turn_written` were counted.
    pub(super) turn: u64,
    pub(super) turn_read: u64,
    pub(super) turn_written: u64,
}

impl Connection {
    pub(super) fn new(peer: Peer, buffers: Buffers) -> Self {
        Connection {
            peer,
            held: Held::Waiting,
            accepted_at: None,
            token: None,
            poll: 0,
            edge: None,
            rearms: 0,
            buffers,
            under_way: VecDeque::new(),
            stalled_until: 0,
            unread: VecDeque::new(),
            client_done: false,
            end_arrived: false,
            urgent_at: None,
            unsent: VecDeque::new(),
            arrived: VecDeque::new(),
            server_done: false,
            wants_space: false,
            is_reset: false,
            owes_error: false,
            client_gone: false,
            client_dropped: false,
            client_wants_space: false,
            end_told: false,
            is_news: false,
            storm_left: 0,
            may_read: false,
            reads_on: false,
            may_write: true,
            fault: None,
            traffic: Traffic::default(),
            turn: 0,
            turn_read: 0,
            turn_written: 0,
        }
    }

    /// Delivers bytes that are under way, as far as there is space, unless they are delayed. Returns whether
    /// anything did.
    pub(super) fn carry_in(&mut self, now: u64) -> bool {
        if self.is_reset || self.stalled_until > now {
            return false;
        }
        let space = self.buffers.server_receive.saturating_sub(self.unread.len());
        let count = carry(&mut self.under_way, &mut self.unread, space);
        let ends = self.client_done && !self.end_arrived && self.under_way.is_empty();
        self.end_arrived |= ends;
        count > 0 || ends
    }

    /// Delivers the server's bytes to the client, as far as the client's window allows. Returns whether there
    /// is news for the client.
    pub(super) fn carry_out(&mut self) -> bool {
        if self.is_reset {
            return false;
        }
        let space = self.buffers.client_receive.saturating_sub(self.arrived.len());
        let count = carry(&mut self.unsent, &mut self.arrived, space);
        let ends = self.server_done && self.unsent.is_empty() && !self.end_told;
        self.end_told |= ends;
        count > 0 || ends
    }

    /// Whether the poll reports space for writing: from a third of the buffer, so that not every byte is an
    /// event.
    pub(super) fn has_space(&self) -> bool {
        self.space() >= self.buffers.server_send.div_ceil(3)
    }

    pub(super) fn space(&self) -> usize {
        self.buffers.server_send.saturating_sub(self.unsent.len())
    }

    /// Whether no event is pending about past changes.
    pub(super) fn is_quiet(&self) -> bool {
        self.edge.is_none() && self.rearms == 0
    }

    /// Whether a read would return bytes, the end or an error.
    pub(super) fn has_input(&self) -> bool {
        !self.unread.is_empty() || self.end_arrived || self.is_reset
    }

    /// Whether the urgent byte is among the bytes that have arrived, or right behind them.
    fn is_urgent(&self) -> bool {
        self.urgent_at
            .is_some_and(|at| at >= self.traffic.read && at <= self.traffic.read + self.unread.len() as u64)
    }

    /// The readiness that the poll reports for the connection with this number. `None` if that is nothing.
    pub(super) fn readiness(&self, number: usize) -> Option<Readiness> {
        let priority = self.is_urgent();
        let readiness = Readiness {
            token: self.token?,
            number: Some(number),
            readable: self.has_input() || priority,
            writable: self.has_space() || self.is_reset,
            read_closed: self.end_arrived || self.is_reset,
            error: self.owes_error,
            priority,
        };
        (readiness.readable || readiness.writable).then_some(readiness)
    }

    /// The server has looked at an event.
    pub(super) fn note_told(&mut self, readiness: Readiness) {
        self.may_read |= readiness.readable || readiness.read_closed || readiness.error;
        self.reads_on |= readiness.read_closed || readiness.error || readiness.priority;
        self.may_write |= readiness.writable;
    }

    /// Resets the turn's counts if this is another turn.
    pub(super) fn begin_turn(&mut self, turn: u64) {
        if self.turn != turn {
            self.turn = turn;
            self.turn_read = 0;
            self.turn_written = 0;
        }
    }

    /// Resets the connection: bytes that are under way are lost; bytes that have arrived can still be read.
    pub(super) fn cut(&mut self) {
        self.is_reset = true;
        self.under_way.clear();
        self.unsent.clear();
    }

    /// Whether both ends are closed.
    pub(super) fn is_over(&self) -> bool {
        self.held == Held::Closed && self.client_dropped
    }
}

/// Moves at most `space` bytes. Returns how many.
fn carry(from: &mut VecDeque<u8>, to: &mut VecDeque<u8>, space: usize) -> usize {
    let count = space.min(from.len());
    if to.is_empty() && count == from.len() {
        std::mem::swap(from, to);
    } else {
        let (front, back) = from.as_slices();
        let ahead = count.min(front.len());
        to.extend(front.get(..ahead).unwrap_or_default());
        to.extend(back.get(..count - ahead).unwrap_or_default());
        from.drain(..count);
    }
    count
}
