//! What the admin server asks of workers and of threads that may block, with a bound and a deadline, so that
//! it never waits itself.

use std::sync::Arc;
use std::time::Duration;

use sysconn::{Effects, ServerHandle, Survey};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::error::Refusal;
use crate::modules::Gateway;
use crate::side::MAX_BLOCKING;

/// The longest time that a request waits for others.
const DEADLINE: Duration = Duration::from_secs(5);
/// Requests at one time that wait for workers.
const MAX_LOOKS: usize = 8;

/// The helpers.
#[derive(Clone)]
pub(super) struct Helpers {
    server: ServerHandle,
    workers: usize,
    looks: Arc<Semaphore>,
    blocking: Arc<Semaphore>,
}

/// The right to wait for workers.
pub(super) struct Look<'a> {
    helpers: &'a Helpers,
    _permit: OwnedSemaphorePermit,
}

impl Helpers {
    pub(super) fn new(server: ServerHandle, workers: usize) -> Self {
        Helpers {
            server,
            workers,
            looks: Arc::new(Semaphore::new(MAX_LOOKS)),
            // One is left for other tasks of the side thread.
            blocking: Arc::new(Semaphore::new(MAX_BLOCKING - 1)),
        }
    }

    /// Lets `work` wait for workers, until the deadline.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Late`], and those of `work`.
    pub(super) async fn look<'a, T, F>(&'a self, work: impl FnOnce(Look<'a>) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let _permit = self.looks.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let look = Look { helpers: self, _permit };
        timeout(DEADLINE, work(look)).await.unwrap_or(Err(Refusal::Late))
    }

    /// Calls `work` on a thread on which it may block, and waits for it until the deadline.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Late`], and those of `work`.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self.blocking.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let work = move || {
            // It is held for as long as the thread is busy, also if nobody waits any more.
            let _permit = permit;
            work()
        };
        match timeout(DEADLINE, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Refusal::Unavailable("the work on this request has failed".to_owned())),
            Err(_) => Err(Refusal::Late),
        }
    }
}

impl Look<'_> {
    /// The number of workers.
    pub(super) fn workers(&self) -> usize {
        self.helpers.workers
    }

    /// Calls `look` with the connections of a worker, on its thread, and lets `act` add effects that follow
    /// at once. None if that worker has ended.
    ///
    /// # Errors
    /// [`Refusal::Busy`]: the mailbox of the worker is full.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        worker: usize,
        look: impl FnOnce(&Survey<'_>) -> T + Send + 'static,
        act: impl FnOnce(&mut Effects) + Send + 'static,
    ) -> Result<Option<T>, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let call = move |_: &mut Gateway, effects: &mut Effects| {
            effects.survey(move |survey| {
                let _ = sender.send(look(survey));
            });
            act(effects);
        };
        match self.helpers.server.call(worker, call) {
            Ok(()) => Ok(receiver.await.ok()),
            Err(sysconn::CallError::Mailbox(sysconn::MailboxError::Full)) => Err(Refusal::Busy),
            Err(_) => Ok(None),
        }
    }
}
