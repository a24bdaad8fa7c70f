//! The store's thread: works off requests, many in one transaction, and opens the database again after a
//! failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use redb::Database;

use super::files::{Place, begin};
use super::requests::Request;
use super::{Fault, StoreError, Transaction};
use crate::tally::Tally;

/// The most requests in one transaction.
const MAX_BATCH: usize = 256;

type Requests = Vec<Box<dyn Request>>;

/// How long the store stays closed after a failure: each time twice as long, until a transaction succeeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Waits { first: Duration::from_millis(100), longest: Duration::from_secs(5) }
    }
}

/// Requests that found the queue full and are not reported yet.
#[derive(Debug, Default)]
pub(super) struct Refused(AtomicU64);

impl Refused {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn report(&self) {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => {}
            count => log::warn!("{count} requests to the store were refused, since too many waited"),
        }
    }
}

enum State {
    Open(Database),
    Closed {
        until: Instant,
        /// Requests that were refused since the store closed.
        refused: u64,
    },
}

/// The state of the thread.
pub(super) struct StoreThread {
    // Dropped before `place`, which has the lock of its directory.
    state: State,
    place: Place,
    waits: Waits,
    /// The wait after the next failure.
    wait: Duration,
    full: Arc<Refused>,
}

impl StoreThread {
    /// Opens the database.
    ///
    /// # Errors
    /// One line that says why it cannot be used.
    pub(super) fn open(mut place: Place, waits: Waits, full: Arc<Refused>) -> Result<Self, String> {
        let state = State::Open(place.open()?);
        Ok(StoreThread { state, place, waits, wait: waits.first, full })
    }

    /// Works until nobody can send requests any more and none waits.
    pub(super) fn run(mut self, requests: &Receiver<Box<dyn Request>>) {
        loop {
            self.open_again_if_due();
            let first = match &self.state {
                State::Open(_) => requests.recv().map_err(RecvTimeoutError::from),
                State::Closed { until, .. } => requests.recv_timeout(until.saturating_duration_since(now())),
            };
            match first {
                Ok(first) => {
                    self.work(std::iter::once(first).chain(requests.try_iter()).take(MAX_BATCH).collect())
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.full.report();
        }
    }

    /// Works requests off in one transaction, and hands their results over.
    fn work(&mut self, mut requests: Requests) {
        let result = match &mut self.state {
            State::Open(database) => catch(|| transact(database, &mut requests)),
            State::Closed { refused, .. } => {
                *refused = refused.saturating_add(requests.len() as u64);
                return finish(requests, Err(StoreError::Unavailable));
            }
        };
        match result {
            Ok(()) => {
                self.wait = self.waits.first;
                finish(requests, Ok(()));
            }
            Err(fault) => {
                let refused = requests.len() as u64;
                self.close(fault.reason(), refused);
                finish(requests, Err(StoreError::Unavailable));
            }
        }
    }

    /// Closes the database, which fails every call after its first failure.
    fn close(&mut self, reason: &str, refused: u64) {
        let wait = self.wait;
        log::error!("the store failed, and is opened again in {wait:?}: {reason}");
        let failed = std::mem::replace(&mut self.state, State::Closed { until: now() + wait, refused });
        let _ = catch(|| {
            drop(failed);
            Ok(())
        });
        self.wait = wait.saturating_mul(2).min(self.waits.longest);
    }

    fn open_again_if_due(&mut self) {
        let State::Closed { until, refused } = self.state else { return };
        if until > now() {
            return;
        }
        match self.place.open() {
            Ok(database) => {
                log::info!("the store was opened again; {refused} requests were refused meanwhile");
                self.state = State::Open(database);
            }
            Err(reason) => self.close(&reason, refused),
        }
    }
}

/// The database panics where its file is damaged, and a request may. That must not end the thread.
fn catch(act: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err(Fault::panicked()))
}

/// Does the work of all requests, and commits it if anything was written.
fn transact(database: &Database, requests: &mut Requests) -> Result<(), Fault> {
    let inner = begin(database)?;
    let mut transaction = Transaction::new(&inner);
    requests.iter_mut().try_for_each(|request| request.work(&mut transaction))?;
    if transaction.has_written() {
        inner.commit()?
    } else {
        inner.abort()?
    }
    Ok(())
}

/// Hands results over. Who panics then must not end the thread, which others wait for; the hook of panics
/// logs it.
fn finish(requests: Requests, committed: Result<(), StoreError>) {
    if committed.is_err() {
        Tally::StoreError.add(requests.len() as u64);
    }
    for request in requests {
        let _ = catch(|| {
            request.finish(committed);
            Ok(())
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread reads its own clock")]
fn now() -> Instant {
    Instant::now()
}
