//! A bus within one process, for tests and simulations: it loses, doubles, reorders and cuts, by seed. Pushes
//! in a row to one topic leave as one message.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Bus, BusStatus, Inbox, Lane, SendError};
use crate::hash::mix;
use crate::wire::{PushWriter, Subject, TopicPush};

/// How often messages fare badly, of 1,000, and how long they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Messages that are lost.
    pub lost: u64,
    /// Messages that arrive twice.
    pub doubled: u64,
    /// Messages that take up to `max_delay_ms`, and so are overtaken.
    pub delayed: u64,
    /// The longest delay in milliseconds.
    pub max_delay_ms: u64,
}

/// A network of nodes, with a clock of its own.
#[derive(Default)]
pub struct LocalNet(Mutex<State>);

/// A node's side of a [`LocalNet`].
pub struct LocalBus {
    net: Arc<LocalNet>,
    index: usize,
}

#[derive(Default)]
struct State {
    now_ms: u64,
    faults: Faults,
    random: u64,
    sent: u64,
    /// Messages on their way, by the time at which they arrive, then in the order in which they were sent.
    on_way: BTreeMap<(u64, u64), Arrival>,
    ends: Vec<End>,
}

struct Arrival {
    to: usize,
    subscription: Subject,
    payload: Bytes,
}

#[derive(Default)]
struct End {
    inbox: Option<Arc<dyn Inbox>>,
    subscriptions: BTreeSet<Subject>,
    /// Pushes that the node has published, and to which others can be added.
    pushes: PushWriter,
    /// Where they go.
    pushes_to: Option<Subject>,
    is_connected: bool,
    is_alone: bool,
    /// Nodes hear each other if they are on the same side.
    side: u8,
    /// A node that hangs: what comes for it waits.
    is_hanging: bool,
}

impl LocalNet {
    /// A network whose faults follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(LocalNet(Mutex::new(State { random: seed, ..State::default() })))
    }

    /// The bus of one more node, which is not connected yet.
    #[must_use]
    pub fn join(self: &Arc<Self>) -> Arc<LocalBus> {
        let mut state = self.state();
        state.ends.push(End::default());
        Arc::new(LocalBus { net: self.clone(), index: state.ends.len() - 1 })
    }

    /// Sets how messages fare from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// The time in milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.state().now_ms
    }

    /// Delivers what arrives until then, and ticks every 250 ms.
    pub fn run_until(&self, until_ms: u64) {
        loop {
            let next = self.state().next(until_ms);
            match next {
                Next::Arrival(inbox, arrival) => inbox.received(&arrival.subscription, arrival.payload),
                Next::Tick(inboxes) => inboxes.iter().for_each(|inbox| inbox.tick()),
                Next::Nothing => return,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Arrival(Arc<dyn Inbox>, Arrival),
    Tick(Vec<Arc<dyn Inbox>>),
    Nothing,
}

/// The time between two ticks in milliseconds.
const TICK_MS: u64 = 250;

impl State {
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(1);
        mix(self.random).checked_rem(limit).unwrap_or(0)
    }

    /// What happens next, up to a time.
    fn next(&mut self, until_ms: u64) -> Next {
        (0..self.ends.len()).for_each(|index| self.send_pushes(index));
        loop {
            let tick_ms = (self.now_ms / TICK_MS + 1) * TICK_MS;
            let arrives = self.on_way.first_key_value().map(|((at_ms, _), _)| *at_ms);
            match arrives.filter(|at_ms| *at_ms <= tick_ms.min(until_ms)) {
                Some(at_ms) => {
                    self.now_ms = self.now_ms.max(at_ms);
                    let Some((_, arrival)) = self.on_way.pop_first() else { continue };
                    let Some(end) = self.ends.get(arrival.to) else { continue };
                    if end.is_hanging {
                        // It is read when the node goes on; hence it must not be first in the queue for ever.
                        self.sent += 1;
                        self.on_way.insert((at_ms + TICK_MS, self.sent), arrival);
                        continue;
                    }
                    let Some(inbox) = end.inbox.clone().filter(|_| end.is_connected) else { continue };
                    return Next::Arrival(inbox, arrival);
                }
                None if tick_ms <= until_ms => {
                    self.now_ms = tick_ms;
                    let running = self.ends.iter().filter(|end| !end.is_hanging);
                    return Next::Tick(running.filter_map(|end| end.inbox.clone()).collect());
                }
                None => {
                    self.now_ms = self.now_ms.max(until_ms);
                    return Next::Nothing;
                }
            }
        }
    }

    /// Sends the pushes that a node has published.
    fn send_pushes(&mut self, from: usize) {
        let Some(end) = self.ends.get_mut(from) else { return };
        if let Some((subject, (payload, _))) = end.pushes_to.take().zip(end.pushes.take()) {
            self.publish(from, &subject, &payload);
        }
    }

    fn connected(&mut self, index: usize) -> Result<&mut End, SendError> {
        self.ends.get_mut(index).filter(|end| end.is_connected).ok_or(SendError::NotConnected)
    }

    fn publish(&mut self, from: usize, subject: &Subject, payload: &Bytes) {
        let Some(side) = self.ends.get(from).map(|end| end.side) else { return };
        for to in 0..self.ends.len() {
            let hears = |end: &End| to != from && end.side == side && end.is_connected;
            let heard = self.ends.get(to).filter(|end| hears(end));
            let Some(subscription) = heard
                .and_then(|end| end.subscriptions.iter().find(|subscription| subscription.covers(subject)))
            else {
                continue;
            };
            let subscription = subscription.clone();
            let Faults { lost, doubled, delayed, max_delay_ms } = self.faults;
            if self.below(1000) < lost {
                continue;
            }
            let copies = if self.below(1000) < doubled { 2 } else { 1 };
            for _ in 0..copies {
                let delay_ms = if self.below(1000) < delayed { self.below(max_delay_ms + 1) } else { 0 };
                self.sent += 1;
                let key = (self.now_ms + 1 + delay_ms, self.sent);
                let arrival = Arrival { to, subscription: subscription.clone(), payload: payload.clone() };
                self.on_way.insert(key, arrival);
            }
        }
    }
}

impl LocalBus {
    /// Says who gets the messages. The node is connected from now on.
    pub fn attach(&self, inbox: Arc<dyn Inbox>) {
        self.change(|end| end.inbox = Some(inbox));
        self.connect();
    }

    /// The bus is there, again.
    pub fn connect(&self) {
        self.change(|end| end.is_connected = true);
        if let Some(inbox) = self.inbox() {
            inbox.connected();
        }
    }

    /// The bus goes away.
    pub fn disconnect(&self) {
        self.change(|end| end.is_connected = false);
        if let Some(inbox) = self.inbox() {
            inbox.disconnected();
        }
    }

    /// Puts the node on a side of a cut. Nodes on one side hear each other.
    pub fn set_side(&self, side: u8) {
        self.change(|end| end.side = side);
    }

    /// Has the node hang, or go on.
    pub fn set_hanging(&self, is_hanging: bool) {
        self.change(|end| end.is_hanging = is_hanging);
    }

    /// The node is gone, as if it was killed.
    pub fn kill(&self) {
        self.change(|end| *end = End::default());
    }

    /// What [`Bus::set_alone`] has said last.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.net.state().ends.get(self.index).is_some_and(|end| end.is_alone)
    }

    fn inbox(&self) -> Option<Arc<dyn Inbox>> {
        self.net.state().ends.get(self.index)?.inbox.clone()
    }

    fn change(&self, change: impl FnOnce(&mut End)) {
        let mut state = self.net.state();
        state.send_pushes(self.index);
        if let Some(end) = state.ends.get_mut(self.index) {
            change(end);
        }
    }
}

impl Bus for LocalBus {
    fn publish(&self, _: Lane, subject: &Subject, payload: Bytes) -> Result<(), SendError> {
        let mut state = self.net.state();
        state.connected(self.index)?;
        state.send_pushes(self.index);
        state.publish(self.index, subject, &payload);
        Ok(())
    }

    fn publish_push(&self, push: &TopicPush<'_>) -> Result<(), SendError> {
        let mut state = self.net.state();
        if state.connected(self.index)?.pushes.add(push, usize::MAX) {
            return Ok(());
        }
        state.send_pushes(self.index);
        let end = state.connected(self.index)?;
        end.pushes.begin(push);
        end.pushes_to = Some(push.subject());
        Ok(())
    }

    fn subscribe(&self, subject: &Subject) {
        self.change(|end| {
            end.subscriptions.insert(subject.clone());
        });
    }

    fn unsubscribe(&self, subject: &Subject) {
        self.change(|end| {
            end.subscriptions.remove(subject);
        });
    }

    fn set_alone(&self, is_alone: bool) {
        if let Some(end) = self.net.state().ends.get_mut(self.index) {
            end.is_alone = is_alone;
        }
    }

    fn status(&self) -> BusStatus {
        let is_connected = self.net.state().ends.get(self.index).is_some_and(|end| end.is_connected);
        BusStatus { is_connected, ..BusStatus::default() }
    }

    fn close(&self) {
        self.kill();
    }
}
