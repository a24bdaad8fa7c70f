//! How long a turn and a connection's share of it may take.
//!
//! Work is counted in bytes, and the clock is read only after enough of it: so a packet costs an addition and not
//! a look at the clock. Each step of a turn has a time after which it does not go on, so that the steps
//! behind it get their share. Output that is gathered counts with the time that it takes to be written.

use std::time::{Duration, Instant};

use super::sys::clock::Clock;
use crate::conn::LARGE_READ_BYTES;

/// Work between two looks at the clock, in bytes.
pub(super) const SLICE_BYTES: usize = 64 * 1024;
/// What a handler, a system call, or anything else of that size counts as, in bytes: 16 of them are a slice.
pub(super) const STEP_BYTES: usize = SLICE_BYTES / 16;
/// Frames in the first slice of a connection's share, and at most in one behind others that took little time. The clock
/// is read behind each.
const SLICE_FRAMES: u32 = 16;
const MAX_SLICE_FRAMES: u32 = 128;

/// Bytes that are read for one connection in one turn, give or take one read, and bytes of output of its own that are
/// written meanwhile.
pub(super) const TURN_BYTES: usize = 256 * 1024;
/// Frames that are taken from one connection in one turn.
pub(super) const TURN_FRAMES: u32 = 512;
/// Bytes of one connection's that are written at once at most: a message as long as `max_len` is by default leaves whole.
pub(super) const WRITE_BYTES: usize = LARGE_READ_BYTES;
/// Parts of a turn's time. One connection gets one of them, beyond its first slice: 16 connections leave time for all
/// that has shares of its own.
const PARTS: u64 = 20;

/// Nanoseconds that writing a segment takes, about, and each of its bytes.
const WRITE_NS: u64 = 3000;
const WRITE_NS_PER_KIB: u64 = 500;

/// The steps of a turn that can take long, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connections that say little.
    Quiet,
    /// Those that used up their share when they were served last, those for whom output waits, and TLS handshakes.
    Busy,
    Mail,
    Accept,
    Timers,
    /// What goes to many connections, draining, and whatever else takes the rest of the time.
    FanOut,
    /// Writing what was gathered, and the end of connections.
    Output,
}

impl Step {
    /// When this step does not go on, in parts of a turn's time. No step goes on after that time, but what they
    /// have led to is written.
    const fn ends_at(self) -> u64 {
        match self {
            Step::Quiet => 10,
            Step::Busy => 13,
            Step::Mail => 14,
            Step::Accept => 15,
            Step::Timers | Step::FanOut => PARTS,
            Step::Output => PARTS + PARTS / 4,
        }
    }

    /// What this step does in each turn, however late it is: connections, mails, clients or timers.
    pub(super) const fn least(self) -> usize {
        match self {
            Step::Quiet | Step::Busy => 1,
            Step::Accept => 4,
            Step::Mail | Step::Timers | Step::FanOut | Step::Output => 16,
        }
    }
}

// A quarter of the time in which steps may start is the timers'.
const _: () = assert!(4 * (Step::Timers.ends_at() - Step::Accept.ends_at()) >= Step::Timers.ends_at());

/// What a turn has taken so far.
#[derive(Debug)]
pub(super) struct TurnBudget {
    clock: Clock,
    /// The twentieth part of what a turn may take, in microseconds.
    part_us: u64,
    began: Instant,
    /// Microseconds from the beginning of the turn to the last look at the clock.
    passed_us: u64,
    /// Bytes of work since then.
    unseen_bytes: usize,
    /// What was gathered and not yet written will take so long, in nanoseconds.
    pending_ns: u64,
}

impl TurnBudget {
    /// A budget of so much time for each turn; 0 for no limit.
    pub(super) fn new(clock: Clock, time: Duration) -> Self {
        let began = clock.instant_now();
        let part_us = match u64::try_from(time.as_micros()) {
            Ok(0) | Err(_) => u64::MAX / (2 * PARTS),
            Ok(us) => us / PARTS,
        };
        TurnBudget { clock, part_us, began, passed_us: 0, unseen_bytes: 0, pending_ns: 0 }
    }

    /// A turn begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.clock.begin_turn();
        self.began = now;
        (self.passed_us, self.unseen_bytes) = (0, 0);
    }

    /// Work was done that counts as so many bytes.
    #[inline]
    pub(super) fn charge(&mut self, bytes: usize) {
        self.unseen_bytes += bytes;
        if self.unseen_bytes >= SLICE_BYTES {
            self.look();
        }
    }

    /// Looks at the clock.
    #[cold]
    pub(super) fn look(&mut self) {
        let passed = self.clock.turn_now().saturating_duration_since(self.began);
        // Not as_micros(), whose 128 bits take longer than a packet does.
        self.passed_us =
            passed.as_secs().saturating_mul(1_000_000).saturating_add(passed.subsec_micros().into());
        self.unseen_bytes = 0;
    }

    /// A segment of so many bytes is to be written at the end of the turn.
    #[inline]
    pub(super) fn gathered(&mut self, bytes: usize) {
        self.pending_ns += WRITE_NS + (bytes as u64 >> 10) * WRITE_NS_PER_KIB;
    }

    /// All that was gathered is written.
    pub(super) fn written(&mut self) {
        self.pending_ns = 0;
    }

    /// Whether a step may go on, which has done so much in this turn.
    #[inline]
    pub(super) fn allows(&self, step: Step, done: usize) -> bool {
        let pending_us = if step == Step::Output { 0 } else { self.pending_ns >> 10 };
        done < step.least() || self.passed_us + pending_us < step.ends_at() * self.part_us
    }
}

/// What one connection may still take of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    bytes_in: u32,
    bytes_out: u32,
    frames: u32,
    /// Frames that the next slice may take.
    slice: u32,
    /// When its first slice was over, and its last, in microseconds of the turn; 0 before that.
    began_us: u32,
    looked_us: u32,
}

impl Share {
    pub(super) const WHOLE: Share = Share {
        bytes_in: TURN_BYTES as u32,
        bytes_out: TURN_BYTES as u32,
        frames: TURN_FRAMES,
        slice: SLICE_FRAMES,
        began_us: 0,
        looked_us: 0,
    };

    /// Frames that may be taken at once.
    #[inline]
    pub(super) fn slice(&self) -> u32 {
        self.frames.min(self.slice)
    }

    /// So many bytes were read.
    #[inline]
    pub(super) fn take_bytes(&mut self, bytes: usize) {
        self.bytes_in = self.bytes_in.saturating_sub(saturating_u32(bytes));
    }

    /// So many bytes of its output were written.
    pub(super) fn take_output(&mut self, bytes: usize) {
        self.bytes_out = self.bytes_out.saturating_sub(saturating_u32(bytes));
    }

    #[inline]
    pub(super) fn take_frames(&mut self, frames: u32) {
        self.frames = self.frames.saturating_sub(frames);
    }

    #[inline]
    pub(super) fn is_used_up(&self) -> bool {
        self.bytes_in == 0 || self.bytes_out == 0 || self.frames == 0
    }

    /// Nothing is left of it.
    pub(super) fn use_up(&mut self) {
        self.frames = 0;
    }

    /// Uses up the share if its time is over. To be called between two slices, behind a look at the clock.
    pub(super) fn end_slice(&mut self, turn: &TurnBudget) {
        let now_us = u32::try_from(turn.passed_us).unwrap_or(u32::MAX);
        let part_us = u32::try_from(turn.part_us).unwrap_or(u32::MAX);
        if self.began_us == 0 {
            self.began_us = now_us;
        }
        let took_us = now_us.saturating_sub(std::mem::replace(&mut self.looked_us, now_us));
        // As many frames as take a quarter of a part, at the pace of this slice.
        let frames = u64::from(self.slice) * u64::from(part_us / 4) / u64::from(took_us.max(1));
        self.slice = u32::try_from(frames).unwrap_or(u32::MAX).clamp(SLICE_FRAMES, MAX_SLICE_FRAMES);
        if now_us.saturating_sub(self.began_us) >= part_us || !turn.allows(Step::FanOut, usize::MAX) {
            self.use_up();
        }
    }
}

fn saturating_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_millis(4);
    const PART_US: u64 = 200;

    fn budget(passed_us: u64) -> TurnBudget {
        TurnBudget { passed_us, ..TurnBudget::new(Clock::real(), TIME) }
    }

    #[test]
    fn each_step_ends_in_its_time_and_does_its_least() {
        let steps =
            [Step::Quiet, Step::Busy, Step::Mail, Step::Accept, Step::Timers, Step::FanOut, Step::Output];
        assert!(steps.is_sorted_by_key(|step| step.ends_at()), "none takes the time of one before it");
        let endless = TurnBudget { passed_us: 1 << 40, ..TurnBudget::new(Clock::real(), Duration::ZERO) };
        for step in steps {
            assert!(endless.allows(step, usize::MAX), "without a limit");
            let end = step.ends_at() * PART_US;
            for (passed_us, done, expected) in [
                (0, usize::MAX, true),
                (end - 1, usize::MAX, true),
                (end, step.least(), false),
                (end, step.least() - 1, true),
                (u64::MAX / 2, 0, true),
            ] {
                assert_eq!(budget(passed_us).allows(step, done), expected, "{step:?} at {passed_us} µs");
            }
        }
    }

    #[test]
    fn what_is_gathered_takes_time_from_all_but_the_output() {
        let mut turn = budget(0);
        for _ in 0..1000 {
            turn.gathered(100);
        }
        assert!(!turn.allows(Step::Quiet, 1) && turn.allows(Step::Timers, 16));
        turn.gathered(4 << 20);
        assert!(!turn.allows(Step::Timers, 16) && turn.allows(Step::Output, 16));
        turn.written();
        assert!(turn.allows(Step::Quiet, 1));
    }

    #[test]
    fn the_clock_is_read_after_a_slice_of_work_and_not_before() {
        let mut turn = budget(0);
        turn.began -= Duration::from_secs(1);
        for step in 1..=16 {
            assert_eq!(turn.passed_us, 0, "before step {step}");
            turn.charge(STEP_BYTES);
        }
        assert!(turn.passed_us >= 1_000_000);
        turn.begin(turn.began + Duration::from_secs(1));
        assert_eq!((turn.passed_us, turn.unseen_bytes), (0, 0));
    }

    #[test]
    fn a_share_ends_with_its_bytes_its_frames_or_its_time() {
        let mut share = Share::WHOLE;
        share.take_bytes(TURN_BYTES);
        assert!(share.is_used_up());
        let mut share = Share::WHOLE;
        share.take_output(TURN_BYTES - 1);
        share.take_bytes(TURN_BYTES - 1);
        assert!(!share.is_used_up());
        share.take_output(1);
        assert!(share.is_used_up());
        let mut share = Share::WHOLE;
        share.take_frames(TURN_FRAMES - 1);
        assert!(!share.is_used_up());
        share.take_frames(u32::MAX);
        assert!(share.is_used_up());
        // The first slice can have begun at any time before the first look.
        let mut share = Share::WHOLE;
        for (passed_us, used_up) in [(1000, false), (1000 + PART_US - 1, false), (1000 + PART_US, true)] {
            share.end_slice(&budget(passed_us));
            assert_eq!(share.is_used_up(), used_up, "{passed_us} µs");
        }
        // Slices take a quarter of that time at most, if they go on as before.
        let mut share = Share::WHOLE;
        let mut slices = vec![];
        for passed_us in [100, 125, 135, 136, 186, 286, 287] {
            slices.push(share.slice());
            share.end_slice(&budget(passed_us));
        }
        assert_eq!(slices, [16, 16, 32, 128, 128, 128, 64]);
        share.take_frames(TURN_FRAMES - 3);
        assert_eq!(share.slice(), 3);
        let mut share = Share::WHOLE;
        share.end_slice(&budget(Step::FanOut.ends_at() * PART_US));
        assert!(share.is_used_up(), "no handler starts after the end of the steps");
    }
}
