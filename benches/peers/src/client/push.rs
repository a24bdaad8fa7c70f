//! One client sends a push, and all clients receive it.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::members::{self, ROOM, string};
use super::{Mark, PATIENCE, Sample, connect, read_available};
use crate::Result;
use crate::histogram::Histogram;
use crate::server::Server;
use crate::wire::{Dialect, FLAG, frame, masked_frame, reply_packet, request_packet};

/// Commands of the gateway.
const SAY: u16 = 1203;
const SAID: u16 = 1210;

/// The members of a room, and what passes between them and the server.
struct Room {
    poll: Poll,
    events: Events,
    streams: Vec<TcpStream>,
    /// What one client sends.
    said: Vec<u8>,
    /// Bytes that come for it, to all clients together.
    heard_bytes: usize,
    latency: Histogram,
}

/// A message of the sample is one that was delivered to one member; the latency is that of a whole push.
pub fn push(
    server: &Server,
    dialect: Dialect,
    count: usize,
    size: usize,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let mut room = Room::open(server, dialect, count, size)?;
    room.go_on(warm_up)?;
    room.latency.clear();
    let mark = Mark::now(server)?;
    let pushes = room.go_on(slice)?;
    mark.sample(server, (pushes * count) as u64, room.latency)
}

impl Room {
    fn open(server: &Server, dialect: Dialect, count: usize, size: usize) -> Result<Room> {
        let text = "x".repeat(size);
        let data = [string(1, ROOM), vec![2 << 3], members::role(0), string(3, &text)].concat();
        let pushed = frame(&reply_packet(SAID, 0, &data));
        let (streams, said, extra) = if dialect.is_bare() {
            (connect(server.address, dialect, count)?, pushed.clone(), 0)
        } else {
            let mut streams = members::that_log_in(server, count)?;
            members::join(&mut streams)?;
            let say = masked_frame(&request_packet(SAY, &[string(1, ROOM), string(2, &text)].concat()));
            (streams, say, frame(&reply_packet(SAY, FLAG, &[])).len())
        };
        let poll = Poll::new()?;
        let mut registered = Vec::with_capacity(count);
        for (index, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            registered.push(stream);
        }
        Ok(Room {
            poll,
            events: Events::with_capacity(1024),
            streams: registered,
            said,
            heard_bytes: pushed.len() * count + extra,
            latency: Histogram::new(),
        })
    }

    /// Says something, waits until all have heard it, and says it again. Returns how often.
    fn go_on(&mut self, slice: Duration) -> Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let begin = Instant::now();
        let mut pushes = 0;
        while begin.elapsed() < slice {
            let said = Instant::now();
            if self.streams[0].write(&self.said)? != self.said.len() {
                return Err("a socket is full".into());
            }
            let mut heard_bytes = 0;
            while heard_bytes < self.heard_bytes {
                match self.poll.poll(&mut self.events, Some(Duration::from_millis(100))) {
                    Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                    _ => {}
                }
                for event in &self.events {
                    heard_bytes += read_available(&mut self.streams[event.token().0], &mut buffer)?;
                }
                if said.elapsed() > PATIENCE {
                    return Err("a push does not reach all".into());
                }
            }
            if heard_bytes > self.heard_bytes {
                return Err("more was pushed than was said".into());
            }
            self.latency.record(said.elapsed());
            pushes += 1;
        }
        Ok(pushes)
    }
}
