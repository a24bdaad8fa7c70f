//! The upper limit for pushes: a bare loop writes some messages of a client to all clients, and sends the
//! others back.

use std::io::{ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::Result;
use crate::client::TO_ALL;

const LISTENER: Token = Token(usize::MAX);

pub fn run() -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listening on {}", listener.local_addr()?);
    let mut streams = Slab::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                LISTENER => accept(&listener, &mut streams, &poll)?,
                Token(key) => {
                    match streams.get_mut(key).map(|stream: &mut TcpStream| stream.read(&mut buffer)) {
                        Some(Ok(count)) if count > 0 && buffer[0] == TO_ALL => {
                            push(&buffer[..count], &mut streams)?;
                        }
                        Some(Ok(count)) if count > 0 => {
                            write(&buffer[..count], streams.get_mut(key))?;
                        }
                        Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => {}
                        Some(_) => drop(streams.remove(key)),
                        None => {}
                    }
                }
            }
        }
    }
}

fn accept(listener: &TcpListener, streams: &mut Slab<TcpStream>, poll: &Poll) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        stream.set_nodelay(true)?;
        let entry = streams.vacant_entry();
        poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE)?;
        entry.insert(stream);
    }
}

/// The load waits for each push before it asks for another, so a socket that is full is an error.
fn push(bytes: &[u8], streams: &mut Slab<TcpStream>) -> Result<()> {
    streams.iter_mut().try_for_each(|(_, stream)| write(bytes, Some(stream)))
}

fn write(bytes: &[u8], stream: Option<&mut TcpStream>) -> Result<()> {
    match stream.map(|stream| stream.write(bytes)) {
        Some(Ok(count)) if count < bytes.len() => Err("a client does not read".into()),
        Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => Err("a client does not read".into()),
        // One that has gone is removed when its end is read.
        _ => Ok(()),
    }
}
