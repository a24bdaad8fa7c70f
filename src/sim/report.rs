//! The result of a simulation.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::fault::Injected;
use super::invariant::Violation;

/// A simulation in which all invariants held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Turns of the reactor.
    pub turns: u64,
    /// Simulated time.
    pub time: Duration,
    /// Connections that clients made.
    pub connections: u64,
    /// Connections that were upgraded.
    pub opened: u64,
    /// Packets and messages that the server received.
    pub requests: u64,
    /// Replies that came and were right.
    pub replies: u64,
    /// Bytes that clients received.
    pub bytes: u64,
    /// Objects that got the end of their connection.
    pub told: u64,
    /// Connections that did not end as their script expected, because of a fault, a drain, or a lack of
    /// descriptors.
    pub excused: u64,
    /// Faults that were injected, by kind.
    pub faults: Injected,
    /// Ends of connections, by the cause that `Application::closed` got.
    pub causes: BTreeMap<&'static str, u64>,
    /// Ends as clients saw them: refusals by status, Close frames by code.
    pub ends: BTreeMap<String, u64>,
    /// A hash of all that clients received, and when. Two runs with the same trace were the same.
    pub trace: u64,
}

impl Report {
    /// Adds the figures of another simulation.
    pub fn add(&mut self, other: &Report) {
        self.turns += other.turns;
        self.time += other.time;
        self.connections += other.connections;
        self.opened += other.opened;
        self.requests += other.requests;
        self.replies += other.replies;
        self.bytes += other.bytes;
        self.told += other.told;
        self.excused += other.excused;
        self.faults.add(&other.faults);
        for (cause, count) in &other.causes {
            *self.causes.entry(cause).or_default() += count;
        }
        for (end, count) in &other.ends {
            *self.ends.entry(end.clone()).or_default() += count;
        }
        self.trace = mix(self.trace, other.trace);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} turns in {:.0} s of simulated time", self.turns, self.time.as_secs_f64())?;
        writeln!(
            f,
            "{} connections, {} opened, {} ended otherwise than expected by a fault, a drain, or a lack of descriptors",
            self.connections, self.opened, self.excused
        )?;
        writeln!(
            f,
            "{} requests, {} replies checked, {} bytes received",
            self.requests, self.replies, self.bytes
        )?;
        writeln!(f, "{} objects told of an end", self.told)?;
        writeln!(f, "{} faults: {}", self.faults.total(), self.faults)?;
        writeln!(f, "causes: {}", list(&self.causes))?;
        write!(f, "ends: {}", list(&self.ends))
    }
}

fn list<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    counts.join(", ")
}

/// A simulation in which an invariant did not hold. The same seed shows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How many clients there were.
    pub clients: u32,
    /// The turn after which the violation was seen.
    pub turn: u64,
    /// The simulated time.
    pub at: Duration,
    /// The client at which it was seen, if it was at one.
    pub client: Option<u32>,
    /// The violated invariant, and the evidence.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} with {} clients, turn {}, {:?}", self.seed, self.clients, self.turn, self.at)?;
        if let Some(client) = self.client {
            write!(f, ", client {client}")?;
        }
        write!(f, ": {}", self.violation)
    }
}

impl std::error::Error for Failure {}

/// Adds a number to a trace.
pub(super) fn mix(trace: u64, number: u64) -> u64 {
    (trace.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Adds bytes to a trace.
pub(super) fn mix_bytes(trace: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let trace = words.iter().fold(trace, |trace, word| mix(trace, u64::from_le_bytes(*word)));
    rest.iter().fold(mix(trace, bytes.len() as u64), |trace, &byte| mix(trace, byte.into()))
}
