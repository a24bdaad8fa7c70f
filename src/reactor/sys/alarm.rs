//! A timer that ends a poll's wait, by system calls that need `unsafe`.
//!
//! A timeout sets a timer of the kernel before each wait, and removes it afterwards. That costs a server
//! whose only client sends again and again a fiftieth of its time. An alarm stays set meanwhile: it may go
//! off too early, which costs a turn without events, at most one for each time that it was set.

pub(crate) use timer::Alarm;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "no library at hand makes these system calls")]
mod timer {
    use std::ffi::{c_int, c_long};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::time::{Duration, Instant};

    use mio::unix::SourceFd;
    use mio::{Interest, Registry, Token};

    const CLOCK_MONOTONIC: c_int = 1;
    /// `O_NONBLOCK` and `O_CLOEXEC`, which all 64-bit processors of Rust's share.
    const TFD_NONBLOCK_CLOEXEC: c_int = 0o4000 | 0o2_000_000;

    #[repr(C)]
    struct Timespec {
        seconds: c_long,
        nanoseconds: c_long,
    }

    #[repr(C)]
    struct TimerSpec {
        interval: Timespec,
        after: Timespec,
    }

    unsafe extern "C" {
        fn timerfd_create(clock: c_int, flags: c_int) -> c_int;
        fn timerfd_settime(fd: c_int, flags: c_int, new: *const TimerSpec, old: *mut TimerSpec) -> c_int;
    }

    /// A timer of the kernel that is registered with a poll.
    #[derive(Debug)]
    pub(crate) struct Alarm {
        timer: OwnedFd,
        /// When it goes off, or went off last.
        at: Option<Instant>,
    }

    impl Alarm {
        /// Registers a new alarm. None if the system has no descriptor left for it.
        pub(crate) fn new(registry: &Registry, token: Token) -> Option<Self> {
            // SAFETY: the call takes no pointers.
            let descriptor = unsafe { timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK_CLOEXEC) };
            if descriptor < 0 {
                return None;
            }
            // SAFETY: the descriptor is new, so nothing else owns it.
            let timer = unsafe { OwnedFd::from_raw_fd(descriptor) };
            registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE).ok()?;
            Some(Alarm { timer, at: None })
        }

        /// Lets the alarm go off no later than a time `after` from `now`, which is not zero. False if that
        /// fails.
        pub(crate) fn set(&mut self, now: Instant, after: Duration) -> bool {
            let Some(at) = now.checked_add(after) else { return false };
            if self.at.is_some_and(|set| now < set && set <= at) {
                return true;
            }
            let (Ok(seconds), nanoseconds) = (c_long::try_from(after.as_secs()), after.subsec_nanos().into())
            else {
                return false;
            };
            let once = Timespec { seconds: 0, nanoseconds: 0 };
            let new = TimerSpec { interval: once, after: Timespec { seconds, nanoseconds } };
            let timer = self.timer.as_raw_fd();
            // SAFETY: the descriptor is open, since it is owned. The call reads one value through the first
            // pointer, and ignores the second, which is null.
            let result = unsafe { timerfd_settime(timer, 0, &raw const new, std::ptr::null_mut()) };
            self.at = (result == 0).then_some(at);
            result == 0
        }
    }
}

/// Other systems have no such timer, or one of another form: there a poll has a timeout.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod timer {
    use std::time::{Duration, Instant};

    use mio::{Registry, Token};

    #[derive(Debug)]
    pub(crate) enum Alarm {}

    impl Alarm {
        pub(crate) fn new(_: &Registry, _: Token) -> Option<Self> {
            None
        }

        pub(crate) fn set(&mut self, _: Instant, _: Duration) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use std::time::{Duration, Instant};

    use mio::{Events, Poll, Token};

    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LATE: Duration = Duration::from_secs(3600);

    /// An alarm that is set to `times`, one after the other, ends a wait.
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know these calls")]
    #[expect(clippy::disallowed_methods, reason = "an alarm is set from the present time")]
    fn the_earliest_time_counts() {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let mut alarm = Alarm::new(poll.registry(), Token(7)).unwrap();
        for times in [&[SOON][..], &[SOON], &[LATE, SOON], &[SOON, LATE], &[LATE, SOON, LATE]] {
            for after in times {
                assert!(alarm.set(Instant::now(), *after));
            }
            poll.poll(&mut events, Some(LATE)).unwrap();
            assert!(events.iter().map(|event| event.token()).eq([Token(7)]), "{times:?}");
        }
        poll.poll(&mut events, Some(SOON)).unwrap();
        assert!(events.is_empty(), "an alarm goes off once");
    }
}
