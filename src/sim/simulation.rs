//! A plan of a simulation: how many clients of what kind, on what network, with which faults.

use std::time::Duration;

use super::fault::Faults;
use super::network::Buffers;
use super::random::Random;
use super::report::{Failure, Report};
use super::run::Run;
use super::script::Script;
use crate::config::Config;
use crate::router::{Application, Service};

/// An application that can be simulated. What it does besides being called by the reactor, in other threads or by timers of
/// its own, it does here, between two turns: answer tickets, use handles, drop links.
pub trait Simulated: Application {
    /// Called before each turn. `random` follows from the seed.
    ///
    /// Returns in how much time it has to be called again at the latest, if nothing else happens; none: it need not be.
    fn between_turns(&mut self, now: Duration, random: &mut Random) -> Option<Duration> {
        let _ = (now, random);
        None
    }

    /// What the application still holds of clients although all are gone; none if that is nothing.
    fn left_over(&self) -> Option<String> {
        None
    }
}

/// A simulation that can be run: all of it follows from this plan.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// From which all that is left to chance follows.
    pub seed: u64,
    /// Clients, each of which follows a script. Default: 100.
    pub clients: u32,
    /// The server's limits and timers.
    pub config: Config,
    /// What goes wrong. Default: nothing.
    pub faults: Faults,
    /// What the system keeps for each connection.
    pub buffers: Buffers,
    /// Descriptors that the server may have open at one time. Default: no limit.
    pub descriptor_limit: Option<u64>,
    /// The time in which clients come, evenly spread. Default: 2 s.
    pub arrival: Duration,
    /// Clients that have one address in common. Default: 1.
    pub clients_per_address: u32,
    /// When the server begins to drain, if clients are left by then. Default: when only those are left who
    /// [stay](super::Next::Stay).
    pub drain_at: Option<Duration>,
    /// The simulated time by which all must have ended. Default: 2 hours.
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

    /// Runs it: until all scripts have come to their end, and the server has drained.
    ///
    /// `script` makes the script of a client, given its number and a sequence that follows from seed and number: a
    /// simulation of fewer clients has the same ones.
    ///
    /// # Errors
    /// [`Failure`]: the first invariant that did not hold.
    pub fn run<S: Simulated>(
        &self,
        service: impl Into<Service<S>>,
        state: S,
        script: impl FnMut(u32, &mut Random) -> Box<dyn Script>,
    ) -> Result<Report, Failure> {
        let mut run = Run::new(self, service.into(), state, script)?;
        run.until_drained()?;
        run.end()
    }
}
