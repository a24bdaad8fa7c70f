//! Nodes on a network without faults, and a forger of messages that no node would send.

use std::sync::Arc;

use bytes::Bytes;
use sysconn_cluster::bus::local::{LocalBus, LocalNet};
use sysconn_cluster::bus::{Bus as _, Lane};
use sysconn_cluster::wire::{self, Message, Sender, Subject};
use sysconn_cluster::{NodeName, clock_at};

use crate::game::{Game, Running};

/// The wall clock when the network's shows 0.
const BEGIN_MS: u64 = 1_700_000_000_000;

pub(crate) struct Rules {
    pub(crate) net: Arc<LocalNet>,
}

impl Rules {
    pub(crate) fn new() -> Self {
        Rules { net: LocalNet::new(1) }
    }

    pub(crate) fn start(&self, name: &str, incarnation: u64) -> Running {
        Running::start(&self.net, name, incarnation, 0, &Game::default())
    }

    pub(crate) fn run_for(&self, ms: u64) {
        self.net.run_until(self.net.now_ms() + ms);
    }

    /// A bus for messages that no node would send.
    pub(crate) fn forger(&self) -> Forger {
        let bus = self.net.join();
        bus.connect();
        Forger { bus, net: self.net.clone() }
    }
}

pub(crate) struct Forger {
    bus: Arc<LocalBus>,
    net: Arc<LocalNet>,
}

impl Forger {
    pub(crate) fn clock(&self, ahead_ms: u64) -> u64 {
        clock_at(BEGIN_MS + self.net.now_ms() + ahead_ms)
    }

    pub(crate) fn send(&self, name: &str, ahead_ms: u64, subject: &Subject, message: impl Into<Message>) {
        let sender = Sender { name: NodeName::new(name).unwrap(), incarnation: 5 };
        self.send_bytes(subject, wire::write(self.clock(ahead_ms), &sender, &message.into()));
    }

    pub(crate) fn send_bytes(&self, subject: &Subject, payload: Bytes) {
        self.bus.publish(Lane::Control, subject, payload).unwrap();
    }
}

pub(crate) fn is_up(node: &Running) -> bool {
    node.cluster.status().is_up
}

pub(crate) fn names(node: &Running) -> Vec<String> {
    node.cluster.nodes().iter().map(NodeName::to_string).collect()
}

pub(crate) fn dropped(node: &Running, reason: &str) -> u64 {
    node.cluster.figures().dropped.iter().find(|(name, _)| *name == reason).unwrap().1
}

/// How many messages of a kind there were in a direction.
pub(crate) fn count(node: &Running, direction: &str, kind: &str) -> u64 {
    let figures = node.cluster.figures();
    figures.messages.iter().find(|found| (found.0, found.1) == (direction, kind)).unwrap().2
}
