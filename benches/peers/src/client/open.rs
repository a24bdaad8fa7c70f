//! Requests come at a fixed rate, however long their replies take.

use std::time::{Duration, Instant};

use super::{Crowd, Mark, Sample};
use crate::Result;
use crate::server::Server;

/// Sends `rate` requests a second, at even distances, one client after the other. The latency of each
/// counts from the moment when it should have been sent.
pub fn open(
    server: &Server,
    mut crowd: Crowd,
    rate: f64,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let distance = 1.0 / rate;
    go_on(&mut crowd, distance, warm_up)?;
    crowd.latency.clear();
    let (mark, replies) = (Mark::now(server)?, crowd.replies);
    go_on(&mut crowd, distance, slice)?;
    let elapsed = mark.elapsed();
    crowd.drain()?;
    let mut sample = mark.sample(server, crowd.replies - replies, crowd.latency.clone())?;
    // Replies that come after the slice count, the time that they take does not.
    sample.elapsed = elapsed;
    Ok(sample)
}

/// The load never sleeps here: a wake-up would come later than the moment to send.
fn go_on(crowd: &mut Crowd, distance: f64, slice: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut due = Duration::ZERO;
    let mut requests: u32 = 0;
    while due < slice {
        let now = begin.elapsed();
        while due <= now && due < slice {
            crowd.send(requests as usize % crowd.clients(), 1, begin + due)?;
            requests += 1;
            due = Duration::from_secs_f64(f64::from(requests) * distance);
        }
        let answered = crowd.turn(Duration::ZERO)?;
        crowd.recycle(answered);
    }
    Ok(())
}
