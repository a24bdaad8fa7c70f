//! The other nodes that are there.

use std::collections::BTreeMap;

use crate::names::NodeName;
use crate::roles::View;
use crate::wire::{OLDEST, Sender, VERSION};

/// How often a node says that it is there, in milliseconds.
pub const HEARTBEAT_MS: u64 = 3_000;
/// How long a node that says nothing is still believed to be there, in milliseconds.
pub const GONE_AFTER_MS: u64 = 10_000;
/// The most other nodes.
pub const MAX_NODES: usize = 128;
/// How long it is known that a start of a node has ended, in milliseconds: late messages do not revive it.
const DEPARTED_MS: u64 = 60_000;
/// The most ended starts that are known.
const MAX_DEPARTED: usize = 1_024;

/// Another node.
#[derive(Debug)]
pub(crate) struct Member {
    heard_ms: u64,
    pub(crate) is_draining: bool,
    /// The versions of the format that it reads; it writes the highest.
    pub(crate) oldest: u8,
    pub(crate) newest: u8,
    pub(crate) view: View,
}

/// A node, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub name: NodeName,
    /// Whether it drains.
    pub is_draining: bool,
    /// The version of the format that it writes.
    pub version: u8,
    /// Whether this node and that one do not read each other's messages.
    pub is_foreign: bool,
}

/// The other nodes, by their starts: two nodes with one name are two.
#[derive(Debug, Default)]
pub(crate) struct Members {
    members: BTreeMap<Sender, Member>,
    /// Starts that have said good-bye, with the time until which that is known.
    departed: BTreeMap<Sender, u64>,
}

/// Whether a sender is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Known,
    New,
    /// It has said good-bye.
    Departed,
    /// There are too many others.
    Full,
}

impl Members {
    /// A node was heard.
    pub(crate) fn hear(&mut self, sender: &Sender, now_ms: u64) -> Heard {
        if let Some(member) = self.members.get_mut(sender) {
            member.heard_ms = now_ms;
            return Heard::Known;
        }
        if self.departed.contains_key(sender) {
            return Heard::Departed;
        }
        if self.members.len() >= MAX_NODES {
            return Heard::Full;
        }
        let member = Member {
            heard_ms: now_ms,
            is_draining: false,
            oldest: OLDEST,
            newest: VERSION,
            view: View::default(),
        };
        self.members.insert(sender.clone(), member);
        Heard::New
    }

    /// A node has said good-bye. False if it was not known.
    pub(crate) fn depart(&mut self, sender: &Sender, now_ms: u64) -> bool {
        if self.departed.len() < MAX_DEPARTED {
            self.departed.insert(sender.clone(), now_ms.saturating_add(DEPARTED_MS));
        }
        self.members.remove(sender).is_some()
    }

    /// Forgets nodes that have not been heard for too long, and returns them.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Vec<Sender> {
        self.departed.retain(|_, until_ms| *until_ms > now_ms);
        let is_gone = |member: &Member| member.heard_ms.saturating_add(GONE_AFTER_MS) <= now_ms;
        self.members.extract_if(.., |_, member| is_gone(member)).map(|(sender, _)| sender).collect()
    }

    pub(crate) fn get_mut(&mut self, sender: &Sender) -> Option<&mut Member> {
        self.members.get_mut(sender)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The names of the nodes, in order, each once.
    pub(crate) fn names(&self) -> Vec<NodeName> {
        let mut names: Vec<_> = self.members.keys().map(|sender| sender.name.clone()).collect();
        names.dedup();
        names
    }

    pub(crate) fn has(&self, name: &NodeName) -> bool {
        self.members.keys().any(|sender| sender.name == *name)
    }

    /// The nodes, in the order of their names.
    pub(crate) fn statuses(&self) -> Vec<NodeStatus> {
        let status = |(sender, member): (&Sender, &Member)| NodeStatus {
            name: sender.name.clone(),
            is_draining: member.is_draining,
            version: member.newest,
            is_foreign: member.is_foreign(),
        };
        self.members.iter().map(status).collect()
    }

    /// The node on which a role is held, as far as is known: the one that has said so with the highest stamp.
    pub(crate) fn location(&self, role_id: u64) -> Option<&Sender> {
        let entry = |(sender, member): (_, &Member)| Some((member.view.get(role_id)?, sender));
        let said = self.members.iter().filter_map(entry);
        let (entry, sender) = said.max_by_key(|(entry, sender)| (entry.clock, *sender))?;
        entry.is_held().then_some(sender)
    }
}

impl Member {
    /// Whether the two do not read each other's messages.
    pub(crate) fn is_foreign(&self) -> bool {
        !(OLDEST..=VERSION).contains(&self.newest) || !(self.oldest..=self.newest).contains(&VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Entry;

    fn sender(name: &str, incarnation: u64) -> Sender {
        Sender { name: NodeName::new(name).unwrap(), incarnation }
    }

    #[test]
    fn silent_nodes_are_gone_and_others_stay() {
        let mut members = Members::default();
        assert_eq!(members.hear(&sender("a", 1), 0), Heard::New);
        assert_eq!(members.hear(&sender("b", 1), 0), Heard::New);
        assert_eq!(members.hear(&sender("a", 1), 5000), Heard::Known);
        assert_eq!(members.expire(9_999), []);
        assert_eq!(members.expire(10_000), [sender("b", 1)]);
        assert_eq!(members.names(), [NodeName::new("a").unwrap()]);
        assert_eq!(members.hear(&sender("b", 1), 11_000), Heard::New);
    }

    #[test]
    fn late_messages_do_not_revive_a_start_that_has_ended() {
        let mut members = Members::default();
        members.hear(&sender("a", 1), 0);
        assert!(members.depart(&sender("a", 1), 0));
        assert!(!members.depart(&sender("a", 1), 0));
        assert_eq!(members.hear(&sender("a", 1), 1000), Heard::Departed);
        assert_eq!(members.hear(&sender("a", 2), 1000), Heard::New);
        members.expire(60_000);
        assert_eq!(members.hear(&sender("a", 1), 60_000), Heard::New);
    }

    #[test]
    fn there_are_only_so_many() {
        let mut members = Members::default();
        for number in 0..MAX_NODES as u64 {
            assert_eq!(members.hear(&sender("a", number), 0), Heard::New);
        }
        assert_eq!(members.hear(&sender("b", 0), 0), Heard::Full);
        for number in 0..2 * MAX_DEPARTED as u64 {
            members.depart(&sender("c", number), 0);
        }
        assert_eq!(members.departed.len(), MAX_DEPARTED);
    }

    #[test]
    fn a_role_is_where_the_highest_stamp_says() {
        let mut members = Members::default();
        for (name, clock, ended) in [("a", 5, 0), ("b", 7, 0), ("c", 6, 9)] {
            members.hear(&sender(name, 1), 0);
            let view = &mut members.get_mut(&sender(name, 1)).unwrap().view;
            assert!(view.note(1, Entry { clock, ended }, 10));
        }
        assert_eq!(members.location(1), Some(&sender("b", 1)));
        assert_eq!(members.location(2), None);
        members.depart(&sender("b", 1), 0);
        assert_eq!(members.location(1), None, "it has ended on c after its login on a");
    }

    #[test]
    fn versions_must_overlap_in_both_directions() {
        for (oldest, newest, expected) in [
            (VERSION, VERSION, false),
            (OLDEST, VERSION, false),
            (VERSION, VERSION + 1, true),
            (VERSION + 1, VERSION + 1, true),
            (0, 0, true),
        ] {
            let member = Member { heard_ms: 0, is_draining: false, oldest, newest, view: View::default() };
            assert_eq!(member.is_foreign(), expected, "{oldest}..={newest}");
        }
    }
}
