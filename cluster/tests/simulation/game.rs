//! A game on one machine: who holds which role, and what it was given by the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use sysconn_cluster::{
    BlacklistRecord, Cluster, Config, Delivery, Holder, Host, Moment, Names, Request, Responder, Stamp, Time,
    TopicRef, What,
    bus::local::{LocalBus, LocalNet},
};

/// More than an answer may have.
const TOO_LONG: usize = 17 << 20;

/// What the game of one machine knows.
#[derive(Default)]
pub(crate) struct Game {
    pub(crate) holders: BTreeMap<u64, Holder>,
    /// Connections that were closed as replaced.
    pub(crate) replaced: Vec<(u64, Holder)>,
    /// Topics with a subscriber.
    pub(crate) topics: BTreeSet<u64>,
    /// What subscribers got: topic and data.
    pub(crate) published: Vec<(u64, Vec<u8>)>,
    /// Publishes of topics without a subscriber.
    pub(crate) in_vain: usize,
    pub(crate) pushed: Vec<(u64, Holder, Vec<u8>)>,
    /// What is stored of the black list.
    pub(crate) records: BTreeMap<String, BlacklistRecord>,
    pub(crate) cleared: Option<Stamp>,
    pub(crate) has_conflict: bool,
    /// Publishes that were not delivered yet, where the game is slow.
    pub(crate) kept: Option<Vec<Delivery>>,
    /// What must not have happened.
    pub(crate) faults: Vec<String>,
}

impl Game {
    /// Stores a record, if it is the newest.
    pub(crate) fn store(&mut self, record: &BlacklistRecord) {
        let known = self.records.get(&record.subject);
        if known.is_some_and(|known| known.stamp >= record.stamp) {
            self.faults.push(format!("an old record of {} came after a newer one", record.subject));
        }
        self.records.insert(record.subject.clone(), record.clone());
    }

    pub(crate) fn clear(&mut self, stamp: &Stamp) {
        self.records.retain(|_, record| record.stamp > *stamp);
        self.cleared = Some(stamp.clone());
    }
}

#[derive(Default)]
struct Machine(Mutex<Game>);

impl Machine {
    fn game(&self) -> MutexGuard<'_, Game> {
        self.0.lock().unwrap()
    }
}

impl Host for Machine {
    fn close_replaced(&self, role_id: u64, holder: Holder) {
        let mut game = self.game();
        if game.holders.get(&role_id) == Some(&holder) {
            game.holders.remove(&role_id);
        }
        game.replaced.push((role_id, holder));
    }

    fn push(&self, role_id: u64, holder: Holder, push: Delivery) {
        let mut game = self.game();
        if game.holders.get(&role_id) != Some(&holder) {
            game.faults.push(format!("a push to role {role_id} came to {holder:?}, which does not hold it"));
        }
        game.pushed.push((role_id, holder, push.data.to_vec()));
    }

    fn publish(&self, topic: TopicRef<'_>, push: Delivery) {
        let mut game = self.game();
        let TopicRef::Id(topic) = topic else { panic!("only numbers are published") };
        if let Some(kept) = &mut game.kept {
            kept.push(push);
        } else if game.topics.contains(&topic) {
            game.published.push((topic, push.data.to_vec()));
        } else {
            game.in_vain += 1;
        }
    }

    fn blacklist_changed(&self, records: &[BlacklistRecord]) {
        records.iter().for_each(|record| self.game().store(record));
    }

    fn blacklist_cleared(&self, stamp: &Stamp) {
        self.game().clear(stamp);
    }

    fn request(&self, request: Request, responder: Responder) {
        assert_ne!(request.what, What::Debug, "a game that panics");
        match request.what {
            What::List => responder.answer(vec![7; TOO_LONG]),
            _ => responder.answer(request.body),
        }
    }

    fn name_conflict(&self) {
        self.game().has_conflict = true;
    }
}

/// The clock of a machine, which differs from the network's.
struct Skewed(Arc<LocalNet>, u64);

impl Time for Skewed {
    fn now(&self) -> Moment {
        let now_ms = self.0.now_ms();
        Moment { wall_ms: 1_700_000_000_000 + now_ms + self.1, elapsed_ms: now_ms, ..Moment::default() }
    }
}

/// One start of a node.
pub(crate) struct Running {
    pub(crate) cluster: Cluster,
    pub(crate) bus: Arc<LocalBus>,
    machine: Arc<Machine>,
}

impl Running {
    /// Starts a node whose wall clock is ahead by so much, with what was stored.
    pub(crate) fn start(
        net: &Arc<LocalNet>,
        name: &str,
        incarnation: u64,
        skew_ms: u64,
        stored: &Game,
    ) -> Self {
        let config = Config {
            names: Names::new("test", name).unwrap(),
            blacklist: stored.records.values().cloned().collect(),
            cleared: stored.cleared.clone(),
        };
        let machine = Arc::new(Machine::default());
        let (records, cleared) = (stored.records.clone(), stored.cleared.clone());
        *machine.game() = Game { records, cleared, ..Game::default() };
        let bus = net.join();
        let time = Arc::new(Skewed(net.clone(), skew_ms));
        let started = Cluster::with_incarnation(config, bus.clone(), time, machine.clone(), incarnation);
        bus.attach(started.inbox);
        Running { cluster: started.cluster, bus, machine }
    }

    pub(crate) fn game(&self) -> MutexGuard<'_, Game> {
        self.machine.game()
    }
}
