//! Each client keeps a number of requests on their way, and sends one for each reply.

use std::time::{Duration, Instant};

use super::{Crowd, Mark, PATIENCE, Sample};
use crate::Result;
use crate::server::Server;

/// `warm_up` comes before what is measured, and is not.
pub fn closed(
    server: &Server,
    mut crowd: Crowd,
    depth: usize,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let begin = Instant::now();
    for client in 0..crowd.clients() {
        crowd.send(client, depth, begin)?;
    }
    go_on(&mut crowd, begin + warm_up)?;
    crowd.latency.clear();
    let (mark, replies) = (Mark::now(server)?, crowd.replies);
    go_on(&mut crowd, Instant::now() + slice)?;
    let sample = mark.sample(server, crowd.replies - replies, crowd.latency.clone())?;
    crowd.drain()?;
    Ok(sample)
}

/// Answers replies by requests until `end`. All reads of a turn come before its writes.
fn go_on(crowd: &mut Crowd, end: Instant) -> Result<()> {
    let mut last_reply = Instant::now();
    loop {
        let answered = crowd.turn(Duration::from_millis(100))?;
        let now = Instant::now();
        for &(client, replies) in &answered {
            crowd.send(client, replies, Instant::now())?;
        }
        if !answered.is_empty() {
            last_reply = now;
        } else if now - last_reply > PATIENCE {
            return Err("no reply comes".into());
        }
        crowd.recycle(answered);
        if now >= end {
            return Ok(());
        }
    }
}
