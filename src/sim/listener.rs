//! Where clients come in: those that wait, and what accepting them comes to.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use mio::Token;

use super::fault::Fault;
use super::link::Held;
use super::network::Network;
use super::socket::SimulatedSocket;
use super::world::{Source, World};
use crate::config::Listen;
use crate::record::Peer;

/// Clients that may wait at one listener.
pub(super) const BACKLOG: usize = 4096;
/// The port that a listener is given which asks for any, and the next one the next.
const FIRST_PORT: u16 = 49_152;

/// Linux's numbers for what `accept` fails with.
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

/// A listener, as the network sees it.
#[derive(Debug)]
pub(super) struct Entrance {
    pub(super) listen: Listen,
    pub(super) backlog: VecDeque<usize>,
    pub(super) token: Option<Token>,
    pub(super) edge: Option<u64>,
}

/// A listener, as the server sees it. Dropping it closes it.
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
        if let Some(entrance) = world.entrances.get_mut(self.index).and_then(Option::as_mut) {
            entrance.token = Some(token);
            world.raise(Source::Entrance(self.index));
        }
    }

    pub(crate) fn accept(&self) -> io::Result<(SimulatedSocket, Peer)> {
        let (number, peer) = self.network.world().accept(self.index)?;
        Ok((SimulatedSocket::new(self.network.clone(), number), peer))
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        self.network.world().close_entrance(self.index);
    }
}

impl Network {
    /// Begins to listen.
    pub(crate) fn listen(&self, listen: &Listen) -> io::Result<SimulatedListener> {
        let mut world = self.world();
        let listen = match listen {
            Listen::Tcp(address) if address.port() == 0 => {
                let port = u16::try_from(world.entrances.len()).unwrap_or_default();
                Listen::Tcp((address.ip(), FIRST_PORT.saturating_add(port)).into())
            }
            listen => listen.clone(),
        };
        if world.entrances.iter().flatten().any(|entrance| entrance.listen == listen) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let index = world.entrances.len();
        let entrance = Entrance { listen: listen.clone(), backlog: VecDeque::new(), token: None, edge: None };
        world.entrances.push(Some(entrance));
        world.ledger.opened += 1;
        Ok(SimulatedListener { network: self.clone(), index, listen })
    }
}

impl World {
    fn accept(&mut self, index: usize) -> io::Result<(usize, Peer)> {
        self.activity.accepts += 1;
        let entrance = self.entrances.get(index).and_then(Option::as_ref);
        let Some(&number) = entrance.and_then(|entrance| entrance.backlog.front()) else {
            return Err(ErrorKind::WouldBlock.into());
        };
        if let Some((fault, error)) = ACCEPT_ERRORS.into_iter().find(|&(fault, _)| self.strikes(fault)) {
            if fault == Fault::AcceptWouldBlock {
                self.rearm_entrance(index);
            }
            return Err(io::Error::from_raw_os_error(error));
        }
        if !self.has_descriptor() {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        if let Some(entrance) = self.entrances.get_mut(index).and_then(Option::as_mut) {
            entrance.backlog.pop_front();
        }
        self.ledger.opened += 1;
        self.ledger.accepted += 1;
        let now = self.now;
        let Some(link) = self.link(number) else { return Err(ErrorKind::ConnectionAborted.into()) };
        link.held = Held::Open;
        link.accepted_at = Some(now);
        Ok((number, link.peer))
    }

    fn close_entrance(&mut self, index: usize) {
        let Some(entrance) = self.entrances.get_mut(index).and_then(Option::take) else {
            self.ledger.closed_twice += 1;
            return;
        };
        self.ledger.closed += 1;
        for number in entrance.backlog {
            if let Some(link) = self.link(number) {
                link.held = Held::Closed;
                link.cut();
                self.tell_client(number);
                self.forget_if_over(number);
            }
        }
    }
}
