//! A table of holders and tombstones, by shard, with the figures of a digest.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::clock_at;
use crate::hash::{SHARDS, mix, shard_of};

/// How long a tombstone is kept, in milliseconds from the holder's end.
pub(crate) const TOMBSTONE_MS: u64 = 60_000;

/// Tombstones of ends up to this clock are gone at the clock `number`. Both sides of a digest compute it from
/// the digest's number, so that they agree.
pub(crate) fn tombstones_end(number: u64) -> u64 {
    number.saturating_sub(clock_at(TOMBSTONE_MS))
}

/// What is said about a role: that it is held since its login, or that this holder has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The clock of the login.
    pub(crate) clock: u64,
    /// The clock of the end; 0 while the role is held.
    pub(crate) ended: u64,
}

/// An entry with its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) role_id: u64,
    pub(crate) entry: Entry,
}

impl Entry {
    pub(crate) fn held(clock: u64) -> Self {
        Entry { clock, ended: 0 }
    }

    pub(crate) fn is_held(self) -> bool {
        self.ended == 0
    }

    /// Whether it says more than `other` of the same role and node: a later login, or the end of the same
    /// one.
    pub(crate) fn is_after(self, other: Entry) -> bool {
        (self.clock, self.ended) > (other.clock, other.ended)
    }

    fn hash(self, role_id: u64) -> u64 {
        mix(mix(mix(role_id) ^ self.clock) ^ self.ended)
    }
}

/// The entries of one node, each with something of the owner's.
#[derive(Debug)]
pub(crate) struct Table<T> {
    shards: Vec<Shard<T>>,
    /// Tombstones by their end.
    ends: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct Shard<T> {
    entries: BTreeMap<u64, (Entry, T)>,
    /// The wrapping sum of the entries' hashes: their order does not matter.
    sum: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let shard = || Shard { entries: BTreeMap::new(), sum: 0 };
        Table { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), ends: BTreeSet::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn get(&self, role_id: u64) -> Option<&(Entry, T)> {
        self.shard(shard_of(role_id))?.entries.get(&role_id)
    }

    /// Puts an entry in the place of another.
    pub(crate) fn put(&mut self, role_id: u64, entry: Entry, extra: T) {
        self.remove(role_id);
        if let Some(shard) = self.shards.get_mut(usize::from(shard_of(role_id))) {
            shard.sum = shard.sum.wrapping_add(entry.hash(role_id));
            shard.entries.insert(role_id, (entry, extra));
            if !entry.is_held() {
                self.ends.insert((entry.ended, role_id));
            }
        }
    }

    pub(crate) fn remove(&mut self, role_id: u64) -> Option<(Entry, T)> {
        let shard = self.shards.get_mut(usize::from(shard_of(role_id)))?;
        let removed = shard.entries.remove(&role_id)?;
        shard.sum = shard.sum.wrapping_sub(removed.0.hash(role_id));
        self.ends.remove(&(removed.0.ended, role_id));
        Some(removed)
    }

    /// Forgets the tombstones of ends up to a clock.
    pub(crate) fn prune(&mut self, until: u64) {
        while let Some(&(ended, role_id)) = self.ends.first().filter(|(ended, _)| *ended <= until) {
            self.ends.remove(&(ended, role_id));
            self.remove(role_id);
        }
    }

    /// The number of entries in a shard, and the sum of their hashes.
    pub(crate) fn figures(&self, shard: u8) -> (u32, u64) {
        let figures = |shard: &Shard<T>| (u32::try_from(shard.entries.len()).unwrap_or(u32::MAX), shard.sum);
        self.shard(shard).map_or((0, 0), figures)
    }

    /// The entries of a shard, in the order of their roles.
    pub(crate) fn entries(&self, shard: u8) -> impl Iterator<Item = (u64, &(Entry, T))> {
        let entries = self.shard(shard).map(|shard| shard.entries.iter());
        entries.into_iter().flatten().map(|(role_id, entry)| (*role_id, entry))
    }

    /// The number of entries.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.entries.len()).sum()
    }

    fn shard(&self, shard: u8) -> Option<&Shard<T>> {
        self.shards.get(usize::from(shard))
    }
}
