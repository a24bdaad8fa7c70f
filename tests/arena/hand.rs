//! The arena, turned by the test, which decides what happens between two turns.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sysconn::{Config, ConnectionId, Handle, Reactor, ServerHandle, Snapshot, Survey};

use super::{ARENA, Arena, Event, HANDLE};
use crate::common::{Client, UPGRADE, eventually, packet};

pub(crate) struct Hand {
    pub(crate) reactor: Reactor<Arena>,
    pub(crate) events: Receiver<Event>,
    pub(crate) address: SocketAddr,
}

impl Hand {
    pub(crate) fn new(config: &Config) -> Self {
        let (arena, events) = Arena::new();
        let reactor = Reactor::bind(config, &ARENA, arena).unwrap();
        let address = reactor.local_addr().unwrap();
        Hand { reactor, events, address }
    }

    /// One turn that does not sleep.
    pub(crate) fn turn(&mut self) {
        self.reactor.turn(Some(Duration::ZERO)).unwrap();
    }

    /// Turns until there is nothing to do for the moment: no turn follows at once, and a few more
    /// find nothing that the system had not told of yet.
    pub(crate) fn settle(&mut self) {
        for _ in 0..50 {
            self.turn();
        }
    }

    /// Turns until `holds`.
    pub(crate) fn turn_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        eventually(what, || {
            self.turn();
            holds(self)
        });
    }

    /// Turns on a thread of its own from now on: a client that waits for what comes cannot turn.
    pub(crate) fn run(mut self) -> Running {
        let handle = self.reactor.handle();
        Running { handle, thread: std::thread::spawn(move || self.reactor.run()) }
    }

    /// A client that is connected and upgraded, and its handle.
    pub(crate) fn connect(&mut self) -> (Client, Handle) {
        let client = Client::raw(self.address);
        self.upgrade(client)
    }

    /// Upgrades a client that is connected.
    pub(crate) fn upgrade(&mut self, client: Client) -> (Client, Handle) {
        self.upgrade_with(client, UPGRADE)
    }

    /// Upgrades a client that is connected by this request.
    pub(crate) fn upgrade_with(&mut self, mut client: Client, request: &[u8]) -> (Client, Handle) {
        client.send(request);
        client.send(&packet(HANDLE, 0, b""));
        let mut found = None;
        self.turn_until("a client is let in", |hand| {
            while let Ok(event) = hand.events.try_recv() {
                if let Event::Handle(handle, _) = event {
                    found = Some(handle);
                }
            }
            found.is_some()
        });
        client.read_upgraded();
        let handle = found.unwrap();
        assert_eq!(client.read_id(), handle.id());
        (client, handle)
    }

    /// Looks at all connections, which takes a turn.
    pub(crate) fn survey<T: Send + 'static>(
        &mut self,
        look: impl FnOnce(&Survey<'_>) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        self.reactor.handle().survey(move |survey| answer.send(look(survey)).unwrap()).unwrap();
        let mut result = None;
        self.turn_until("a survey", |_| {
            result = answered.try_recv().ok();
            result.is_some()
        });
        result.unwrap()
    }

    pub(crate) fn snapshot(&mut self, id: ConnectionId) -> Snapshot {
        self.survey(move |survey| survey.get(id).unwrap())
    }

    /// Requests to be echoed or sunk that a connection has made.
    pub(crate) fn handled(&self, id: ConnectionId) -> u64 {
        self.reactor.state().handled.get(&id).copied().unwrap_or(0)
    }
}

/// A reactor that was turned by the test before.
pub(crate) struct Running {
    handle: ServerHandle,
    thread: JoinHandle<io::Result<()>>,
}

impl Running {
    /// Drains it.
    pub(crate) fn end(self) {
        self.handle.drain();
        self.thread.join().unwrap().unwrap();
    }
}

/// Writes for as long as the system takes it at once: the bytes that it took.
pub(crate) fn write_until_full(client: &mut Client, bytes: &[u8]) -> usize {
    client.stream.set_nonblocking(true).unwrap();
    let mut written = 0;
    while written < bytes.len() {
        match client.stream.write(&bytes[written..]) {
            Ok(len) => written += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    client.stream.set_nonblocking(false).unwrap();
    written
}
