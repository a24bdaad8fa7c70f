//! A thread that answers tickets after a while: the other thread of `echo.deferred`.

mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sysconn::{ConnectionId, Peer, Ticket};

use waiting::Waiting;

/// The longest time that an answer may be put off for.
pub(crate) const MAX_DELAY: Duration = Duration::from_secs(3600);

/// Where answers wait for their time.
#[derive(Debug)]
pub(crate) struct Delay {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    state: Mutex<State>,
    /// How many answers wait, for who need not take the lock if there are none.
    count: AtomicUsize,
    /// The first answer to come due may be another one, or it is time to end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
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
    #[expect(clippy::disallowed_methods, reason = "the thread that waits has a clock of its own")]
    pub(crate) fn start() -> Result<Self, String> {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            state: Mutex::default(),
            count: AtomicUsize::new(0),
            changed: Condvar::new(),
        });
        let of_thread = shared.clone();
        let thread =
            std::thread::Builder::new().name("delay".into()).spawn(move || of_thread.answer_in_time());
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Delay { shared })
    }

    /// Replies with `data` after `delay`, [`MAX_DELAY`] at most. Where too much waits already, for this
    /// client or for all, the ticket is dropped, which refuses the request.
    pub(crate) fn reply_after(&self, delay: Duration, peer: Peer, ticket: Ticket, data: Vec<u8>) {
        let due = self.shared.elapsed() + delay.min(MAX_DELAY);
        let (id, len) = (ticket.connection(), data.len());
        let mut state = self.shared.lock();
        let refused = state.answers.add(id, peer, due, len, Answer { ticket, data });
        self.shared.count.store(state.answers.len(), Ordering::Relaxed);
        // A ticket that is dropped takes a lock of the reactor's.
        drop(state);
        match refused {
            Ok(()) => self.shared.changed.notify_one(),
            Err(refused) => drop(refused),
        }
    }

    /// The connection has ended: what waits for it is dropped, and its room is free for others.
    pub(crate) fn forget(&self, id: ConnectionId) {
        // Whoever added an answer for it was this thread, so that the count includes it.
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that is done under the lock can panic half-way, so a poisoned lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(clippy::disallowed_methods, reason = "the thread that waits has a clock of its own")]
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
        // Those that still wait are refused, behind the lock.
        let left = std::mem::take(&mut state.answers);
        drop(state);
        drop(left);
    }
}
