//! The simulation of a seed.

use std::time::Duration;

use sysconn::Turn;
use sysconn::sim::{Failure, Fault, Random, Report, Simulation};

use super::TOPICS;
use super::calls::MAX_WORKERS;
use super::handlers::HALL;
use super::member::Member;
use super::model::{Number, THREAD};
use super::state::{Hall, Shared, published, topic};
use crate::plan::{buffers, faults};

/// The simulation of a seed.
pub(super) fn plan(seed: u64) -> Simulation {
    let mut random = Random::new(seed ^ 0x4a11);
    let mut simulation = Simulation::new(seed);
    simulation.clients = random.between(20, 80) as u32;
    simulation.arrival = Duration::from_millis([0, 20, 1000][random.index(3)]);
    simulation.config.workers = random.between(1, MAX_WORKERS as u64) as usize;
    simulation.config.limits.max_connections_per_ip = None;
    let hz = [0, 1, 20, 60][random.index(4)];
    simulation.config.tick = Duration::from_secs(1).checked_div(hz);
    simulation.faults = faults(&mut random);
    simulation.buffers = buffers(&mut random);
    if random.chance(0.2) {
        simulation.drain_at = Some(Duration::from_millis(random.below(5000)));
    }
    simulation
}

/// Runs it, and publishes by the server's handle between turns. Returns how many publishes were received too.
pub(super) fn run(simulation: &Simulation) -> Result<(Report, u64), Failure> {
    let shared = Shared::default();
    shared.ticks().period = simulation.config.tick;
    shared.ticks().is_exact = simulation.faults.of(Fault::SlowStep) == 0.0;
    let state = |worker| Hall::new(shared.clone(), worker);
    let script = |_: u32, random: &mut Random| {
        let (steps, returns) = (random.between(2, 20), random.below(3).saturating_sub(1));
        Box::new(Member::new(shared.clone(), steps, returns)) as _
    };
    let mut running = simulation.start(&HALL, state, script)?;
    let (mut random, handle) = (Random::new(simulation.seed ^ 0x7_4ead), running.handle());
    while running.step()? == Turn::Running {
        if random.chance(0.05) {
            let number = random.below(TOPICS.into()) as Number;
            let mut model = shared.model();
            let call = model.call();
            let push = published(THREAD, number, model.next_number(THREAD, number), 50);
            if handle.publish(&topic(number), &push).is_ok() {
                model.published((THREAD, number), call, None);
            }
        }
    }
    shared.ticks().period = None;
    let report = running.finish()?;
    let received = shared.model().received;
    Ok((report, received))
}
