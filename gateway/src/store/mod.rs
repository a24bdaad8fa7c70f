//! The embedded store (redb): accounts, and what else must outlive the program.
//!
//! The store has a thread of its own. A [request](Store::submit) is two functions: one that reads and writes
//! tables in a transaction, and one that gets its result. Requests that wait share a transaction, so that
//! many logins cost one sync of the disk, and the second function is called once that transaction is on the
//! disk. Neither may block: both run on the store's thread.
//!
//! A table is a constant in a file of its own beside the functions that use it, and is created by its first
//! use. A part of the program adds one like this:
//!
//! ```ignore
//! const SEEN: TableDefinition<&str, u64> = TableDefinition::new("seen");
//!
//! pub(crate) fn see(store: &Store, token: String, until: u64, ticket: Ticket) {
//!     let work = move |transaction: &mut Transaction<'_>| {
//!         // `read` opens a table to look at; a transaction in which no table is written costs no sync.
//!         let is_new = transaction.read(SEEN)?.get(token.as_str())?.is_none();
//!         if is_new {
//!             transaction.write(SEEN)?.insert(token.as_str(), until)?;
//!         }
//!         Ok(is_new)
//!     };
//!     store.submit(work, move |result| match result {
//!         Ok(true) => ticket.reply([]),
//!         Ok(false) => ticket.refuse(ErrorId::LOGIN_REFUSED),
//!         // Nothing was changed, or nobody can know whether it was.
//!         Err(StoreError::Busy | StoreError::Unavailable) => ticket.refuse(ErrorId::NOT_AVAILABLE),
//!     });
//! }
//! ```
//!
//! [`Store::call`] waits for the result, for the start of the program and for its commands.

pub(crate) mod accounts;
mod files;
mod memory;
mod requests;
#[cfg(test)]
pub(crate) mod tests;
mod thread;
mod transaction;

use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use files::Place;
use requests::{Call, Request};
use thread::{Refused, StoreThread, Waits};

use crate::tally::Tally;

pub(crate) use transaction::{Fault, Transaction};

/// The most requests that wait for the store's thread.
const MAX_REQUESTS: usize = 4096;
/// The longest time in which the end of the program waits for the store.
const MAX_END: Duration = Duration::from_secs(5);

/// Why a request has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// Too many requests wait already. Nothing was changed.
    Busy,
    /// The store could not be read or written, such as on a full disk, or it has ended. The log says why. The
    /// changes of the request may have been made or not; if a later request finds them, they last.
    Unavailable,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StoreError::Busy => "too many requests wait for the store",
            StoreError::Unavailable => "the store cannot be used",
        })
    }
}

/// The store, which all workers share.
#[derive(Debug)]
pub(crate) struct Store {
    /// `None` once the store was closed.
    requests: Mutex<Option<SyncSender<Box<dyn Request>>>>,
    refused: Arc<Refused>,
    /// Disconnected when the thread has closed the files.
    ended: Mutex<Receiver<()>>,
}

impl Store {
    /// Opens the store in a directory, which is made if there is none, or without one a store in memory.
    ///
    /// # Errors
    /// One line that says why it cannot be used: another program uses it, a newer version of this program has
    /// written it, or it cannot be read and written.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Self, String> {
        let place = match directory {
            Some(directory) => Place::create(directory)?,
            None => Place::memory(),
        };
        Store::start(place, Waits::default())
    }

    /// Opens a store that exists, as commands do.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and if there is none.
    pub(crate) fn open_existing(directory: &Path) -> Result<Self, String> {
        Store::start(Place::existing(directory)?, Waits::default())
    }

    /// Checks that the files of a store, as far as there are any, can be read and written. Whether another
    /// program uses them, and what is in them, it does not say.
    ///
    /// # Errors
    /// One line that names the file.
    pub(crate) fn check_files(directory: &Path) -> Result<(), String> {
        files::check(directory)
    }

    fn start(place: Place, waits: Waits) -> Result<Self, String> {
        let (requests, waiting) = sync_channel(MAX_REQUESTS);
        let (at_end, ended) = sync_channel(0);
        let refused = Arc::new(Refused::default());
        let thread = StoreThread::open(place, waits, refused.clone())?;
        let run = move || {
            thread.run(&waiting);
            drop(at_end);
        };
        let spawned = std::thread::Builder::new().name("store".into()).spawn(run);
        spawned.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Store { requests: Mutex::new(Some(requests)), refused, ended: Mutex::new(ended) })
    }

    /// Has the store's thread call `work` in a transaction, and once that is on the disk `done` with the
    /// result. Requests are worked off in their order, each after the changes of those before it.
    ///
    /// `done` is called once in any case: on the thread of the caller, and at once, if the store takes no
    /// request. Neither function may block. A [`Fault`] that `work` returns undoes what other requests of the
    /// same transaction did, so return only those of the tables; anything else belongs into the result.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault> + Send + 'static,
        done: impl FnOnce(Result<T, StoreError>) + Send + 'static,
    ) {
        let request: Box<dyn Request> = Box::new(Call::new(work, done));
        let sent = match &*lock(&self.requests) {
            Some(requests) => requests.try_send(request),
            None => Err(TrySendError::Disconnected(request)),
        };
        Tally::StoreError.add(sent.is_err().into());
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(request)) => {
                self.refused.count();
                request.finish(Err(StoreError::Busy));
            }
            Err(TrySendError::Disconnected(request)) => request.finish(Err(StoreError::Unavailable)),
        }
    }

    /// Calls `work` like [`submit`](Self::submit), and waits for the result. Not for a reactor's thread.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = sync_channel(1);
        self.submit(work, move |result| {
            let _ = sender.send(result);
        });
        receiver.recv().unwrap_or(Err(StoreError::Unavailable))
    }

    /// Works off the requests that wait, at most for 5 s, and closes the files. Later requests are refused.
    pub(crate) fn close(&self) {
        drop(lock(&self.requests).take());
        let _ = lock(&self.ended).recv_timeout(MAX_END);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
