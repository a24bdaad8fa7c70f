//! The cluster as the program has it: a handle that any thread may hold.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::blacklist::BlacklistRecord;
use crate::bus::{Bus, Inbox, SendError};
use crate::clock::Clock;
use crate::core::{Core, Parts, Time};
use crate::counters::{Counters, Reason};
use crate::holder::Holder;
use crate::host::Host;
use crate::names::{Names, NodeName};
use crate::node::{NAME_MS, Node, Phase};
use crate::requests::{Answered, Answers, What};
use crate::stamp::Stamp;
use crate::stored::Stored;
use crate::topic::TopicRef;
use crate::wire::{Sender, Subject};

/// How long accounts and the monitor wait for other nodes.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// What a node begins with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The names of the cluster and of the node.
    pub names: Names,
    /// The black list that was stored.
    pub blacklist: Vec<BlacklistRecord>,
    /// The stamp of the last time that it was cleared, which was stored.
    pub cleared: Option<Stamp>,
}

/// A node of a cluster. Clones share it; no method but [`join`](Self::join) and [`good_bye`](Self::good_bye)
/// blocks.
#[derive(Clone)]
pub struct Cluster(pub(crate) Arc<Core>);

/// Whether the node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Its name is free, and it takes part.
    Free,
    /// Another node has its name.
    Taken,
    /// The bus is not connected. The node takes part as soon as it is, unless its name is taken then.
    NotConnected,
}

/// Where a push to a role was sent. None of these says that it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// To the node on which the role is held, as far as is known.
    Node(NodeName),
    /// To all nodes.
    Shard,
}

/// A node on a bus, and the inbox that the bus is to call.
pub struct Started {
    /// The node.
    pub cluster: Cluster,
    /// What its bus must call.
    pub inbox: Arc<dyn Inbox>,
}

impl Cluster {
    /// A node on any bus, which is to call the inbox.
    pub fn with_bus(config: Config, bus: Arc<dyn Bus>, time: Arc<dyn Time>, host: Arc<dyn Host>) -> Started {
        Self::with_incarnation(config, bus, time, host, random())
    }

    /// As [`with_bus`](Self::with_bus), with a given incarnation instead of a random one.
    pub fn with_incarnation(
        config: Config,
        bus: Arc<dyn Bus>,
        time: Arc<dyn Time>,
        host: Arc<dyn Host>,
        incarnation: u64,
    ) -> Started {
        let Config { names, blacklist, cleared } = config;
        let me = Sender { name: names.node, incarnation };
        let (clock, counters) = (Arc::new(Clock::default()), Arc::new(Counters::default()));
        let mut stored = Stored { blacklist, cleared };
        let renewed = stored.heard_at(time.now().wall_ms, &me, &clock);
        if let Some(stamp) = &renewed.cleared {
            host.blacklist_cleared(stamp);
        }
        if !renewed.blacklist.is_empty() {
            host.blacklist_changed(&renewed.blacklist);
        }
        let node = Node::new(me.clone(), clock.clone(), counters.clone(), stored);
        let core = Core::new(Parts { me, bus, host, time, clock, counters, node });
        Started { inbox: core.clone(), cluster: Cluster(core) }
    }

    /// Waits until it is known whether the node's name is free, at most so long while the bus is not
    /// connected.
    #[must_use]
    pub fn join(&self, timeout: Duration) -> Join {
        let is_joining = |node: &mut Node| matches!(node.phase(), Phase::Joining(_));
        self.0.wait_while(timeout, is_joining);
        if matches!(self.0.node().phase(), Phase::Joining(Some(_))) {
            // It is asking: the answer takes no longer than this.
            self.0.wait_while(Duration::from_millis(NAME_MS + 1_000), is_joining);
        }
        match self.0.node().phase() {
            Phase::Up => Join::Free,
            Phase::Taken | Phase::Conflict => Join::Taken,
            Phase::Joining(_) | Phase::Ended => Join::NotConnected,
        }
    }

    /// The node's own name.
    #[must_use]
    pub fn name(&self) -> &NodeName {
        &self.0.me.name
    }

    /// The names of the other nodes, in order.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeName> {
        self.0.node().others()
    }

    /// A connection of this machine has logged in with a role. Whoever held it here before is older. Returns
    /// the stamp of the login.
    pub fn role_entered(&self, role_id: u64, holder: Holder) -> Stamp {
        self.0.input(None, |node, now, out| node.handle_role_entered(role_id, holder, now, out))
    }

    /// A connection of this machine holds a role no longer. Without effect if another one holds it by now.
    pub fn role_left(&self, role_id: u64, holder: Holder) {
        self.0.input(None, |node, now, out| node.handle_role_left(role_id, holder, now, out));
    }

    /// A topic has its first subscriber on this machine.
    pub fn topic_entered(&self, topic: TopicRef<'_>) {
        self.0.input(None, |node, _, out| node.handle_topic_entered(topic, out));
    }

    /// A topic has lost its last subscriber on this machine.
    pub fn topic_left(&self, topic: TopicRef<'_>) {
        self.0.input(None, |node, now, _| node.handle_topic_left(topic, now));
    }

    /// Sends a push to the subscribers of a topic on other machines.
    ///
    /// # Errors
    /// [`SendError`], and then nobody there was sent it.
    pub fn publish(&self, topic: TopicRef<'_>, cmd: u16, data: impl AsRef<[u8]>) -> Result<(), SendError> {
        self.0.publish(topic, cmd, data.as_ref())
    }

    /// Whether a connection of this machine holds a role.
    #[must_use]
    pub fn holds_role(&self, role_id: u64) -> bool {
        self.0.node().holds_role(role_id)
    }

    /// Sends a push to the holder of a role on another machine. One on this machine is reached by the game
    /// itself: [`holds_role`](Self::holds_role) tells which.
    ///
    /// # Errors
    /// [`SendError`], and then it was not sent.
    pub fn push_to_role(&self, role_id: u64, cmd: u16, data: impl Into<Bytes>) -> Result<Sent, SendError> {
        // Sent under the lock: so pushes to a role keep their order, and that with its announcements.
        let node = self.0.node();
        if !node.can_send() {
            self.0.counters.drop_for(Reason::NotConnected, 1);
            return Err(SendError::NotConnected);
        }
        let (subject, push) = node.push(role_id, cmd, data.into());
        self.0.send(&subject, &push.into(), self.0.now())?;
        Ok(match subject {
            Subject::Node(name) => Sent::Node(name),
            Subject::Nodes | Subject::Role(_) | Subject::Roles | Subject::Topic(_) => Sent::Shard,
        })
    }

    /// Asks several nodes. `done` is called once: when all have answered, at the deadline, or in this call
    /// where nobody can be asked. Nodes that are not known are missing at once.
    pub fn request_many(
        &self,
        to: &[NodeName],
        what: What,
        body: impl Into<Bytes>,
        timeout: Duration,
        done: impl FnOnce(Answers) + Send + 'static,
    ) {
        let (body, done) = (body.into(), Box::new(done));
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let refused = self.0.input(None, |node, now, out| {
            let deadline_ms = now.elapsed_ms.saturating_add(timeout_ms);
            node.request_many(to, what, &body, deadline_ms, done, out)
        });
        if let Some(finished) = refused {
            (finished.done)(finished.answers);
        }
    }

    /// Asks one node. `done` gets its answer, or `None` if there is none in time.
    pub fn request(
        &self,
        to: &NodeName,
        what: What,
        body: impl Into<Bytes>,
        timeout: Duration,
        done: impl FnOnce(Option<Answered>) + Send + 'static,
    ) {
        let one = |mut answers: Answers| done(answers.answers.pop().map(|(_, answer)| answer));
        self.request_many(std::slice::from_ref(to), what, body, timeout, one);
    }

    /// Puts a subject on the black list of the cluster. Returns the record, to be stored.
    pub fn blacklist_put(&self, subject: &str, until_ms: u64, by_operator: bool) -> BlacklistRecord {
        self.0.input(None, |node, now, out| node.handle_listed(subject, until_ms, by_operator, now, out))
    }

    /// Takes a subject off it. Returns the record of that, to be stored until it ends.
    pub fn blacklist_remove(&self, subject: &str) -> BlacklistRecord {
        self.0.input(None, |node, now, out| node.handle_unlisted(subject, now, out))
    }

    /// Whether a record is the last of its subject. One that [`Host::blacklist_changed`] gets need not be:
    /// the list can change here meanwhile.
    pub fn blacklist_is_latest(&self, record: &BlacklistRecord) -> bool {
        self.0.input(None, |node, _, _| node.is_latest(record))
    }

    /// Clears it. Returns the stamp, to be stored: everything up to it is gone.
    pub fn blacklist_clear(&self) -> Stamp {
        self.0.input(None, |node, now, out| node.handle_cleared(now, out))
    }

    /// The node drains from now on: it says so to the others.
    pub fn drain(&self) {
        self.0.input(None, Node::handle_drain);
    }

    /// The node ends: it says good-bye, and the bus closes. Blocks for at most 200 ms. Later calls do
    /// nothing.
    pub fn good_bye(&self) {
        self.0.input(None, |node, _, out| node.handle_end(out));
        self.0.bus.close();
    }
}

/// 64 random bits, from the randomness of the standard library's hash tables.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
