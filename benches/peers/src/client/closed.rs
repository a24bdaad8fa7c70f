//! Each client keeps a number of requests in flight, and sends one for each reply.

use std::time::{Duration, Instant};

use super::{Mark, PATIENCE, Population, Sample};
use crate::Result;
use crate::server::Server;

/// `warm_up` comes first, and is not measured.
pub fn closed(
    server: &Server,
    mut population: Population,
    depth: usize,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let begin = Instant::now();
    for client in 0..population.clients() {
        population.send(client, depth, begin)?;
    }
    go_on(&mut population, begin + warm_up)?;
    population.latency.clear();
    let (mark, replies, bytes) = (Mark::now(server)?, population.replies, population.reply_bytes);
    go_on(&mut population, Instant::now() + slice)?;
    let mut sample = mark.sample(server, population.replies - replies, population.latency.clone())?;
    sample.reply_bytes = population.reply_bytes - bytes;
    population.drain()?;
    Ok(sample)
}

/// Answers replies by requests until `end`. All reads of a turn come before its writes.
fn go_on(population: &mut Population, end: Instant) -> Result<()> {
    let mut last_reply = Instant::now();
    loop {
        let answered = population.turn(Duration::from_millis(100))?;
        let now = Instant::now();
        for &(client, replies) in &answered {
            population.send(client, replies, Instant::now())?;
        }
        if !answered.is_empty() {
            last_reply = now;
        } else if now - last_reply > PATIENCE {
            return Err("no reply comes".into());
        }
        population.recycle(answered);
        if now >= end {
            return Ok(());
        }
    }
}
