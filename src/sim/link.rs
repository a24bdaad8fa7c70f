//! One connection: bytes on their way, both ways, and how each end sees the other's.

use std::collections::VecDeque;

use mio::Token;

use super::fault::Fault;
use super::ledger::Traffic;
use super::network::Buffers;
use crate::record::Peer;

/// What the poll says of one token, as mio's events do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) token: Token,
    /// The connection that it is about, if that is there.
    pub(super) number: Option<usize>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
    pub(crate) priority: bool,
}

/// How the server holds its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Not yet: the client waits to be accepted.
    Waiting,
    Open,
    Closed,
}

/// Both directions of a connection, as the system keeps them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) peer: Peer,
    pub(super) held: Held,
    /// When the server accepted it, in microseconds.
    pub(super) accepted_at: Option<u64>,
    pub(super) token: Option<Token>,
    /// When something happened that the poll has not told yet.
    pub(super) edge: Option<u64>,
    /// Events that are to come of calls that were refused for no reason.
    pub(super) rearms: u32,
    pub(super) buffers: Buffers,

    /// Sent by the client, and not arrived: held up, or there is no room.
    pub(super) under_way: VecDeque<u8>,
    /// Nothing arrives before this.
    pub(super) stalled_until: u64,
    /// Arrived, and not read.
    pub(super) unread: VecDeque<u8>,
    /// The client sends no more, behind what is under way.
    pub(super) client_done: bool,
    /// That has arrived as well.
    pub(super) end_arrived: bool,
    /// How many bytes arrive, or have, before the one that is urgent, counted as `traffic.read` is.
    pub(super) urgent_at: Option<u64>,

    /// Written, and not with the client yet.
    pub(super) unsent: VecDeque<u8>,
    /// With the client, and not taken.
    pub(super) arrived: VecDeque<u8>,
    /// The server writes no more, behind what is unsent.
    pub(super) server_done: bool,
    /// The server was refused room: it is owed an event when there is some.
    pub(super) wants_room: bool,

    /// The connection was cut off: nothing travels any more.
    pub(super) is_reset: bool,
    /// The server has not been told so by an error.
    pub(super) owes_error: bool,
    /// The client's process has died: nobody takes what arrives.
    pub(super) client_gone: bool,
    /// Nor is there a handle to it any more.
    pub(super) client_dropped: bool,
    /// The client's last sending was cut short: it waits for room.
    pub(super) client_wants_room: bool,
    /// The client has been told of the end.
    pub(super) end_told: bool,
    /// Something has happened that the client has not been told.
    pub(super) is_news: bool,

    /// Calls that are still refused of a storm.
    pub(super) storm_left: u64,
    /// An event has said that there is something to be read, and no read since that there is not.
    pub(super) may_read: bool,
    /// It has said that reads go on behind a short one.
    pub(super) reads_on: bool,
    /// No write was cut short since an event last said that there is room.
    pub(super) may_write: bool,
    /// What befell the client.
    pub(super) fault: Option<Fault>,
    pub(super) traffic: Traffic,
    /// Of the turn with that number: bytes read and written.
    pub(super) turn: u64,
    pub(super) turn_read: u64,
    pub(super) turn_written: u64,
}

impl Link {
    pub(super) fn new(peer: Peer, buffers: Buffers) -> Self {
        Link {
            peer,
            held: Held::Waiting,
            accepted_at: None,
            token: None,
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
            wants_room: false,
            is_reset: false,
            owes_error: false,
            client_gone: false,
            client_dropped: false,
            client_wants_room: false,
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

    /// Lets what is under way arrive, as far as there is room, unless it is held up. Whether anything did.
    pub(super) fn carry_in(&mut self, now: u64) -> bool {
        if self.is_reset || self.stalled_until > now {
            return false;
        }
        let room = self.buffers.server_receive.saturating_sub(self.unread.len());
        let count = carry(&mut self.under_way, &mut self.unread, room);
        let ends = self.client_done && !self.end_arrived && self.under_way.is_empty();
        self.end_arrived |= ends;
        count > 0 || ends
    }

    /// Lets what the server has written reach the client, as far as the client's window allows. Whether
    /// there is news for the client.
    pub(super) fn carry_out(&mut self) -> bool {
        if self.is_reset {
            return false;
        }
        let room = self.buffers.client_receive.saturating_sub(self.arrived.len());
        let count = carry(&mut self.unsent, &mut self.arrived, room);
        let ends = self.server_done && self.unsent.is_empty() && !self.end_told;
        self.end_told |= ends;
        count > 0 || ends
    }

    /// Whether the system says that there is room for writing: a third of the buffer, so that it does not
    /// say so for every byte.
    pub(super) fn has_room(&self) -> bool {
        self.room() >= self.buffers.server_send.div_ceil(3)
    }

    pub(super) fn room(&self) -> usize {
        self.buffers.server_send.saturating_sub(self.unsent.len())
    }

    /// Whether no event is to come of what has happened so far.
    pub(super) fn is_quiet(&self) -> bool {
        self.edge.is_none() && self.rearms == 0
    }

    /// Whether a read would bring anything, be it the end.
    pub(super) fn has_input(&self) -> bool {
        !self.unread.is_empty() || self.end_arrived || self.is_reset
    }

    /// Whether the urgent byte is the next to be read.
    fn is_urgent(&self) -> bool {
        self.urgent_at
            .is_some_and(|at| at >= self.traffic.read && at <= self.traffic.read + self.unread.len() as u64)
    }

    /// What the poll has to say of it now, by the number that it has. None if that is nothing.
    pub(super) fn readiness(&self, number: usize) -> Option<Readiness> {
        let priority = self.is_urgent();
        let readiness = Readiness {
            token: self.token?,
            number: Some(number),
            readable: self.has_input() || priority,
            writable: self.has_room() || self.is_reset,
            read_closed: self.end_arrived || self.is_reset,
            error: self.owes_error,
            priority,
        };
        (readiness.readable || readiness.writable).then_some(readiness)
    }

    /// Notes that the server was told.
    pub(super) fn note_told(&mut self, readiness: Readiness) {
        self.may_read |= readiness.readable || readiness.read_closed || readiness.error;
        self.reads_on |= readiness.read_closed || readiness.error || readiness.priority;
        self.may_write |= readiness.writable;
    }

    /// Begins to count anew if this is another turn.
    pub(super) fn begin_turn(&mut self, turn: u64) {
        if self.turn != turn {
            self.turn = turn;
            self.turn_read = 0;
            self.turn_written = 0;
        }
    }

    /// Cuts the connection off: what is under way is lost; what has arrived can still be read.
    pub(super) fn cut(&mut self) {
        self.is_reset = true;
        self.under_way.clear();
        self.unsent.clear();
    }

    /// Whether neither end is held any more.
    pub(super) fn is_over(&self) -> bool {
        self.held == Held::Closed && self.client_dropped
    }
}

/// Moves what fits. How many bytes that is.
fn carry(from: &mut VecDeque<u8>, to: &mut VecDeque<u8>, room: usize) -> usize {
    let count = room.min(from.len());
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
