//! Load by new connections: clients that only connect.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Load;
use super::flood::{Flood, Plan, connect};
use super::wire::UPGRADE;

/// Clients in a storm that are there at the same time.
const STORM: usize = 64;
/// Half requests that wait at the same time, and that are made or looked at in one go.
const HALVES: usize = 2000;
const AT_ONCE: usize = 32;

/// Connects with what it has to say, and waits for nothing.
fn say(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream
}

/// Whether something has come, or the end.
fn is_answered(mut stream: &TcpStream) -> bool {
    stream.read(&mut [0; 512]).is_ok()
}

/// Clients that connect, are upgraded and go.
pub(crate) struct Storm {
    address: SocketAddr,
    clients: Vec<TcpStream>,
    done: u64,
}

impl Storm {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Storm { address, clients: (0..STORM).map(|_| say(address, UPGRADE)).collect(), done: 0 }
    }
}

impl Load for Storm {
    fn go_on(&mut self) -> usize {
        let mut done = 0;
        for client in self.clients.iter_mut().filter(|client| is_answered(client)) {
            *client = say(self.address, UPGRADE);
            done += 1;
        }
        self.done += done as u64;
        done
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// Clients that send half a request, of whom each is replaced once it is told that it was too slow, and
/// others that are busy meanwhile.
pub(crate) struct Halves {
    address: SocketAddr,
    /// In the order in which they came.
    clients: VecDeque<TcpStream>,
    busy: Flood,
    done: u64,
}

impl Halves {
    pub(crate) fn new(address: SocketAddr, busy: Plan) -> Self {
        Halves { address, clients: VecDeque::new(), busy: Flood::new(address, busy), done: 0 }
    }
}

impl Load for Halves {
    fn go_on(&mut self) -> usize {
        let mut expired = 0;
        while expired < AT_ONCE && self.clients.front().is_some_and(is_answered) {
            self.clients.pop_front();
            expired += 1;
        }
        let room = (HALVES - self.clients.len()).min(AT_ONCE);
        self.clients.extend((0..room).map(|_| say(self.address, &UPGRADE[..UPGRADE.len() / 2])));
        self.done += expired as u64;
        room + self.busy.go_on()
    }

    /// Those that were told.
    fn done(&self) -> u64 {
        self.done
    }
}
