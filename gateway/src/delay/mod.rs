//! A thread that answers tickets after a delay, for `echo.deferred`.

mod waiting;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sysconn::{ConnectionId, Context, Request, Ticket};

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
    ticket: Ticket<Place>,
    data: Vec<u8>,
}

/// The place of a pending answer. Its ticket carries it, so the answer is dropped when the client leaves.
#[derive(Debug)]
struct Place {
    shared: Arc<SharedState>,
    due: Duration,
    id: ConnectionId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let forgotten = self.shared.lock().answers.remove(self.id, self.due);
        // Dropping a ticket takes a lock of the reactor.
        drop(forgotten);
    }
}

impl Delay {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    #[expect(clippy::disallowed_methods, reason = "this thread reads its own clock")]
    pub(crate) fn start() -> Result<Self, String> {
        let shared =
            Arc::new(SharedState { began: Instant::now(), state: Mutex::default(), changed: Condvar::new() });
        let for_thread = shared.clone();
        let thread =
            std::thread::Builder::new().name("delay".into()).spawn(move || for_thread.answer_in_time());
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Delay { shared })
    }

    /// Replies with `data` after `delay`, at most [`MAX_DELAY`]. If too much is pending already, for this
    /// client or in all, the ticket is dropped, which refuses the request.
    pub(crate) fn reply_after(
        &self,
        delay: Duration,
        request: Request<'_>,
        data: Vec<u8>,
        context: &mut Context<'_>,
    ) {
        let due = self.shared.elapsed() + delay.min(MAX_DELAY);
        let (id, peer, len) = (context.id(), context.record().peer(), data.len());
        let ticket = context.defer_with(request, Place { shared: self.shared.clone(), due, id });
        let mut state = self.shared.lock();
        let refused = state.answers.add(id, peer, due, len, Answer { ticket, data });
        drop(state);
        match refused {
            Ok(()) => self.shared.changed.notify_one(),
            Err(refused) => drop(refused),
        }
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
