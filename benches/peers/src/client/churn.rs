//! Clients that connect, upgrade, get one echo, and leave.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::stream::Stream;
use super::{Mark, PATIENCE, Sample, Target, connect_one, read_available, read_upgrade};
use crate::Result;
use crate::histogram::Histogram;
use crate::wire::{Exchange, Reply, upgrade_request};

/// The state of a client: the input that it waits for.
enum Phase {
    Connected,
    Upgraded,
    Echoed,
}

struct Client {
    stream: Stream,
    phase: Phase,
    received: usize,
    since: Instant,
}

/// All of them.
struct Churn<'a> {
    poll: Poll,
    target: &'a Target,
    exchange: &'a Exchange,
    upgrade: Vec<u8>,
    /// Bytes that come for the upgrade request, and for the echo; without one, a visit ends before it.
    head_len: usize,
    reply_len: Option<usize>,
    /// There is none between the end of one and the beginning of the next.
    clients: Vec<Option<Client>>,
    visits: u64,
    latency: Histogram,
}

/// Keeps `at_once` of them active. A message of the sample is a whole visit. `echoes`: with an echo.
pub fn churn(
    target: &Target,
    exchange: &Exchange,
    echoes: bool,
    at_once: usize,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let mut first = connect_one(target)?;
    let upgrade = upgrade_request(target.mode);
    first.write_all(&upgrade)?;
    let Reply::Bytes(reply) = &exchange.reply else {
        return Err("visits have an echo of fixed bytes".into());
    };
    let mut churn = Churn {
        poll: Poll::new()?,
        target,
        exchange,
        upgrade,
        head_len: read_upgrade(&mut first, target)?,
        reply_len: echoes.then_some(reply.len()),
        clients: vec![],
        visits: 0,
        latency: Histogram::new(),
    };
    drop(first);
    for index in 0..at_once {
        let client = churn.begin(index)?;
        churn.clients.push(Some(client));
    }
    churn.go_on(warm_up)?;
    churn.latency.clear();
    let (mark, visits) = (Mark::now(&target.server)?, churn.visits);
    churn.go_on(slice)?;
    mark.sample(&target.server, churn.visits - visits, churn.latency)
}

impl Churn<'_> {
    fn begin(&self, index: usize) -> Result<Client> {
        let since = Instant::now();
        let stream = Stream::begin(self.target.server.address, self.target.tls.as_ref())?;
        stream.register(&self.poll, Token(index))?;
        Ok(Client { stream, phase: Phase::Connected, received: 0, since })
    }

    fn go_on(&mut self, slice: Duration) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        let begin = Instant::now();
        let mut last_event = begin;
        let (mut answered, mut left) = (vec![], vec![]);
        while begin.elapsed() < slice {
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            if !events.is_empty() {
                last_event = Instant::now();
            } else if last_event.elapsed() > PATIENCE {
                return Err("no reply comes".into());
            }
            for event in &events {
                let Token(index) = event.token();
                let Some(client) = &mut self.clients[index] else { continue };
                if event.is_writable() && matches!(client.phase, Phase::Connected) {
                    client.ask(&self.upgrade, Phase::Upgraded)?;
                }
                if event.is_readable() && self.read(index, &mut buffer)? {
                    answered.push(index);
                }
            }
            // As in other loads, what follows from the reads of a turn comes after all of them.
            for index in answered.drain(..) {
                if !self.ask_for_echo(index)? {
                    self.clients[index] = None;
                    left.push(index);
                }
            }
            for index in left.drain(..) {
                self.clients[index] = Some(self.begin(index)?);
            }
        }
        Ok(())
    }

    /// Returns whether all that a client waits for has come.
    fn read(&mut self, index: usize, buffer: &mut [u8]) -> Result<bool> {
        let Some(client) = &mut self.clients[index] else { return Ok(false) };
        client.received += read_available(&mut client.stream, buffer, |_| ())?;
        let awaited = match client.phase {
            Phase::Connected => 0,
            Phase::Upgraded => self.head_len,
            Phase::Echoed => self.reply_len.unwrap_or(0),
        };
        if client.received > awaited {
            return Err("more came back than was asked for".into());
        }
        if client.received < awaited || matches!(client.phase, Phase::Connected) {
            return Ok(false);
        }
        if matches!(client.phase, Phase::Echoed) || self.reply_len.is_none() {
            self.latency.record(client.since.elapsed());
            self.visits += 1;
        }
        Ok(true)
    }

    /// Goes on after an upgrade. Returns false if the visit is over.
    fn ask_for_echo(&mut self, index: usize) -> Result<bool> {
        match &mut self.clients[index] {
            Some(client) if matches!(client.phase, Phase::Upgraded) && self.reply_len.is_some() => {
                client.ask(self.exchange.request(), Phase::Echoed)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl Client {
    /// These bytes are few: a new socket takes all of them.
    fn ask(&mut self, bytes: &[u8], phase: Phase) -> Result<()> {
        if self.stream.write(bytes)? != bytes.len() {
            return Err("a new socket is full".into());
        }
        self.phase = phase;
        self.received = 0;
        Ok(())
    }
}
