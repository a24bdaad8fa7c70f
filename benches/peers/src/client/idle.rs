//! Clients that come, send one packet, and stay: what that costs, and their memory.

use std::time::Instant;

use super::{Target, members};
use crate::Result;
use crate::wire::Exchange;

/// What such a client costs.
#[derive(Clone, Copy)]
pub struct Idle {
    /// Resident bytes of the server.
    pub bytes: f64,
    /// Nanoseconds of the server's CPU until the client was answered.
    pub cpu: f64,
    /// Clients that came in a second.
    pub rate: f64,
}

/// Each of `count` clients sends one request, or logs in.
pub fn idle(target: &Target, exchange: &Exchange, count: usize, logged_in: bool) -> Result<Idle> {
    let server = &target.server;
    server.settle()?;
    let (before, cpu, begin) = (server.resident_bytes()?, server.cpu_time()?, Instant::now());
    let streams = if logged_in {
        members::that_log_in(target, count)
    } else {
        members::that_echo(target, exchange, count)
    }?;
    let elapsed = begin.elapsed();
    server.settle()?;
    let (after, cpu) = (server.resident_bytes()?, server.cpu_time()? - cpu);
    drop(streams);
    let count = count as f64;
    Ok(Idle {
        bytes: (after as f64 - before as f64) / count,
        cpu: cpu.as_secs_f64() * 1e9 / count,
        rate: count / elapsed.as_secs_f64(),
    })
}
