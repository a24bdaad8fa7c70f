//! Roles: what other nodes say about theirs, and pushes to them.

use super::{Call, Node, Outputs};
use crate::counters::Reason;
use crate::hash::{SHARDS, shard_of};
use crate::moment::Moment;
use crate::roles::{Entry, Listed, Meeting, Taken};
use crate::wire::{
    End, Header, Login, MAX_LIST_PARTS, MAX_PART_BYTES, Push, RoleDigest, RoleList, RoleListRequest, Sender,
    Subject,
};

/// The most entries in a part of a list, each of three numbers of 64 bits; some bytes are for the other
/// fields.
const PART_ENTRIES: usize = (MAX_PART_BYTES - 64) / 24;

/// After so many entries the other lists wait for the next tick.
const TICK_ENTRIES: usize = 20_480;

impl Node {
    /// Says that a role is held here, or was.
    pub(super) fn announce(&self, role_id: u64, entry: Entry, out: &mut Outputs) {
        let subject = Subject::Role(shard_of(role_id));
        let Entry { clock, ended } = entry;
        if entry.is_held() {
            out.send(subject, Login { role_id, clock });
        } else {
            out.send(subject, End { role_id, clock, ended });
        }
    }

    /// Another node has said that it holds a role, or that a holder has ended.
    pub(super) fn handle_entry(
        &mut self,
        header: &Header,
        role_id: u64,
        entry: Entry,
        now: Moment,
        out: &mut Outputs,
    ) {
        if let Some(member) = self.members.get_mut(&header.sender)
            && !member.view.note(role_id, entry, header.clock)
        {
            self.counters.drop_for(Reason::TooMany, 1);
        }
        self.meet(&header.sender, role_id, entry, now, out);
    }

    /// Compares the own entry of a role, and closes the own holder or repeats what is here.
    fn meet(&mut self, sender: &Sender, role_id: u64, entry: Entry, now: Moment, out: &mut Outputs) {
        let tick = || self.clock.tick(now.clock());
        match self.roles.meet(&self.me, sender, role_id, entry, tick) {
            Meeting::Nothing => {}
            Meeting::Close(holder, tombstone) => {
                out.calls.push(Call::CloseReplaced { role_id, holder });
                self.announce(role_id, tombstone, out);
            }
            Meeting::Repeat(own) => self.announce(role_id, own, out),
        }
    }

    pub(super) fn send_role_digest(&mut self, now: Moment, out: &mut Outputs) {
        // Its number is the clock of the header, which is made later: so it is at least this one.
        let (counts, sums) = self.roles.digest(self.clock.tick(now.clock()));
        out.send(Subject::Nodes, RoleDigest { counts, sums });
    }

    pub(super) fn handle_role_digest(&mut self, header: &Header, body: &RoleDigest, out: &mut Outputs) {
        let Some(member) = self.members.get_mut(&header.sender) else { return };
        let shards = member.view.compare(body, header.clock);
        if shards != 0 {
            let incarnation = header.sender.incarnation;
            out.send(Subject::Node(header.sender.name.clone()), RoleListRequest { shards, incarnation });
        }
    }

    /// Notes the lists that a node asks for.
    pub(super) fn handle_list_request(&mut self, header: &Header, body: RoleListRequest) {
        if body.incarnation == self.me.incarnation {
            let asked = (0..SHARDS as u8).filter(|shard| body.shards >> shard & 1 == 1);
            self.lists.extend(asked.map(|shard| (header.sender.name.clone(), shard)));
        }
    }

    /// Sends some of the lists that were asked for: not all at once, since logins wait meanwhile.
    pub(super) fn send_lists(&mut self, now: Moment, out: &mut Outputs) {
        let mut entries = 0;
        while entries < TICK_ENTRIES
            && let Some((name, shard)) = self.lists.pop_first()
        {
            let number = self.clock.tick(now.clock());
            let listed = self.roles.list(shard, number);
            entries += listed.len();
            for part in parts(shard, number, &listed) {
                out.send(Subject::Node(name.clone()), part);
            }
        }
    }

    pub(super) fn handle_list(&mut self, header: &Header, body: RoleList, now: Moment, out: &mut Outputs) {
        let Some(member) = self.members.get_mut(&header.sender) else { return };
        match member.view.take(body) {
            Taken::Dropped | Taken::Waiting => {}
            Taken::Whole(listed) => {
                for Listed { role_id, entry } in listed {
                    self.meet(&header.sender, role_id, entry, now, out);
                }
            }
        }
    }

    /// A push that another node has sent to a role. `is_direct`: to this node, and not to the shard.
    pub(super) fn handle_push(&mut self, body: Push, is_direct: bool, out: &mut Outputs) {
        let Push { role_id, cmd, .. } = body;
        if let Some(holder) = self.roles.holder(role_id) {
            // The wire's check has said that it fits.
            out.calls.push(Call::Push { role_id, holder, cmd: cmd as u16, data: body.data });
        } else if is_direct && !body.is_forwarded {
            let subject = self.push_subject(role_id);
            out.send(subject, Push { is_forwarded: true, ..body });
        } else if is_direct {
            self.counters.drop_for(Reason::NotHeld, 1);
        }
    }

    /// Where a push to a role goes: to its node if that is known, else to the shard.
    pub(super) fn push_subject(&self, role_id: u64) -> Subject {
        match self.members.location(role_id).filter(|sender| sender.name != self.me.name) {
            Some(sender) => Subject::Node(sender.name.clone()),
            None => Subject::Role(shard_of(role_id)),
        }
    }
}

/// A list, in parts.
fn parts(shard: u8, number: u64, listed: &[Listed]) -> Vec<RoleList> {
    // A shard with more has some hundred thousand roles; what is left out is found by pushes to the shard.
    let listed = listed.get(..PART_ENTRIES * MAX_LIST_PARTS as usize).unwrap_or(listed);
    let count = listed.len().div_ceil(PART_ENTRIES).max(1) as u32;
    let part = |part: u32| {
        let begin = part as usize * PART_ENTRIES;
        let entries = listed.iter().skip(begin).take(PART_ENTRIES);
        RoleList {
            shard: shard.into(),
            number,
            part,
            parts: count,
            roles: entries.clone().map(|listed| listed.role_id).collect(),
            clocks: entries.clone().map(|listed| listed.entry.clock).collect(),
            ends: entries.map(|listed| listed.entry.ended).collect(),
        }
    };
    (0..count).map(part).collect()
}
