//! The pulse of a reactor: what it does now, for a watchdog on another thread.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Where a reactor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PulseState {
    /// In its poll: it waits for something to do.
    Sleeping,
    /// In a turn.
    InTurn,
    /// Between two turns. A loop of the embedder's has the thread, and should call the next turn within a
    /// second; with [`Reactor::run`](crate::Reactor::run) this passes at once.
    Away,
    /// It has ended, or has not begun.
    Ended,
}

/// What a reactor works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Its own work: reading, writing, timers.
    Reactor,
    /// A handler.
    Handler,
    /// The predicate of a route's [access](crate::Access::If).
    Predicate,
    /// A cipher, for a packet.
    Cipher,
    /// [`Application::tick`](crate::Application::tick).
    Tick,
    /// Another hook of the application.
    Hook,
    /// A [survey](crate::ServerHandle::survey).
    Survey,
    /// A function of [`ServerHandle::call`](crate::ServerHandle::call) or
    /// [`Reactor::act`](crate::Reactor::act).
    Call,
}

impl Work {
    /// All kinds; the index of each is its number.
    pub(crate) const ALL: [Work; 8] = [
        Work::Reactor,
        Work::Handler,
        Work::Predicate,
        Work::Cipher,
        Work::Tick,
        Work::Hook,
        Work::Survey,
        Work::Call,
    ];

    /// Its name in labels and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Work::Reactor => "reactor",
            Work::Handler => "handler",
            Work::Predicate => "predicate",
            Work::Cipher => "cipher",
            Work::Tick => "tick",
            Work::Hook => "hook",
            Work::Survey => "survey",
            Work::Call => "call",
        }
    }

    /// Whether it is done for one command.
    pub(crate) fn has_cmd(self) -> bool {
        matches!(self, Work::Handler | Work::Predicate | Work::Cipher)
    }
}

/// What a reactor did when it was looked at. The parts are read one after the other while it goes on: what
/// two looks have in common has lasted from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pulse {
    /// The number of the worker.
    pub worker: usize,
    /// The number of the turn that it is in, or that it has ended.
    pub turn: u64,
    /// Where it is.
    pub state: PulseState,
    /// What it works on.
    pub work: Work,
    /// The command that it works on, if it is a handler, a predicate or a cipher.
    pub cmd: Option<u16>,
}

impl Pulse {
    /// Whether the reactor has been in one and the same turn since an `earlier` look.
    #[must_use]
    pub fn is_stuck_since(&self, earlier: &Pulse) -> bool {
        let is_same = (self.worker, self.turn) == (earlier.worker, earlier.turn);
        is_same && self.state == PulseState::InTurn && earlier.state == PulseState::InTurn
    }
}

/// The pulse as the reactor writes it.
#[derive(Debug)]
pub(crate) struct Heart {
    /// The turn's number times four, and the state.
    beat: AtomicU64,
    /// The kind of work, and the command.
    work: AtomicU32,
}

impl Default for Heart {
    fn default() -> Self {
        Heart { beat: AtomicU64::new(PulseState::Ended as u64), work: AtomicU32::new(0) }
    }
}

impl Heart {
    /// Enters a state. A turn that begins gets a new number.
    #[inline]
    pub(crate) fn enter(&self, state: PulseState) {
        let turn = self.turn() + u64::from(state == PulseState::InTurn);
        self.beat.store(turn << 2 | state as u64, Ordering::Relaxed);
    }

    /// Begins a kind of work.
    #[inline]
    pub(crate) fn begin(&self, work: Work, cmd: u16) {
        self.work.store((work as u32) << 16 | u32::from(cmd), Ordering::Relaxed);
    }

    /// The number of turns so far.
    pub(crate) fn turn(&self) -> u64 {
        self.beat.load(Ordering::Relaxed) >> 2
    }

    pub(crate) fn pulse(&self, worker: usize) -> Pulse {
        let (beat, doing) = (self.beat.load(Ordering::Relaxed), self.work.load(Ordering::Relaxed));
        let state = match beat & 3 {
            0 => PulseState::Sleeping,
            1 => PulseState::InTurn,
            2 => PulseState::Away,
            _ => PulseState::Ended,
        };
        let work = Work::ALL.get((doing >> 16) as usize).copied().unwrap_or(Work::Reactor);
        let cmd = work.has_cmd().then_some(doing as u16);
        Pulse { worker, turn: beat >> 2, state, work, cmd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_says_what_was_written() {
        let heart = Heart::default();
        assert_eq!(heart.pulse(0).state, PulseState::Ended);
        for (turn, state) in [
            (0, PulseState::Sleeping),
            (1, PulseState::InTurn),
            (1, PulseState::Away),
            (1, PulseState::Sleeping),
            (2, PulseState::InTurn),
        ] {
            heart.enter(state);
            assert_eq!((heart.pulse(0).turn, heart.pulse(0).state), (turn, state));
        }
        for (number, work) in Work::ALL.into_iter().enumerate() {
            assert_eq!(work as usize, number);
            heart.begin(work, 65_535);
            let pulse = heart.pulse(3);
            assert_eq!((pulse.worker, pulse.work), (3, work));
            assert_eq!(pulse.cmd, work.has_cmd().then_some(65_535));
        }
    }

    #[test]
    fn only_one_and_the_same_turn_is_stuck() {
        let heart = Heart::default();
        heart.enter(PulseState::InTurn);
        let first = heart.pulse(0);
        assert!(heart.pulse(0).is_stuck_since(&first) && !heart.pulse(1).is_stuck_since(&first));
        heart.enter(PulseState::Sleeping);
        let asleep = heart.pulse(0);
        assert!(!asleep.is_stuck_since(&first) && !heart.pulse(0).is_stuck_since(&asleep));
        heart.enter(PulseState::InTurn);
        assert!(!heart.pulse(0).is_stuck_since(&first));
    }
}
