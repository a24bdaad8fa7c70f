//! The loads that servers are put under.

use std::time::Duration;

use crate::Result;
use crate::client::{Population, Sample, churn, closed, open, push, verify};
use crate::server::Server;
use crate::wire::Dialect;

/// What clients do.
#[derive(Clone, Copy, PartialEq)]
pub enum LoadKind {
    /// Each keeps `depth` requests on their way.
    Closed { depth: usize },
    /// Together they send at this share of the rate that the bare echo reaches.
    Open { share: f64 },
    /// They connect, upgrade, get one echo, and leave.
    Churn,
    /// They send one request each, or log in, and stay.
    Idle,
    /// They are members of a room; one sends a message, and all receive it.
    Push,
}

/// How many clients, and what they do.
pub struct Load {
    pub name: &'static str,
    pub title: &'static str,
    pub clients: usize,
    /// Bytes of each request, without what the protocols add.
    pub size: usize,
    pub kind: LoadKind,
}

pub const LOADS: [Load; 10] = [
    load("small", "100 connections, 32 B, one in flight", 100, 32, LoadKind::Closed { depth: 1 }),
    load("pipelined", "100 connections, 32 B, 16 in flight", 100, 32, LoadKind::Closed { depth: 16 }),
    load("many", "1,000 connections, 128 B, one in flight", 1000, 128, LoadKind::Closed { depth: 1 }),
    load("medium", "16 connections, 16 KiB, 4 in flight", 16, 16 * 1024, LoadKind::Closed { depth: 4 }),
    load("large", "4 connections, 256 KiB, one in flight", 4, 256 * 1024, LoadKind::Closed { depth: 1 }),
    load(
        "open20",
        "100 connections, 64 B, at 20% of the bare echo's rate",
        100,
        64,
        LoadKind::Open { share: 0.2 },
    ),
    load(
        "open60",
        "100 connections, 64 B, at 60% of the bare echo's rate",
        100,
        64,
        LoadKind::Open { share: 0.6 },
    ),
    load("churn", "connect, upgrade, one echo of 32 B, close; 50 at a time", 50, 32, LoadKind::Churn),
    load("idle", "10,000 connections that have sent one packet of 32 B", 10_000, 32, LoadKind::Idle),
    load(
        "push",
        "64 B to 10,000 members of a room; figures per delivered message",
        10_000,
        64,
        LoadKind::Push,
    ),
];

/// What the bare echo reaches under it is the maximum that open loads are a share of.
pub const MAXIMUM: Load =
    load("maximum", "100 connections, 64 B, one in flight", 100, 64, LoadKind::Closed { depth: 1 });

const fn load(name: &'static str, title: &'static str, clients: usize, size: usize, kind: LoadKind) -> Load {
    Load { name, title, clients, size, kind }
}

impl Load {
    /// One request and its reply, byte by byte.
    pub fn verify(&self, server: &Server, dialect: Dialect) -> Result<()> {
        if dialect == Dialect::BarePush {
            return Ok(());
        }
        verify(server, dialect, &dialect.echo(self.size))?;
        server.settle()
    }

    /// One slice of it. `maximum`: requests per second.
    pub fn slice(&self, server: &Server, dialect: Dialect, maximum: f64, slice: Duration) -> Result<Sample> {
        let warm_up = slice / 10;
        let exchange = dialect.echo(self.size);
        let population = |depth| Population::new(server, dialect, &exchange, self.clients, depth);
        let sample = match self.kind {
            LoadKind::Closed { depth } => closed(server, population(depth)?, depth, warm_up, slice),
            LoadKind::Open { share } => open(server, population(1)?, share * maximum, warm_up, slice),
            LoadKind::Churn => churn(server, dialect, &exchange, self.clients, warm_up, slice),
            LoadKind::Push => push(server, dialect, self.clients, self.size, warm_up, slice),
            LoadKind::Idle => Err("an idle load has no slices".into()),
        }?;
        // The clients have left; what that costs the server belongs to no other's slice.
        server.settle()?;
        Ok(sample)
    }
}
