//! A bare TCP echo with one read and one write, the upper limit for a server.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::Result;

const LISTENER: Token = Token(usize::MAX);
const READ_BUFFER_BYTES: usize = 256 * 1024;

struct Connection {
    stream: TcpStream,
    /// The rest of a short write. While there is one, nothing is read.
    unsent: Vec<u8>,
    /// Whether a write was ever short, so that events report when to try again.
    waits_to_write: bool,
}

pub fn run() -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut connections = Slab::new();
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, &mut connections, &poll)?,
                Token(key) => {
                    let Some(connection) = connections.get_mut(key) else { continue };
                    let ends = event.is_read_closed();
                    if connection.echo(&mut buffer, ends, Token(key), &poll).is_err() {
                        connections.remove(key);
                    }
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, connections: &mut Slab<Connection>, poll: &Poll) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let entry = connections.vacant_entry();
        poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
        entry.insert(Connection { stream, unsent: vec![], waits_to_write: false });
    }
}

impl Connection {
    /// Reads and writes until a read is short or a write is not whole. If the end came with the data there is
    /// no separate event: then `ends` is set, and the end is read.
    fn echo(&mut self, buffer: &mut [u8], ends: bool, token: Token, poll: &Poll) -> io::Result<()> {
        let unsent = mem::take(&mut self.unsent);
        self.write(&unsent, token, poll)?;
        while self.unsent.is_empty() {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.write(&buffer[..count], token, poll)?;
                    if count < buffer.len() && !ends {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes, and keeps the rest that the socket does not take.
    fn write(&mut self, mut bytes: &[u8], token: Token, poll: &Poll) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !mem::replace(&mut self.waits_to_write, true) {
                        let interest = Interest::READABLE | Interest::WRITABLE;
                        poll.registry().reregister(&mut self.stream, token, interest)?;
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.unsent.extend_from_slice(bytes);
        Ok(())
    }
}
