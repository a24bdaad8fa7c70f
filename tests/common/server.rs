//! A reactor on a thread of its own.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::frame::Opcode;
use sysconn::{Cause, Config, Peer, Reactor, ServerHandle, Service, Ticket};

use super::wire::frame;
use super::{Client, Event, Frame, Game, PATIENCE, ROUTER, any, echo};

/// Drained and joined when it is dropped; a panic of its thread fails the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) events: Receiver<Event>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// The configuration that the servers of these tests share: a free port.
pub(crate) fn config() -> Config {
    with(Config::default(), |config| {
        config.listen = vec![Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))];
    })
}

/// The configuration, changed.
pub(crate) fn with(mut config: Config, change: impl FnOnce(&mut Config)) -> Config {
    change(&mut config);
    config
}

impl Server {
    /// A server that takes packets.
    pub(crate) fn packets(config: &Config) -> Self {
        Server::spawn(config, Service::Packets(&ROUTER))
    }

    /// A server that takes packets without a table.
    pub(crate) fn any(config: &Config) -> Self {
        Server::spawn(config, Service::Any(any))
    }

    /// A server that echoes messages.
    pub(crate) fn messages(config: &Config) -> Self {
        Server::spawn(config, Service::Messages(echo))
    }

    fn spawn(config: &Config, service: Service<Game>) -> Self {
        let (sender, events) = channel();
        let mut reactor = Reactor::bind(config, service, Game::new(sender)).unwrap();
        let address = reactor.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let handle = reactor.handle();
        let thread = std::thread::spawn(move || reactor.run());
        Server { address, handle, events, thread: Some(thread) }
    }

    /// Has a client send a request that is refused. Returns the status and the body.
    pub(crate) fn refuses(&self, bytes: &[u8]) -> (u16, String) {
        let mut client = Client::raw(self.address);
        // The refusal can come before all is sent.
        let _ = client.stream.write_all(bytes);
        let (status, _, body) = client.read_refusal();
        (status, body)
    }

    pub(crate) fn event(&self) -> Event {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    /// The next request to be answered later.
    pub(crate) fn ticket(&self) -> Ticket {
        loop {
            if let Event::Deferred(ticket) = self.event() {
                return ticket;
            }
        }
    }

    /// Ends the client's side, and waits for the cause of the connection's end.
    pub(crate) fn cause_of(&self, client: Client) -> Cause {
        let address = client.stream.local_addr().unwrap();
        drop(client);
        self.cause_from(address)
    }

    /// Waits for the cause of the end of the connection from this address.
    pub(crate) fn cause_from(&self, address: SocketAddr) -> Cause {
        let peer = Peer::from(address);
        loop {
            if let Event::Closed(of, cause) = self.event()
                && of == peer
            {
                return cause;
            }
        }
    }

    /// Waits until the server has drained.
    pub(crate) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.drain();
        if !std::thread::panicking() {
            self.join();
        }
    }
}

/// A new client of a server for packets is served from its beginning to its end.
pub(crate) fn still_serves(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.echo(b"still there");
    client.close();
}

/// The same for a server that echoes messages.
pub(crate) fn still_echoes(address: SocketAddr) {
    let mut client = Client::connect(address);
    client.send(&frame(Opcode::Text, b"still there"));
    assert_eq!(client.next(), Frame::Text(b"still there".to_vec()));
    client.close();
}

/// A short timer that still leaves a slow machine time for the steps before it.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
