//! One node of a cluster, without a bus, a thread or a clock: inputs with the time, and what follows from
//! them.

mod local;
mod messages;
mod outputs;
mod presence;
mod role_messages;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use outputs::{Asking, Call, Outputs, Subscription};

use crate::blacklist::Registers;
use crate::clock::{Clock, clock_at};
use crate::counters::Counters;
use crate::interest::Interest;
use crate::line_limit::LineLimit;
use crate::members::{HEARTBEAT_MS, Members};
use crate::moment::Moment;
use crate::names::NodeName;
use crate::requests::Requests;
use crate::roles::OwnRoles;
use crate::stored::Stored;
use crate::wire::{Sender, Subject};

/// How often a node sends its digests, in milliseconds.
pub const DIGEST_MS: u64 = 10_000;
/// How long a node waits for another one with its name, in milliseconds.
pub const NAME_MS: u64 = 2_000;

/// How far ahead the clock of a start before may have been, in milliseconds: its last heartbeats may come
/// late.
const PREDECESSOR_MS: u64 = 5_000;

/// Whether the node may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It asks whether its name is free, since that time; `None` while the bus was never connected.
    Joining(Option<u64>),
    /// It takes part.
    Up,
    /// Another node has its name, and had it when this one asked.
    Taken,
    /// Another node with its name was found later, and this one has left.
    Conflict,
    /// It has said good-bye.
    Ended,
}

/// A node: its registers, and what it knows of others.
#[derive(Debug)]
pub(crate) struct Node {
    me: Sender,
    clock: Arc<Clock>,
    counters: Arc<Counters>,
    phase: Phase,
    is_connected: bool,
    is_draining: bool,
    roles: OwnRoles,
    members: Members,
    interest: Interest,
    blacklist: Registers,
    requests: Requests,
    /// The clock from which on a heartbeat of another start with the own name is one too many.
    namesakes_from: u64,
    /// Lists that others have asked for.
    lists: BTreeSet<(NodeName, u8)>,
    /// Nodes that have asked for the black list, with the last subject that each was sent.
    blacklists: BTreeMap<NodeName, Option<String>>,
    next_heartbeat_ms: u64,
    next_digest_ms: u64,
    /// The time until which some node's clock counts as wrong, since one was refused.
    clock_error_until_ms: u64,
    lines: LineLimit,
}

impl Node {
    pub(crate) fn new(me: Sender, clock: Arc<Clock>, counters: Arc<Counters>, stored: Stored) -> Self {
        Node {
            me,
            clock,
            counters,
            phase: Phase::Joining(None),
            is_connected: false,
            is_draining: false,
            roles: OwnRoles::default(),
            members: Members::default(),
            interest: Interest::default(),
            blacklist: Registers::new(stored.blacklist, stored.cleared),
            requests: Requests::default(),
            namesakes_from: 0,
            lists: BTreeSet::new(),
            blacklists: BTreeMap::new(),
            next_heartbeat_ms: 0,
            next_digest_ms: 0,
            clock_error_until_ms: 0,
            lines: LineLimit::default(),
        }
    }

    /// What every node subscribes to from its start.
    pub(crate) fn first_subscriptions(&self) -> [Subject; 3] {
        [Subject::Nodes, Subject::Node(self.me.name.clone()), Subject::Roles]
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it takes part and the bus is connected.
    pub(crate) fn can_send(&self) -> bool {
        self.phase == Phase::Up && self.is_connected
    }

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    /// The others' names, in order.
    pub(crate) fn others(&self) -> Vec<NodeName> {
        let mut names = self.members.names();
        names.retain(|name| *name != self.me.name);
        names
    }

    /// Whether a node's clock was refused lately.
    pub(crate) fn has_clock_error(&self, now: Moment) -> bool {
        now.elapsed_ms < self.clock_error_until_ms
    }

    /// The bus is connected, or connected again.
    pub(crate) fn handle_connected(&mut self, now: Moment, out: &mut Outputs) {
        self.is_connected = true;
        match self.phase {
            Phase::Joining(_) => self.ask_for_name(now, out),
            Phase::Up => self.speak(now, out),
            Phase::Taken | Phase::Conflict | Phase::Ended => {}
        }
    }

    pub(crate) fn handle_disconnected(&mut self) {
        self.is_connected = false;
    }

    /// Messages may have been lost: the digests are due.
    pub(crate) fn handle_gap(&mut self, now: Moment) {
        self.next_digest_ms = now.elapsed_ms;
    }

    /// What is due by now. To be called at least every 250 ms.
    pub(crate) fn handle_tick(&mut self, now: Moment, out: &mut Outputs) {
        if let Phase::Joining(Some(since)) = self.phase
            && now.elapsed_ms >= since.saturating_add(NAME_MS)
            && self.is_connected
        {
            self.phase = Phase::Up;
            self.namesakes_from = clock_at(now.wall_ms.saturating_add(PREDECESSOR_MS));
            self.speak(now, out);
        }
        for sender in self.members.expire(now.elapsed_ms) {
            if self.lines.allows("nodes that are gone", now.elapsed_ms) {
                self.log_gone(&sender.name);
            }
        }
        self.lines.tell(now.elapsed_ms);
        while let Some(bucket) = self.interest.next_left(now.elapsed_ms) {
            out.subscriptions.push(Subscription::End(Subject::Topic(bucket)));
        }
        out.calls.extend(self.requests.expired(now.elapsed_ms).into_iter().map(Call::Finished));
        self.send_lists(now, out);
        self.send_blacklists(now, out);
        if self.can_send() && now.elapsed_ms >= self.next_heartbeat_ms {
            self.send_heartbeat(now, out);
        }
        if self.can_send() && now.elapsed_ms >= self.next_digest_ms {
            self.send_digests(now, out);
        }
    }

    /// Heartbeat and digests: what a node says first.
    fn speak(&mut self, now: Moment, out: &mut Outputs) {
        self.send_heartbeat(now, out);
        self.send_digests(now, out);
    }

    fn send_digests(&mut self, now: Moment, out: &mut Outputs) {
        self.next_digest_ms = now.elapsed_ms.saturating_add(DIGEST_MS);
        self.send_role_digest(now, out);
        self.blacklist.prune(now.wall_ms);
        out.send(Subject::Nodes, self.blacklist.digest(self.clock.tick(now.clock())));
    }

    fn send_heartbeat(&mut self, now: Moment, out: &mut Outputs) {
        self.next_heartbeat_ms = now.elapsed_ms.saturating_add(HEARTBEAT_MS);
        out.send(Subject::Nodes, self.heartbeat());
    }
}
