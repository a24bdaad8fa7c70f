//! The order of all calls, and by when mail must have been delivered.

use std::time::Duration;

/// The most workers of a simulation.
pub(crate) const MAX_WORKERS: usize = 4;
/// A worker has been woken after this time, even if the wake-up was late and polls were interrupted.
const WAKE: Duration = Duration::from_millis(200);
/// Turns after which a worker that was woken has delivered its mail. Usually one is enough; a slow one
/// delivers 16 mails.
const MAIL_TURNS: u32 = 30;

/// All calls so far.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// The turns that each worker has begun.
    turns: [u32; MAX_WORKERS],
    /// When each turn began: of whichever worker, and of each one.
    began: Vec<Duration>,
    own: [Vec<Duration>; MAX_WORKERS],
}

#[derive(Debug)]
struct Call {
    turns: [u32; MAX_WORKERS],
    /// How many turns had begun, of all workers.
    begun: usize,
}

impl Calls {
    /// A worker begins a turn.
    pub(super) fn begin_turn(&mut self, worker: usize, now: Duration) {
        self.turns[worker] += 1;
        self.began.push(now);
        self.own[worker].push(now);
    }

    /// Adds a call. Returns its place in the order.
    pub(super) fn add(&mut self) -> usize {
        self.calls.push(Call { turns: self.turns, begun: self.began.len() });
        self.calls.len() - 1
    }

    /// Whether mail that was posted to a worker at call `from` must have been delivered at call `to`.
    pub(super) fn is_delivered(&self, from: usize, to: usize, worker: usize) -> bool {
        let (Some(from), Some(to)) = (self.calls.get(from), self.calls.get(to)) else { return false };
        // A turn may sleep before it makes a call, so the next turn says when that was at the latest.
        let Some(&posted) = self.began.get(from.begun) else { return false };
        // So many turns ago.
        let turn = to.turns[worker].checked_sub(1 + MAIL_TURNS);
        let began = turn.and_then(|turn| self.own[worker].get(turn as usize));
        began.is_some_and(|&began| began > posted + WAKE)
    }
}
