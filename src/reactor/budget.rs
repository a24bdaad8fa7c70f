//! Limits how much time a turn and its steps may take.
//!
//! Work is counted in bytes, and the clock is read only after enough of it: a packet costs an addition
//! instead of a clock read. Each step of a turn has a time at which it stops, so that later steps get their
//! share. Output that waits for the end of the turn already counts with the time that writing it will take.

use std::time::{Duration, Instant};

use super::sys::clock::Clock;
use crate::conn::LARGE_READ_BYTES;

/// Work after which the clock is read, in bytes.
pub(super) const SLICE_BYTES: usize = 64 * 1024;
/// The cost in bytes of a handler, a system call, or similar work: 16 of them are a slice.
pub(super) const STEP_BYTES: usize = SLICE_BYTES / 16;
/// Frames in the first slice of a connection's share. Later slices have at most this many if the earlier ones
/// took little time. The clock is read after each slice.
pub(super) const SLICE_FRAMES: u32 = 16;
pub(super) const MAX_SLICE_FRAMES: u32 = 128;

/// Bytes that one turn reads for one connection, give or take one read, and bytes of the connection's own
/// output that it writes meanwhile.
pub(super) const TURN_BYTES: usize = 256 * 1024;
/// The most frames that one turn takes from one connection.
pub(super) const TURN_FRAMES: u32 = 512;
/// The most bytes of one connection that are written at once. A message of the default `max_len` leaves
/// whole.
pub(super) const WRITE_BYTES: usize = LARGE_READ_BYTES;
/// Parts into which a turn's time is divided. One connection gets one part beyond its first slice, so 16
/// connections leave time for the steps that have their own.
const PARTS: u64 = 20;

/// The parts in which the application's own pushes, of a tick for instance, are sent at once. The others wait
/// for the time that is left to fan-outs.
const APPLICATION_PARTS: u64 = 5;

/// Approximate time of writing a segment, in nanoseconds.
const WRITE_NS: u64 = 3000;
/// The same of joining a segment to the ones before it.
const JOIN_NS: u64 = 50;
/// The same of each KiB in it.
const WRITE_NS_PER_KIB: u64 = 500;

/// The steps of a turn that can take long, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Connections that say little.
    Quiet,
    /// Connections that used up their share when they were last served or that have output waiting, and TLS
    /// handshakes.
    Busy,
    Mail,
    Accept,
    Timers,
    /// Fan-outs and draining, which take the rest of the time.
    FanOut,
    /// Writing segments, and the end of connections.
    Output,
}

impl Step {
    /// When this step stops, in parts of a turn's time. Output may take longer, so that the results of the
    /// other steps are written.
    pub(super) const fn ends_at(self) -> u64 {
        match self {
            Step::Quiet => 10,
            Step::Busy => 13,
            Step::Mail => 14,
            Step::Accept => 15,
            Step::Timers | Step::FanOut => PARTS,
            Step::Output => PARTS + PARTS / 4,
        }
    }

    /// The work that this step does in each turn, however late it is, in connections, mails, clients or
    /// timers.
    pub(super) const fn least(self) -> usize {
        match self {
            Step::Quiet | Step::Busy => 1,
            Step::Accept => 4,
            Step::Mail | Step::Timers | Step::FanOut | Step::Output => 16,
        }
    }
}

// The timers get a quarter of the time in which steps may start.
const _: () = assert!(4 * (Step::Timers.ends_at() - Step::Accept.ends_at()) >= Step::Timers.ends_at());

/// The time that a turn has used and its limit.
#[derive(Debug)]
pub(super) struct TurnBudget {
    clock: Clock,
    /// A twentieth of the turn's time limit, in microseconds.
    part_us: u64,
    /// When connections that say little are served no more, in microseconds.
    quiet_until_us: u64,
    began: Instant,
    /// Microseconds from the beginning of the turn until the last clock read.
    passed_us: u64,
    /// Bytes of work since the last clock read.
    unseen_bytes: usize,
    /// Nanoseconds needed to write the output that waits for the end of the turn, and for `written_ns`.
    pending_ns: u64,
    /// Nanoseconds that writes were expected to take which the clock has not shown.
    written_ns: u64,
    /// When the application's share ends, in microseconds.
    application_until_us: u64,
}

impl TurnBudget {
    /// A budget of this time for each turn, if it has a limit.
    pub(super) fn new(clock: Clock, time: Option<Duration>) -> Self {
        let began = clock.instant_now();
        let limit_us = time.and_then(|time| u64::try_from(time.as_micros()).ok());
        let part_us = limit_us.map_or(u64::MAX / (2 * PARTS), |us| us / PARTS);
        TurnBudget {
            clock,
            part_us,
            quiet_until_us: Step::Quiet.ends_at() * part_us,
            began,
            passed_us: 0,
            unseen_bytes: 0,
            pending_ns: 0,
            written_ns: 0,
            application_until_us: 0,
        }
    }

    /// Begins a turn.
    pub(super) fn begin(&mut self, now: Instant) {
        self.clock.begin_turn();
        self.began = now;
        (self.passed_us, self.unseen_bytes) = (0, 0);
    }

    /// Counts work, in bytes.
    #[inline(always)]
    pub(super) fn charge(&mut self, bytes: usize) {
        self.unseen_bytes += bytes;
        if self.unseen_bytes >= SLICE_BYTES {
            self.read_clock();
        }
    }

    /// The work since the last clock read, or since the turn began.
    #[cfg(test)]
    pub(super) fn unseen_bytes(&self) -> usize {
        self.unseen_bytes
    }

    /// Reads the clock.
    #[cold]
    pub(super) fn read_clock(&mut self) {
        let passed = self.clock.turn_now().saturating_duration_since(self.began);
        // Not as_micros(): its 128-bit arithmetic takes longer than a packet.
        let passed_us =
            passed.as_secs().saturating_mul(1_000_000).saturating_add(passed.subsec_micros().into());
        if passed_us > self.passed_us {
            self.passed_us = passed_us;
            self.pending_ns = self.pending_ns.saturating_sub(std::mem::take(&mut self.written_ns));
        }
        self.unseen_bytes = 0;
    }

    /// Counts the time that writing a segment of `bytes` bytes will take. Only the first segment of a
    /// connection costs a write: the others are copied behind it.
    #[inline]
    pub(super) fn expect_write(&mut self, bytes: usize, is_first: bool) {
        let write_ns = if is_first { WRITE_NS } else { JOIN_NS };
        self.pending_ns += write_ns + (bytes as u64 >> 10) * WRITE_NS_PER_KIB;
    }

    /// Counts the time that a write of `bytes` bytes takes, until the clock shows it. In a simulation the
    /// clock stands still for the whole turn.
    pub(super) fn count_write(&mut self, bytes: usize) {
        let before = self.pending_ns;
        self.expect_write(bytes, true);
        self.written_ns += self.pending_ns - before;
    }

    /// Forgets the segments that waited: they have been written.
    pub(super) fn forget_writes(&mut self) {
        (self.pending_ns, self.written_ns) = (0, 0);
    }

    /// Microseconds that the turn had taken when the clock was last read.
    pub(super) fn passed_us(&self) -> u64 {
        self.passed_us
    }

    /// The time of one connection, in microseconds.
    pub(super) fn part_us(&self) -> u64 {
        self.part_us
    }

    /// Begins the share of what the application does by itself.
    pub(super) fn begin_application(&mut self) {
        let until_us = self.used_us() + APPLICATION_PARTS * self.part_us;
        self.application_until_us = until_us.min(Step::FanOut.ends_at() * self.part_us);
    }

    /// Whether the application's share of the turn has not ended.
    pub(super) fn allows_application(&self) -> bool {
        self.used_us() < self.application_until_us
    }

    /// Microseconds that have passed, or that the output which waits will take.
    #[inline]
    fn used_us(&self) -> u64 {
        self.passed_us + (self.pending_ns >> 10)
    }

    /// Whether connections that say little may still be served. Each of them asks, so this is quick.
    #[inline(always)]
    pub(super) fn allows_quiet(&self) -> bool {
        self.used_us() < self.quiet_until_us
    }

    /// Whether a step that has `done` this much in this turn may go on.
    #[inline]
    pub(super) fn allows(&self, step: Step, done: usize) -> bool {
        // Most of them have done less.
        done < step.least() || self.has_time(step)
    }

    /// Whether the time of a step has not ended.
    #[inline(never)]
    fn has_time(&self, step: Step) -> bool {
        let used_us = if step == Step::Output { self.passed_us } else { self.used_us() };
        used_us < step.ends_at() * self.part_us
    }
}

#[cfg(test)]
impl TurnBudget {
    /// The budget of a turn of 4 ms of which `passed_us` have passed. A part is 200 µs.
    pub(super) fn passed(passed_us: u64) -> Self {
        TurnBudget { passed_us, ..TurnBudget::new(Clock::real(), Some(Duration::from_millis(4))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART_US: u64 = 200;

    #[test]
    fn each_step_ends_in_its_time_and_does_its_least() {
        let steps =
            [Step::Quiet, Step::Busy, Step::Mail, Step::Accept, Step::Timers, Step::FanOut, Step::Output];
        assert!(steps.is_sorted_by_key(|step| step.ends_at()), "none takes the time of one before it");
        let endless = TurnBudget { passed_us: 1 << 40, ..TurnBudget::new(Clock::real(), None) };
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
                assert_eq!(
                    TurnBudget::passed(passed_us).allows(step, done),
                    expected,
                    "{step:?} at {passed_us} µs"
                );
            }
        }
    }

    #[test]
    fn segments_that_wait_take_time_from_all_steps_but_output() {
        let mut turn = TurnBudget::passed(0);
        for _ in 0..1000 {
            turn.expect_write(100, true);
        }
        assert!(!turn.allows(Step::Quiet, 1) && turn.allows(Step::Timers, 16));
        turn.expect_write(4 << 20, false);
        assert!(!turn.allows(Step::Timers, 16) && turn.allows(Step::Output, 16));
        turn.forget_writes();
        (0..10_000).for_each(|_| turn.expect_write(100, false));
        assert!(turn.allows(Step::Quiet, 1), "they leave with others");
    }

    #[test]
    fn a_write_counts_with_its_expected_time_until_the_clock_shows_it() {
        let mut turn = TurnBudget::passed(0);
        turn.expect_write(100, true);
        let waiting = turn.pending_ns;
        turn.count_write(100);
        turn.count_write(16 << 20);
        assert!(!turn.allows(Step::FanOut, 16));
        turn.began -= Duration::from_millis(1);
        turn.read_clock();
        assert!(turn.allows(Step::FanOut, 16) && turn.pending_ns == waiting, "only the rest waits");
        turn.count_write(16 << 20);
        // A clock that stands still shows nothing.
        turn.passed_us = 1 << 40;
        turn.read_clock();
        turn.passed_us = 0;
        assert!(!turn.allows(Step::FanOut, 16));
        turn.forget_writes();
        assert!(turn.allows(Step::FanOut, 16) && turn.pending_ns == 0);
    }

    #[test]
    fn the_application_has_a_quarter_of_a_turn_from_when_it_begins() {
        for (began_us, ends_us) in [(0, 5 * PART_US), (2800, 3800), (3500, 4000), (5000, 4000)] {
            let mut turn = TurnBudget::passed(began_us);
            assert!(!turn.allows_application(), "it has not begun");
            turn.begin_application();
            assert_eq!(turn.allows_application(), began_us < ends_us);
            turn.passed_us = ends_us - 1;
            assert!(turn.allows_application());
            turn.expect_write(0, true);
            assert!(!turn.allows_application(), "{began_us}: it ends at {ends_us}");
        }
        let mut endless = TurnBudget { passed_us: 1 << 40, ..TurnBudget::new(Clock::real(), None) };
        endless.begin_application();
        assert!(endless.allows_application());
    }

    #[test]
    fn the_clock_is_read_after_a_slice_of_work_and_not_before() {
        let mut turn = TurnBudget::passed(0);
        turn.began -= Duration::from_secs(1);
        for step in 1..=16 {
            assert_eq!(turn.passed_us, 0, "before step {step}");
            turn.charge(STEP_BYTES);
        }
        assert!(turn.passed_us >= 1_000_000);
        turn.begin(turn.began + Duration::from_secs(1));
        assert_eq!((turn.passed_us, turn.unseen_bytes), (0, 0));
    }
}
