//! Requests come at a fixed rate, however long their replies take.

use std::time::{Duration, Instant};

use super::{Mark, Population, Sample};
use crate::Result;
use crate::server::Server;

/// Sends `rate` requests a second, at even distances, one client after the other. The latency of each
/// counts from the moment when it should have been sent.
pub fn open(
    server: &Server,
    mut population: Population,
    rate: f64,
    warm_up: Duration,
    slice: Duration,
) -> Result<Sample> {
    let distance = 1.0 / rate;
    go_on(&mut population, distance, warm_up)?;
    population.latency.clear();
    let (mark, replies) = (Mark::now(server)?, population.replies);
    go_on(&mut population, distance, slice)?;
    let elapsed = mark.elapsed();
    population.drain()?;
    let mut sample = mark.sample(server, population.replies - replies, population.latency.clone())?;
    // Replies that come after the slice count, but their time does not.
    sample.elapsed = elapsed;
    Ok(sample)
}

/// The load never sleeps here: a wake-up would come later than the moment to send.
fn go_on(population: &mut Population, distance: f64, slice: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut due = Duration::ZERO;
    let mut requests: u32 = 0;
    while due < slice {
        let now = begin.elapsed();
        while due <= now && due < slice {
            population.send(requests as usize % population.clients(), 1, begin + due)?;
            requests += 1;
            due = Duration::from_secs_f64(f64::from(requests) * distance);
        }
        let answered = population.turn(Duration::ZERO)?;
        population.recycle(answered);
    }
    Ok(())
}
