//! What a ticket and its connection share: whether the request still waits, its answer, and a value to free.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crate::mailbox::Answer;

/// The request waits for its answer.
const OPEN: u8 = 0;
/// The answer is on its way to the connection.
const ANSWERED: u8 = 1;
/// The deadline passed before the answer came.
const LATE: u8 = 2;
/// The connection ended before the answer came.
const ENDED: u8 = 3;

/// Whether a request still took its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The answer counts.
    InTime,
    /// The deadline has passed: the client was refused meanwhile.
    Late,
    /// The connection has ended, or refused the request itself.
    Ended,
}

/// A request that waits, as its connection and its ticket see it. The first of them to act decides.
pub(crate) trait Awaited: fmt::Debug + Send + Sync {
    /// Whether the request waits for its answer.
    fn is_open(&self) -> bool;

    /// The ticket answers.
    fn answer(&self) -> Taken;

    /// The ticket answers from another thread: leaves the answer here until the connection takes it. If that
    /// ends before, the answer goes with it.
    fn leave_answer(&self, answer: Answer) -> Taken;

    /// The connection takes the answer that was left.
    fn take_answer(&self) -> Option<Answer>;

    /// The deadline has passed: the request waits no longer. False if its answer is on its way.
    fn expire(&self) -> bool;

    /// The connection takes no answer any more.
    fn end(&self);
}

/// The shared state of a ticket with a value of type `T`.
pub(crate) struct TicketState<T> {
    state: AtomicU8,
    value: Mutex<Option<T>>,
    answer: Mutex<Option<Answer>>,
}

impl<T> TicketState<T> {
    pub(crate) fn new(value: T) -> Self {
        TicketState { state: AtomicU8::new(OPEN), value: Mutex::new(Some(value)), answer: Mutex::default() }
    }

    /// Takes the value, unless it was taken or freed.
    pub(crate) fn take(&self) -> Option<T> {
        locked(&self.value).take()
    }

    fn leave_open(&self, state: u8) -> Result<(), u8> {
        self.state.compare_exchange(OPEN, state, Ordering::AcqRel, Ordering::Acquire).map(|_| ())
    }

    /// Frees the value. The application's code in its `drop` may panic like a handler.
    fn free(&self) {
        static LOGGED: Once = Once::new();
        let value = self.take();
        if catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
            LOGGED.call_once(|| log::error!("the value of a ticket panicked when it was dropped"));
        }
    }
}

/// Nothing under these locks can panic, so what is behind a poisoned one is sound.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Send> Awaited for TicketState<T> {
    fn is_open(&self) -> bool {
        self.state.load(Ordering::Acquire) == OPEN
    }

    fn answer(&self) -> Taken {
        match self.leave_open(ANSWERED) {
            Ok(()) => {
                self.free();
                Taken::InTime
            }
            Err(LATE) => Taken::Late,
            Err(_) => Taken::Ended,
        }
    }

    fn leave_answer(&self, answer: Answer) -> Taken {
        let taken = self.answer();
        if taken == Taken::InTime {
            *locked(&self.answer) = Some(answer);
        }
        taken
    }

    fn take_answer(&self) -> Option<Answer> {
        locked(&self.answer).take()
    }

    fn expire(&self) -> bool {
        let expires = self.leave_open(LATE).is_ok();
        if expires {
            self.free();
        }
        expires
    }

    fn end(&self) {
        if self.leave_open(ENDED).is_ok() {
            self.free();
        }
    }
}

impl<T> fmt::Debug for TicketState<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketState").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    type Step = fn(&TicketState<Arc<()>>) -> bool;

    /// A step that ends the wait, a second one, and the result of that.
    type Case = (&'static str, Step, Step, bool);

    #[test]
    fn the_first_to_act_decides_and_frees_the_value() {
        let answers: Step = |state| state.answer() == Taken::InTime;
        let expires: Step = |state| state.expire();
        let ends: Step = |state| {
            state.end();
            true
        };
        let cases: [Case; 7] = [
            ("answered twice", answers, answers, false),
            ("answered, then too late", answers, expires, false),
            ("answered, then at its end", answers, ends, true),
            ("too late, then answered", expires, |state| state.answer() == Taken::Late, true),
            ("too late, then at its end", expires, ends, true),
            ("at its end, then answered", ends, |state| state.answer() == Taken::Ended, true),
            ("at its end, then too late", ends, expires, false),
        ];
        for (name, first, second, result) in cases {
            let value = Arc::new(());
            let state = TicketState::new(value.clone());
            assert!(state.is_open() && first(&state) && !state.is_open(), "{name}");
            assert_eq!((Arc::strong_count(&value), second(&state)), (1, result), "{name}");
        }
    }

    #[test]
    fn a_panic_in_the_drop_of_a_value_does_not_reach_the_connection() {
        struct Bad;
        impl Drop for Bad {
            fn drop(&mut self) {
                panic!("in a drop");
            }
        }
        TicketState::new(Bad).end();
        assert!(TicketState::new(Bad).expire());
    }
}
