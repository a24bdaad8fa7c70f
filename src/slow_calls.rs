//! Times the calls of an application, and tells which of them take too long.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

/// A clock that began at any time.
type ClockFn = Box<dyn Fn() -> Duration + Send>;

/// Times handlers, ticks and hooks, if [`Config::slow_handler`](crate::Config::slow_handler) is set;
/// otherwise it reads no clock.
#[derive(Default)]
pub(crate) struct SlowCalls {
    /// The time that a call may take, and the clock.
    timer: Option<(Duration, ClockFn)>,
    /// When the handler in hand began.
    began: Cell<Option<Duration>>,
    /// When the last handler ended.
    ended: Cell<Option<Duration>>,
}

impl SlowCalls {
    /// Finds calls that take longer than `limit`.
    pub(crate) fn new(limit: Duration, clock: ClockFn) -> Self {
        SlowCalls { timer: Some((limit, clock)), began: Cell::default(), ended: Cell::default() }
    }

    /// Whether calls are timed.
    pub(crate) fn is_on(&self) -> bool {
        self.timer.is_some()
    }

    /// When a call begins. None if calls are not timed.
    pub(crate) fn begin(&self) -> Option<Duration> {
        self.timer.as_ref().map(|(_, clock)| clock())
    }

    /// How long a call has taken that began then. None if that is not too long.
    pub(crate) fn slow_since(&self, began: Option<Duration>) -> Option<Duration> {
        let ((limit, clock), began) = (self.timer.as_ref()?, began?);
        Some(clock().saturating_sub(began)).filter(|took| took > limit)
    }

    /// [`begin`](Self::begin), for the handler in hand. If `at` says when it begins, the clock is not read.
    pub(crate) fn begin_handler(&self, at: Option<Duration>) {
        self.began.set(at.filter(|_| self.is_on()).or_else(|| self.begin()));
    }

    /// [`slow_since`](Self::slow_since), for the handler in hand.
    pub(crate) fn end_handler(&self) -> Option<Duration> {
        let ((limit, clock), began) = (self.timer.as_ref()?, self.began.take()?);
        let ended = clock();
        self.ended.set(Some(ended));
        Some(ended.saturating_sub(began)).filter(|took| took > limit)
    }

    /// When the last handler ended, if it was timed; once.
    pub(crate) fn take_ended(&self) -> Option<Duration> {
        self.ended.take()
    }
}

impl fmt::Debug for SlowCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowCalls").field("is_on", &self.is_on()).finish_non_exhaustive()
    }
}
