//! The server's end of a connection: reading, writing and closing, with their faults.

use std::io::{self, ErrorKind, IoSlice};

use mio::Token;

use super::connection::Held;
use super::fault::Fault;
use super::network::Network;
use super::schedule::Source;
use super::world::World;
use crate::record::Peer;

/// Linux's error number for a socket that cannot be registered because too many are.
const ENOSPC: i32 = 28;
/// The most calls in a row that a storm refuses.
const STORM_CALLS: u64 = 20;

/// The server's end of one connection. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct SimulatedSocket {
    network: Network,
    number: usize,
}

impl SimulatedSocket {
    pub(super) fn new(network: Network, number: usize) -> Self {
        SimulatedSocket { network, number }
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.network.world().read(self.number, buffer)
    }

    pub(crate) fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.network.world().write(self.number, slices)
    }

    pub(crate) fn shutdown_write(&mut self) {
        self.network.world().shutdown_write(self.number);
    }

    /// Bytes that have not reached the client's system; on a Unix domain socket, that the client has not
    /// received.
    pub(crate) fn unacknowledged(&self) -> u64 {
        let world = self.network.world();
        world.connection(self.number).map_or(0, |connection| {
            let unread = if connection.peer == Peer::Local { connection.arrived.len() } else { 0 };
            (connection.unsent.len() + unread) as u64
        })
    }

    /// Announces a read without an event, so that it does not count as unasked.
    pub(crate) fn expect_read(&mut self) {
        if let Some(connection) = self.network.world().connection_mut(self.number) {
            connection.may_read = true;
        }
    }

    pub(crate) fn register(&mut self, poll: usize, token: Token) -> io::Result<()> {
        self.network.world().register(self.number, poll, token)
    }
}

impl Drop for SimulatedSocket {
    fn drop(&mut self) {
        self.network.world().close(self.number);
    }
}

impl World {
    fn read(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<usize> {
        self.activity.reads += 1;
        let Some(connection) = self.connection_mut(number) else {
            return Err(ErrorKind::NotConnected.into());
        };
        let (has_input, is_asked) =
            (connection.has_input(), connection.may_read || connection.token.is_none());
        self.ledger.unasked_reads += u64::from(!is_asked);
        if self.strikes(Fault::ReadInterrupted) {
            return Err(ErrorKind::Interrupted.into());
        }
        if has_input && self.refuses(number, Fault::ReadWouldBlock) {
            self.note_drained(number);
            return Err(ErrorKind::WouldBlock.into());
        }
        let Some(connection) = self.connection_mut(number) else {
            return Err(ErrorKind::NotConnected.into());
        };
        if connection.unread.is_empty() {
            if std::mem::take(&mut connection.owes_error) {
                return Err(ErrorKind::ConnectionReset.into());
            }
            if has_input {
                return Ok(0);
            }
            self.note_drained(number);
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut count = buffer.len().min(connection.unread.len());
        // A read ends before the urgent byte, which does not come with the others.
        let urgent = connection.urgent_at.map(|at| at.saturating_sub(connection.traffic.read));
        match urgent.and_then(|ahead| usize::try_from(ahead).ok()) {
            Some(0) => connection.urgent_at = None,
            Some(ahead) => count = count.min(ahead),
            None => {}
        }
        if count > 1 && self.strikes(Fault::ShortRead) {
            count = 1 + self.random.index(count - 1);
            self.rearm(number);
        }
        let taken = self.take_input(number, buffer.get_mut(..count).unwrap_or_default());
        if taken < buffer.len() {
            self.note_drained(number);
        }
        self.carry_in(number);
        Ok(taken)
    }

    /// Draws whether a call that could succeed is refused.
    fn refuses(&mut self, number: usize, fault: Fault) -> bool {
        let Some(connection) = self.connection_mut(number) else { return false };
        let in_storm = connection.storm_left > 0;
        if in_storm {
            connection.storm_left -= 1;
            self.injected.count(Fault::Storm);
        } else if self.strikes(Fault::Storm) {
            let calls = self.random.below(STORM_CALLS);
            if let Some(connection) = self.connection_mut(number) {
                connection.storm_left = calls;
            }
        } else if !self.strikes(fault) {
            return false;
        }
        self.rearm(number);
        true
    }

    /// The server knows that nothing is left to be read.
    fn note_drained(&mut self, number: usize) {
        if let Some(connection) = self.connection_mut(number) {
            connection.may_read = connection.reads_on;
        }
    }

    fn take_input(&mut self, number: usize, buffer: &mut [u8]) -> usize {
        let turn = self.turn;
        let Some(connection) = self.connection_mut(number) else { return 0 };
        let (front, back) = connection.unread.as_slices();
        let (from_front, from_back) =
            (front.len().min(buffer.len()), buffer.len().saturating_sub(front.len()));
        let (ahead, behind) = buffer.split_at_mut(from_front);
        ahead.copy_from_slice(front.get(..from_front).unwrap_or_default());
        behind.copy_from_slice(back.get(..from_back).unwrap_or_default());
        connection.unread.drain(..buffer.len());
        let count = buffer.len() as u64;
        connection.traffic.read += count;
        connection.begin_turn(turn);
        connection.turn_read += count;
        let most = connection.turn_read;
        self.activity.read_bytes += count;
        self.activity.most_read_bytes = self.activity.most_read_bytes.max(most);
        buffer.len()
    }

    fn write(&mut self, number: usize, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.activity.writes += 1;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let Some(connection) = self.connection_mut(number) else {
            return Err(ErrorKind::NotConnected.into());
        };
        let (space, is_asked) = (connection.space(), connection.may_write || connection.token.is_none());
        if std::mem::take(&mut connection.owes_error) {
            return Err(ErrorKind::ConnectionReset.into());
        }
        if connection.is_reset || connection.server_done {
            return Err(ErrorKind::BrokenPipe.into());
        }
        self.ledger.unasked_writes += u64::from(!is_asked);
        if self.strikes(Fault::WriteInterrupted) {
            return Err(ErrorKind::Interrupted.into());
        }
        let is_refused = space > 0 && self.refuses(number, Fault::WriteWouldBlock);
        if is_refused || space == 0 {
            if let Some(connection) = self.connection_mut(number) {
                connection.may_write = false;
                // There is less space than the poll reports.
                connection.wants_space |= !connection.has_space();
            }
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut count = offered.min(space);
        if count > 1 && self.strikes(Fault::ShortWrite) {
            count = 1 + self.random.index(count - 1);
            self.rearm(number);
        }
        self.put_output(number, slices, count);
        if let Some(connection) = self.connection_mut(number).filter(|_| count < offered) {
            connection.may_write = false;
            connection.wants_space = true;
        }
        self.carry_out(number);
        Ok(count)
    }

    fn put_output(&mut self, number: usize, slices: &[IoSlice<'_>], count: usize) {
        let turn = self.turn;
        let Some(connection) = self.connection_mut(number) else { return };
        let mut left = count;
        for slice in slices {
            let taken = slice.get(..left.min(slice.len())).unwrap_or_default();
            connection.unsent.extend(taken);
            left -= taken.len();
        }
        connection.traffic.written += count as u64;
        connection.begin_turn(turn);
        connection.turn_written += count as u64;
        let most = connection.turn_written;
        self.activity.written_bytes += count as u64;
        self.activity.most_written_bytes = self.activity.most_written_bytes.max(most);
    }

    fn shutdown_write(&mut self, number: usize) {
        if let Some(connection) = self.connection_mut(number) {
            connection.server_done = true;
            self.carry_out(number);
        }
    }

    fn register(&mut self, number: usize, poll: usize, token: Token) -> io::Result<()> {
        if self.strikes(Fault::NoWatch) {
            if let Some(connection) = self.connection_mut(number) {
                connection.fault = Some(Fault::NoWatch);
            }
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        if let Some(connection) = self.connection_mut(number) {
            (connection.poll, connection.token) = (poll, Some(token));
            // The poll also reports what was ready before.
            self.raise(Source::Connection(number));
        }
        Ok(())
    }

    fn close(&mut self, number: usize) {
        let Some(connection) = self.connection_mut(number) else {
            self.ledger.closed_twice += 1;
            return;
        };
        let was_closed = std::mem::replace(&mut connection.held, Held::Closed) == Held::Closed;
        let (poll, token) = (connection.poll, connection.token);
        connection.server_done = true;
        if connection.is_reset {
            // The client knows already.
        } else if connection.unread.is_empty() {
            self.carry_out(number);
            self.carry_in(number);
        } else {
            // Unread input turns the end into a reset.
            connection.cut();
            self.tell_client(number);
        }
        self.ledger.closed += u64::from(!was_closed);
        self.ledger.closed_twice += u64::from(was_closed);
        if let Some(token) = token {
            self.note_gone(poll, token);
        }
        self.forget_if_over(number);
    }
}
