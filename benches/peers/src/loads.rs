//! The loads that servers are put under.

use std::time::Duration;

use crate::Result;
use crate::client::{Crowd, Sample, closed, open, verify};
use crate::server::Server;
use crate::wire::Dialect;

/// What clients do.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Each keeps `depth` requests on their way.
    Closed { depth: usize },
    /// Together they send at this share of the rate that the bare echo reaches.
    Open { share: f64 },
}

/// How many clients, and what they do.
pub struct Load {
    pub name: &'static str,
    pub title: &'static str,
    pub clients: usize,
    /// Bytes of each request, without what the protocols add.
    pub size: usize,
    pub kind: Kind,
}

pub const LOADS: [Load; 7] = [
    closed_load("small", "100 connections, 32 B, one in flight", 100, 32, 1),
    closed_load("pipelined", "100 connections, 32 B, 16 in flight", 100, 32, 16),
    closed_load("many", "1,000 connections, 128 B, one in flight", 1000, 128, 1),
    closed_load("medium", "16 connections, 16 KiB, 4 in flight", 16, 16 * 1024, 4),
    closed_load("large", "4 connections, 256 KiB, one in flight", 4, 256 * 1024, 1),
    open_load("open20", "100 connections, 64 B, at 20% of the bare echo's rate", 0.2),
    open_load("open60", "100 connections, 64 B, at 60% of the bare echo's rate", 0.6),
];

/// What the bare echo reaches under it is the maximum that open loads are a share of.
pub const MAXIMUM: Load = closed_load("maximum", "100 connections, 64 B, one in flight", 100, 64, 1);

const fn closed_load(
    name: &'static str,
    title: &'static str,
    clients: usize,
    size: usize,
    depth: usize,
) -> Load {
    Load { name, title, clients, size, kind: Kind::Closed { depth } }
}

const fn open_load(name: &'static str, title: &'static str, share: f64) -> Load {
    Load { name, title, clients: 100, size: 64, kind: Kind::Open { share } }
}

impl Load {
    /// One request and its reply, byte by byte.
    pub fn verify(&self, server: &Server, dialect: Dialect) -> Result<()> {
        verify(server, dialect, &dialect.echo(self.size))
    }

    /// One slice of it. `maximum`: requests per second.
    pub fn slice(&self, server: &Server, dialect: Dialect, maximum: f64, slice: Duration) -> Result<Sample> {
        let warm_up = slice / 10;
        let exchange = dialect.echo(self.size);
        let depth = if let Kind::Closed { depth } = self.kind { depth } else { 1 };
        let mut crowd = Crowd::new(server, dialect, &exchange, self.clients, depth)?;
        let sample = match self.kind {
            Kind::Closed { depth } => closed(server, &mut crowd, depth, warm_up, slice),
            Kind::Open { share } => open(server, &mut crowd, share * maximum, warm_up, slice),
        }?;
        drop(crowd);
        server.settle()?;
        Ok(sample)
    }
}
