//! A simulation under way, for a test that acts between its turns.

use std::fmt;
use std::time::Duration;

use super::report::{Failure, Report};
use super::run::Run;
use super::simulation::Simulated;
use crate::handle::ServerHandle;
use crate::id::ConnectionId;
use crate::reactor::Turn;
use crate::router::Effects;
use crate::workers::Worker;

/// A simulation that [`Simulation::start`](super::Simulation::start) has begun.
///
/// The test decides how far it goes at a time, and acts in between as the game's own threads and loop would:
/// on the state of a worker, with effects, by handles. The clients go on following their scripts.
///
/// ```
/// use std::time::Duration;
/// use sysconn::sim::{Next, Script, ScriptRunner, Simulated, Simulation};
/// use sysconn::{Application, Module, Push, Router};
///
/// struct Game;
/// impl Application for Game {
///     type Session = ();
/// }
/// impl Simulated for Game {}
/// static ROUTES: Router<Game> = Router::new([&Module::new(21, "none", [])]);
///
/// /// Takes anything for ten seconds, and leaves.
/// struct Listener;
/// impl Script for Listener {
///     fn act(&mut self, runner: &mut ScriptRunner) -> Next {
///         if runner.is_open() {
///             runner.close(1000);
///             return Next::Rest;
///         }
///         runner.upgrade();
///         Next::After(Duration::from_secs(10))
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut simulation = Simulation::new(7);
/// simulation.config.workers = 2;
/// let mut running = simulation.start(&ROUTES, |_| Game, |_, _| Box::new(Listener))?;
/// running.run_until(Duration::from_secs(5))?;
/// let id = running.connection(3).ok_or("client 3 has not been accepted")?;
/// running.act(0, |_, effects| effects.send(id, &Push::new(2199, b"hello")));
/// let report = running.finish()?;
/// assert_eq!(report.opened, 100);
/// # Ok(())
/// # }
/// ```
pub struct Running<S: Simulated>(Run<S>);

impl<S: Simulated> Running<S> {
    pub(super) fn new(run: Run<S>) -> Self {
        Running(run)
    }

    /// Lets clients act as they want to now, then gives one worker a turn, and checks all invariants.
    ///
    /// # Errors
    /// [`Failure`]: an invariant did not hold.
    pub fn step(&mut self) -> Result<Turn, Failure> {
        self.0.step_or_fail()
    }

    /// Takes steps until this much time has passed since the network began, or the server has drained.
    ///
    /// # Errors
    /// [`Failure`]: an invariant did not hold.
    pub fn run_until(&mut self, time: Duration) -> Result<Turn, Failure> {
        self.0.pauses_at = Some(time);
        while self.now() < time {
            if self.step()? == Turn::Drained {
                return Ok(Turn::Drained);
            }
        }
        Ok(Turn::Running)
    }

    /// Calls a function with the state of a worker, between two turns: see
    /// [`Reactor::act`](crate::Reactor::act). `None`: there is no such worker.
    pub fn act<R>(&mut self, worker: usize, act: impl FnOnce(&mut S, &mut Effects) -> R) -> Option<R> {
        self.0.server.act(worker, act)
    }

    /// The state of a worker. `None`: there is no such worker.
    #[must_use]
    pub fn state(&self, worker: usize) -> Option<&S> {
        self.0.server.reactor(worker).map(crate::Reactor::state)
    }

    /// A handle to the server, as another thread has it.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.0.server.handle().clone()
    }

    /// A worker's access to the others, which its state got too. `None`: there is no such worker.
    #[must_use]
    pub fn worker(&self, worker: usize) -> Option<Worker<S>> {
        self.0.server.worker(worker).cloned()
    }

    /// The id of a client's connection. `None` while it has none that was accepted.
    #[must_use]
    pub fn connection(&self, client: u32) -> Option<ConnectionId> {
        self.0.clients.get(client as usize)?.session.as_ref()?.stream.connection()
    }

    /// The time since the network began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.network.now()
    }

    /// Goes on until all scripts are done and the server has drained.
    ///
    /// # Errors
    /// [`Failure`]: the first invariant that did not hold.
    pub fn finish(mut self) -> Result<Report, Failure> {
        self.0.pauses_at = None;
        while self.step()? == Turn::Running {}
        self.0.end()
    }
}

impl<S: Simulated> fmt::Debug for Running<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("now", &self.now())
            .field("workers", &self.0.server.count())
            .finish_non_exhaustive()
    }
}
