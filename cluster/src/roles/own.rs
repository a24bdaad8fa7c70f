//! The roles whose holders are on this node: what it speaks for.

use super::table::{Entry, Listed, Table, tombstones_end};
use crate::hash::SHARDS;
use crate::holder::Holder;
use crate::wire::Sender;

/// The holders of this node, and the tombstones of those that have ended.
#[derive(Debug, Default)]
pub(crate) struct OwnRoles {
    table: Table<Holder>,
}

/// What follows from an entry of another node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    Nothing,
    /// The own holder is older: it must be closed. This is its tombstone.
    Close(Holder, Entry),
    /// The other node has a holder that is older than this entry: it must hear of it again.
    Repeat(Entry),
}

impl OwnRoles {
    /// A connection has logged in, at this clock. What was there before is older.
    pub(crate) fn enter(&mut self, role_id: u64, holder: Holder, clock: u64) {
        self.table.put(role_id, Entry::held(clock), holder);
    }

    /// A holder has ended, at this clock. Returns its tombstone, or `None` if another one holds the role by
    /// now.
    pub(crate) fn leave(&mut self, role_id: u64, holder: Holder, ended: u64) -> Option<Entry> {
        let &(entry, current) = self.table.get(role_id)?;
        if current != holder || !entry.is_held() {
            return None;
        }
        let tombstone = Entry { ended, ..entry };
        self.table.put(role_id, tombstone, holder);
        Some(tombstone)
    }

    /// Compares the own entry of a role with that of another node: the higher stamp wins. If the own holder
    /// loses, it ends at the clock that `tick` returns.
    pub(crate) fn meet(
        &mut self,
        me: &Sender,
        sender: &Sender,
        role_id: u64,
        theirs: Entry,
        tick: impl FnOnce() -> u64,
    ) -> Meeting {
        let Some(&(own, holder)) = self.table.get(role_id) else { return Meeting::Nothing };
        if (own.clock, me) < (theirs.clock, sender) {
            if !own.is_held() {
                return Meeting::Nothing;
            }
            let tombstone = Entry { ended: tick(), ..own };
            self.table.put(role_id, tombstone, holder);
            return Meeting::Close(holder, tombstone);
        }
        if theirs.is_held() { Meeting::Repeat(own) } else { Meeting::Nothing }
    }

    /// The holder of a role, if it is on this node.
    pub(crate) fn holder(&self, role_id: u64) -> Option<Holder> {
        self.table.get(role_id).filter(|(entry, _)| entry.is_held()).map(|(_, holder)| *holder)
    }

    /// The figures of each shard, for a digest with this number.
    pub(crate) fn digest(&mut self, number: u64) -> (Vec<u32>, Vec<u64>) {
        self.table.prune(tombstones_end(number));
        (0..SHARDS as u8).map(|shard| self.table.figures(shard)).unzip()
    }

    /// All entries of a shard, for a list with this number.
    pub(crate) fn list(&mut self, shard: u8, number: u64) -> Vec<Listed> {
        self.table.prune(tombstones_end(number));
        self.table.entries(shard).map(|(role_id, (entry, _))| Listed { role_id, entry: *entry }).collect()
    }

    /// The number of holders and tombstones.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }
}
