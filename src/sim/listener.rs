//! The server's end of a listener: listening and accepting, with their faults.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use mio::Token;

use super::accept_queue::{AcceptQueue, ListenerState};
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
    /// The index of its [`ListenerState`].
    index: usize,
    listen: Listen,
}

impl SimulatedListener {
    pub(crate) fn listening(&self) -> &Listen {
        &self.listen
    }

    pub(crate) fn register(&self, poll: usize, token: Token) {
        let mut world = self.network.world();
        if let Some(listener) = world.listeners.get_mut(self.index).and_then(Option::as_mut) {
            (listener.poll, listener.token) = (poll, Some(token));
            world.raise(Source::Listener(self.index));
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
    /// Opens a listener for each of several reactors. Port 0 asks for any free port.
    pub(crate) fn listen(&self, listen: &Listen, reactors: usize) -> io::Result<Vec<SimulatedListener>> {
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
        let is_shared = matches!(listen, Listen::Unix(_));
        let mut opened = vec![];
        for reactor in 0..reactors {
            if reactor == 0 || !is_shared {
                let listeners = if is_shared { reactors } else { 1 };
                let queue = AcceptQueue { listen: listen.clone(), backlog: VecDeque::new(), listeners };
                world.accept_queues.push(Some(queue));
            }
            let queue = world.accept_queues.len() - 1;
            world.listeners.push(Some(ListenerState { queue, poll: 0, token: None, edge: None }));
            world.ledger.opened += 1;
            let index = world.listeners.len() - 1;
            opened.push(SimulatedListener { network: self.clone(), index, listen: listen.clone() });
        }
        Ok(opened)
    }
}

impl World {
    fn accept(&mut self, index: usize) -> io::Result<(usize, Peer)> {
        self.activity.accepts += 1;
        let queue_index = self.listeners.get(index).and_then(Option::as_ref).map(|listener| listener.queue);
        let queue_index = queue_index.ok_or(ErrorKind::InvalidInput)?;
        let queue = self.accept_queues.get(queue_index).and_then(Option::as_ref);
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
        if let Some(queue) = self.accept_queues.get_mut(queue_index).and_then(Option::as_mut) {
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
        let Some(listener) = self.listeners.get_mut(index).and_then(Option::take) else {
            self.ledger.closed_twice += 1;
            return;
        };
        self.ledger.closed += 1;
        let Some(entry) = self.accept_queues.get_mut(listener.queue) else { return };
        let ended = entry.take_if(|queue| {
            queue.listeners -= 1;
            queue.listeners == 0
        });
        for number in ended.into_iter().flat_map(|queue| queue.backlog) {
            if let Some(connection) = self.connection_mut(number) {
                connection.held = Held::Closed;
                connection.cut();
                self.tell_client(number);
                self.forget_if_over(number);
            }
        }
    }
}
