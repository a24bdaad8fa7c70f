//! What another node has said about its roles.

use std::collections::BTreeMap;

use super::table::{Entry, Listed, Table, tombstones_end};
use crate::hash::{SHARDS, shard_of};
use crate::wire::{RoleDigest, RoleList};

/// The most entries of a shard that are kept of a node.
const MAX_SHARD_ENTRIES: usize = 65_536;

/// The roles of another node, as far as it was heard.
///
/// Each entry keeps the clock of the message that it came by. A list replaces what came before it: an entry
/// that is not in it is removed, unless it came by a later message.
#[derive(Debug, Default)]
pub(crate) struct View {
    table: Table<u64>,
    /// The number of the last digest.
    digest: u64,
    /// The numbers of the last lists, by shard.
    lists: BTreeMap<u8, u64>,
    /// Lists that were asked for.
    awaited: BTreeMap<u8, Parts>,
}

/// The parts of a list that have come.
#[derive(Debug, Default)]
struct Parts {
    number: u64,
    parts: BTreeMap<u32, RoleList>,
}

/// What became of a part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was not asked for, or is older than what was taken.
    Dropped,
    /// Others are missing.
    Waiting,
    /// The list is complete, and was taken.
    Whole(Vec<Listed>),
}

impl View {
    /// The entry of a role.
    pub(crate) fn get(&self, role_id: u64) -> Option<Entry> {
        self.table.get(role_id).map(|(entry, _)| *entry)
    }

    /// Notes an entry that came by a message with the clock `seen`. False if there is no place for it.
    pub(crate) fn note(&mut self, role_id: u64, entry: Entry, seen: u64) -> bool {
        let shard = shard_of(role_id);
        if self.lists.get(&shard).is_some_and(|number| seen < *number) {
            return true;
        }
        match self.table.get(role_id) {
            Some((known, _)) if !entry.is_after(*known) => true,
            None if self.table.figures(shard).0 as usize >= MAX_SHARD_ENTRIES => false,
            Some(_) | None => {
                self.table.put(role_id, entry, seen);
                true
            }
        }
    }

    /// Compares a digest. Returns the shards that differ, a bit for each: their lists are to be asked for.
    /// Digests with a lower number than the last are dropped.
    pub(crate) fn compare(&mut self, digest: &RoleDigest, number: u64) -> u64 {
        if number <= self.digest {
            return 0;
        }
        self.digest = number;
        self.table.prune(tombstones_end(number));
        self.awaited.clear();
        let mut differing = 0;
        for (shard, figures) in (0..SHARDS as u8).zip(digest.counts.iter().zip(&digest.sums)) {
            let own = self.table.figures(shard);
            if (own.0, own.1) != (*figures.0, *figures.1) {
                differing |= 1 << shard;
                self.awaited.insert(shard, Parts::default());
            }
        }
        differing
    }

    /// Takes a part of a list that was asked for.
    pub(crate) fn take(&mut self, part: RoleList) -> Taken {
        // The wire's check has said that it is below 64.
        let shard = part.shard as u8;
        let Some(parts) = self.awaited.get_mut(&shard) else { return Taken::Dropped };
        if part.number < parts.number || self.lists.get(&shard).is_some_and(|last| part.number <= *last) {
            return Taken::Dropped;
        }
        if part.number > parts.number {
            *parts = Parts { number: part.number, parts: BTreeMap::new() };
        }
        let count = part.parts as usize;
        if parts.parts.values().any(|other| other.parts as usize != count) {
            return Taken::Dropped;
        }
        parts.parts.insert(part.part, part);
        if parts.parts.len() < count {
            return Taken::Waiting;
        }
        self.awaited.remove(&shard).map_or(Taken::Dropped, |parts| Taken::Whole(self.replace(shard, parts)))
    }

    /// Takes a whole list in the place of what was known before it.
    fn replace(&mut self, shard: u8, parts: Parts) -> Vec<Listed> {
        let number = parts.number;
        self.lists.insert(shard, number);
        let listed: Vec<Listed> = parts.parts.into_values().flat_map(entries).collect();
        let earlier = self.table.entries(shard).filter(|(_, (_, seen))| *seen <= number);
        let earlier: Vec<u64> = earlier.map(|(role_id, _)| role_id).collect();
        for role_id in earlier {
            self.table.remove(role_id);
        }
        for Listed { role_id, entry } in listed.iter().take(MAX_SHARD_ENTRIES) {
            if shard_of(*role_id) == shard {
                self.note(*role_id, *entry, number);
            }
        }
        listed
    }
}

/// The entries of a part.
fn entries(part: RoleList) -> impl Iterator<Item = Listed> {
    let entries = part.clocks.into_iter().zip(part.ends).map(|(clock, ended)| Entry { clock, ended });
    part.roles.into_iter().zip(entries).map(|(role_id, entry)| Listed { role_id, entry })
}
