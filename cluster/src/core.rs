//! A node with its bus, its host and the time: what the threads of a program share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::bus::{Bus, Inbox, Lane, SendError};
use crate::clock::{Clock, Drift};
use crate::counters::{Counters, Direction, Reason};
use crate::host::{Budget, Delivery, Held, Host, Request, Responder};
use crate::moment::Moment;
use crate::node::{Asking, Call, Node, Outputs, Subscription};
use crate::topic::TopicRef;
use crate::wire::{
    self, Header, Kind, Message, Publish, Published, Publishes, Sender, Subject, Topic, TopicPush,
};

/// Where the time comes from.
pub trait Time: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// A node, its bus and its host.
pub(crate) struct Core {
    pub(crate) me: Sender,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) budget: Arc<Budget>,
    host: Arc<dyn Host>,
    time: Arc<dyn Time>,
    clock: Arc<Clock>,
    node: Mutex<Node>,
    /// Whether the node takes part and the bus is connected, so that a publish need not ask under the lock.
    can_send: AtomicBool,
    /// Wakes those that wait for a change of phase.
    phase_changed: Condvar,
    /// Itself, for responders.
    this: std::sync::Weak<Core>,
}

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) me: Sender,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) time: Arc<dyn Time>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) node: Node,
}

impl Core {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { me, bus, host, time, clock, counters, node } = parts;
        for subject in node.first_subscriptions() {
            bus.subscribe(&subject);
        }
        Arc::new_cyclic(|this| Core {
            me,
            bus,
            budget: Budget::new(counters.clone()),
            counters,
            host,
            time,
            clock,
            node: Mutex::new(node),
            can_send: AtomicBool::new(false),
            phase_changed: Condvar::new(),
            this: this.clone(),
        })
    }

    pub(crate) fn now(&self) -> Moment {
        self.time.now()
    }

    pub(crate) fn node(&self) -> MutexGuard<'_, Node> {
        // Nothing under the lock can panic half-way, so the data behind a poisoned lock is consistent.
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the node take an input, and does what follows from it.
    pub(crate) fn input<T>(
        &self,
        held: Option<Held>,
        input: impl FnOnce(&mut Node, Moment, &mut Outputs) -> T,
    ) -> T {
        let now = self.now();
        let mut out = Outputs::default();
        let mut node = self.node();
        let result = input(&mut node, now, &mut out);
        let Outputs { sendings, asking, subscriptions, calls } = out;
        for subscription in subscriptions {
            match subscription {
                Subscription::Begin(subject) => self.bus.subscribe(&subject),
                Subscription::End(subject) => self.bus.unsubscribe(&subject),
            }
        }
        // Under the lock, so that messages go out in the order of the changes that they tell of.
        for sending in sendings {
            let may_speak = node.can_send() || is_about_names(sending.message.kind());
            if may_speak {
                // What is lost is counted, and repaired by digests.
                let _ = self.send(&sending.subject, &sending.message, now);
            }
        }
        if let Some(Asking { subjects, message }) = asking {
            // Nodes that it does not reach are missing at the deadline.
            let payload = wire::write(self.clock.tick(now.clock()), &self.me, &message);
            let sent = self.bus.request_many(&subjects, &payload);
            subjects.iter().for_each(|_| self.count(message.kind(), sent));
        }
        self.can_send.store(node.can_send(), Ordering::Relaxed);
        self.bus.set_alone(node.members().len() == 0);
        drop(node);
        self.phase_changed.notify_all();
        self.call(calls, held);
        result
    }

    /// Waits while a condition holds, at most so long.
    pub(crate) fn wait_while(&self, timeout: std::time::Duration, condition: impl FnMut(&mut Node) -> bool) {
        let node = self.node();
        drop(self.phase_changed.wait_timeout_while(node, timeout, condition));
    }

    /// Sends a message, and counts it.
    pub(crate) fn send(&self, subject: &Subject, message: &Message, now: Moment) -> Result<(), SendError> {
        let kind = message.kind();
        let payload = wire::write(self.clock.tick(now.clock()), &self.me, message);
        let lane = if kind.is_traffic() { Lane::Traffic } else { Lane::Control };
        let sent = self.bus.publish(lane, subject, payload);
        self.count(kind, sent);
        sent
    }

    fn count(&self, kind: Kind, sent: Result<(), SendError>) {
        match sent {
            Ok(()) => self.counters.count(Direction::Out, kind),
            Err(SendError::NotConnected) => self.counters.drop_for(Reason::NotConnected, 1),
            Err(SendError::Full) => self.counters.drop_for(Reason::Full, 1),
            Err(SendError::TooLarge) => self.counters.drop_for(Reason::TooLarge, 1),
        }
    }

    /// Sends a push to the subscribers of a topic on other machines.
    pub(crate) fn publish(&self, topic: TopicRef<'_>, cmd: u16, data: &[u8]) -> Result<(), SendError> {
        if !self.can_send.load(Ordering::Relaxed) {
            self.counters.drop_for(Reason::NotConnected, 1);
            return Err(SendError::NotConnected);
        }
        let push = TopicPush { sender: &self.me, clock: &self.clock, topic, cmd, data };
        let sent = self.bus.publish_push(&push);
        self.count(Kind::Publish, sent);
        sent
    }

    pub(crate) fn answer(&self, to: &Sender, id: u64, answer: Result<Bytes, u16>) {
        self.input(None, |node, _, out| node.answer(to, id, answer, out));
    }

    /// Has the host do what the node wants.
    fn call(&self, calls: Vec<Call>, mut held: Option<Held>) {
        for call in calls {
            self.guarded(|| self.call_one(call, &mut held));
        }
    }

    fn call_one(&self, call: Call, held: &mut Option<Held>) {
        match call {
            Call::CloseReplaced { role_id, holder } => self.host.close_replaced(role_id, holder),
            Call::Push { role_id, holder, cmd, data } => {
                if let Some(held) = held.take() {
                    self.host.push(role_id, holder, Delivery { cmd, data, held });
                }
            }
            Call::BlacklistCleared(stamp) => self.host.blacklist_cleared(&stamp),
            Call::BlacklistChanged(records) => self.host.blacklist_changed(&records),
            Call::Request { from, id, what, body } => {
                if let Some(core) = self.this.upgrade() {
                    let request = Request { from: from.name.clone(), what, body };
                    self.host.request(request, Responder { core, to: Some((from, id)) });
                }
            }
            Call::Finished(finished) => (finished.done)(finished.answers),
            Call::NameConflict => self.host.name_conflict(),
        }
    }

    /// Delivers publishes of another node to one topic. They go past the registers, and need no lock.
    fn deliver(&self, header: &Header, topic: Option<Topic>, pushes: Vec<Published>, mut held: Held) {
        let mut pushes = pushes.into_iter().peekable();
        while let Some(Published { cmd, data }) = pushes.next() {
            self.counters.count(Direction::In, Kind::Publish);
            // They share their memory: the last one holds what is around them too.
            let part = held.part(if pushes.peek().is_some() { data.len() } else { usize::MAX });
            if let Some(topic) = topic.as_ref().filter(|_| header.sender != self.me) {
                // The wire's check has said that the command fits.
                let push = Delivery { cmd: cmd as u16, data, held: part };
                self.guarded(|| self.host.publish(topic.as_ref(), push));
            }
        }
    }

    /// Reads a message and notes its clock. None if it is to be ignored.
    fn read(&self, payload: &Bytes) -> Option<(Header, Message)> {
        let read = Header::read(payload).and_then(|header| {
            let message = wire::read(&header, payload)?;
            Ok((header, message))
        });
        let (header, message) = match read {
            Ok(read) => read,
            Err(error) => {
                self.input(None, |node, now, _| node.handle_garbage(error, now));
                return None;
            }
        };
        let drift = self.clock.see(header.clock, self.now().wall_ms);
        let is_heard =
            drift == Drift::Small || self.input(None, |node, now, _| node.handle_drift(&header, drift, now));
        is_heard.then_some((header, message))
    }

    /// Calls the game. A panic of its is logged, and ends neither the thread nor a subscription.
    fn guarded(&self, call: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            self.input(None, |node, now, _| node.handle_panic(now));
        }
    }
}

/// Messages that a node may send before it takes part.
fn is_about_names(kind: Kind) -> bool {
    matches!(kind, Kind::NameQuery | Kind::NameAnswer | Kind::GoodBye)
}

impl Inbox for Core {
    fn received(&self, subscription: &Subject, payload: Bytes) {
        let Some(held) = self.budget.hold(payload.len()) else { return };
        let is_direct = matches!(subscription, Subject::Node(_));
        match self.read(&payload) {
            Some((header, Message::Publish(Publish { topic, cmd, data }))) => {
                self.deliver(&header, topic, vec![Published { cmd, data }], held);
            }
            Some((header, Message::Publishes(Publishes { topic, pushes }))) => {
                self.counters.count(Direction::In, Kind::Publishes);
                self.deliver(&header, topic, pushes, held);
            }
            Some((header, message)) => self.input(Some(held), |node, now, out| {
                node.handle_message(&header, message, is_direct, now, out);
            }),
            None => {}
        }
    }

    fn connected(&self) {
        self.input(None, Node::handle_connected);
    }

    fn disconnected(&self) {
        self.input(None, |node, _, _| node.handle_disconnected());
    }

    fn gap(&self, count: u64) {
        self.counters.drop_for(Reason::Gap, count);
        self.input(None, |node, now, _| node.handle_gap(now));
    }

    fn dropped(&self, reason: Reason, count: u64) {
        self.counters.drop_for(reason, count);
    }

    fn tick(&self) {
        self.input(None, Node::handle_tick);
    }
}
