//! The arena on a thread of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use sysconn::{Cause, Config, Handle, Link, Reactor, Record, ServerHandle, Snapshot, Survey, Ticket};

use super::{ARENA, Arena, Event, HANDLE, LINK};
use crate::common::{Client, Counts, PATIENCE, UPGRADE, join, packet};

/// Drained and joined when it is dropped; a panic of its thread fails the test.
pub(crate) struct ArenaServer {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) events: Receiver<Event>,
    pub(crate) sessions: Counts,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl ArenaServer {
    pub(crate) fn new(config: &Config) -> Self {
        let (arena, events) = Arena::new();
        let sessions = arena.sessions.clone();
        let mut reactor = Reactor::bind(config, &ARENA, arena).unwrap();
        let address = reactor.local_addr().unwrap();
        let handle = reactor.handle();
        let thread = std::thread::spawn(move || reactor.run());
        ArenaServer { address, handle, events, sessions, thread: Some(thread) }
    }

    /// The first event that `pick` accepts; earlier ones are dropped.
    pub(crate) fn await_event<T>(&self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.events.recv_timeout(PATIENCE).unwrap()) {
                return picked;
            }
        }
    }

    /// The next connection that ends.
    pub(crate) fn closed(&self) -> (Record, Cause) {
        self.await_event(|event| match event {
            Event::Closed(record, cause) => Some((*record, cause)),
            _ => None,
        })
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.await_event(|event| match event {
            Event::Deferred(ticket) => Some(ticket),
            _ => None,
        })
    }

    /// Links an object to a client, and receives the notice of its end.
    pub(crate) fn link(&self, client: &mut Client) -> (Link, Receiver<Cause>) {
        client.send_packet(LINK, 0, b"");
        assert_eq!(client.reply().cmd, LINK);
        self.linked()
    }

    /// A client with an object. One write brings it both, so that no timer can come in between.
    pub(crate) fn connect_linked(&self) -> (Client, Link, Receiver<Cause>) {
        let mut client = Client::raw(self.address);
        client.send(&join(&[UPGRADE, &packet(LINK, 0, b"")]));
        client.read_upgraded();
        assert_eq!(client.reply().cmd, LINK);
        let (link, ended) = self.linked();
        (client, link, ended)
    }

    fn linked(&self) -> (Link, Receiver<Cause>) {
        self.await_event(|event| match event {
            Event::Linked(link, ended) => Some((link, ended)),
            _ => None,
        })
    }

    /// A handle to a client's connection.
    pub(crate) fn handle_of(&self, client: &mut Client) -> Handle {
        client.send_packet(HANDLE, 0, b"");
        let id = client.read_id();
        let handle = self.await_event(|event| match event {
            Event::Handle(handle, _) => Some(handle),
            _ => None,
        });
        assert_eq!(handle.id(), id);
        handle
    }

    /// Looks at all connections.
    pub(crate) fn survey<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Survey<'_>) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        self.handle.survey(move |survey| answer.send(look(survey)).unwrap()).unwrap();
        answered.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn snapshot(&self, handle: &Handle) -> Snapshot {
        handle.snapshot(PATIENCE).unwrap()
    }

    /// Waits until the server has drained.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for ArenaServer {
    fn drop(&mut self) {
        self.handle.drain();
        if !std::thread::panicking() {
            self.join();
        }
    }
}
