//! Many clients that all send the same request repeatedly.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::{PATIENCE, connect, read_available};
use crate::Result;
use crate::histogram::Histogram;
use crate::server::Server;
use crate::wire::{Dialect, Exchange};

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// One client.
struct Link {
    stream: TcpStream,
    /// Bytes of requests that are still to be sent, and where in a request they begin.
    unsent: usize,
    position: usize,
    /// The received bytes of the current reply.
    received: usize,
    /// For each request without a reply: when it was sent, or should have been.
    sent: VecDeque<Instant>,
}

/// All clients, and their measurements.
pub struct Population {
    poll: Poll,
    events: Events,
    links: Vec<Link>,
    /// The requests of one write, and one more, so that a write can begin within a request.
    requests: Vec<u8>,
    request_len: usize,
    reply_len: usize,
    buffer: Vec<u8>,
    /// The clients that got replies in this turn, and how many.
    answered: Vec<(usize, usize)>,
    in_flight: usize,
    pub replies: u64,
    pub latency: Histogram,
}

impl Population {
    /// `depth`: the requests of one client that are in flight.
    pub fn new(
        server: &Server,
        dialect: Dialect,
        exchange: &Exchange,
        clients: usize,
        depth: usize,
    ) -> Result<Population> {
        let poll = Poll::new()?;
        let mut links = Vec::with_capacity(clients);
        for stream in connect(server.address, dialect, clients)? {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(links.len()), interest)?;
            links.push(Link { stream, unsent: 0, position: 0, received: 0, sent: VecDeque::new() });
        }
        Ok(Population {
            poll,
            events: Events::with_capacity(1024),
            links,
            requests: exchange.request.repeat(depth + 1),
            request_len: exchange.request.len(),
            reply_len: exchange.reply.len(),
            buffer: vec![0; READ_BUFFER_BYTES],
            answered: vec![],
            in_flight: 0,
            replies: 0,
            latency: Histogram::new(),
        })
    }

    pub fn clients(&self) -> usize {
        self.links.len()
    }

    /// Sends `count` requests for one client, in one write if the socket takes them. Their latency
    /// counts from `at`.
    pub fn send(&mut self, client: usize, count: usize, at: Instant) -> Result<()> {
        let link = &mut self.links[client];
        let idle = link.unsent == 0;
        link.unsent += count * self.request_len;
        link.sent.extend(std::iter::repeat_n(at, count));
        self.in_flight += count;
        // Else the socket is full, and an event comes when it is not.
        if idle { link.flush(&self.requests, self.request_len) } else { Ok(()) }
    }

    /// Waits for input, and reads it. Returns the clients that got replies, and how many.
    pub fn turn(&mut self, timeout: Duration) -> Result<Vec<(usize, usize)>> {
        let mut answered = std::mem::take(&mut self.answered);
        answered.clear();
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &self.events {
            let Token(client) = event.token();
            let link = &mut self.links[client];
            if event.is_readable() {
                let bytes = read_available(&mut link.stream, &mut self.buffer)?;
                let replies = (link.received + bytes) / self.reply_len;
                link.received = (link.received + bytes) % self.reply_len;
                if replies > link.sent.len() {
                    return Err("more came back than was asked for".into());
                }
                if replies > 0 {
                    let now = Instant::now();
                    for sent in link.sent.drain(..replies) {
                        self.latency.record(now.saturating_duration_since(sent));
                    }
                    self.replies += replies as u64;
                    self.in_flight -= replies;
                    answered.push((client, replies));
                }
            }
            if event.is_writable() && link.unsent > 0 {
                link.flush(&self.requests, self.request_len)?;
            }
        }
        Ok(answered)
    }

    /// Gives the list back that [`turn`](Self::turn) returned, so that the next turn need not allocate.
    pub fn recycle(&mut self, answered: Vec<(usize, usize)>) {
        self.answered = answered;
    }

    /// Waits for all replies that are still to come.
    pub fn drain(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.in_flight > 0 {
            let answered = self.turn(Duration::from_millis(100))?;
            self.recycle(answered);
            if Instant::now() > deadline {
                return Err(format!("{} replies did not come", self.in_flight).into());
            }
        }
        Ok(())
    }
}

impl Link {
    fn flush(&mut self, requests: &[u8], request_len: usize) -> Result<()> {
        while self.unsent > 0 {
            let end = requests.len().min(self.position + self.unsent);
            match self.stream.write(&requests[self.position..end]) {
                Ok(count) => {
                    self.unsent -= count;
                    self.position = (self.position + count) % request_len;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
