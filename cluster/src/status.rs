//! How a node is, for operators: its status, and what is measured.

use crate::cluster::Cluster;
use crate::counters::{Direction, REASONS};
use crate::members::NodeStatus;
use crate::node::Phase;
use crate::wire::{KINDS, Kind};

/// How a node is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether the bus is connected.
    pub is_connected: bool,
    /// Whether the node takes part: its name was found to be free, and it has not ended.
    pub is_up: bool,
    /// Whether it has left, because another node has its name.
    pub has_name_conflict: bool,
    /// The other nodes, in the order of their names.
    pub nodes: Vec<NodeStatus>,
    /// Whether a node's clock was refused within the last 30 s.
    pub has_clock_error: bool,
    /// Why the bus is not connected, if that is known.
    pub bus_error: Option<String>,
}

/// What is measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The nodes that are known, this one included.
    pub nodes: usize,
    /// Whether the bus is connected.
    pub is_connected: bool,
    /// The bytes that wait: to be sent, and to be delivered.
    pub queue_bytes: usize,
    /// Messages, by direction and kind.
    pub messages: Vec<(&'static str, &'static str, u64)>,
    /// What was dropped, by reason.
    pub dropped: Vec<(&'static str, u64)>,
}

impl Cluster {
    /// How the node is.
    #[must_use]
    pub fn status(&self) -> Status {
        let bus = self.0.bus.status();
        let now = self.0.now();
        let node = self.0.node();
        Status {
            is_connected: bus.is_connected,
            is_up: node.phase() == Phase::Up,
            has_name_conflict: matches!(node.phase(), Phase::Taken | Phase::Conflict),
            nodes: node.members().statuses(),
            has_clock_error: node.has_clock_error(now),
            bus_error: bus.error,
        }
    }

    /// What is measured.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let bus = self.0.bus.status();
        let counters = &self.0.counters;
        let both = [Direction::In, Direction::Out];
        let kinds = both.into_iter().flat_map(|direction| KINDS.map(|kind| (direction, kind)));
        let count = |(direction, kind): (Direction, Kind)| {
            (direction.name(), kind.name(), counters.messages(direction, kind))
        };
        Figures {
            nodes: self.0.node().members().names().len() + 1,
            is_connected: bus.is_connected,
            queue_bytes: bus.queue_bytes + self.0.budget.bytes(),
            messages: kinds.map(count).collect(),
            dropped: REASONS.map(|reason| (reason.name(), counters.dropped(reason))).to_vec(),
        }
    }
}
