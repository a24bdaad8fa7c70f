//! A simulated network under the real reactor, for tests of games and of this library (feature `sim`).

mod client;
mod fault;
mod ledger;
mod link;
mod listener;
mod network;
mod poll;
mod random;
mod socket;
#[cfg(test)]
mod tests;
mod world;

pub use client::{Client, ConnectError, Line};
pub use fault::{Fault, Faults, Injected};
pub use ledger::{Activity, Ledger, Traffic};
pub use network::{Buffers, Network};
pub use random::Random;

pub(crate) use link::Readiness;
pub(crate) use listener::SimulatedListener;
pub(crate) use network::SimulatedSpare;
pub(crate) use socket::SimulatedSocket;
