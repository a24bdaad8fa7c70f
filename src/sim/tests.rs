//! The network's promises to both ends, without a reactor.

mod faults;
mod wire;

use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use mio::Token;

use super::*;
use crate::config::Listen;
use crate::record::Peer;

const LISTENER: Token = Token(1);
const SOCKET: Token = Token(2);
const WAKER: Token = Token(3);

const SMALL: Buffers = Buffers { client_send: 40, server_receive: 20, server_send: 30, client_receive: 10 };

/// A server that makes one call at a time.
struct Server {
    network: Network,
    listener: SimulatedListener,
    poll: usize,
    events: Vec<Readiness>,
}

impl Server {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        network.set_buffers(SMALL);
        let listener = network.listen(&Listen::Tcp(([127, 0, 0, 1], 80).into()), 1).unwrap().remove(0);
        let poll = network.add_poll();
        listener.register(poll, LISTENER);
        Server { network, listener, poll, events: vec![] }
    }

    fn connect(&self) -> Client {
        self.network.connect(Peer::Ip([10, 0, 0, 1].into(), 1)).unwrap()
    }

    /// A connection that is registered, and that the poll has reported as writable.
    fn pair(&mut self) -> (Client, Box<SimulatedSocket>) {
        let client = self.connect();
        let (mut socket, _) = self.listener.accept().unwrap();
        socket.register(self.poll, SOCKET).unwrap();
        self.poll(0);
        (client, socket)
    }

    /// The events of a poll with this timeout, after the server has looked at them.
    fn poll(&mut self, ms: u64) -> &[Readiness] {
        self.poll_only(ms);
        self.look();
        &self.events
    }

    fn poll_only(&mut self, ms: u64) {
        self.network.poll(self.poll, &mut self.events, 1024, Some(Duration::from_millis(ms))).unwrap();
    }

    fn look(&self) {
        self.events.iter().for_each(|&event| self.network.note_told(event));
    }

    fn tokens(&mut self, ms: u64) -> Vec<Token> {
        self.poll(ms).iter().map(|event| event.token).collect()
    }
}

fn read(socket: &mut SimulatedSocket) -> Result<Vec<u8>, ErrorKind> {
    let mut buffer = [0; 100];
    let count = socket.read(&mut buffer).map_err(|error| error.kind())?;
    Ok(buffer[..count].to_vec())
}

fn write(socket: &mut SimulatedSocket, count: usize) -> Result<usize, ErrorKind> {
    let bytes = vec![7; count];
    let (front, back) = bytes.split_at(count / 2);
    socket.write_vectored(&[IoSlice::new(front), IoSlice::new(back)]).map_err(|error| error.kind())
}

fn received(client: &mut Client) -> (usize, StreamState) {
    let mut bytes = vec![];
    let line = client.receive(&mut bytes);
    (bytes.len(), line)
}
