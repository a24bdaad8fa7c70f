//! Clients that have sent one packet and stay: their cost in memory.

use super::members;
use crate::Result;
use crate::server::Server;
use crate::wire::{Dialect, Exchange};

/// Resident bytes of the server for each of `count` clients, which have sent one request each, or which
/// have logged in.
pub fn idle(
    server: &Server,
    dialect: Dialect,
    exchange: &Exchange,
    count: usize,
    logged_in: bool,
) -> Result<f64> {
    server.settle()?;
    let before = server.resident_bytes()?;
    let streams = if logged_in {
        members::that_log_in(server, count)
    } else {
        members::that_echo(server, dialect, exchange, count)
    }?;
    server.settle()?;
    let after = server.resident_bytes()?;
    drop(streams);
    Ok((after as f64 - before as f64) / count as f64)
}
