//! Limits the log lines that clients can cause. Each subject has an allowance, and the lines left out are
//! reported as a count.

use std::time::Duration;

use log::Level;
use log::kv::{Source, Value};

use crate::config::LogConnections;
use crate::log_line;
use crate::moment::Moment;

/// Lines about bad input and panics that may be written at once, and the lines per second after that.
const BAD_INPUT_LINES: Rate = Rate { burst: 20, per_second: 1 };
/// The same for handlers that took too long.
const SLOW_LINES: Rate = Rate { burst: 20, per_second: 1 };
/// The burst that is written at once, in seconds' worth of lines.
const CONNECTIONS_BURST: u32 = 5;
/// Milliseconds between two reports of lines left out.
const NOTICE_MS: u64 = 1000;
/// The parts of a line in which an allowance is counted: each millisecond earns as many parts as there are
/// lines per second.
const PARTS: u64 = 1000;

/// The name of each subject in metrics, in their order.
pub(crate) const SUBJECTS: [&str; 5] = ["bad_input", "refusals", "logins", "ends", "slow_handlers"];

/// The subject of a line. Each has its own allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Bad input on open connections, and panics of handlers and hooks.
    BadInput,
    /// Refused upgrades, and failed TLS handshakes.
    Refusal,
    /// Logins, accepted or refused.
    Login,
    /// Connections that ended.
    End,
    /// Handlers, ticks and hooks that took too long.
    Slow,
}

impl Subject {
    /// Its name in the report of lines left out.
    fn name(self) -> &'static str {
        match self {
            Subject::BadInput => "bad input",
            Subject::Refusal => "refusals",
            Subject::Login => "logins",
            Subject::End => "ends",
            Subject::Slow => "slow handlers",
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    per_second: u32,
}

/// The allowance of one subject.
#[derive(Debug)]
struct Allowance {
    subject: Subject,
    /// Lines per second; none means that all lines are written.
    rate: Option<Rate>,
    /// The rest of the allowance, in parts of a line.
    parts: u64,
    refilled_at: Moment,
    /// Lines left out and not reported yet, and all of them.
    left_out: u64,
    all_left_out: u64,
    /// When to report them; never if there are none.
    notice_at: Moment,
}

impl Allowance {
    fn new(subject: Subject, rate: Option<Rate>) -> Self {
        let parts = rate.map_or(0, |rate| u64::from(rate.burst).saturating_mul(PARTS));
        Allowance {
            subject,
            rate,
            parts,
            refilled_at: Moment::START,
            left_out: 0,
            all_left_out: 0,
            notice_at: Moment::NEVER,
        }
    }

    /// Takes one line. If none is left, counts it as left out and returns false.
    fn take(&mut self, now: Moment) -> bool {
        let Some(rate) = self.rate else { return true };
        let earned = now.since(self.refilled_at).saturating_mul(rate.per_second.into());
        self.parts = self.parts.saturating_add(earned).min(u64::from(rate.burst).saturating_mul(PARTS));
        self.refilled_at = now;
        if let Some(parts) = self.parts.checked_sub(PARTS) {
            self.parts = parts;
            return true;
        }
        // If no lines are wanted, a report of them is not wanted either.
        if rate.burst > 0 {
            self.left_out += 1;
            self.all_left_out += 1;
            if self.notice_at == Moment::NEVER {
                self.notice_at = now.after(NOTICE_MS);
            }
        }
        false
    }

    /// The number of lines left out, if it is time to report it.
    fn take_notice(&mut self, now: Moment) -> Option<u64> {
        if now < self.notice_at {
            return None;
        }
        self.notice_at = Moment::NEVER;
        Some(std::mem::take(&mut self.left_out)).filter(|left_out| *left_out > 0)
    }
}

/// The log limiter of one reactor.
#[derive(Debug)]
pub(crate) struct LogLimiter {
    /// Write nothing: a recording is being replayed.
    is_silent: bool,
    bad_input: Allowance,
    refusals: Allowance,
    logins: Allowance,
    ends: Allowance,
    slow: Allowance,
    /// When the next report is due; it is read in every turn.
    notice_at: Moment,
}

impl LogLimiter {
    pub(crate) fn new(connections: LogConnections) -> Self {
        let rate = match connections {
            LogConnections::All => None,
            LogConnections::Off => Some(Rate { burst: 0, per_second: 0 }),
            LogConnections::PerSecond(lines) => {
                Some(Rate { burst: lines.get().saturating_mul(CONNECTIONS_BURST), per_second: lines.get() })
            }
        };
        LogLimiter {
            is_silent: false,
            bad_input: Allowance::new(Subject::BadInput, Some(BAD_INPUT_LINES)),
            refusals: Allowance::new(Subject::Refusal, rate),
            logins: Allowance::new(Subject::Login, rate),
            ends: Allowance::new(Subject::End, rate),
            slow: Allowance::new(Subject::Slow, Some(SLOW_LINES)),
            notice_at: Moment::NEVER,
        }
    }

    /// Writes nothing from now on.
    pub(crate) fn silence(&mut self) {
        self.is_silent = true;
    }

    /// Writes a line, or counts it as left out.
    pub(crate) fn write(&mut self, subject: Subject, now: Moment, event: &str, fields: &dyn Source) {
        self.write_at(Level::Info, subject, now, event, fields);
    }

    /// [`write`](Self::write), for errors on the server's side.
    pub(crate) fn write_at(
        &mut self,
        level: Level,
        subject: Subject,
        now: Moment,
        event: &str,
        fields: &dyn Source,
    ) {
        if self.may_write(level, subject, now) {
            log_line::write(level, event, fields);
        }
    }

    /// Writes a line about a handler or hook that panicked, with the panic's message if that was
    /// [kept](crate::keep_panic).
    #[cold]
    pub(crate) fn panicked(&mut self, now: Moment, what: &str, fields: &dyn Source) {
        let said = crate::panics::take();
        let panic = said.as_deref().map(|said| ("panic", Value::from(said)));
        let fields = [&("what", what) as &dyn Source, fields, &panic];
        self.write_at(Level::Error, Subject::BadInput, now, "panic", &fields);
    }

    /// Writes a line about a handler, tick or hook that took too long.
    #[cold]
    pub(crate) fn slow(&mut self, now: Moment, what: &str, took: Duration, fields: &dyn Source) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let fields = [&("what", what) as &dyn Source, fields, &("took_us", Value::from(took_us))];
        self.write_at(Level::Warn, Subject::Slow, now, "slow handler", &fields);
    }

    /// Takes a line from the allowance. If this is true, the line must be written.
    pub(crate) fn may_write(&mut self, level: Level, subject: Subject, now: Moment) -> bool {
        if self.is_silent || !log_line::is_enabled(level) {
            return false;
        }
        let allowance = self.allowance(subject);
        let (may_write, notice_at) = (allowance.take(now), allowance.notice_at);
        self.notice_at = self.notice_at.min(notice_at);
        may_write
    }

    fn allowance(&mut self, subject: Subject) -> &mut Allowance {
        match subject {
            Subject::BadInput => &mut self.bad_input,
            Subject::Refusal => &mut self.refusals,
            Subject::Login => &mut self.logins,
            Subject::End => &mut self.ends,
            Subject::Slow => &mut self.slow,
        }
    }

    /// The lines left out so far, in the order of [`SUBJECTS`].
    pub(crate) fn left_out(&self) -> [u64; SUBJECTS.len()] {
        [&self.bad_input, &self.refusals, &self.logins, &self.ends, &self.slow]
            .map(|allowance| allowance.all_left_out)
    }

    /// When [`tell`](Self::tell) has something to report.
    pub(crate) fn next_at(&self) -> Moment {
        self.notice_at
    }

    /// Reports lines left out, at most once per second.
    #[inline]
    pub(crate) fn tell(&mut self, now: Moment) {
        if self.next_at() <= now {
            self.tell_due(now);
        }
    }

    #[cold]
    fn tell_due(&mut self, now: Moment) {
        self.notice_at = Moment::NEVER;
        let LogLimiter { bad_input, refusals, logins, ends, slow, .. } = self;
        for allowance in [bad_input, refusals, logins, ends, slow] {
            if let Some(left_out) = allowance.take_notice(now) {
                let about = allowance.subject.name();
                let fields = [("about", Value::from(about)), ("lines", Value::from(left_out))];
                log_line::write(Level::Info, "lines left out", &fields);
            }
            self.notice_at = self.notice_at.min(allowance.notice_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(per_second: u32) -> LogLimiter {
        LogLimiter::new(LogConnections::PerSecond(NonZeroU32::new(per_second).unwrap()))
    }

    /// How many of `count` lines may be written at that time.
    fn written(allowance: &mut Allowance, lines: usize, ms: u64) -> usize {
        (0..lines).filter(|_| allowance.take(Moment::from_ms(ms))).count()
    }

    #[test]
    fn each_subject_has_a_burst_and_a_rate() {
        for (subject, burst, per_second) in [
            (Subject::BadInput, 20, 1),
            (Subject::Refusal, 1000, 200),
            (Subject::Login, 1000, 200),
            (Subject::End, 1000, 200),
            (Subject::Slow, 20, 1),
        ] {
            let mut limiter = limiter(200);
            let allowance = limiter.allowance(subject);
            assert_eq!(written(allowance, 5000, 0), burst, "{subject:?} at once");
            assert_eq!(written(allowance, 5000, 999), if per_second == 1 { 0 } else { per_second - 1 });
            assert_eq!(written(allowance, 5000, 1000), 1, "the rest of the second's lines");
            assert_eq!(written(allowance, 5000, 2000), per_second);
            assert_eq!(written(allowance, 5000, 3_600_000), burst, "no more than the burst is saved up");
            let all = 5 * 5000 - (2 * burst + 2 * per_second);
            assert_eq!(allowance.left_out, all as u64, "and all others are counted");
        }
    }

    #[test]
    fn one_subject_does_not_use_the_allowance_of_another() {
        let mut limiter = limiter(1);
        assert_eq!(written(limiter.allowance(Subject::Refusal), 100, 0), 5);
        assert_eq!(written(limiter.allowance(Subject::End), 100, 0), 5);
        assert_eq!(written(limiter.allowance(Subject::BadInput), 100, 0), 20);
        assert_eq!(written(limiter.allowance(Subject::Login), 100, 0), 5);
    }

    #[test]
    fn all_and_off_are_what_they_say() {
        for (connections, lines) in [(LogConnections::All, 100_000), (LogConnections::Off, 0)] {
            let mut limiter = LogLimiter::new(connections);
            for subject in [Subject::Refusal, Subject::Login, Subject::End] {
                assert_eq!(written(limiter.allowance(subject), 100_000, 0), lines, "{connections:?}");
            }
            assert_eq!(limiter.next_at(), Moment::NEVER, "nothing is told of them");
            assert_eq!(
                written(limiter.allowance(Subject::BadInput), 100, 0),
                20,
                "which is not about connections"
            );
        }
    }

    #[test]
    fn left_out_lines_are_reported_once_a_second() {
        let mut allowance = Allowance::new(Subject::BadInput, Some(BAD_INPUT_LINES));
        let at = Moment::from_ms;
        assert_eq!(written(&mut allowance, 20, 100), 20);
        assert_eq!((allowance.notice_at, allowance.take_notice(at(5000))), (Moment::NEVER, None));
        let mut allowance = Allowance::new(Subject::BadInput, Some(BAD_INPUT_LINES));
        written(&mut allowance, 25, 100);
        written(&mut allowance, 5, 600);
        assert_eq!((allowance.notice_at, allowance.take_notice(at(1099))), (at(1100), None));
        assert_eq!(allowance.take_notice(at(1100)), Some(10));
        assert_eq!(allowance.take_notice(at(1100)), None);
        written(&mut allowance, 3, 1100);
        assert_eq!((allowance.notice_at, allowance.take_notice(at(2100))), (at(2100), Some(2)));
    }
}
