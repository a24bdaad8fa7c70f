//! The faults that a network injects: their kinds, their probabilities, and their counts.

use std::fmt;

/// One kind of fault that a network injects.
///
/// The system's promises hold in spite of them: a call that is refused without a reason (a short read or
/// write, `WouldBlock`) is followed by an event, at most a few milliseconds later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A read returns only some of the bytes that are there.
    ShortRead,
    /// A write takes fewer bytes than there is space for.
    ShortWrite,
    /// A read fails with `WouldBlock` although there are bytes.
    ReadWouldBlock,
    /// A write fails with `WouldBlock` although there is space.
    WriteWouldBlock,
    /// Up to 20 calls in a row on one socket fail with `WouldBlock`.
    Storm,
    /// `accept` fails with `WouldBlock` although a client waits.
    AcceptWouldBlock,
    /// The poll fails with `EINTR`, perhaps after a part of its timeout.
    PollInterrupted,
    /// A read fails with `EINTR`.
    ReadInterrupted,
    /// A write fails with `EINTR`.
    WriteInterrupted,
    /// `accept` fails with `EINTR`.
    AcceptInterrupted,
    /// `accept` fails with `ECONNABORTED`.
    AcceptAborted,
    /// `accept` fails with `EPROTO`.
    AcceptProtocol,
    /// `accept` fails with `EMFILE`: the process has no descriptor left.
    ProcessDescriptors,
    /// `accept` fails with `ENFILE`: the system has no descriptor left.
    SystemDescriptors,
    /// `accept` fails with `ENOBUFS`.
    NoBuffers,
    /// `accept` fails with `ENOMEM`.
    NoMemory,
    /// A socket cannot be registered with the poll, which fails with `ENOSPC`.
    NoWatch,
    /// An event for a connection to which nothing has happened.
    SpuriousEvent,
    /// An event for a connection that is gone.
    StaleEvent,
    /// Some events of this very time come with the next poll only.
    PartialBatch,
    /// The waker's event comes some milliseconds late.
    LateWake,
    /// The process is stopped for up to a minute while it polls, whether that interrupts the poll or not.
    TimeJump,
    /// A step of a turn takes some milliseconds, which count against the turn's budget.
    SlowStep,
    /// A client's bytes arrive some milliseconds late.
    Stall,
    /// The connection is reset while a client sends.
    Reset,
    /// A client's process dies while it sends, and the system ends its connection.
    Vanish,
    /// A client ends its direction while it sends, and goes on receiving.
    HalfClose,
    /// A client has a receive buffer of 1 to 1024 bytes, from the start.
    SlowReader,
}

impl Fault {
    /// All kinds.
    pub const ALL: [Fault; 28] = [
        Fault::ShortRead,
        Fault::ShortWrite,
        Fault::ReadWouldBlock,
        Fault::WriteWouldBlock,
        Fault::Storm,
        Fault::AcceptWouldBlock,
        Fault::PollInterrupted,
        Fault::ReadInterrupted,
        Fault::WriteInterrupted,
        Fault::AcceptInterrupted,
        Fault::AcceptAborted,
        Fault::AcceptProtocol,
        Fault::ProcessDescriptors,
        Fault::SystemDescriptors,
        Fault::NoBuffers,
        Fault::NoMemory,
        Fault::NoWatch,
        Fault::SpuriousEvent,
        Fault::StaleEvent,
        Fault::PartialBatch,
        Fault::LateWake,
        Fault::TimeJump,
        Fault::SlowStep,
        Fault::Stall,
        Fault::Reset,
        Fault::Vanish,
        Fault::HalfClose,
        Fault::SlowReader,
    ];

    /// Faults that no client may notice, except by delays: nothing is lost by them, and no connection ends.
    pub const HARMLESS: [Fault; 17] = [
        Fault::ShortRead,
        Fault::ShortWrite,
        Fault::ReadWouldBlock,
        Fault::WriteWouldBlock,
        Fault::Storm,
        Fault::AcceptWouldBlock,
        Fault::PollInterrupted,
        Fault::ReadInterrupted,
        Fault::WriteInterrupted,
        Fault::AcceptInterrupted,
        Fault::AcceptAborted,
        Fault::AcceptProtocol,
        Fault::SpuriousEvent,
        Fault::StaleEvent,
        Fault::PartialBatch,
        Fault::LateWake,
        Fault::SlowStep,
    ];

    const fn index(self) -> usize {
        self as usize
    }
}

/// The probability of each fault, for each call, event or sending at which it can happen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults([f64; Fault::ALL.len()]);

impl Faults {
    /// No faults.
    pub const NONE: Faults = Faults([0.0; Fault::ALL.len()]);

    /// All faults, each with the same probability, from 0 to 1.
    #[must_use]
    pub fn all(probability: f64) -> Self {
        Faults([probability; Fault::ALL.len()])
    }

    /// The faults in [`Fault::HARMLESS`], each with the same probability.
    #[must_use]
    pub fn harmless(probability: f64) -> Self {
        Fault::HARMLESS.into_iter().fold(Faults::NONE, |faults, fault| faults.with(fault, probability))
    }

    /// Sets the probability of one fault.
    #[must_use]
    pub fn with(mut self, fault: Fault, probability: f64) -> Self {
        if let Some(known) = self.0.get_mut(fault.index()) {
            *known = probability;
        }
        self
    }

    /// The probability of one fault.
    #[must_use]
    pub fn of(&self, fault: Fault) -> f64 {
        self.0.get(fault.index()).copied().unwrap_or_default()
    }
}

impl Default for Faults {
    fn default() -> Self {
        Faults::NONE
    }
}

/// How often each fault has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Injected([u64; Fault::ALL.len()]);

impl Injected {
    /// How often one fault has happened.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0.get(fault.index()).copied().unwrap_or_default()
    }

    /// How many faults have happened.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Injected) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    pub(super) fn count(&mut self, fault: Fault) {
        if let Some(count) = self.0.get_mut(fault.index()) {
            *count += 1;
        }
    }
}

impl Default for Injected {
    fn default() -> Self {
        Injected([0; Fault::ALL.len()])
    }
}

/// Lists the faults that have happened: `ShortRead 12, Reset 3`.
impl fmt::Display for Injected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for fault in Fault::ALL {
            let count = self.of(fault);
            if count > 0 {
                write!(f, "{separator}{fault:?} {count}")?;
                separator = ", ";
            }
        }
        if separator.is_empty() { f.write_str("none") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_index() {
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault.index(), index);
            let faults = Faults::NONE.with(fault, 0.5);
            assert_eq!(
                Fault::ALL.into_iter().filter(|&other| faults.of(other) > 0.0).count(),
                1,
                "{fault:?}"
            );
            assert!(faults.of(fault) > 0.4);
        }
    }

    #[test]
    fn injected_faults_are_listed_by_name() {
        let mut injected = Injected::default();
        assert_eq!(injected.to_string(), "none");
        injected.count(Fault::Reset);
        injected.count(Fault::ShortRead);
        injected.add(&injected.clone());
        assert_eq!((injected.to_string().as_str(), injected.total()), ("ShortRead 2, Reset 2", 4));
    }
}
