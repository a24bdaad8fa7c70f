//! The watchdog beside the loops: it sees a worker stand still in one turn, and names what hangs while it
//! hangs.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::Level;
use log::kv::Value;
use sysconn::log_line;
use sysconn::metrics::{Metrics, Pulse, PulseState};

use crate::line_allowance::LineAllowance;
use crate::modules;
use crate::tally::Tally;

/// A worker that stands still for so long is no longer healthy, whatever the time before a warning.
const STUCK: Duration = Duration::from_secs(5);
/// The longest time between two looks.
const MAX_PERIOD: Duration = Duration::from_millis(500);
/// The looks that must find a turn to last after the one that found it new. One alone says nothing: the
/// whole process may have been stopped between the two, and this thread goes on first.
const LOOKS: u32 = 2;

/// A turn of a worker that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stall {
    pub(super) worker: usize,
    /// What it works on, such as a handler.
    pub(super) work: &'static str,
    pub(super) cmd: Option<u16>,
    /// How long that turn has been seen to last.
    pub(super) lasted: Duration,
    /// By so many looks.
    looks: u32,
}

impl Stall {
    fn is_stuck(&self) -> bool {
        self.looks >= LOOKS && self.lasted >= STUCK
    }
}

/// The watchdog.
pub(super) struct Watchdog {
    /// How long a turn may last before that is told; any time, if it is not said.
    warning: Option<Duration>,
    workers: Mutex<Vec<Seen>>,
    lines: Mutex<LineAllowance>,
}

/// What was seen of a worker.
#[derive(Clone, Copy, Debug)]
struct Seen {
    turn: Option<u64>,
    stall: Stall,
    /// Whether the stall counts.
    is_told: bool,
    /// Whether its beginning is in the log.
    is_logged: bool,
}

/// What a look at a worker finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// A stall has begun.
    Begin(Stall),
    /// It has ended.
    End(Stall),
}

impl Seen {
    fn new(worker: usize) -> Self {
        let stall = Stall { worker, work: "reactor", cmd: None, lasted: Duration::ZERO, looks: 0 };
        Seen { turn: None, stall, is_told: false, is_logged: false }
    }

    /// Looks at the worker, so long after the look before. `turn` is the one that it is in.
    fn look(
        &mut self,
        turn: Option<u64>,
        (work, cmd): (&'static str, Option<u16>),
        passed: Duration,
        warning: Option<Duration>,
    ) -> Found {
        if turn.is_none() || turn != self.turn {
            let ended = Stall { lasted: self.stall.lasted + passed / 2, ..self.stall };
            let found = if self.is_told { Found::End(ended) } else { Found::Nothing };
            let stall = Stall { work, cmd, lasted: Duration::ZERO, looks: 0, ..self.stall };
            *self = Seen { turn, stall, is_told: false, is_logged: self.is_logged };
            return found;
        }
        self.stall.lasted += passed;
        self.stall.looks = self.stall.looks.saturating_add(1);
        if self.is_told {
            return Found::Nothing;
        }
        // What hangs is what it works on now.
        (self.stall.work, self.stall.cmd) = (work, cmd);
        self.is_told =
            self.stall.looks >= LOOKS && warning.is_some_and(|warning| self.stall.lasted >= warning);
        if self.is_told { Found::Begin(self.stall) } else { Found::Nothing }
    }
}

impl Watchdog {
    pub(super) fn new(warning: Option<Duration>) -> Self {
        Watchdog { warning, workers: Mutex::default(), lines: Mutex::default() }
    }

    /// Looks at all workers for as long as the program runs: a task of the side thread.
    #[expect(clippy::disallowed_methods, reason = "the side thread reads its own clock")]
    pub(super) async fn watch(&self, metrics: &Metrics) {
        let period = self.warning.map_or(MAX_PERIOD, |warning| warning / LOOKS);
        let period = period.clamp(Duration::from_millis(1), MAX_PERIOD);
        let mut before = Instant::now();
        loop {
            tokio::time::sleep(period).await;
            let now = Instant::now();
            // Time in which this thread did not run says nothing about the others.
            let passed = now.duration_since(before).min(period * 2);
            before = now;
            metrics.pulses().for_each(|pulse| self.look(metrics, &pulse, passed, now));
        }
    }

    fn look(&self, metrics: &Metrics, pulse: &Pulse, passed: Duration, now: Instant) {
        let mut workers = self.workers();
        while workers.len() <= pulse.worker {
            let worker = workers.len();
            workers.push(Seen::new(worker));
        }
        let Some(seen) = workers.get_mut(pulse.worker) else { return };
        let turn = (pulse.state == PulseState::InTurn).then_some(pulse.turn);
        match seen.look(turn, (pulse.work.name(), pulse.cmd), passed, self.warning) {
            Found::Nothing => {}
            Found::Begin(stall) => {
                metrics.stalled(pulse);
                let allowed = lock(&self.lines).take(now);
                seen.is_logged = allowed.is_some();
                match allowed {
                    Some(left_out) => tell("stall", stall, left_out),
                    None => Tally::LinesOfStalls.count(),
                }
            }
            Found::End(stall) => {
                if std::mem::take(&mut seen.is_logged) {
                    tell("stall ended", stall, 0);
                } else {
                    Tally::LinesOfStalls.count();
                }
            }
        }
    }

    /// The stalls that go on.
    pub(super) fn stalls(&self) -> Vec<Stall> {
        self.workers().iter().filter(|seen| seen.is_told).map(|seen| seen.stall).collect()
    }

    /// A turn that has lasted for so long that its worker counts as stuck.
    pub(super) fn stuck(&self) -> Option<Stall> {
        self.workers().iter().map(|seen| seen.stall).find(Stall::is_stuck)
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Seen>> {
        lock(&self.workers)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of a command, such as `echo.echo`.
pub(super) fn name_of(cmd: u16) -> Option<String> {
    let route = modules::routes(true).routes().find(|route| route.cmd == cmd)?;
    Some(format!("{}.{}", route.module, route.name))
}

fn tell(event: &str, stall: Stall, left_out: u64) {
    let name = stall.cmd.and_then(name_of);
    let fields = [
        Some(("worker", Value::from(stall.worker))),
        Some(("work", Value::from(stall.work))),
        stall.cmd.map(|cmd| ("cmd", Value::from(cmd))),
        name.as_ref().map(|name| ("name", Value::from(name.as_str()))),
        Some(("ms", Value::from(stall.lasted.as_millis() as u64))),
        (left_out > 0).then(|| ("left_out", Value::from(left_out))),
    ];
    log_line::write(Level::Warn, event, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a look finds, so many milliseconds after the one before.
    type Step = (Option<u64>, Option<u16>, u64, &'static str);

    /// `begin` and `end` with the command and the milliseconds, or nothing.
    fn find(seen: &mut Seen, (turn, cmd, ms, _): Step, warning: Option<Duration>) -> String {
        let say = |what, stall: Stall| {
            format!("{what} {:?} {}", stall.cmd.unwrap_or_default(), stall.lasted.as_millis())
        };
        match seen.look(turn, ("handler", cmd), Duration::from_millis(ms), warning) {
            Found::Nothing => String::new(),
            Found::Begin(stall) => say("begin", stall),
            Found::End(stall) => say("end", stall),
        }
    }

    #[test]
    fn a_turn_that_lasts_is_told_once_at_each_end() {
        let steps: [&[Step]; 3] = [
            &[
                (None, None, 25, ""),
                (Some(1), Some(1101), 25, ""),
                (Some(2), Some(1101), 25, ""),
                (Some(2), Some(1107), 25, ""),
                // Two periods later it is the same turn, which works on another command now.
                (Some(2), Some(1107), 25, "begin 1107 50"),
                (Some(2), Some(1107), 25, ""),
                (Some(3), Some(1101), 25, "end 1107 87"),
                (Some(3), Some(1101), 25, ""),
                (None, None, 25, ""),
                (None, None, 25, ""),
                (None, None, 25, ""),
                (Some(4), None, 25, ""),
                (Some(4), None, 25, ""),
                (Some(4), None, 25, "begin 0 50"),
                (None, None, 25, "end 0 62"),
            ],
            // The whole process was stopped, and this thread goes on first.
            &[(Some(1), None, 25, ""), (Some(1), None, 50, ""), (None, None, 25, ""), (None, None, 25, "")],
            // It was stopped within a stall.
            &[(Some(1), None, 25, ""), (Some(1), None, 50, ""), (Some(1), None, 25, "begin 0 75")],
        ];
        for steps in steps {
            let mut seen = Seen::new(3);
            for (number, step) in steps.iter().enumerate() {
                let warning = Some(Duration::from_millis(50));
                assert_eq!(find(&mut seen, *step, warning), step.3, "look {number} of {steps:?}");
            }
        }
    }

    #[test]
    fn a_worker_is_stuck_whatever_the_warning() {
        for warning in [None, Some(Duration::from_millis(50)), Some(Duration::from_secs(60))] {
            let mut seen = Seen::new(0);
            for (turn, ms, expected) in [
                (Some(1), 500, false),
                (Some(1), 4999, false),
                (Some(1), 1, true),
                (Some(1), 1, true),
                (Some(2), 1, false),
                (Some(2), 5000, false),
                (None, 1, false),
            ] {
                find(&mut seen, (turn, None, ms, ""), warning);
                assert_eq!(seen.stall.is_stuck(), expected, "{warning:?}: {turn:?} after {ms} ms");
            }
        }
    }
}
