//! What clients do to a server under a load.

use std::time::Duration;

use crate::Result;
use crate::client::{Population, Sample, Talk, Target, churn, closed, mixed, open, push, verify};
use crate::mode::Mode;
use crate::wire::{Dialect, Exchange};
use LoadKind::{Churn, Closed, Handshake, Idle, Instructions, Mixed, Open, Push, States, Tail, Workers};

/// The behaviour of the clients.
#[derive(Clone, Copy, PartialEq)]
pub enum LoadKind {
    /// Each keeps `depth` requests in flight.
    Closed { depth: usize },
    /// The same with states of a game in JSON.
    States { depth: usize },
    /// The same, with server and load on the same two cores.
    Workers { depth: usize },
    /// Together they send at this share of the rate that the bare echo reaches.
    Open { share: f64 },
    /// The same with the rate that the first external server reaches, if there is one.
    Tail { share: f64 },
    /// They connect, upgrade, get one echo, and leave.
    Churn,
    /// The same without the echo.
    Handshake,
    /// They send one request each, or log in, and stay.
    Idle,
    /// They are members of a room: this many speak at once, each this many texts.
    Push { speakers: usize, texts: usize },
    /// Inputs at 60 Hz of each player, states at 20 Hz to all.
    Mixed,
    /// They send their requests together, and instructions of the server are counted.
    Instructions { depth: usize },
}

/// The number of clients, and their behaviour.
#[derive(Clone, Copy)]
pub struct Load {
    pub name: &'static str,
    pub group: &'static str,
    pub clients: usize,
    /// The bytes of each request, without the overhead of the protocols.
    pub size: usize,
    pub kind: LoadKind,
    pub mode: Mode,
    /// What else there is to say about it.
    pub note: &'static str,
}

impl Load {
    pub fn title(&self) -> String {
        let Load { name, clients, size, note, .. } = self;
        let plural = if *clients > 1 { "s" } else { "" };
        let size = if *size < 1024 { format!("{size} B") } else { format!("{} KiB", size / 1024) };
        format!("{name}: {clients} connection{plural}, {size}, {note}")
    }

    /// What its clients send to a server.
    pub fn exchange(&self, dialect: Dialect, mode: Mode) -> Exchange {
        match (self.kind, self.mode) {
            (LoadKind::States { .. }, _) | (_, Mode::Shared | Mode::Dedicated) => {
                dialect.state_echo(self.size, mode)
            }
            _ => dialect.echo(self.size),
        }
    }

    /// One request and its reply, byte by byte.
    pub fn verify(&self, target: &Target) -> Result<()> {
        if target.dialect == Dialect::BarePush {
            return Ok(());
        }
        verify(target, &self.exchange(target.dialect, target.mode))?;
        target.server.settle()
    }

    /// One slice of it. `maximum`: requests per second.
    pub fn slice(&self, target: &Target, maximum: f64, slice: Duration) -> Result<Sample> {
        let (warm_up, clients) = (slice / 10, self.clients);
        let exchange = self.exchange(target.dialect, target.mode);
        let server = &target.server;
        let population = |depth| Population::new(target, &exchange, clients, depth);
        let sample = match self.kind {
            Closed { depth } | States { depth } | Workers { depth } => {
                closed(server, population(depth)?, depth, warm_up, slice)
            }
            Open { share } | Tail { share } => open(server, population(1)?, share * maximum, warm_up, slice),
            Churn | Handshake => churn(target, &exchange, self.kind == Churn, clients, warm_up, slice),
            Push { speakers, texts } => {
                push(target, Talk { members: clients, speakers, texts, size: self.size }, warm_up, slice)
            }
            Mixed => mixed(target, clients, warm_up, slice.max(MIXED_SLICE)),
            Idle | Instructions { .. } => Err("this load has no slices".into()),
        }?;
        // The clients have left; the server's cost for that must not fall into another server's slice.
        server.settle()?;
        Ok(sample)
    }
}

/// States are few: a slice has to have some.
const MIXED_SLICE: Duration = Duration::from_secs(1);
