//! A thread that answers tickets after a delay, for `echo.deferred`.

mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sysconn::{ConnectionId, Peer, Ticket};

use waiting::Waiting;

/// The longest delay of an answer.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(3600);

/// Answers tickets after a delay, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Delay {
    shared: Arc<SharedState>,
}

#[derive(Debug)]
struct SharedState {
    began: Instant,
    state: Mutex<Pending>,
    /// The number of pending answers, to be read without the lock.
    count: AtomicUsize,
    /// Notified when the answer that is due first may have changed, and at the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    answers: Waiting<Answer>,
    ended: bool,
}

#[derive(Debug)]
struct Answer {
    ticket: Ticket,
    data: Vec<u8>,
}

impl Delay {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    #[expect(clippy::disallowed_methods, reason = "this thread reads its own clock")]
    pub(crate) fn start() -> Result<Self, String> {
        let shared = Arc::new(SharedState {
            began: Instant::now(),
            state: Mutex::default(),
            count: AtomicUsize::new(0),
            changed: Condvar::new(),
        });
        let for_thread = shared.clone();
        let thread =
            std::thread::Builder::new().name("delay".into()).spawn(move || for_thread.answer_in_time());
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Delay { shared })
    }

    /// Replies with `data` after `delay`, at most [`MAX_DELAY`]. If too much is pending already, for this
    /// client or in all, the ticket is dropped, which refuses the request.
    pub(crate) fn reply_after(&self, delay: Duration, peer: Peer, ticket: Ticket, data: Vec<u8>) {
        let due = self.shared.elapsed() + delay.min(MAX_DELAY);
        let (id, len) = (ticket.connection(), data.len());
        let mut state = self.shared.lock();
        let refused = state.answers.add(id, peer, due, len, Answer { ticket, data });
        self.shared.count.store(state.answers.len(), Ordering::Relaxed);
        // Dropping a ticket takes a lock of the reactor.
        drop(state);
        match refused {
            Ok(()) => self.shared.changed.notify_one(),
            Err(refused) => drop(refused),
        }
    }

    /// Drops the pending answer of a connection that has ended.
    pub(crate) fn forget(&self, id: ConnectionId) {
        // Answers of this connection were added by this thread, so the count includes them.
        if self.shared.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut state = self.shared.lock();
        let forgotten = state.answers.remove(id);
        self.shared.count.store(state.answers.len(), Ordering::Relaxed);
        drop(state);
        drop(forgotten);
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
    }
}

impl SharedState {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        // No code under the lock can panic half-way, so the state behind a poisoned lock is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::disallowed_methods, reason = "this thread reads its own clock")]
    fn elapsed(&self) -> Duration {
        Instant::now().saturating_duration_since(self.began)
    }

    fn answer_in_time(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = self.elapsed();
            if let Some(Answer { ticket, data }) = state.answers.take_due(now) {
                self.count.store(state.answers.len(), Ordering::Relaxed);
                drop(state);
                ticket.reply(data);
                state = self.lock();
                continue;
            }
            state = match state.answers.next_due() {
                Some(due) => {
                    let wait = due.saturating_sub(now);
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
        // Pending answers are dropped outside of the lock, which refuses their requests.
        let left = std::mem::take(&mut state.answers);
        drop(state);
        drop(left);
    }
}
