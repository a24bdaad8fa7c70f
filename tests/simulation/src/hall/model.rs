//! The rules of topics without their machinery: who must, may and must not receive a publish, according to
//! the calls that were made. All workers, clients and handles of a simulation share one model.

use std::collections::BTreeMap;

use super::span::{Firm, Span};

/// A client's connection: its address, which no other one has.
pub(crate) type Tag = u64;
/// The number of a topic.
pub(crate) type Number = u8;
/// Who publishes: a worker, or [`THREAD`].
pub(crate) type Publisher = u8;

/// The most workers of a simulation.
pub(crate) const MAX_WORKERS: usize = 4;
/// The publisher that uses the server's handle, as another thread does.
pub(crate) const THREAD: Publisher = MAX_WORKERS as Publisher;
/// Turns of a worker after which it has delivered any mail that waited before them. Usually one is enough;
/// a turn that is slow delivers 16 mails.
pub(crate) const MAIL_TURNS: u32 = 40;

/// The order of all calls: how many were made before, and how many turns each worker had begun.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<[u32; MAX_WORKERS]>);

impl Calls {
    /// Whether mail that was posted to a worker at call `from` had been delivered at call `to`.
    pub(super) fn is_delivered(&self, from: usize, to: usize, worker: usize) -> bool {
        let turns = |call: usize| self.0.get(call).map_or(0, |turns| turns[worker]);
        turns(to) > turns(from) + MAIL_TURNS
    }
}

/// A publish.
#[derive(Debug)]
struct Published {
    call: usize,
    except: Option<Tag>,
}

/// A connection as the calls have left it.
#[derive(Debug, Default)]
struct Member {
    worker: usize,
    /// Its subscriptions, past ones included.
    spans: BTreeMap<Number, Vec<Span>>,
    /// When another worker was last asked to subscribe it.
    later: BTreeMap<Number, usize>,
    /// The number of the next publish that can come to it.
    next: BTreeMap<(Publisher, Number), usize>,
    /// Those below this number have come or did not have to.
    checked: BTreeMap<(Publisher, Number), usize>,
}

/// The shared model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    calls: Calls,
    turns: [u32; MAX_WORKERS],
    published: BTreeMap<(Publisher, Number), Vec<Published>>,
    members: BTreeMap<Tag, Member>,
    /// Connections that are replaced and have not been told, with the one that takes over their topics.
    heirs: BTreeMap<Tag, Option<Tag>>,
    /// What clients have received.
    pub(crate) received: u64,
}

impl Model {
    /// A worker begins a turn.
    pub(crate) fn begin_turn(&mut self, worker: usize) {
        self.turns[worker] += 1;
    }

    /// Notes that a call is made now. Returns its place in the order.
    pub(crate) fn call(&mut self) -> usize {
        self.calls.0.push(self.turns);
        self.calls.0.len() - 1
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

    fn topic(&mut self, tag: Tag, topic: Number) -> Option<&mut Vec<Span>> {
        Some(self.members.get_mut(&tag)?.spans.entry(topic).or_default())
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
            member.later.insert(topic, call);
        }
    }

    /// An unsubscription was asked for that another worker makes.
    pub(crate) fn unsubscribes_later(&mut self, tag: Tag, topic: Number) {
        let call = self.call();
        if let Some(span) = self.topic(tag, topic).and_then(|spans| spans.last_mut()) {
            span.doubt(call);
        }
    }

    fn join(&mut self, tag: Tag, topic: Number, firm: Firm) {
        let call = self.call();
        let Some(spans) = self.topic(tag, topic) else { return };
        match spans.last_mut().filter(|span| span.may_last()) {
            Some(span) => span.confirm(firm),
            None => spans.push(Span::new(call, firm)),
        }
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
        let later = member.later.get(&topic);
        if later.is_some_and(|&later| !self.calls.is_delivered(later, call, member.worker)) {
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
            (true, Some(span)) => {
                span.confirm(Firm::Since(call));
                if span.is_left_behind(&self.calls, call, worker) {
                    // It has unsubscribed and subscribed again.
                    span.close(call);
                    self.join(tag, topic, Firm::Since(call));
                }
                Ok(())
            }
            (_, Some(span)) => {
                span.close(call);
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    /// A login of `newer` has replaced `older`. If both are on one worker, `newer` has taken over its topics
    /// by now; else a mail brings them, if `takes` says so.
    pub(crate) fn replaces(&mut self, newer: Tag, older: Tag, takes: bool, topics: &[Number]) {
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
            }
        }
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

    /// A client has received a publish.
    pub(crate) fn receive(
        &mut self,
        tag: Tag,
        publisher: Publisher,
        topic: Number,
        number: u32,
    ) -> Result<(), String> {
        self.received += 1;
        let (key, number) = ((publisher, topic), number as usize);
        let what = format!("publish {number} of {publisher} to {topic}");
        let Some(published) = self.published.get(&key).and_then(|all| all.get(number)) else {
            return Err(format!("{what} was never made"));
        };
        let Some(member) = self.members.get(&tag) else { return Err(format!("{what}: {tag:x} is not open")) };
        let next = member.next.get(&key).copied().unwrap_or_default();
        if number < next {
            return Err(format!("{what} came to {tag:x} after {}", next - 1));
        }
        if published.except == Some(tag) || !self.may(member, publisher, topic, published) {
            return Err(format!(
                "{what} came to {tag:x}, which is no subscriber: {:?}",
                member.spans.get(&topic)
            ));
        }
        let checked = member.checked.get(&key).copied().unwrap_or_default();
        for missed in next.max(checked)..number {
            self.check_missed(tag, publisher, topic, missed)?;
        }
        if let Some(member) = self.members.get_mut(&tag) {
            member.next.insert(key, number + 1);
        }
        Ok(())
    }

    /// A client has received a reply that was made at this call: what was published before must have come,
    /// and, unless the reply was deferred, what its own worker published later must not.
    pub(crate) fn reply(&mut self, tag: Tag, call: usize, is_deferred: bool) -> Result<(), String> {
        let Some(member) = self.members.get(&tag) else { return Ok(()) };
        let mut done = vec![];
        for (&(publisher, topic), all) in &self.published {
            let is_own = usize::from(publisher) == member.worker;
            let next = member.next.get(&(publisher, topic)).copied().unwrap_or_default();
            if is_own && !is_deferred && all[..next].last().is_some_and(|last| last.call > call) {
                return Err(format!("publish {} to {topic} overtook a reply to {tag:x}", next - 1));
            }
            let checked = member.checked.get(&(publisher, topic)).copied().unwrap_or_default();
            let mut number = next.max(checked);
            while let Some(published) = all.get(number)
                && published.call < call
                && (is_own || self.calls.is_delivered(published.call, call, member.worker))
            {
                self.check_missed(tag, publisher, topic, number)?;
                number += 1;
            }
            done.push(((publisher, topic), number));
        }
        if let Some(member) = self.members.get_mut(&tag) {
            member.checked.extend(done);
        }
        Ok(())
    }

    /// Checks that a publish that has not come did not have to.
    fn check_missed(
        &self,
        tag: Tag,
        publisher: Publisher,
        topic: Number,
        number: usize,
    ) -> Result<(), String> {
        let Some(member) = self.members.get(&tag) else { return Ok(()) };
        let Some(published) = self.published.get(&(publisher, topic)).and_then(|all| all.get(number)) else {
            return Ok(());
        };
        let is_own = usize::from(publisher) == member.worker;
        let spans = member.spans.get(&topic).map_or(&[][..], Vec::as_slice);
        let must = published.except != Some(tag)
            && spans.iter().any(|span| span.must(&self.calls, published.call, member.worker, is_own));
        if must {
            return Err(format!(
                "publish {number} of {publisher} to {topic} has not come to {tag:x}: {published:?}, {spans:?}"
            ));
        }
        Ok(())
    }

    /// Whether a member may receive a publish.
    fn may(&self, member: &Member, publisher: Publisher, topic: Number, published: &Published) -> bool {
        let is_own = usize::from(publisher) == member.worker;
        let spans = member.spans.get(&topic).map_or(&[][..], Vec::as_slice);
        spans.iter().any(|span| span.may(&self.calls, published.call, member.worker, is_own))
    }
}
