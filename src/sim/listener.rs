//! The server's end of a listener: listening and accepting, with their faults.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use mio::Token;

use super::accept_queue::AcceptQueue;
use super::connection::Held;
use super::fault::Fault;
use super::network::Network;
use super::schedule::Source;
use super::socket::SimulatedSocket;
use super::world::World;
use crate::config::Listen;
use crate::record::Peer;

/// The first port that is given to a listener that asks for any. The next listener gets the next port.
const FIRST_PORT: u16 = 49_152;

/// Linux's numbers for the errors of `accept`.
const ACCEPT_ERRORS: [(Fault, i32); 8] = [
    (Fault::AcceptInterrupted, 4),
    (Fault::AcceptWouldBlock, 11),
    (Fault::NoMemory, 12),
    (Fault::SystemDescriptors, 23),
    (Fault::ProcessDescriptors, 24),
    (Fault::AcceptProtocol, 71),
    (Fault::AcceptAborted, 103),
    (Fault::NoBuffers, 105),
];
const EMFILE: i32 = 24;

/// The server's end of a listener. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct SimulatedListener {
    network: Network,
    index: usize,
    listen: Listen,
}

impl SimulatedListener {
    pub(crate) fn listening(&self) -> &Listen {
        &self.listen
    }

    pub(crate) fn register(&self, token: Token) {
        let mut world = self.network.world();
        if let Some(queue) = world.accept_queues.get_mut(self.index).and_then(Option::as_mut) {
            queue.token = Some(token);
            world.raise(Source::AcceptQueue(self.index));
        }
    }

    pub(crate) fn accept(&self) -> io::Result<(Box<SimulatedSocket>, Peer)> {
        let (number, peer) = self.network.world().accept(self.index)?;
        Ok((Box::new(SimulatedSocket::new(self.network.clone(), number)), peer))
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        self.network.world().close_listener(self.index);
    }
}

impl Network {
    /// Begins to listen. Port 0 asks for any free port.
    pub(crate) fn listen(&self, listen: &Listen) -> io::Result<SimulatedListener> {
        let mut world = self.world();
        let listen = match listen {
            Listen::Tcp(address) if address.port() == 0 => {
                let port = u16::try_from(world.accept_queues.len()).unwrap_or_default();
                Listen::Tcp((address.ip(), FIRST_PORT.saturating_add(port)).into())
            }
            listen => listen.clone(),
        };
        if world.accept_queues.iter().flatten().any(|queue| queue.listen == listen) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let index = world.accept_queues.len();
        let queue = AcceptQueue { listen: listen.clone(), backlog: VecDeque::new(), token: None, edge: None };
        world.accept_queues.push(Some(queue));
        world.ledger.opened += 1;
        Ok(SimulatedListener { network: self.clone(), index, listen })
    }
}

impl World {
    fn accept(&mut self, index: usize) -> io::Result<(usize, Peer)> {
        self.activity.accepts += 1;
        let queue = self.accept_queues.get(index).and_then(Option::as_ref);
        let Some(&number) = queue.and_then(|queue| queue.backlog.front()) else {
            return Err(ErrorKind::WouldBlock.into());
        };
        if let Some((fault, error)) = ACCEPT_ERRORS.into_iter().find(|&(fault, _)| self.strikes(fault)) {
            if fault == Fault::AcceptWouldBlock {
                self.rearm_accept(index);
            }
            return Err(io::Error::from_raw_os_error(error));
        }
        if !self.has_descriptor() {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        if let Some(queue) = self.accept_queues.get_mut(index).and_then(Option::as_mut) {
            queue.backlog.pop_front();
        }
        self.ledger.opened += 1;
        self.ledger.accepted += 1;
        let now = self.now;
        let Some(connection) = self.connection_mut(number) else {
            return Err(ErrorKind::ConnectionAborted.into());
        };
        connection.held = Held::Open;
        connection.accepted_at = Some(now);
        Ok((number, connection.peer))
    }

    fn close_listener(&mut self, index: usize) {
        let Some(queue) = self.accept_queues.get_mut(index).and_then(Option::take) else {
            self.ledger.closed_twice += 1;
            return;
        };
        self.ledger.closed += 1;
        for number in queue.backlog {
            if let Some(connection) = self.connection_mut(number) {
                connection.held = Held::Closed;
                connection.cut();
                self.tell_client(number);
                self.forget_if_over(number);
            }
        }
    }
}
