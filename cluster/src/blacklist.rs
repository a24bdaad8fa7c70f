//! The black list of a cluster: each entry is a last-writer register, which every node keeps and passes on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use prost::Message as _;

use crate::clock::wall_ms;
use crate::hash::{FNV_BASIS, fnv, mix};
use crate::stamp::Stamp;
use crate::wire::{Blacklist, BlacklistDigest, Listed, MAX_PART_BYTES, MAX_SUBJECT_BYTES, Made};

/// How long it is known that a subject was taken off the list, in milliseconds.
pub const REMOVAL_MS: u64 = 24 * 3600 * 1000;
/// The most entries, removals among them.
pub const MAX_RECORDS: usize = 200_000;
/// How long entries are kept beyond their end, in milliseconds: for digests of nodes whose clocks are behind.
const GRACE_MS: u64 = 60_000;

/// An entry of the black list, or the removal of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlacklistRecord {
    /// Whom it is about, such as `account:NAME` or `address:NETWORK`; at most 300 bytes.
    pub subject: String,
    /// The milliseconds since 1970 at which it ends. A removal ends 24 h after it was made.
    pub until_ms: u64,
    /// Whether it says that the subject was taken off the list.
    pub is_removed: bool,
    /// Whether an operator has made it.
    pub by_operator: bool,
    /// When it was made: of two records of one subject the higher counts.
    pub stamp: Stamp,
}

impl BlacklistRecord {
    /// The record as bytes, for a store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.listed().encode_to_vec()
    }

    /// The record that [`to_bytes`](Self::to_bytes) has written, if it is one.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let listed = Listed::decode(bytes).ok()?;
        let fits = !listed.subject.is_empty() && listed.subject.len() <= MAX_SUBJECT_BYTES;
        Self::of(listed).filter(|_| fits)
    }

    fn of(listed: Listed) -> Option<Self> {
        let Listed { subject, until_ms, is_removed, by_operator, stamp } = listed;
        Some(BlacklistRecord { subject, until_ms, is_removed, by_operator, stamp: stamp?.stamp()? })
    }

    fn listed(&self) -> Listed {
        Listed {
            subject: self.subject.clone(),
            until_ms: self.until_ms,
            is_removed: self.is_removed,
            by_operator: self.by_operator,
            stamp: Some(Made::of(&self.stamp)),
        }
    }

    fn hash(&self) -> u64 {
        let Stamp { clock, node, incarnation } = &self.stamp;
        let text = fnv(fnv(FNV_BASIS, self.subject.as_bytes()), node.as_str().as_bytes());
        let flags = u64::from(self.is_removed) << 1 | u64::from(self.by_operator);
        [*clock, *incarnation, self.until_ms, flags].iter().fold(text, |hash, number| mix(hash ^ number))
    }
}

/// What came from another node and was new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) cleared: Option<Stamp>,
    pub(crate) records: Vec<BlacklistRecord>,
    /// How many records had no place.
    pub(crate) refused: usize,
}

/// The records that a node knows.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    records: BTreeMap<String, BlacklistRecord>,
    /// The subjects by the end of their records.
    by_end: BTreeSet<(u64, String)>,
    /// The wrapping sum of the records' hashes.
    sum: u64,
    /// Everything below it was cleared.
    cleared: Option<Stamp>,
}

impl Registers {
    /// What was in the store.
    pub(crate) fn new(records: Vec<BlacklistRecord>, cleared: Option<Stamp>) -> Self {
        let mut registers = Registers { cleared, ..Registers::default() };
        for record in records {
            registers.merge(record);
        }
        registers
    }

    /// Puts a record, if it is newer than what is known of its subject. False if it is not, or has no place.
    pub(crate) fn merge(&mut self, record: BlacklistRecord) -> bool {
        if self.cleared.as_ref().is_some_and(|cleared| record.stamp <= *cleared) {
            return false;
        }
        match self.records.get(&record.subject) {
            Some(known) if known.stamp >= record.stamp => return false,
            None if self.records.len() >= MAX_RECORDS => return false,
            Some(_) | None => {}
        }
        self.remove(&record.subject);
        self.sum = self.sum.wrapping_add(record.hash());
        self.by_end.insert((record.until_ms, record.subject.clone()));
        self.records.insert(record.subject.clone(), record);
        true
    }

    /// Whether a record is the last of its subject.
    pub(crate) fn is_latest(&self, record: &BlacklistRecord) -> bool {
        self.records.get(&record.subject).is_some_and(|latest| latest.stamp == record.stamp)
    }

    fn remove(&mut self, subject: &str) {
        if let Some(record) = self.records.remove(subject) {
            self.sum = self.sum.wrapping_sub(record.hash());
            self.by_end.remove(&(record.until_ms, record.subject));
        }
    }

    /// Removes all that is below a stamp. False if a later one did so before.
    pub(crate) fn clear(&mut self, stamp: Stamp) -> bool {
        if self.cleared.as_ref().is_some_and(|cleared| *cleared >= stamp) {
            return false;
        }
        let is_gone = |record: &&BlacklistRecord| record.stamp <= stamp;
        let gone: Vec<_> =
            self.records.values().filter(is_gone).map(|record| record.subject.clone()).collect();
        gone.iter().for_each(|subject| self.remove(subject));
        self.cleared = Some(stamp);
        true
    }

    /// Takes what another node has sent. Records that have ended are left out.
    pub(crate) fn take(&mut self, body: Blacklist, now_ms: u64) -> News {
        let mut news = News::default();
        if let Some(stamp) = body.cleared.and_then(|made| made.stamp())
            && self.clear(stamp.clone())
        {
            news.cleared = Some(stamp);
        }
        for record in body.entries.into_iter().filter_map(BlacklistRecord::of) {
            if record.until_ms <= now_ms {
                continue;
            }
            let is_full = self.records.len() >= MAX_RECORDS && !self.records.contains_key(&record.subject);
            if is_full {
                news.refused += 1;
            } else if self.merge(record.clone()) {
                news.records.push(record);
            }
        }
        news
    }

    /// Forgets what ended some time ago.
    pub(crate) fn prune(&mut self, now_ms: u64) {
        let is_over = |(until_ms, _): &&(u64, String)| until_ms.saturating_add(GRACE_MS) <= now_ms;
        while let Some((_, subject)) = self.by_end.first().filter(is_over).cloned() {
            self.remove(&subject);
        }
    }

    /// The digest at a clock: of all records that end after it. The others are few, since they are forgotten
    /// soon.
    pub(crate) fn digest(&self, clock: u64) -> BlacklistDigest {
        let now_ms = wall_ms(clock);
        let cleared = self.cleared.as_ref().map(Made::of);
        let mut digest = BlacklistDigest { count: self.records.len() as u64, sum: self.sum, cleared };
        let ended = self.by_end.iter().take_while(|(until_ms, _)| *until_ms <= now_ms);
        for record in ended.filter_map(|(_, subject)| self.records.get(subject)) {
            digest.count -= 1;
            digest.sum = digest.sum.wrapping_sub(record.hash());
        }
        digest
    }

    /// A part of the list with at most [`MAX_PART_BYTES`], from the first subject after this one on, and the
    /// last subject in it; without one if this is the last part.
    pub(crate) fn part_after(&self, after: Option<&str>, now_ms: u64) -> (Blacklist, Option<String>) {
        let mut part = Blacklist { entries: Vec::new(), cleared: self.cleared.as_ref().map(Made::of) };
        let mut bytes = 0;
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.records.range::<str, _>((begin, Bound::Unbounded));
        for (_, record) in rest.filter(|(_, record)| record.until_ms > now_ms) {
            let listed = record.listed();
            // A tag and at most three bytes of length before each.
            bytes += listed.encoded_len() + 4;
            if bytes > MAX_PART_BYTES {
                let last = part.entries.last().map(|last: &Listed| last.subject.clone());
                return (part, last);
            }
            part.entries.push(listed);
        }
        (part, None)
    }

    /// A message with one record.
    pub(crate) fn message(record: &BlacklistRecord) -> Blacklist {
        Blacklist { entries: vec![record.listed()], cleared: None }
    }

    /// A message that says that everything was cleared.
    pub(crate) fn clear_message(stamp: &Stamp) -> Blacklist {
        Blacklist { entries: Vec::new(), cleared: Some(Made::of(stamp)) }
    }

    /// Records that count: neither removed nor ended.
    #[cfg(test)]
    pub(crate) fn listed(&self, now_ms: u64) -> Vec<&BlacklistRecord> {
        self.records.values().filter(|record| !record.is_removed && record.until_ms > now_ms).collect()
    }
}

#[cfg(test)]
mod tests;
