//! Many clients that all send the same requests repeatedly.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::ring::Ring;
use super::stream::Stream;
use super::{PATIENCE, Target, connect, read_available};
use crate::Result;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::wire::{Exchange, Reply};

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// One client.
struct Link {
    stream: Stream,
    /// Bytes of requests that are still to be sent, and where in the ring they begin.
    unsent: usize,
    position: usize,
    /// The place of its next request among all.
    next: usize,
    received: Received,
    /// For each request without a reply: when it was sent, or should have been.
    sent: VecDeque<Instant>,
}

/// What has come of the current reply.
enum Received {
    /// So many bytes of this one.
    Bytes(usize, Rc<[u8]>),
    Frames(Box<Frames>),
}

impl Received {
    /// `bytes`: those of the reply, which all clients share.
    fn new(reply: &Reply, bytes: &Rc<[u8]>) -> Received {
        match reply {
            Reply::Bytes(_) => Received::Bytes(0, Rc::clone(bytes)),
            Reply::State { .. } => Received::Frames(Box::default()),
        }
    }

    /// Returns the number of replies that these bytes complete; `None` if they are not what they should be.
    fn take(&mut self, mut bytes: &[u8]) -> Option<usize> {
        match self {
            Received::Bytes(received, reply) => {
                let mut replies = 0;
                while !bytes.is_empty() {
                    let awaited = &reply[*received..];
                    let (part, rest) = bytes.split_at(bytes.len().min(awaited.len()));
                    if part != &awaited[..part.len()] {
                        return None;
                    }
                    *received += part.len();
                    if *received == reply.len() {
                        (*received, replies) = (0, replies + 1);
                    }
                    bytes = rest;
                }
                Some(replies)
            }
            Received::Frames(frames) => {
                let mut replies = 0;
                frames.take(bytes, |_| replies += 1);
                Some(replies)
            }
        }
    }
}

/// All clients, and their measurements.
pub struct Population {
    poll: Poll,
    events: Events,
    links: Vec<Link>,
    requests: Ring,
    /// Where each of them begins.
    starts: Vec<usize>,
    buffer: Vec<u8>,
    /// The clients that got replies in this turn, and how many.
    answered: Vec<(usize, usize)>,
    in_flight: usize,
    pub replies: u64,
    pub reply_bytes: u64,
    pub latency: Histogram,
}

impl Population {
    /// `depth`: the requests of one client that are in flight.
    pub fn new(target: &Target, exchange: &Exchange, clients: usize, depth: usize) -> Result<Population> {
        let poll = Poll::new()?;
        let mut links = Vec::with_capacity(clients);
        let reply =
            if let Reply::Bytes(bytes) = &exchange.reply { bytes.as_slice().into() } else { Rc::default() };
        for stream in connect(target, clients)? {
            stream.register(&poll, Token(links.len()))?;
            let received = Received::new(&exchange.reply, &reply);
            links.push(Link { stream, unsent: 0, position: 0, next: 0, received, sent: VecDeque::new() });
        }
        let starts = exchange.requests.iter().scan(0, |end, request| {
            let start = *end;
            *end += request.len();
            Some(start)
        });
        Ok(Population {
            poll,
            events: Events::with_capacity(1024),
            links,
            requests: Ring::new(exchange.requests.concat(), exchange.requests.len(), depth),
            starts: starts.collect(),
            buffer: vec![0; READ_BUFFER_BYTES],
            answered: vec![],
            in_flight: 0,
            replies: 0,
            reply_bytes: 0,
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
        let at_place = |place: usize| {
            let rounds = place / self.starts.len();
            rounds * self.requests.len + self.starts[place % self.starts.len()]
        };
        link.unsent += at_place(link.next + count) - at_place(link.next);
        link.next += count;
        link.sent.extend(std::iter::repeat_n(at, count));
        self.in_flight += count;
        // Else the socket is full, and an event comes when it is not.
        if idle { link.flush(&self.requests) } else { Ok(()) }
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
                let mut replies = Some(0);
                let take = |bytes: &[u8]| {
                    replies = replies.zip(link.received.take(bytes)).map(|(before, more)| before + more);
                };
                self.reply_bytes += read_available(&mut link.stream, &mut self.buffer, take)? as u64;
                let replies = replies.ok_or("a reply is wrong")?;
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
            if event.is_writable() {
                link.stream.flush()?;
                link.flush(&self.requests)?;
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
    fn flush(&mut self, requests: &Ring) -> Result<()> {
        while self.unsent > 0 {
            match requests.write(&mut self.stream, self.position, self.unsent) {
                Ok(count) => {
                    self.unsent -= count;
                    self.position = (self.position + count) % requests.len;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
