//! The state of one worker, and what all of them share.

use std::cell::{Cell, RefCell, RefMut};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::time::Duration;

use sysconn::sim::{Random, Simulated};
use sysconn::upgrade::{Refusal, Request};
use sysconn::{
    Application, Cause, ConnectionId, Context, Effects, Identity, Login, LoginTicket, Peer, Push, Record,
    Tick, Ticket, Topic, Worker,
};

use super::TOPICS;
use super::commands::PUBLISHED;
use super::model::{Model, Number, Publisher, Tag};
use super::ticks::Ticks;
use crate::game::tag;

/// What the workers share, with the clients too.
#[derive(Clone, Default)]
pub(super) struct Shared(Rc<Inner>);

#[derive(Default)]
struct Inner {
    model: RefCell<Model>,
    ticks: RefCell<Ticks>,
    tags: RefCell<BTreeMap<ConnectionId, Tag>>,
    /// Sessions that exist.
    sessions: Cell<usize>,
    /// What was seen first to be wrong.
    fault: RefCell<Option<String>>,
}

impl Shared {
    pub(super) fn model(&self) -> RefMut<'_, Model> {
        self.0.model.borrow_mut()
    }

    pub(super) fn ticks(&self) -> RefMut<'_, Ticks> {
        self.0.ticks.borrow_mut()
    }

    /// Whose connection an id is, while it is open.
    pub(super) fn tag(&self, id: ConnectionId) -> Option<Tag> {
        self.0.tags.borrow().get(&id).copied()
    }

    /// Keeps what is wrong, unless something was before.
    pub(super) fn note(&self, result: Result<(), String>) {
        if let Err(seen) = result {
            self.0.fault.borrow_mut().get_or_insert(seen);
        }
    }

    /// A random open connection.
    fn any(&self, random: &mut Random) -> Option<(ConnectionId, Tag)> {
        let tags = self.0.tags.borrow();
        tags.iter().nth(random.index(tags.len())).map(|(id, tag)| (*id, *tag))
    }
}

/// The session of a connection. All that exist are counted.
#[derive(Default)]
pub(crate) struct Guest {
    tag: Tag,
    counted: Option<Shared>,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(Shared(inner)) = &self.counted {
            inner.sessions.set(inner.sessions.get() - 1);
        }
    }
}

/// A request that is answered later.
pub(super) enum Late {
    Reply(Ticket),
    /// And its connection is logged in with this role.
    Login(LoginTicket, u64),
}

/// One worker's state.
pub(crate) struct Hall {
    pub(super) shared: Shared,
    pub(super) worker: Worker<Hall>,
    now: Duration,
    /// Tickets, with the times at which they are answered.
    tickets: Vec<Option<Late>>,
    /// Tickets that nobody answers while their connections are open.
    pub(super) forgotten: BTreeMap<ConnectionId, Ticket>,
    agenda: BinaryHeap<Reverse<(Duration, usize)>>,
}

/// A topic by its number: half of them have names.
pub(super) fn topic(number: Number) -> Topic {
    match number % 2 {
        0 => Topic::from(u64::from(number)),
        _ => Topic::name(&format!("hall {number}")).unwrap(),
    }
}

/// The Data of a publish.
pub(super) fn published(publisher: Publisher, topic: Number, number: u32, size: u16) -> Push {
    let mut data = vec![publisher, topic];
    data.extend(number.to_be_bytes());
    data.resize(data.len() + usize::from(size), b'p');
    Push::new(PUBLISHED, &data)
}

impl Hall {
    pub(super) fn new(shared: Shared, worker: Worker<Hall>) -> Self {
        let (tickets, forgotten, agenda) = (vec![], BTreeMap::new(), BinaryHeap::new());
        Hall { shared, worker, now: Duration::ZERO, tickets, forgotten, agenda }
    }

    fn publisher(&self) -> Publisher {
        self.worker.index() as Publisher
    }

    /// Publishes to a topic as this worker, and notes it.
    pub(super) fn publish(
        &self,
        effects: &mut Effects,
        number: Number,
        size: u16,
        except: Option<(ConnectionId, Tag)>,
    ) {
        let mut model = self.shared.model();
        let call = model.call();
        let push = published(self.publisher(), number, model.next_number(self.publisher(), number), size);
        let result = match except {
            Some((id, _)) => effects.publish_except(id, &topic(number), &push),
            None => effects.publish(&topic(number), &push),
        };
        if result.is_ok() {
            model.published((self.publisher(), number), call, except.map(|(_, tag)| tag));
        }
    }

    /// Answers a request later.
    pub(super) fn answer_later(&mut self, ticket: Late, ms: u16) {
        self.agenda.push(Reverse((self.now + Duration::from_millis(ms.into()), self.tickets.len())));
        self.tickets.push(Some(ticket));
    }

    /// Subscribes or unsubscribes someone from outside of their handlers.
    fn move_anyone(&self, effects: &mut Effects, random: &mut Random) {
        let number = random.below(TOPICS.into()) as Number;
        let Some((id, tag)) = self.shared.any(random) else { return };
        let is_here = id.worker() == self.worker.index();
        let joins = random.chance(0.5);
        let mut model = self.shared.model();
        match (joins, is_here) {
            (true, true) if effects.subscribe(id, &topic(number)).is_ok() => model.subscribed(tag, number),
            (true, true) => {}
            (true, false) => {
                model.subscribes_later(tag, number);
                effects.subscribe(id, &topic(number)).unwrap();
            }
            (false, true) => {
                effects.unsubscribe(id, &topic(number));
                model.leave(tag, number);
            }
            (false, false) => {
                model.unsubscribes_later(tag, number);
                effects.unsubscribe(id, &topic(number));
            }
        }
    }

    fn answer_due(&mut self) {
        while let Some(&Reverse((at, index))) = self.agenda.peek()
            && at <= self.now
        {
            self.agenda.pop();
            if let Some(ticket) = self.tickets.get_mut(index).and_then(Option::take) {
                let data = reply(self.shared.model().call(), true);
                match ticket {
                    Late::Reply(ticket) => ticket.reply(data),
                    Late::Login(ticket, role_id) => {
                        let identity = Identity { role_id, ..Identity::default() };
                        ticket.login(Login { identity, ..Login::default() }, data).unwrap();
                    }
                }
            }
        }
    }
}

/// The Data of a reply that is made at this call.
pub(super) fn reply(call: usize, is_late: bool) -> [u8; 9] {
    let mut data = [u8::from(is_late); 9];
    data[1..].copy_from_slice(&(call as u64).to_be_bytes());
    data
}

impl Application for Hall {
    type Session = Guest;

    fn upgrade(&mut self, _: &Request<'_>, peer: Peer) -> Result<Guest, Refusal> {
        let Shared(inner) = &self.shared;
        inner.sessions.set(inner.sessions.get() + 1);
        Ok(Guest { tag: tag(peer), counted: Some(self.shared.clone()) })
    }

    fn opened(&mut self, context: &mut Context<'_, Guest>) {
        let tag = tag(context.record().peer());
        self.shared.0.tags.borrow_mut().insert(context.id(), tag);
        self.shared.model().open(tag, self.worker.index());
    }

    fn replaced(&mut self, record: &Record, session: &mut Guest, effects: &mut Effects) {
        let has = |number: &Number| effects.topics_of(record.id()).any(|has| *has == topic(*number));
        let topics: Vec<_> = (0..TOPICS).filter(has).collect();
        self.shared.model().replaced(session.tag, &topics);
    }

    fn tick(&mut self, tick: Tick, effects: &mut Effects) {
        self.shared.note(self.shared.ticks().tick(self.worker.index(), tick));
        if tick.number.is_multiple_of(8) {
            self.publish(effects, (tick.number / 8 % u64::from(TOPICS)) as Number, 20, None);
        }
    }

    fn closed(&mut self, record: &Record, session: Guest, _: Cause, effects: &mut Effects) {
        let tag = tag(record.peer());
        if session.tag != tag {
            self.shared.note(Err(format!("{tag:x} has the session of {:x}", session.tag)));
        }
        if self.shared.0.tags.borrow_mut().remove(&record.id()) != Some(tag) {
            self.shared.note(Err(format!("{tag:x} ended, and was not open")));
        }
        self.shared.model().close(tag);
        if let Some(ticket) = self.forgotten.remove(&record.id()) {
            ticket.reply(b"to nobody");
        }
        if tag.is_multiple_of(4) {
            self.publish(effects, 0, 0, None);
        }
    }
}

impl Simulated for Hall {
    fn between_turns(
        &mut self,
        effects: &mut Effects,
        now: Duration,
        random: &mut Random,
    ) -> Option<Duration> {
        self.now = now;
        self.shared.note(self.shared.ticks().begin_turn(self.worker.index(), now));
        self.shared.model().begin_turn(self.worker.index(), now);
        let (open, sessions) = (self.shared.0.tags.borrow().len(), self.shared.0.sessions.get());
        if open != sessions {
            self.shared.note(Err(format!("{sessions} sessions exist, and {open} connections are open")));
        }
        self.answer_due();
        if random.chance(0.05) {
            let number = random.below(TOPICS.into()) as Number;
            self.publish(effects, number, random.below(200) as u16, None);
        }
        if random.chance(0.02) {
            self.move_anyone(effects, random);
        }
        self.agenda.peek().map(|Reverse((at, _))| at.saturating_sub(now))
    }

    fn left_over(&self) -> Option<String> {
        let fault = self.shared.0.fault.borrow().clone();
        let left =
            [("connections", self.shared.0.tags.borrow().len()), ("sessions", self.shared.0.sessions.get())];
        let left = left.into_iter().find(|(_, count)| *count > 0);
        fault.or_else(|| left.map(|(what, count)| format!("{count} {what} are left")))
    }
}
