//! What happens on this machine: roles entered and left, topics, the black list, requests.

use bytes::Bytes;

use super::{Asking, Node, Outputs, Subscription};
use crate::blacklist::{BlacklistRecord, REMOVAL_MS, Registers};
use crate::hash::bucket_of;
use crate::holder::Holder;
use crate::moment::Moment;
use crate::names::NodeName;
use crate::requests::{Answers, Done, Finished, What};
use crate::roles::Entry;
use crate::stamp::Stamp;
use crate::topic::TopicRef;
use crate::wire::{MAX_PART_BYTES, Push, Request, Subject};

impl Node {
    /// A connection of this machine has logged in. Returns the stamp of the login.
    pub(crate) fn handle_role_entered(
        &mut self,
        role_id: u64,
        holder: Holder,
        now: Moment,
        out: &mut Outputs,
    ) -> Stamp {
        let stamp = self.stamp(now);
        self.roles.enter(role_id, holder, stamp.clock);
        self.announce(role_id, Entry::held(stamp.clock), out);
        stamp
    }

    /// A connection of this machine holds a role no longer.
    pub(crate) fn handle_role_left(&mut self, role_id: u64, holder: Holder, now: Moment, out: &mut Outputs) {
        let ended = self.clock.tick(now.clock());
        if let Some(tombstone) = self.roles.leave(role_id, holder, ended) {
            self.announce(role_id, tombstone, out);
        }
    }

    pub(crate) fn handle_topic_entered(&mut self, topic: TopicRef<'_>, out: &mut Outputs) {
        let bucket = bucket_of(topic);
        if self.interest.enter(bucket) {
            out.subscriptions.push(Subscription::Begin(Subject::Topic(bucket)));
        }
    }

    pub(crate) fn handle_topic_left(&mut self, topic: TopicRef<'_>, now: Moment) {
        self.interest.leave(bucket_of(topic), now.elapsed_ms);
    }

    /// Whether a connection of this machine holds a role.
    pub(crate) fn holds_role(&self, role_id: u64) -> bool {
        self.roles.holder(role_id).is_some()
    }

    /// A push to a role of another machine, and where it goes.
    pub(crate) fn push(&self, role_id: u64, cmd: u16, data: Bytes) -> (Subject, Push) {
        (self.push_subject(role_id), Push { role_id, cmd: cmd.into(), data, is_forwarded: false })
    }

    /// Lists a subject.
    pub(crate) fn handle_listed(
        &mut self,
        subject: &str,
        until_ms: u64,
        by_operator: bool,
        now: Moment,
        out: &mut Outputs,
    ) -> BlacklistRecord {
        let (subject, stamp) = (subject.to_owned(), self.stamp(now));
        self.record(BlacklistRecord { subject, until_ms, is_removed: false, by_operator, stamp }, out)
    }

    /// Whether a record is the last of its subject.
    pub(crate) fn is_latest(&self, record: &BlacklistRecord) -> bool {
        self.blacklist.is_latest(record)
    }

    /// Takes a subject off the list.
    pub(crate) fn handle_unlisted(
        &mut self,
        subject: &str,
        now: Moment,
        out: &mut Outputs,
    ) -> BlacklistRecord {
        let (subject, stamp) = (subject.to_owned(), self.stamp(now));
        let until_ms = now.wall_ms.saturating_add(REMOVAL_MS);
        self.record(BlacklistRecord { subject, until_ms, is_removed: true, by_operator: true, stamp }, out)
    }

    /// Clears the list.
    pub(crate) fn handle_cleared(&mut self, now: Moment, out: &mut Outputs) -> Stamp {
        let stamp = self.stamp(now);
        self.blacklist.clear(stamp.clone());
        out.send(Subject::Nodes, Registers::clear_message(&stamp));
        stamp
    }

    fn record(&mut self, record: BlacklistRecord, out: &mut Outputs) -> BlacklistRecord {
        self.blacklist.merge(record.clone());
        out.send(Subject::Nodes, Registers::message(&record));
        record
    }

    fn stamp(&self, now: Moment) -> Stamp {
        let clock = self.clock.tick(now.clock());
        Stamp { clock, node: self.me.name.clone(), incarnation: self.me.incarnation }
    }

    /// Asks nodes. Those that are not known are missing at once; the request, if nobody can be asked.
    pub(crate) fn request_many(
        &mut self,
        to: &[NodeName],
        what: What,
        body: &Bytes,
        deadline_ms: u64,
        done: Done,
        out: &mut Outputs,
    ) -> Option<Finished> {
        let nobody =
            |done| Some(Finished { done, answers: Answers { answers: vec![], missing: sorted(to) } });
        let is_known = |name: &NodeName| self.members.has(name) && *name != self.me.name;
        let (known, absent): (Vec<_>, Vec<_>) = to.iter().cloned().partition(is_known);
        if known.is_empty() || !self.can_send() || body.len() > MAX_PART_BYTES {
            return nobody(done);
        }
        let id = match self.requests.add(&known, absent, deadline_ms, done) {
            Ok(id) => id,
            Err(done) => return nobody(done),
        };
        let subjects = known.into_iter().map(Subject::Node).collect();
        let message = Request { id, what: what as u32, body: body.clone() }.into();
        out.asking = Some(Asking { subjects, message });
        None
    }
}

fn sorted(names: &[NodeName]) -> Vec<NodeName> {
    let mut names = names.to_vec();
    names.sort();
    names
}
