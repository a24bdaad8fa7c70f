//! Who is there: heartbeats, good-byes, and the question whether a name is free.

use super::{Call, Node, Outputs, Phase, Subscription};
use crate::counters::Reason;
use crate::members::Heard;
use crate::moment::Moment;
use crate::names::NodeName;
use crate::wire::{
    GoodBye, Header, Heartbeat, Kind, Message, NameAnswer, NameQuery, OLDEST, Subject, VERSION,
};

impl Node {
    pub(super) fn ask_for_name(&mut self, now: Moment, out: &mut Outputs) {
        self.phase = Phase::Joining(Some(now.elapsed_ms));
        out.send(Subject::Node(self.me.name.clone()), NameQuery {});
    }

    pub(super) fn heartbeat(&self) -> Heartbeat {
        Heartbeat { oldest: OLDEST.into(), newest: VERSION.into(), is_draining: self.is_draining }
    }

    /// The node drains from now on, and says so.
    pub(crate) fn handle_drain(&mut self, now: Moment, out: &mut Outputs) {
        self.is_draining = true;
        if self.can_send() {
            self.send_heartbeat(now, out);
        }
    }

    /// The node ends.
    pub(crate) fn handle_end(&mut self, out: &mut Outputs) {
        if self.can_send() {
            out.send(Subject::Nodes, GoodBye {});
        }
        self.leave(Phase::Ended, out);
    }

    fn leave(&mut self, phase: Phase, out: &mut Outputs) {
        self.phase = phase;
        let buckets: Vec<_> = self.interest.buckets().map(Subject::Topic).collect();
        let subjects = self.first_subscriptions().into_iter().chain(buckets);
        out.subscriptions.extend(subjects.map(Subscription::End));
    }

    /// Notes that a node is there. False if what it says is to be ignored.
    pub(super) fn hear(&mut self, header: &Header, now: Moment) -> bool {
        match self.members.hear(&header.sender, now.elapsed_ms) {
            Heard::Known => true,
            Heard::New => {
                if self.lines.allows("nodes that come", now.elapsed_ms) {
                    log::info!(target: crate::LOG, "node {} is there", header.sender.name);
                }
                // It learns at once who is there.
                self.next_heartbeat_ms = now.elapsed_ms;
                true
            }
            Heard::Departed => false,
            Heard::Full => {
                self.counters.drop_for(Reason::TooMany, 1);
                false
            }
        }
    }

    pub(super) fn log_gone(&self, name: &NodeName) {
        if self.members.has(name) {
            // It was killed, and started again within that time.
            log::info!(target: crate::LOG, "an earlier start of node {name} is gone: it has not been heard for 10 s");
        } else {
            log::warn!(target: crate::LOG, "node {name} is gone: it has not been heard for 10 s");
        }
    }

    pub(super) fn handle_heartbeat(&mut self, header: &Header, body: &Heartbeat, now: Moment) {
        let Some(member) = self.members.get_mut(&header.sender) else { return };
        let was_draining = std::mem::replace(&mut member.is_draining, body.is_draining);
        // The wire's check has said that they fit.
        (member.oldest, member.newest) = (body.oldest as u8, body.newest as u8);
        let name = &header.sender.name;
        if member.is_foreign() && self.lines.allows("nodes of other versions", now.elapsed_ms) {
            let (oldest, newest) = (body.oldest, body.newest);
            log::error!(target: crate::LOG, "node {name} speaks versions {oldest} to {newest}, and this one {VERSION}");
        }
        if body.is_draining && !was_draining && self.lines.allows("nodes that drain", now.elapsed_ms) {
            log::info!(target: crate::LOG, "node {name} drains");
        }
    }

    pub(super) fn handle_good_bye(&mut self, header: &Header, now: Moment) {
        if self.members.depart(&header.sender, now.elapsed_ms)
            && self.lines.allows("nodes that go", now.elapsed_ms)
        {
            log::info!(target: crate::LOG, "node {} has said good-bye", header.sender.name);
        }
    }

    /// A message of another start with the own name. Everything but the question about the name is ignored.
    pub(super) fn handle_namesake(
        &mut self,
        header: &Header,
        message: &Message,
        now: Moment,
        out: &mut Outputs,
    ) {
        let is_first = self.me.incarnation < header.sender.incarnation;
        match (self.phase, message.kind()) {
            // Of two that ask at once the lower incarnation gets the name.
            (Phase::Up, Kind::NameQuery) => out.send(Subject::Node(self.me.name.clone()), NameAnswer {}),
            (Phase::Joining(_), Kind::NameQuery) if is_first => {
                out.send(Subject::Node(self.me.name.clone()), NameAnswer {});
            }
            (Phase::Joining(_), Kind::NameQuery | Kind::NameAnswer) => {
                let name = &self.me.name;
                log::error!(target: crate::LOG, "another node is called {name}: this one takes no part");
                self.leave(Phase::Taken, out);
                out.calls.push(Call::NameConflict);
            }
            // The last one of a start before, which was killed.
            (Phase::Up, Kind::Heartbeat) if header.clock < self.namesakes_from => {}
            (Phase::Up, Kind::Heartbeat) if is_first => {
                if self.lines.allows("nodes with the same name", now.elapsed_ms) {
                    let name = &self.me.name;
                    log::error!(target: crate::LOG, "another node is called {name} too; it is to leave the cluster");
                }
                // It hears of this node at once.
                self.next_heartbeat_ms = now.elapsed_ms;
            }
            (Phase::Up, Kind::Heartbeat) => {
                let name = &self.me.name;
                log::error!(target: crate::LOG, "another node is called {name} too: this one leaves the cluster");
                self.leave(Phase::Conflict, out);
                out.calls.push(Call::NameConflict);
            }
            _ => {}
        }
    }
}
