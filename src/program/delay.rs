//! A thread that answers tickets after a while: the other thread of `echo.deferred`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use sysconn::Ticket;

/// Bytes that may wait to be sent back. Clients come and go, and leave theirs behind.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// What one waiting answer costs beside its bytes, about.
const ANSWER_BYTES: usize = 256;

/// Where answers wait for their time.
#[derive(Debug)]
pub(crate) struct Delay {
    answers: Sender<Answer>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Answer {
    due: Instant,
    ticket: Ticket,
    data: Vec<u8>,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Answer {}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl Delay {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    pub(crate) fn start() -> Result<Self, String> {
        let (answers, receiver) = channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let waiting = waiting_bytes.clone();
        let thread = std::thread::Builder::new()
            .name("delay".into())
            .spawn(move || answer_in_time(&receiver, &waiting));
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Delay { answers, waiting_bytes })
    }

    /// Replies with `data` after `delay`. Where too much waits already the ticket is dropped, which
    /// refuses the request.
    #[expect(clippy::disallowed_methods, reason = "the thread that waits has a clock of its own")]
    pub(crate) fn reply_after(&self, delay: Duration, ticket: Ticket, data: Vec<u8>) {
        let cost = data.len() + ANSWER_BYTES;
        let waiting = self.waiting_bytes.load(Ordering::Relaxed);
        let (Some(due), true) = (Instant::now().checked_add(delay), waiting + cost <= MAX_WAITING_BYTES)
        else {
            return;
        };
        self.waiting_bytes.fetch_add(cost, Ordering::Relaxed);
        // Should the thread have ended, the ticket comes back and is dropped.
        let _ = self.answers.send(Answer { due, ticket, data });
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread that waits has a clock of its own")]
fn answer_in_time(receiver: &Receiver<Answer>, waiting_bytes: &AtomicUsize) {
    let mut waiting = BinaryHeap::new();
    loop {
        let next = match waiting.peek() {
            Some(Reverse(Answer { due, .. })) => {
                receiver.recv_timeout(due.saturating_duration_since(Instant::now()))
            }
            None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(answer) => waiting.push(Reverse(answer)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while waiting.peek().is_some_and(|Reverse(answer)| answer.due <= now) {
            let Some(Reverse(Answer { ticket, data, .. })) = waiting.pop() else { break };
            waiting_bytes.fetch_sub(data.len() + ANSWER_BYTES, Ordering::Relaxed);
            ticket.reply(data);
        }
    }
}
