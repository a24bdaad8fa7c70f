//! A client's end of a connection.

use std::fmt;
use std::time::Duration;

use super::connection::Held;
use super::fault::Fault;
use super::ledger::Traffic;
use super::network::Network;
use crate::config::Listen;
use crate::id::ConnectionId;
use crate::record::Peer;

/// Why a client cannot connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// No listener has that address.
    Refused,
    /// 4096 clients wait to be accepted there.
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

/// The bytes that a client can still receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// More may come.
    Open,
    /// The server has ended the connection, and all that it sent was received.
    Ended,
    /// Either end has reset the connection, and all that had arrived was received. Or the client's process
    /// has died and receives nothing.
    Reset,
}

/// A client's end of a connection: a byte stream. It sees the server's reaction after the server's next turn.
/// Dropping it closes it as the system does for a process that has died.
#[derive(Debug)]
pub struct Client {
    network: Network,
    number: usize,
}

impl Network {
    /// Connects a client from that address to the first TCP listener of the configuration, or to the first
    /// Unix domain socket if it is [`Peer::Local`].
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

    /// Connects a client to the listener with that address.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub fn connect_to(&self, to: &Listen, from: Peer) -> Result<Client, ConnectError> {
        let number = self.world().connect(from, |listen| listen == to)?;
        Ok(Client { network: self.clone(), number })
    }
}

impl Client {
    /// The client's number in [`Network::news`]. No other client of the network has it.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number as u64
    }

    /// Sends. Returns how many bytes the system took: fewer if the buffers on the way to the server are full,
    /// and then it is [news](Network::news) when there is space again; none after [`finish`](Self::finish) or
    /// a reset.
    pub fn send(&mut self, bytes: &[u8]) -> usize {
        self.network.world().send(self.number, bytes)
    }

    /// Sends an urgent byte (`MSG_OOB`) behind the earlier bytes.
    pub fn send_urgent(&mut self) {
        self.network.world().send_urgent(self.number);
    }

    /// Appends to `bytes` all that has arrived, which makes space for more.
    pub fn receive(&mut self, bytes: &mut Vec<u8>) -> StreamState {
        self.network.world().receive(self.number, bytes)
    }

    /// Ends the client's direction, and goes on receiving.
    pub fn finish(&mut self) {
        self.network.world().finish(self.number);
    }

    /// Resets the connection (RST). Bytes that have arrived can still be received.
    pub fn reset(&mut self) {
        self.network.world().reset(self.number);
    }

    /// Sets how many bytes may wait here to be received. If that is 0 and the client does not receive, the
    /// server's writes are cut short, and then fail with `WouldBlock`.
    pub fn set_window(&mut self, bytes: usize) {
        let mut world = self.network.world();
        if let Some(connection) = world.connection_mut(self.number) {
            connection.buffers.client_receive = bytes;
            world.carry_out(self.number);
        }
    }

    /// Whether the server has accepted the connection and not closed it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.network.world().connection(self.number).is_some_and(|connection| connection.held == Held::Open)
    }

    /// When the server accepted the connection. `None` before that.
    #[must_use]
    pub fn accepted_at(&self) -> Option<Duration> {
        self.network.world().connection(self.number)?.accepted_at.map(Duration::from_micros)
    }

    /// The server's id of the connection. `None` before it is accepted.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        let token = self.network.world().connection(self.number)?.token?;
        Some(ConnectionId::from_u64(token.0 as u64))
    }

    /// The fault that the connection has suffered: [`Fault::Reset`], [`Fault::Vanish`], [`Fault::HalfClose`],
    /// [`Fault::SlowReader`], or [`Fault::NoWatch`].
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.network.world().connection(self.number)?.fault
    }

    /// The bytes of the connection so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.network.world().connection(self.number).map(|connection| connection.traffic).unwrap_or_default()
    }

    /// Bytes that wait for the server, and of which no event is to come: the server knows of them, and has
    /// chosen not to read them yet, or has forgotten them.
    #[must_use]
    pub fn unread(&self) -> usize {
        let world = self.network.world();
        let connection = world
            .connection(self.number)
            .filter(|connection| connection.held == Held::Open && connection.is_quiet());
        connection.map_or(0, |connection| connection.unread.len())
    }

    /// Whether the server could write more, and no event is to come that says so: it knows of the space, and
    /// has nothing to write, or has forgotten it.
    #[must_use]
    pub fn unused_space(&self) -> bool {
        let world = self.network.world();
        let connection = world
            .connection(self.number)
            .filter(|connection| connection.held == Held::Open && connection.is_quiet());
        connection.is_some_and(|connection| connection.has_space() && !connection.wants_space)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.network.world().leave(self.number);
    }
}
