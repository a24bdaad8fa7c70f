//! Starts a simulation.

use super::random::Random;
use super::report::{Failure, Report};
use super::run::Run;
use super::running::Running;
use super::script::Script;
use super::simulation::{Simulated, Simulation};
use crate::router::Service;
use crate::workers::Worker;

impl Simulation {
    /// Runs until all scripts are done and the server has drained.
    ///
    /// `state` makes the state of each worker. `script` makes the script of a client, given its number and
    /// random numbers that follow from seed and number: the clients of a smaller simulation do the same.
    ///
    /// # Errors
    /// [`Failure`]: the first invariant that did not hold.
    pub fn run<S: Simulated>(
        &self,
        service: impl Into<Service<S>>,
        state: impl FnMut(Worker<S>) -> S,
        script: impl FnMut(u32, &mut Random) -> Box<dyn Script>,
    ) -> Result<Report, Failure> {
        self.start(service, state, script)?.finish()
    }

    /// Like [`run`](Self::run), for a test that acts itself between turns.
    ///
    /// # Errors
    /// [`Failure`]: no server can be made of the configuration.
    pub fn start<S: Simulated>(
        &self,
        service: impl Into<Service<S>>,
        state: impl FnMut(Worker<S>) -> S,
        script: impl FnMut(u32, &mut Random) -> Box<dyn Script>,
    ) -> Result<Running<S>, Failure> {
        Run::new(self.clone(), service.into(), state, script).map(Running::new)
    }
}
