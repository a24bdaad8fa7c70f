//! The effects of a client's calls on its connection, with their faults.

use std::net::IpAddr;

use super::accept_queue::BACKLOG;
use super::client::{ConnectError, StreamState};
use super::connection::Connection;
use super::fault::Fault;
use super::random::Random;
use super::report::mix;
use super::schedule::Source;
use super::world::World;
use crate::config::Listen;
use crate::record::Peer;

/// The longest delay of bytes that a client sends, in microseconds.
const STALL_US: u64 = 50_000;
/// The largest receive buffer of a slow reader.
const SLOW_BYTES: u64 = 1024;

impl World {
    pub(super) fn connect(
        &mut self,
        from: Peer,
        fits: impl Fn(&Listen) -> bool,
    ) -> Result<usize, ConnectError> {
        let index = self.choose_queue(from, fits).ok_or(ConnectError::Refused)?;
        let number = self.connections();
        let queue =
            self.accept_queues.get_mut(index).and_then(Option::as_mut).ok_or(ConnectError::Refused)?;
        if queue.backlog.len() >= BACKLOG {
            return Err(ConnectError::Full);
        }
        queue.backlog.push_back(number);
        let mut connection = Connection::new(from, self.buffers);
        if self.strikes(Fault::SlowReader) {
            connection.buffers.client_receive = self.random.between(1, SLOW_BYTES) as usize;
            connection.fault = Some(Fault::SlowReader);
        }
        self.add(connection);
        self.ledger.connected += 1;
        for listener in 0..self.listeners.len() {
            let state = self.listeners.get(listener).and_then(Option::as_ref);
            if state.is_some_and(|state| state.queue == index) {
                self.raise(Source::Listener(listener));
            }
        }
        Ok(number)
    }

    /// The queue that a client joins. If several reactors listen on one address, seed and client decide, as
    /// the kernel does by a hash of the addresses (`SO_REUSEPORT`).
    fn choose_queue(&self, from: Peer, fits: impl Fn(&Listen) -> bool) -> Option<usize> {
        let open = self.accept_queues.iter().enumerate().filter_map(|(index, queue)| {
            queue.as_ref().filter(|queue| fits(&queue.listen)).map(|queue| (index, &queue.listen))
        });
        let (first, listen) = open.clone().next()?;
        let mut same = open.filter(|&(_, other)| other == listen).map(|(index, _)| index);
        let count = same.clone().count();
        if count == 1 {
            return Some(first);
        }
        let chosen = Random::new(self.queue_seed ^ hash(from)).index(count);
        same.nth(chosen)
    }

    pub(super) fn send(&mut self, number: usize, bytes: &[u8]) -> usize {
        let Some(connection) = self.connection_mut(number) else { return 0 };
        if connection.is_reset || connection.client_done {
            return 0;
        }
        let space = connection.buffers.client_send.saturating_sub(connection.under_way.len());
        let mut count = space.min(bytes.len());
        connection.client_wants_space |= count < bytes.len();
        if count == 0 {
            return 0;
        }
        let breaks = [Fault::Reset, Fault::Vanish, Fault::HalfClose];
        let broken = breaks.into_iter().find(|&fault| self.strikes(fault));
        if broken.is_some() {
            count = self.random.index(count);
        }
        if self.strikes(Fault::Stall) {
            let us = self.random.between(1, STALL_US);
            self.stall(number, us);
        }
        let Some(connection) = self.connection_mut(number) else { return 0 };
        connection.under_way.extend(bytes.get(..count).unwrap_or_default());
        connection.traffic.sent += count as u64;
        connection.fault = broken.or(connection.fault);
        self.carry_in(number);
        match broken {
            Some(Fault::Reset) => self.reset(number),
            Some(Fault::Vanish) => self.vanish(number),
            Some(_) => self.finish(number),
            None => {}
        }
        count
    }

    pub(super) fn send_urgent(&mut self, number: usize) {
        let Some(connection) =
            self.connection_mut(number).filter(|connection| !connection.is_reset && !connection.client_done)
        else {
            return;
        };
        connection.urgent_at = Some(connection.traffic.sent);
        self.raise(Source::Connection(number));
    }

    pub(super) fn receive(&mut self, number: usize, bytes: &mut Vec<u8>) -> StreamState {
        let Some(connection) = self.connection_mut(number).filter(|connection| !connection.client_gone)
        else {
            return StreamState::Reset;
        };
        let (front, back) = connection.arrived.as_slices();
        bytes.extend_from_slice(front);
        bytes.extend_from_slice(back);
        connection.traffic.received += connection.arrived.len() as u64;
        connection.arrived.clear();
        self.carry_out(number);
        match self.connection(number) {
            Some(connection) if !connection.arrived.is_empty() => StreamState::Open,
            Some(connection) if connection.is_reset => StreamState::Reset,
            Some(connection) if connection.server_done && connection.unsent.is_empty() => StreamState::Ended,
            Some(_) => StreamState::Open,
            None => StreamState::Reset,
        }
    }

    pub(super) fn finish(&mut self, number: usize) {
        if let Some(connection) = self.connection_mut(number) {
            connection.client_done = true;
            self.carry_in(number);
        }
    }

    /// The client's process dies: the system ends its connection, or resets it if something is left to be
    /// received.
    fn vanish(&mut self, number: usize) {
        let Some(connection) = self.connection_mut(number) else { return };
        connection.client_gone = true;
        if connection.arrived.is_empty() && connection.unsent.is_empty() {
            self.finish(number);
        } else {
            self.reset(number);
        }
    }

    /// The [`Client`] is dropped.
    pub(super) fn leave(&mut self, number: usize) {
        if self.connection(number).is_some_and(|connection| !connection.client_gone) {
            self.vanish(number);
        }
        if let Some(connection) = self.connection_mut(number) {
            connection.client_dropped = true;
        }
        self.forget_if_over(number);
    }
}

/// A number that follows from a client's address.
fn hash(peer: Peer) -> u64 {
    match peer {
        Peer::Ip(IpAddr::V4(ip), port) => mix(u64::from(u32::from(ip)), port.into()),
        Peer::Ip(IpAddr::V6(ip), port) => {
            let bits = u128::from(ip);
            mix(mix((bits >> 64) as u64, bits as u64), port.into())
        }
        Peer::Local => 0,
    }
}
