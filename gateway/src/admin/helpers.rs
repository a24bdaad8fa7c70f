//! What the admin server asks of workers and of threads that may block, with a bound and a deadline, so that
//! it never waits itself.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sysconn::{Effects, ServerHandle, Survey};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::api::lock;
use super::error::Refusal;
use crate::modules::Gateway;
use crate::side::MAX_BLOCKING;

/// The longest time that a request waits for others.
const DEADLINE: Duration = Duration::from_secs(5);
/// Requests of one lane at one time that wait for workers, and that wait for a thread. Figures have no such
/// limit.
const MAX_REQUESTS: usize = 8;
/// Threads that may block, at one time, for each lane.
const FIGURES: usize = 2;
const LISTS: usize = 2;
const ACTS: usize = 1;
const CALLS: usize = 2;
/// Between two looks of lists a worker has this many times as long as the look took: all lists together take
/// a tenth of it at most.
const REST: u32 = 9;

/// Whose turn a request takes. No lane can fill up another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Figures, which monitoring needs. They need no worker, and a thread for milliseconds.
    Figures,
    /// Everything else that is shown.
    Lists,
    /// What an operator does.
    Acts,
    /// Calls of the game, which may not answer.
    Calls,
}

/// The helpers.
#[derive(Clone)]
pub(super) struct Helpers {
    server: ServerHandle,
    workers: Arc<[Pace]>,
    figures: Room,
    lists: Room,
    acts: Room,
    calls: Room,
}

/// What there is room for in a lane.
#[derive(Clone)]
struct Room {
    /// Requests that wait for workers.
    looks: Arc<Semaphore>,
    /// Requests that wait for a thread, or have one.
    requests: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

/// The looks of lists at one worker, of which there is one at a time.
struct Pace {
    places: Arc<Semaphore>,
    /// When the next one may begin.
    next_at: Arc<Mutex<Instant>>,
}

/// The right to look at a worker for a list.
struct Place {
    next_at: Arc<Mutex<Instant>>,
    _permit: OwnedSemaphorePermit,
}

/// The right to wait for workers. Each mail to a worker holds it too, until that has looked: one that hangs
/// has no more mail than requests are allowed to wait, however often their clients come and go.
pub(super) struct Look<'a> {
    helpers: &'a Helpers,
    lane: Lane,
    permit: Arc<OwnedSemaphorePermit>,
}

impl Room {
    fn of(threads: usize) -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Room { looks: of(MAX_REQUESTS), requests: of(MAX_REQUESTS), threads: of(threads) }
    }

    /// Waits for a thread.
    async fn thread(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.threads.clone().acquire_owned().await.map_err(|_| Refusal::Busy)
    }
}

impl Pace {
    fn new() -> Self {
        Pace { places: Arc::new(Semaphore::new(1)), next_at: Arc::new(Mutex::new(now())) }
    }

    /// Waits until the worker has rested from the look before.
    async fn place(&self) -> Result<Place, Refusal> {
        let permit = self.places.clone().acquire_owned().await.map_err(|_| Refusal::Busy)?;
        let next_at = *lock(&self.next_at);
        tokio::time::sleep_until(next_at.into()).await;
        Ok(Place { next_at: self.next_at.clone(), _permit: permit })
    }
}

impl Place {
    /// Calls `look` on the worker's thread, and lets the worker rest after it.
    fn during<T>(self, look: impl FnOnce() -> T) -> T {
        let began = now();
        let result = look();
        let ended = now();
        *lock(&self.next_at) = ended + ended.saturating_duration_since(began) * REST;
        result
    }
}

#[expect(clippy::disallowed_methods, reason = "the admin server reads its own clock")]
fn now() -> Instant {
    Instant::now()
}

impl Helpers {
    pub(super) fn new(server: ServerHandle, workers: usize) -> Self {
        // One thread is left for other tasks of the side thread.
        const { assert!(FIGURES + LISTS + ACTS + CALLS < MAX_BLOCKING) };
        Helpers {
            server,
            workers: (0..workers).map(|_| Pace::new()).collect(),
            figures: Room::of(FIGURES),
            lists: Room::of(LISTS),
            acts: Room::of(ACTS),
            calls: Room::of(CALLS),
        }
    }

    fn room(&self, lane: Lane) -> &Room {
        match lane {
            Lane::Figures => &self.figures,
            Lane::Lists => &self.lists,
            Lane::Acts => &self.acts,
            Lane::Calls => &self.calls,
        }
    }

    /// Lets `work` wait for workers, until the deadline.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Late`], and those of `work`.
    pub(super) async fn look<'a, T, F>(
        &'a self,
        lane: Lane,
        work: impl FnOnce(Look<'a>) -> F,
    ) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let permit = self.room(lane).looks.clone().try_acquire_owned().map_err(|_| Refusal::Busy)?;
        let look = Look { helpers: self, lane, permit: Arc::new(permit) };
        timeout(DEADLINE, work(look)).await.unwrap_or(Err(Refusal::Late))
    }

    /// Calls `work` on a thread on which it may block, and waits for it until the deadline.
    ///
    /// # Errors
    /// [`Refusal::Busy`], [`Refusal::Late`], and those of `work`.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let room = self.room(lane);
        let _place = match lane {
            Lane::Figures => None,
            _ => Some(room.requests.try_acquire().map_err(|_| Refusal::Busy)?),
        };
        let work = async { on_thread(room.thread().await?, work).await };
        timeout(DEADLINE, work).await.unwrap_or(Err(Refusal::Late))
    }
}

async fn on_thread<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let work = move || {
        // It is held for as long as the thread is busy, also if nobody waits any more.
        let _permit = permit;
        work()
    };
    let failed = |_| Refusal::Unavailable("the work on this request has failed".to_owned());
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

impl Look<'_> {
    /// The number of workers.
    pub(super) fn workers(&self) -> usize {
        self.helpers.workers.len()
    }

    /// Calls `work` on a thread on which it may block, once there is one.
    ///
    /// # Errors
    /// Those of `work`.
    pub(super) async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        on_thread(self.helpers.room(self.lane).thread().await?, work).await
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
        let place = match (self.lane, self.helpers.workers.get(worker)) {
            (Lane::Lists, Some(pace)) => Some(pace.place().await?),
            _ => None,
        };
        let (sender, receiver) = oneshot::channel();
        let held = self.permit.clone();
        let call = move |_: &mut Gateway, effects: &mut Effects| {
            effects.survey(move |survey| {
                let result = match place {
                    Some(place) => place.during(|| look(survey)),
                    None => look(survey),
                };
                drop(held);
                let _ = sender.send(result);
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
