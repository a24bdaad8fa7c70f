//! The rules of topics without their machinery: who must, may and must not receive a publish, according to
//! the calls that were made. All workers, clients and handles of a simulation share one model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::calls::{Calls, MAX_WORKERS};
use super::span::{Firm, Span};

/// A client's connection: its address, which no other one has.
pub(crate) type Tag = u64;
/// The number of a topic.
pub(crate) type Number = u8;
/// Who publishes: a worker, or [`THREAD`].
pub(crate) type Publisher = u8;

/// The publisher that uses the server's handle, as another thread does.
pub(crate) const THREAD: Publisher = MAX_WORKERS as Publisher;
/// A publish.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) call: usize,
    pub(super) except: Option<Tag>,
}

/// A connection as the calls have left it.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) worker: usize,
    /// Its subscriptions, past ones included.
    pub(super) spans: BTreeMap<Number, Vec<Span>>,
    /// When another worker was last asked to subscribe it, and to unsubscribe it.
    joins_later: BTreeMap<Number, usize>,
    leaves_later: BTreeMap<Number, usize>,
    /// What may come to it at any time through the connection that it has replaced.
    inherits: BTreeSet<Number>,
    /// The number of the next publish that can come to it.
    pub(super) next: BTreeMap<(Publisher, Number), usize>,
    /// Those below this number have come or did not have to.
    pub(super) checked: BTreeMap<(Publisher, Number), usize>,
}

/// The shared model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(super) calls: Calls,
    pub(super) published: BTreeMap<(Publisher, Number), Vec<Published>>,
    pub(super) members: BTreeMap<Tag, Member>,
    /// Connections that are replaced and have not been told, with the one that takes over their topics.
    heirs: BTreeMap<Tag, Option<Tag>>,
    /// Who has taken over topics from a connection: those that come to it later go on to them.
    takers: BTreeMap<Tag, BTreeSet<Tag>>,
    /// What clients have received.
    pub(crate) received: u64,
}

impl Model {
    /// A worker begins a turn.
    pub(crate) fn begin_turn(&mut self, worker: usize, now: Duration) {
        self.calls.begin_turn(worker, now);
    }

    /// Notes that a call is made now. Returns its place in the order.
    pub(crate) fn call(&mut self) -> usize {
        self.calls.add()
    }

    /// A connection is open.
    pub(crate) fn open(&mut self, tag: Tag, worker: usize) {
        self.members.insert(tag, Member { worker, ..Member::default() });
    }

    /// A connection has ended.
    pub(crate) fn close(&mut self, tag: Tag) {
        self.heirs.remove(&tag);
        self.leave_all(tag);
    }

    fn leave_all(&mut self, tag: Tag) {
        let call = self.call();
        for span in self.spans(tag) {
            span.close(call);
        }
    }

    fn spans(&mut self, tag: Tag) -> impl Iterator<Item = &mut Span> {
        self.members.get_mut(&tag).into_iter().flat_map(|member| member.spans.values_mut()).flatten()
    }

    /// A connection's own subscription has returned.
    pub(crate) fn subscribed(&mut self, tag: Tag, topic: Number) {
        let call = self.call();
        self.join(tag, topic, Firm::Since(call));
    }

    /// A subscription was asked for that another worker makes.
    pub(crate) fn subscribes_later(&mut self, tag: Tag, topic: Number) {
        let call = self.call();
        self.join(tag, topic, Firm::DeliveredSince(call));
        if let Some(member) = self.members.get_mut(&tag) {
            member.joins_later.insert(topic, call);
        }
    }

    /// An unsubscription was asked for that another worker makes.
    pub(crate) fn unsubscribes_later(&mut self, tag: Tag, topic: Number) {
        let call = self.call();
        let Some(member) = self.members.get_mut(&tag) else { return };
        member.leaves_later.insert(topic, call);
        if let Some(span) = member.spans.get_mut(&topic).and_then(|spans| spans.last_mut()) {
            span.doubt(call);
        }
    }

    fn join(&mut self, tag: Tag, topic: Number, firm: Firm) {
        let call = self.call();
        let Some(member) = self.members.get_mut(&tag) else { return };
        let spans = member.spans.entry(topic).or_default();
        let is_left = |leaves: usize| self.calls.is_delivered(leaves, call, member.worker);
        match spans.last_mut().filter(|span| span.may_last()) {
            Some(span) if !span.doubtful_since().is_some_and(is_left) => return span.confirm(firm),
            Some(span) => span.close(call),
            None => {}
        }
        let mut span = Span::new(call, firm);
        if member.leaves_later.get(&topic).is_some_and(|&leaves| !is_left(leaves)) {
            span.doubt(call);
        }
        spans.push(span);
    }

    /// A connection's own unsubscription has returned. `was` is what it returned.
    pub(crate) fn unsubscribed(&mut self, tag: Tag, topic: Number, was: bool) -> Result<(), String> {
        self.check_subscribed(tag, topic, was)?;
        self.leave(tag, topic);
        Ok(())
    }

    /// A connection's worker has unsubscribed it.
    pub(crate) fn leave(&mut self, tag: Tag, topic: Number) {
        let call = self.call();
        let Some(member) = self.members.get_mut(&tag) else { return };
        let spans = member.spans.entry(topic).or_default();
        if let Some(span) = spans.last_mut() {
            span.close(call);
        }
        let joins = member.joins_later.get(&topic);
        let may_join = joins.is_some_and(|&joins| !self.calls.is_delivered(joins, call, member.worker));
        if may_join || member.inherits.contains(&topic) {
            spans.push(Span::new(call, Firm::Never));
        }
    }

    /// Checks what the library says about one subscription, and takes its word where the model is in doubt.
    pub(crate) fn check_subscribed(&mut self, tag: Tag, topic: Number, is: bool) -> Result<(), String> {
        let call = self.call();
        let Some(member) = self.members.get_mut(&tag) else { return Err(format!("{tag:x} is not open")) };
        let worker = member.worker;
        let span = member.spans.get_mut(&topic).and_then(|spans| spans.last_mut());
        let (may, must) = match &span {
            Some(span) => (span.may_last(), span.must_last(&self.calls, call, worker)),
            None => (false, false),
        };
        match (is, span) {
            (true, _) if !may => Err(format!("{tag:x} is subscribed to {topic} without having asked for it")),
            (false, _) if must => Err(format!("{tag:x} is not subscribed to {topic}, and has to be")),
            (true, Some(_)) => {
                self.join(tag, topic, Firm::Since(call));
                Ok(())
            }
            (_, Some(_)) => {
                self.leave(tag, topic);
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    /// A login of `newer` has replaced `older`. If both are on one worker, `newer` has taken over its topics
    /// by now; else a mail brings them, if `takes` says so.
    pub(crate) fn replaces(&mut self, newer: Tag, older: Tag, takes: bool, topics: &[Number]) {
        if takes {
            self.takers.entry(older).or_default().insert(newer);
            let member = self.members.get(&older);
            let late = member.map(|member| member.joins_later.keys().chain(&member.inherits));
            let late: Vec<_> = late.into_iter().flatten().copied().collect();
            late.into_iter().for_each(|topic| self.may_inherit(newer, topic));
        }
        if self.heirs.contains_key(&older) {
            // It is being told of an earlier login.
            return;
        }
        let worker = |tag| self.members.get(tag).map(|member| member.worker);
        let is_near = worker(&newer) == worker(&older);
        self.heirs.insert(older, Some(newer).filter(|_| takes && !is_near));
        if takes && is_near {
            self.leave_all(older);
            for &topic in topics {
                self.subscribed(newer, topic);
            }
        }
    }

    /// A connection is told that it was replaced. It has these topics now.
    pub(crate) fn replaced(&mut self, older: Tag, topics: &[Number]) {
        let heir = self.heirs.remove(&older).flatten();
        self.leave_all(older);
        for &topic in topics {
            if let Some(heir) = heir {
                self.subscribes_later(heir, topic);
                self.may_go_on(heir, topic);
            }
        }
    }

    /// A topic may come to a connection, or to those that have replaced it.
    fn may_inherit(&mut self, tag: Tag, topic: Number) {
        let Some(member) = self.members.get_mut(&tag) else { return };
        if member.inherits.insert(topic) {
            self.join(tag, topic, Firm::Never);
            self.may_go_on(tag, topic);
        }
    }

    /// A topic that comes to a connection may go on to those that have replaced it.
    fn may_go_on(&mut self, tag: Tag, topic: Number) {
        let takers = self.takers.get(&tag).cloned().unwrap_or_default();
        takers.into_iter().for_each(|taker| self.may_inherit(taker, topic));
    }

    /// The number that the next publish gets.
    pub(crate) fn next_number(&self, publisher: Publisher, topic: Number) -> u32 {
        self.published.get(&(publisher, topic)).map_or(0, Vec::len) as u32
    }

    /// A publish is about to be made, and was if `call` is given to [`published`](Self::published).
    pub(crate) fn published(
        &mut self,
        (publisher, topic): (Publisher, Number),
        call: usize,
        except: Option<Tag>,
    ) {
        self.published.entry((publisher, topic)).or_default().push(Published { call, except });
    }
}
