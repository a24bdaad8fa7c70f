//! Selects between the operating system and a simulated network.

use std::fs::File;
use std::io;

use super::clock::Clock;
use super::poller::Poller;
use super::simulated;

/// Where a reactor gets its poll, clock, listeners and spare descriptor. Each of these then knows by itself
/// which of the two it belongs to.
#[derive(Clone, Debug)]
pub(crate) enum System {
    Real,
    Simulated(simulated::Network),
}

/// A descriptor that is held in reserve. Dropping it closes it.
#[derive(Debug)]
#[expect(dead_code, reason = "what is in it is only held")]
pub(crate) enum Spare {
    Real(File),
    Simulated(simulated::Spare),
}

impl System {
    /// A poll that returns at most `events` events at a time.
    pub(crate) fn poller(&self, events: usize) -> io::Result<Poller> {
        match self {
            System::Real => Poller::real(events),
            System::Simulated(network) => Poller::simulated(network.clone(), events),
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        match self {
            System::Real => Clock::real(),
            System::Simulated(network) => Clock::simulated(network.clone()),
        }
    }

    /// A spare descriptor. None if no descriptor is free.
    pub(crate) fn spare(&self) -> Option<Spare> {
        match self {
            System::Real => File::open("/dev/null").ok().map(Spare::Real),
            System::Simulated(network) => network.spare().map(Spare::Simulated),
        }
    }
}
