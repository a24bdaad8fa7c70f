//! The plan of a simulation: its clients, network and faults.

use std::time::Duration;

use super::buffers::Buffers;
use super::fault::Faults;
use super::random::Random;
use crate::config::Config;
use crate::router::{Application, Effects};

/// An application that can be simulated. What it otherwise does in other threads or by timers of its own, it
/// does here between two turns: answer tickets, use handles, drop links.
pub trait Simulated: Application {
    /// Called before each turn of its worker, with effects, as by [`Reactor::act`](crate::Reactor::act).
    /// `random` follows from the seed.
    ///
    /// Returns the longest time until it has to be called again, if nothing else happens. `None`: no limit.
    fn between_turns(
        &mut self,
        effects: &mut Effects,
        now: Duration,
        random: &mut Random,
    ) -> Option<Duration> {
        let _ = (effects, now, random);
        None
    }

    /// The state that the application still keeps for clients after all have gone. `None` if that is nothing.
    fn left_over(&self) -> Option<String> {
        None
    }
}

/// A simulation to run. All that happens in it follows from this plan.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The seed of all random choices.
    pub seed: u64,
    /// How many clients there are, each with a script. Default: 100.
    pub clients: u32,
    /// The server's limits and timers, and the number of its [workers](Config::workers).
    pub config: Config,
    /// The faults. Default: none.
    pub faults: Faults,
    /// The system's buffers for each connection.
    pub buffers: Buffers,
    /// How many descriptors the server may have open at one time. Default: no limit.
    pub descriptor_limit: Option<u64>,
    /// The time over which clients arrive, at random. Default: 2 s.
    pub arrival: Duration,
    /// How many clients share one IP address. Default: 1.
    pub clients_per_address: u32,
    /// When the server begins to drain, if clients are left by then. Default: when only those are left that
    /// [stay](super::Next::Stay).
    pub drain_at: Option<Duration>,
    /// The simulated time by which the server must have drained. Default: 2 hours.
    pub limit: Duration,
}

impl Simulation {
    /// A simulation of a hundred clients on a network without faults.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Simulation {
            seed,
            clients: 100,
            config: Config::default(),
            faults: Faults::NONE,
            buffers: Buffers::default(),
            descriptor_limit: None,
            arrival: Duration::from_secs(2),
            clients_per_address: 1,
            drain_at: None,
            limit: Duration::from_secs(7200),
        }
    }
}
