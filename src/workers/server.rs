//! A server of one or more reactors.

use std::io;
use std::net::SocketAddr;
use std::thread::{Builder, scope};

use super::worker::Worker;
use super::worker_set::WorkerSet;
use crate::config::{Config, Listen};
use crate::handle::ServerHandle;
use crate::reactor::{BindError, Prepared, Reactor};
use crate::router::{Application, Service};

/// A server of [`Config::workers`] reactors.
///
/// All of them listen on the same addresses. The kernel assigns each client of a TCP address to one of them
/// (`SO_REUSEPORT`), for its whole life; a client of a Unix domain socket goes to the worker that accepts it
/// first. A [`ConnectionId`](crate::ConnectionId) names its worker, so handles, tickets, links and
/// [`Effects`](crate::Effects) reach a connection on any of them. Each worker has its own state, which
/// reaches the others through its [`Worker`].
///
/// Limits on clients, the pace of draining, and the rule of one connection per role apply to all workers
/// together. Limits of a connection, of a mailbox and of log lines apply to each worker.
///
/// With one worker it behaves like a [`Reactor`]. Dropping it closes every socket at once.
///
/// ```no_run
/// use sysconn::{Access, Application, Config, Context, Module, Outcome, Request, Route, Router};
/// use sysconn::{Worker, Workers};
///
/// /// One of these on each worker.
/// struct Game { worker: Worker<Game>, bells: u64 }
///
/// impl Application for Game {
///     type Session = ();
/// }
///
/// /// Rings the bell of each worker.
/// fn ring(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
///     for worker in 0..game.worker.count() {
///         // If a mailbox is full, that bell stays silent.
///         let _ = game.worker.call(worker, |game, _| game.bells += 1);
///     }
///     context.reply(b"")
/// }
///
/// static BELL: Module<Game> = Module::new(20, "bell", [Route::new(2001, "ring", Access::Anyone, ring)]);
/// static ROUTES: Router<Game> = Router::new([&BELL]);
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut config = Config::default();
///     config.workers = 4;
///     let mut workers = Workers::bind(&config, &ROUTES, |worker| Game { worker, bells: 0 })?;
///     println!("listening on {}", workers.local_addr().ok_or("no TCP listener")?);
///     Ok(workers.run()?)
/// }
/// ```
pub struct Workers<S: Application> {
    first: Reactor<S>,
    others: Vec<Reactor<S>>,
}

impl<S> Workers<S>
where
    S: Application<Session: Send> + Send, // each worker runs on a thread of its own
{
    /// Binds the listeners of all workers, and makes a state for each. The system accepts clients from now
    /// on, and [`run`](Self::run) serves them.
    ///
    /// `state` is called once for each worker, with its [`Worker`]. The caller gets all of them from
    /// [`workers`](Self::workers), and can hand them to other threads.
    ///
    /// # Errors
    /// [`BindError`]: the configuration is not valid, or an address cannot be listened on. An address of
    /// another server is in use, even if that server has several workers too.
    pub fn bind(
        config: &Config,
        service: impl Into<Service<S>>,
        mut state: impl FnMut(Worker<S>) -> S,
    ) -> Result<Self, BindError> {
        let service = service.into();
        let (first, others) = Prepared::bind(config, &service, config.workers.saturating_sub(1))?;
        let mut finish = |prepared: Prepared| {
            let state = state(Worker::new(prepared.worker(), prepared.mailboxes().clone()));
            Reactor::from_prepared(prepared, config, service, state)
        };
        Ok(Workers { first: finish(first), others: others.into_iter().map(finish).collect() })
    }

    /// The address of the first TCP listener, with the port that the system chose. None if all listeners are
    /// Unix sockets, and after a drain has closed them.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.first.local_addr()
    }

    /// The addresses of the listeners, in the order of the configuration, with the ports that the system
    /// chose.
    pub fn listening(&self) -> impl Iterator<Item = Listen> {
        self.first.listening()
    }

    /// Makes a handle to all workers, for other threads.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.first.handle()
    }

    /// The access to each worker, in the order of their numbers: what [`bind`](Self::bind) gave to `state`.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker<S>> {
        (0..self.count()).map(|index| Worker::new(index, self.first.mailboxes().clone())).collect()
    }

    /// The number of workers.
    #[must_use]
    pub fn count(&self) -> usize {
        1 + self.others.len()
    }

    /// Runs the first worker on this thread and each other one on its own, until all are drained. If one
    /// fails, its clients are cut off and the others drain.
    ///
    /// # Errors
    /// A thread could not be started; the poll of a worker failed, which clients cannot cause; or a worker
    /// panicked outside of the application's handlers and hooks.
    pub fn run(&mut self) -> io::Result<()> {
        self.run_with(|_| ())
    }

    /// Like [`run`](Self::run), but each worker's thread first calls `begin` with the worker's number, for
    /// instance to pin itself to a core.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn run_with(&mut self, begin: impl Fn(usize) + Sync) -> io::Result<()> {
        let set = &WorkerSet::new(self.first.mailboxes().clone());
        let begin = &begin;
        scope(|scope| {
            let mut threads = vec![];
            let mut started = Ok(());
            for (index, reactor) in (1..).zip(&mut self.others) {
                let run = move || set.run(reactor, || begin(index));
                match Builder::new().name(format!("worker-{index}")).spawn_scoped(scope, run) {
                    Ok(thread) => threads.push(thread),
                    Err(error) => {
                        set.fail(true);
                        started = started.and(Err(error));
                    }
                }
            }
            let first = set.run(&mut self.first, || begin(0));
            let others = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker's thread panicked")))
            });
            others.fold(started.and(first), Result::and)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_can_be_sent_to_any_thread_whatever_its_state() {
        fn shared<T: Send + Sync + Clone>() {}
        struct NeitherSendNorSync(#[expect(dead_code, reason = "only its type matters")] *const u8);
        shared::<Worker<NeitherSendNorSync>>();
    }
}
