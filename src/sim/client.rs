//! A client's end of a connection.

use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::ledger::Traffic;
use super::link::{Held, Link};
use super::listener::BACKLOG;
use super::network::Network;
use super::world::{Source, World};
use crate::config::Listen;
use crate::id::ConnectionId;
use crate::record::Peer;

/// The longest that what is sent is held up, in microseconds.
const STALL_US: u64 = 50_000;
/// The largest receive buffer of a slow reader.
const SLOW_BYTES: u64 = 1024;

/// Why a client cannot connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Nobody listens there.
    Refused,
    /// 4096 clients wait to be accepted.
    Full,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectError::Refused => "nobody listens there",
            ConnectError::Full => "too many wait to be accepted",
        })
    }
}

impl std::error::Error for ConnectError {}

/// What a client may still expect of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// More may come.
    Open,
    /// The server has ended the connection, and all that it sent was taken.
    Ended,
    /// The connection was cut off, by either end, and all that had arrived was taken. Or the client's process
    /// has died, and receives nothing.
    Reset,
}

/// A client's end of a connection, as plain as the system gives it: bytes. What the server did is there
/// after its next turn. Dropping it closes it as the system does for a process that has died.
#[derive(Debug)]
pub struct Client {
    network: Network,
    number: usize,
}

impl Network {
    /// A client comes from that address: to the first listener of the configuration on TCP, or on a Unix
    /// domain socket if it is [`Peer::Local`].
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect(&self, from: Peer) -> Result<Client, ConnectError> {
        let mut world = self.world();
        let is_local = from == Peer::Local;
        let fits = |listen: &Listen| matches!(listen, Listen::Unix(_)) == is_local;
        let number = world.connect(from, fits)?;
        drop(world);
        Ok(Client { network: self.clone(), number })
    }

    /// [`connect`](Self::connect), to a listener by its address.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect_to(&self, to: &Listen, from: Peer) -> Result<Client, ConnectError> {
        let number = self.world().connect(from, |listen| listen == to)?;
        Ok(Client { network: self.clone(), number })
    }
}

impl Client {
    /// What [`Network::news`] calls it: no other client of the network has the number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number as u64
    }

    /// Sends. How many bytes the system took: fewer than there are if the buffers on the way to the server
    /// are full, and it is [news](Network::news) when there is room again; none once the connection has been
    /// ended from here, or cut off.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        self.network.world().send(self.number, bytes)
    }

    /// Sends an urgent byte (`MSG_OOB`), behind what was sent.
    pub fn send_urgent(&mut self) {
        self.network.world().send_urgent(self.number);
    }

    /// Appends to `bytes` all that has arrived, and makes room for more.
    pub fn receive(&mut self, bytes: &mut Vec<u8>) -> Line {
        self.network.world().receive(self.number, bytes)
    }

    /// Sends no more, and goes on receiving.
    pub fn finish(&mut self) {
        self.network.world().finish(self.number);
    }

    /// Cuts the connection off (RST). What has arrived can still be received.
    pub fn reset(&mut self) {
        self.network.world().reset(self.number);
    }

    /// How many bytes may wait here to be received. A client that sets this to 0 and does not receive has
    /// the server's writes become short, and then fail with `WouldBlock`.
    pub fn set_window(&mut self, bytes: usize) {
        let mut world = self.network.world();
        if let Some(link) = world.link(self.number) {
            link.buffers.client_receive = bytes;
            world.carry_out(self.number);
        }
    }

    /// Whether the server has accepted it, and not closed it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.network.world().look_at(self.number).is_some_and(|link| link.held == Held::Open)
    }

    /// The time when the server accepted it; none while it waits for that.
    #[must_use]
    pub fn accepted_at(&self) -> Option<Duration> {
        self.network.world().look_at(self.number)?.accepted_at.map(Duration::from_micros)
    }

    /// The server's name for the connection. None until it has been accepted.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        let token = self.network.world().look_at(self.number)?.token?;
        Some(ConnectionId::from_u64(token.0 as u64))
    }

    /// What has befallen it that its script did not ask for: [`Fault::Reset`], [`Fault::Vanish`],
    /// [`Fault::HalfClose`] or [`Fault::SlowReader`]; or [`Fault::NoWatch`], by which it was refused.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.network.world().look_at(self.number)?.fault
    }

    /// Bytes so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.network.world().look_at(self.number).map(|link| link.traffic).unwrap_or_default()
    }

    /// Bytes that lie with the server's system, and of which no event is to come: the server knows of them,
    /// and has chosen not to read them yet, or has forgotten them.
    #[must_use]
    pub fn unread(&self) -> usize {
        let world = self.network.world();
        let link = world.look_at(self.number).filter(|link| link.held == Held::Open && link.is_quiet());
        link.map_or(0, |link| link.unread.len())
    }

    /// Whether the server could write more, and no event is to come that says so: it knows of the room, and
    /// has nothing to write, or has forgotten it.
    #[must_use]
    pub fn unused_room(&self) -> bool {
        let world = self.network.world();
        let link = world.look_at(self.number).filter(|link| link.held == Held::Open && link.is_quiet());
        link.is_some_and(|link| link.has_room() && !link.wants_room)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.network.world().leave(self.number);
    }
}

impl World {
    fn connect(&mut self, from: Peer, fits: impl Fn(&Listen) -> bool) -> Result<usize, ConnectError> {
        let index = self
            .entrances
            .iter()
            .position(|entrance| entrance.as_ref().is_some_and(|entrance| fits(&entrance.listen)))
            .ok_or(ConnectError::Refused)?;
        let number = self.links();
        let entrance = self.entrances.get_mut(index).and_then(Option::as_mut).ok_or(ConnectError::Refused)?;
        if entrance.backlog.len() >= BACKLOG {
            return Err(ConnectError::Full);
        }
        entrance.backlog.push_back(number);
        let mut link = Link::new(from, self.buffers);
        if self.strikes(Fault::SlowReader) {
            link.buffers.client_receive = self.random.between(1, SLOW_BYTES) as usize;
            link.fault = Some(Fault::SlowReader);
        }
        self.add(link);
        self.ledger.connected += 1;
        self.raise(Source::Entrance(index));
        Ok(number)
    }

    fn send(&mut self, number: usize, bytes: &[u8]) -> usize {
        let Some(link) = self.link(number) else { return 0 };
        if link.is_reset || link.client_done {
            return 0;
        }
        let room = link.buffers.client_send.saturating_sub(link.under_way.len());
        let mut count = room.min(bytes.len());
        link.client_wants_room |= count < bytes.len();
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
        let Some(link) = self.link(number) else { return 0 };
        link.under_way.extend(bytes.get(..count).unwrap_or_default());
        link.traffic.sent += count as u64;
        link.fault = broken.or(link.fault);
        self.carry_in(number);
        match broken {
            Some(Fault::Reset) => self.reset(number),
            Some(Fault::Vanish) => self.vanish(number),
            Some(_) => self.finish(number),
            None => {}
        }
        count
    }

    fn send_urgent(&mut self, number: usize) {
        let Some(link) = self.link(number).filter(|link| !link.is_reset && !link.client_done) else { return };
        link.urgent_at = Some(link.traffic.sent);
        self.raise(Source::Link(number));
    }

    fn receive(&mut self, number: usize, bytes: &mut Vec<u8>) -> Line {
        let Some(link) = self.link(number).filter(|link| !link.client_gone) else { return Line::Reset };
        let (front, back) = link.arrived.as_slices();
        bytes.extend_from_slice(front);
        bytes.extend_from_slice(back);
        link.traffic.received += link.arrived.len() as u64;
        link.arrived.clear();
        self.carry_out(number);
        match self.look_at(number) {
            Some(link) if !link.arrived.is_empty() => Line::Open,
            Some(link) if link.is_reset => Line::Reset,
            Some(link) if link.server_done && link.unsent.is_empty() => Line::Ended,
            Some(_) => Line::Open,
            None => Line::Reset,
        }
    }

    fn finish(&mut self, number: usize) {
        if let Some(link) = self.link(number) {
            link.client_done = true;
            self.carry_in(number);
        }
    }

    /// What the system does for a process that has died: an end, or a reset if there was something left to
    /// be received.
    fn vanish(&mut self, number: usize) {
        let Some(link) = self.link(number) else { return };
        link.client_gone = true;
        if link.arrived.is_empty() && link.unsent.is_empty() {
            self.finish(number);
        } else {
            self.reset(number);
        }
    }

    /// The client's handle is gone.
    fn leave(&mut self, number: usize) {
        if self.look_at(number).is_some_and(|link| !link.client_gone) {
            self.vanish(number);
        }
        if let Some(link) = self.link(number) {
            link.client_dropped = true;
        }
        self.forget_if_over(number);
    }
}
