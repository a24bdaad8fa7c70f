//! Three nodes with games, on a network that fails them: random events, by seed.

use std::sync::Arc;

use sysconn_cluster::bus::local::{Faults, LocalNet};
use sysconn_cluster::{Holder, SendError, Stamp, TopicRef};

use crate::game::{Game, Running};
use crate::random::Random;

pub(crate) const NODES: usize = 3;
const ROLES: u64 = 6;
pub(crate) const TOPICS: u64 = 4;
/// The longest that a message is on its way, in milliseconds.
const MAX_DELAY_MS: u64 = 2_500;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Open,
    /// By itself, at that time: its node has a tombstone.
    Ended(u64),
    /// Replaced by a newer login, at about that time.
    Replaced(u64),
    /// With its node.
    Lost,
}

/// A connection that has logged in.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) role_id: u64,
    pub(crate) holder: Holder,
    pub(crate) node: usize,
    pub(crate) stamp: Stamp,
    pub(crate) fate: Fate,
}

/// What may happen in a simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) events: usize,
    /// Whether nodes are killed, hang, are cut off, and start again.
    pub(crate) nodes_fail: bool,
    /// Whether messages are lost, doubled and delayed, of 1,000 at most so many each.
    pub(crate) bad_of_1000: u64,
}

pub(crate) struct World {
    pub(crate) net: Arc<LocalNet>,
    pub(crate) nodes: Vec<Option<Running>>,
    pub(crate) logins: Vec<Login>,
    /// What a node that is not running has stored.
    stored: Vec<Game>,
    skews: Vec<u64>,
    is_hanging: [bool; NODES],
    random: Random,
    plan: Plan,
    /// What has happened, for the report of a failure.
    pub(crate) trace: Vec<String>,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let skews = (0..NODES).map(|_| random.below(4_000)).collect();
        let mut world = World {
            net: LocalNet::new(random.number()),
            nodes: (0..NODES).map(|_| None).collect(),
            logins: vec![],
            stored: (0..NODES).map(|_| Game::default()).collect(),
            skews,
            is_hanging: [false; NODES],
            random,
            plan,
            trace: vec![],
        };
        (0..NODES).for_each(|at| world.start(at));
        // Names are found to be free, and nodes hear each other.
        world.run_for(6_000);
        world
    }

    pub(crate) fn run_for(&mut self, ms: u64) {
        self.net.run_until(self.net.now_ms() + ms);
        self.note_replaced();
    }

    /// Lets everything happen.
    pub(crate) fn run(&mut self) {
        let bad = self.plan.bad_of_1000 + 1;
        let [lost, doubled, delayed] = [bad, bad, bad].map(|bad| self.random.below(bad));
        self.net.set_faults(Faults { lost, doubled, delayed, max_delay_ms: MAX_DELAY_MS });
        for _ in 0..self.plan.events {
            let pause = if self.random.percent(80) { 50 } else { 3_000 };
            let pause = self.random.below(pause);
            self.run_for(pause);
            self.event();
            self.note_replaced();
        }
    }

    /// Ends all faults. What was on its way arrives, or does not, before.
    pub(crate) fn heal(&mut self) {
        self.net.set_faults(Faults::default());
        (0..NODES).for_each(|at| self.set_hanging(at, false));
        self.run_for(MAX_DELAY_MS + 200);
        for at in 0..NODES {
            if self.nodes[at].is_none() {
                self.start(at);
            }
            let bus = self.nodes[at].as_ref().unwrap().bus.clone();
            bus.set_side(0);
            bus.connect();
        }
        self.run_for(1);
    }

    fn event(&mut self) {
        let at = self.random.index(NODES);
        let choice = self.random.below(if self.plan.nodes_fail { 100 } else { 86 });
        if self.nodes[at].is_none() {
            // A node that is not running can only start.
            if self.random.percent(30) {
                self.start(at);
            }
            return;
        }
        if self.is_hanging[at] {
            if self.random.percent(15) {
                self.set_hanging(at, false);
            }
            return;
        }
        match choice {
            0..40 => self.login(at),
            40..60 => self.logout(at),
            60..72 => self.subscribe(at),
            72..76 => self.publish(at),
            76..86 => self.blacklist(at),
            86..89 => self.kill(at),
            89..90 => self.end(at),
            90..94 => self.set_hanging(at, true),
            94..97 => {
                let side = self.random.below(2) as u8;
                self.trace.push(format!("{}: node {at} on side {side}", self.net.now_ms()));
                self.bus(at).set_side(side);
            }
            _ if self.random.percent(50) => self.bus(at).disconnect(),
            _ => self.bus(at).connect(),
        }
    }

    fn bus(&self, at: usize) -> Arc<sysconn_cluster::bus::local::LocalBus> {
        self.nodes[at].as_ref().unwrap().bus.clone()
    }

    fn start(&mut self, at: usize) {
        self.trace.push(format!("{}: node {at} starts", self.net.now_ms()));
        let incarnation = self.random.number();
        let name = ["a", "b", "c"][at];
        self.nodes[at] = Some(Running::start(&self.net, name, incarnation, self.skews[at], &self.stored[at]));
    }

    fn login(&mut self, at: usize) {
        let role_id = 1 + self.random.below(ROLES);
        let holder = Holder { connection: self.logins.len() as u64, claim: self.random.below(3) };
        let Some(running) = &self.nodes[at] else { return };
        let older = running.game().holders.insert(role_id, holder);
        let stamp = running.cluster.role_entered(role_id, holder);
        if let Some(older) = older {
            // The game has closed the older one itself, and says that it has left, later.
            running.cluster.role_left(role_id, older);
            let older = self.logins.iter_mut().find(|login| login.holder == older);
            older.unwrap().fate = Fate::Replaced(self.net.now_ms());
        }
        self.trace.push(format!("{}: login {} as {role_id} on {at}", self.net.now_ms(), holder.connection));
        self.logins.push(Login { role_id, holder, node: at, stamp, fate: Fate::Open });
    }

    fn logout(&mut self, at: usize) {
        let open: Vec<_> =
            self.logins.iter().filter(|login| login.fate == Fate::Open && login.node == at).collect();
        if open.is_empty() {
            return;
        }
        let Login { role_id, holder, .. } = open[self.random.index(open.len())].clone();
        let Some(running) = &self.nodes[at] else { return };
        running.game().holders.remove(&role_id);
        running.cluster.role_left(role_id, holder);
        let now_ms = self.net.now_ms();
        self.trace.push(format!("{now_ms}: end of {} as {role_id} on {at}", holder.connection));
        self.logins[holder.connection as usize].fate = Fate::Ended(now_ms);
    }

    fn subscribe(&mut self, at: usize) {
        let topic = self.random.below(TOPICS);
        let Some(running) = &self.nodes[at] else { return };
        let mut game = running.game();
        if game.topics.remove(&topic) {
            running.cluster.topic_left(TopicRef::Id(topic));
        } else {
            game.topics.insert(topic);
            running.cluster.topic_entered(TopicRef::Id(topic));
        }
    }

    fn publish(&mut self, at: usize) {
        let (topic, role_id) = (self.random.below(TOPICS), 1 + self.random.below(ROLES));
        let Some(running) = &self.nodes[at] else { return };
        // A local holder is reached without the cluster.
        if !running.game().holders.contains_key(&role_id) {
            let sent = running.cluster.push_to_role(role_id, 1, &b"early"[..]);
            assert!(sent.is_ok() || sent == Err(SendError::NotConnected));
        }
        let _ = running.cluster.publish(TopicRef::Id(topic), 1, &b"early"[..]);
    }

    fn blacklist(&mut self, at: usize) {
        let subject = format!("account:{}", self.random.below(5));
        let choice = self.random.below(10);
        let until_ms = 1_700_000_000_000 + 10_000_000 + self.random.below(1_000);
        let Some(running) = &self.nodes[at] else { return };
        match choice {
            0 => {
                let stamp = running.cluster.blacklist_clear();
                running.game().clear(&stamp);
            }
            1..4 => {
                let record = running.cluster.blacklist_remove(&subject);
                running.game().store(&record);
            }
            _ => {
                let record = running.cluster.blacklist_put(&subject, until_ms, choice > 7);
                running.game().store(&record);
            }
        }
    }

    fn set_hanging(&mut self, at: usize, is_hanging: bool) {
        if let Some(running) = &self.nodes[at] {
            if self.is_hanging[at] != is_hanging {
                self.trace.push(format!("{}: node {at} hangs: {is_hanging}", self.net.now_ms()));
            }
            running.bus.set_hanging(is_hanging);
            self.is_hanging[at] = is_hanging;
        }
    }

    fn kill(&mut self, at: usize) {
        self.trace.push(format!("{}: node {at} is killed", self.net.now_ms()));
        if let Some(running) = self.nodes[at].take() {
            running.bus.kill();
            self.gone(at, running);
        }
    }

    /// A node ends as it should: its clients are closed first.
    fn end(&mut self, at: usize) {
        self.trace.push(format!("{}: node {at} ends", self.net.now_ms()));
        if let Some(running) = self.nodes[at].take() {
            let holders = std::mem::take(&mut running.game().holders);
            for (role_id, holder) in holders {
                running.cluster.role_left(role_id, holder);
            }
            running.cluster.good_bye();
            self.gone(at, running);
        }
    }

    fn gone(&mut self, at: usize, running: Running) {
        self.note_replaced_on(&running);
        for login in self.logins.iter_mut().filter(|login| login.node == at) {
            // Its tombstones are gone too.
            login.fate = Fate::Lost;
        }
        self.stored[at] = std::mem::take(&mut *running.game());
        assert_eq!(self.stored[at].faults, [""; 0], "{}", self.trace.join("\n"));
    }

    fn note_replaced(&mut self) {
        let nodes = std::mem::take(&mut self.nodes);
        nodes.iter().flatten().for_each(|running| self.note_replaced_on(running));
        self.nodes = nodes;
    }

    /// Each connection that was closed as replaced must have been open, and there must be a newer one.
    fn note_replaced_on(&mut self, running: &Running) {
        for (role_id, holder) in running.game().replaced.drain(..) {
            let at = holder.connection as usize;
            let stamp = self.logins[at].stamp.clone();
            self.trace.push(format!("{}: {} is replaced as {role_id}", self.net.now_ms(), holder.connection));
            assert_eq!(self.logins[at].fate, Fate::Open, "{}\n{:?}", self.trace.join("\n"), self.logins[at]);
            let newer = |login: &Login| login.role_id == role_id && login.stamp > stamp;
            assert!(self.logins.iter().any(newer), "{}\nnothing is newer", self.trace.join("\n"));
            self.logins[at].fate = Fate::Replaced(self.net.now_ms());
        }
    }
}
