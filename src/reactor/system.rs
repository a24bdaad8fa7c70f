//! The system that a reactor runs on: the real one, or a simulated network.

use std::fs::File;
use std::io;

use super::clock::Clock;
use super::poller::Poller;
#[cfg(feature = "sim")]
use crate::sim::{Network, SimulatedSpare};

/// Where a reactor gets its poll, its clock, its listeners and its spare descriptor from. Nothing else in a
/// reactor asks the system for anything; what it is given knows by itself which of the two it belongs to.
#[derive(Clone, Debug)]
pub(super) enum System {
    Real,
    #[cfg(feature = "sim")]
    Simulated(Network),
}

/// A descriptor that is held only to be given up. Dropping it closes it.
#[derive(Debug)]
#[expect(dead_code, reason = "what is in it is only held")]
pub(super) enum Spare {
    File(File),
    #[cfg(feature = "sim")]
    Simulated(SimulatedSpare),
}

impl System {
    pub(super) fn poller(&self, events: usize) -> io::Result<Poller> {
        match self {
            System::Real => Poller::real(events),
            #[cfg(feature = "sim")]
            System::Simulated(network) => Ok(Poller::simulated(network.clone(), events)),
        }
    }

    pub(super) fn clock(&self) -> Clock {
        match self {
            System::Real => Clock::start(),
            #[cfg(feature = "sim")]
            System::Simulated(network) => Clock::simulated(network.clone()),
        }
    }

    /// None if no descriptor is free.
    pub(super) fn spare(&self) -> Option<Spare> {
        match self {
            System::Real => File::open("/dev/null").ok().map(Spare::File),
            #[cfg(feature = "sim")]
            System::Simulated(network) => network.spare().map(Spare::Simulated),
        }
    }
}
