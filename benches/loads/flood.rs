//! Clients that send the same bytes repeatedly, and others that only receive the results.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::Load;
use super::wire::UPGRADE;

/// Bytes that one call writes or reads: few enough for another client to get the core back soon.
const CALL_BYTES: usize = 32 * 1024;

/// The parts of a flood.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) senders: usize,
    /// The bytes that senders send after their hello.
    pub(crate) bytes: Arc<Vec<u8>>,
    /// Whether the senders read their replies.
    pub(crate) reads: bool,
    /// Clients that only send a hello, and read.
    pub(crate) listeners: usize,
    /// The hello of each client, by its number.
    pub(crate) hello: Option<fn(usize) -> Vec<u8>>,
}

pub(crate) struct Flood {
    address: SocketAddr,
    plan: Plan,
    clients: Vec<Client>,
    scratch: Vec<u8>,
    done: u64,
    thrown_out: u64,
}

struct Client {
    stream: TcpStream,
    number: usize,
    sent: usize,
    upgraded: bool,
}

/// Connects, and ends with a reset when it is dropped, so that its port is free at once.
pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    stream
}

/// The result of a non-blocking call, 0 bytes if it would block.
pub(super) fn at_once(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

impl Client {
    fn new(address: SocketAddr, number: usize, plan: &Plan) -> Self {
        let mut stream = connect(address);
        let hello = plan.hello.map_or(vec![], |hello| hello(number));
        stream.write_all(&[UPGRADE, &hello].concat()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Client { stream, number, sent: 0, upgraded: false }
    }

    /// The bytes that were written and read.
    fn go_on(&mut self, plan: &Plan, scratch: &mut [u8]) -> io::Result<usize> {
        let sends = self.number < plan.senders;
        let mut moved = 0;
        if sends {
            let rest = &plan.bytes[self.sent % plan.bytes.len()..];
            moved = at_once(self.stream.write(&rest[..rest.len().min(CALL_BYTES)]))?;
            self.sent += moved;
        }
        if !sends || plan.reads {
            moved += self.read(scratch)?;
        }
        Ok(moved)
    }

    fn read(&mut self, scratch: &mut [u8]) -> io::Result<usize> {
        match self.stream.read(scratch) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) if !self.upgraded && !scratch.starts_with(b"HTTP/1.1 101 ") => {
                Err(ErrorKind::ConnectionRefused.into())
            }
            Ok(len) => {
                self.upgraded = true;
                Ok(len)
            }
            error => at_once(error),
        }
    }
}

impl Flood {
    pub(crate) fn new(address: SocketAddr, plan: Plan) -> Self {
        let count = plan.senders + plan.listeners;
        let clients = (0..count).map(|number| Client::new(address, number, &plan)).collect();
        Flood { address, plan, clients, scratch: vec![0; CALL_BYTES], done: 0, thrown_out: 0 }
    }
}

impl Load for Flood {
    fn go_on(&mut self) -> usize {
        let mut all = 0;
        for client in &mut self.clients {
            match client.go_on(&self.plan, &mut self.scratch) {
                Ok(moved) => all += moved,
                Err(_) => {
                    *client = Client::new(self.address, client.number, &self.plan);
                    self.thrown_out += 1;
                }
            }
        }
        if all == 0 && !self.plan.reads {
            // If it reads nothing it makes no progress, so others are tried.
            let number = self.clients[0].number;
            self.clients[0] = Client::new(self.address, number, &self.plan);
            self.clients.rotate_left(1);
        }
        self.done += all as u64;
        all
    }

    /// Bytes, both ways.
    fn done(&self) -> u64 {
        self.done
    }

    fn thrown_out(&self) -> u64 {
        self.thrown_out
    }
}
