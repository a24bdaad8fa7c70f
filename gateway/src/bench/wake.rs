//! Wakes the poll at a point in time, to some microseconds: its own time-out has milliseconds only, which
//! would count as latency.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

/// A timer that the poll watches.
pub(super) struct Wake {
    timer: OwnedFd,
    /// When it wakes, by the clock of the run.
    armed: Option<u64>,
}

impl Wake {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Wake { timer, armed: None })
    }

    /// Wakes the poll at `at`, which is later than `now`. Each setting replaces the one before, so it need
    /// not be read.
    pub(super) fn set(&mut self, at: u64, now: u64) -> io::Result<()> {
        if self.armed == Some(at) {
            return Ok(());
        }
        let wait = Duration::from_nanos(at.saturating_sub(now).max(1));
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        };
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        timerfd_settime(
            &self.timer,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: none, it_value: value },
        )?;
        self.armed = Some(at);
        Ok(())
    }

    /// It has woken the poll.
    pub(super) fn woke(&mut self) {
        self.armed = None;
    }
}
