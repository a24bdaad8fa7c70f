//! Refuses codes at once while the platform fails, so that clients do not wait in vain.

use std::fmt;
use std::time::{Duration, Instant};

/// Failures of the platform in a row after which it is not asked for a while.
const MAX_FAILURES: u32 = 10;
/// How long it is not asked.
const PAUSE: Duration = Duration::from_secs(10);

/// Whether the platform is asked.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures since the last answer.
    failures: u32,
    state: State,
    /// Requests that were refused since it opened.
    refused: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It is asked.
    #[default]
    Closed,
    /// It is not asked until then.
    Open(Instant),
    /// One request was let through, whose answer decides.
    Probing,
}

/// A change that an operator should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened,
    /// So many requests were refused meanwhile.
    Closed {
        refused: u64,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Opened => {
                write!(
                    f,
                    "the platform failed {MAX_FAILURES} times in a row: logins are refused for {PAUSE:?}"
                )
            }
            Change::Closed { refused } => {
                write!(f, "the platform answers again; {refused} logins were refused meanwhile")
            }
        }
    }
}

impl Breaker {
    /// Whether a request is refused now, before it waits for its turn.
    pub(super) fn refuses(&mut self, now: Instant) -> bool {
        let refuses = match self.state {
            State::Closed => false,
            State::Open(until) => now < until,
            State::Probing => true,
        };
        self.refused += u64::from(refuses);
        refuses
    }

    /// Lets a request through, or refuses it. [`note`](Self::note) must follow each that was let through.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let refuses = self.refuses(now);
        if !refuses && self.state != State::Closed {
            self.state = State::Probing;
        }
        !refuses
    }

    /// Takes note of how a request went: `failed` if the platform has failed, false if it has answered.
    pub(super) fn note(&mut self, failed: bool, now: Instant) -> Option<Change> {
        if !failed {
            let Breaker { state, refused, .. } = std::mem::take(self);
            return (state != State::Closed).then_some(Change::Closed { refused });
        }
        match self.state {
            State::Closed => {
                self.failures += 1;
                if self.failures < MAX_FAILURES {
                    return None;
                }
                self.state = State::Open(now + PAUSE);
                Some(Change::Opened)
            }
            // It began before the breaker opened.
            State::Open(_) => None,
            State::Probing => {
                self.state = State::Open(now + PAUSE);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "any moment will do")]
    fn it_opens_after_failures_in_a_row_and_lets_one_through_after_a_pause() {
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..MAX_FAILURES {
                assert!(breaker.admit(began));
                assert_eq!(breaker.note(true, began), None);
            }
            assert_eq!(breaker.note(false, began), None, "an answer ends the row");
        }
        for _ in 1..MAX_FAILURES {
            assert_eq!(breaker.note(true, began), None);
        }
        assert_eq!(breaker.note(true, began), Some(Change::Opened));
        assert!(breaker.refuses(began) && !breaker.admit(after(9_999)));
        assert_eq!(breaker.note(true, after(9_000)), None, "what began before does not make it longer");

        for round in 1..3 {
            let due = after(10_000 * round);
            assert!(!breaker.refuses(due) && breaker.admit(due), "one is let through");
            assert!(breaker.refuses(due) && !breaker.admit(after(60_000)), "and no other");
            assert_eq!(breaker.note(true, due), None);
            assert!(!breaker.admit(due));
        }
        assert!(breaker.admit(after(30_000)));
        assert_eq!(breaker.note(false, after(30_000)), Some(Change::Closed { refused: 8 }));
        for _ in 1..MAX_FAILURES {
            assert!(breaker.admit(after(30_000)));
            assert_eq!(breaker.note(true, after(30_000)), None, "the row begins anew");
        }
    }
}
