//! The entries of the black list, in memory: a pure machine that takes the time as an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::network::Network;

/// The most entries, accounts and addresses together.
pub(crate) const MAX_ENTRIES: usize = 100_000;
/// The most expired entries that one call forgets, so that no call takes long.
const MAX_EXPIRED: usize = 100;

/// Who is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Account(Arc<str>),
    Network(Network),
}

/// How long somebody is listed, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The time at which it ends, in milliseconds since 1970.
    pub(crate) until_ms: u64,
    /// Entries with a lower number came earlier.
    pub(crate) number: u64,
    /// Whether an operator has made it. Such an entry makes room for no other.
    pub(crate) by_operator: bool,
}

/// A change, for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Put(Subject, Entry),
    Remove(Subject),
    /// An entry has ended, or has made room for another one.
    Forget(Subject),
    Clear,
}

/// The list is full of operators' entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The entries.
#[derive(Debug)]
pub(crate) struct List {
    max: usize,
    entries: BTreeMap<Subject, Entry>,
    by_end: BTreeSet<(u64, Subject)>,
    /// Entries that no operator has made, by their numbers.
    automatic: BTreeMap<u64, Subject>,
    /// How many entries are networks.
    networks: usize,
    /// How many networks have a prefix of this length, so that a look tries no other.
    prefixes: BTreeMap<u8, usize>,
    next_number: u64,
}

impl List {
    pub(crate) fn new(max: usize) -> Self {
        List {
            max,
            entries: BTreeMap::new(),
            by_end: BTreeSet::new(),
            automatic: BTreeMap::new(),
            networks: 0,
            prefixes: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// The list with these entries. Those that have expired are removed, and if there are too many, so are
    /// the oldest automatic ones.
    pub(crate) fn load(
        max: usize,
        now_ms: u64,
        entries: impl IntoIterator<Item = (Subject, Entry)>,
        changes: &mut Vec<Change>,
    ) -> Self {
        let mut list = List::new(max);
        for (subject, entry) in entries {
            list.next_number = list.next_number.max(entry.number.saturating_add(1));
            if entry.until_ms > now_ms {
                list.insert(subject, entry);
            } else {
                changes.push(Change::Forget(subject));
            }
        }
        while list.entries.len() > max
            && let Some(oldest) = list.evict()
        {
            changes.push(Change::Forget(oldest));
        }
        list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The number of accounts and of networks.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.entries.len().saturating_sub(self.networks), self.networks)
    }

    pub(crate) fn lists_account(&self, account: &str, now_ms: u64) -> bool {
        // The only allocation of a look, at a login.
        self.is_listed(&Subject::Account(account.into()), now_ms)
    }

    pub(crate) fn lists_ip(&self, ip: IpAddr, now_ms: u64) -> bool {
        self.networks_of(ip).any(|network| self.is_listed(&Subject::Network(network), now_ms))
    }

    /// The networks that an address is in, of all that may be listed: entries can be older than the length of
    /// prefixes is.
    pub(crate) fn networks_of(&self, ip: IpAddr) -> impl Iterator<Item = Network> {
        let own = Network::of(ip, 128);
        let is_ipv6 = own.ipv6_prefix().is_some();
        let prefixes = self.prefixes.keys().filter(move |_| is_ipv6);
        (!is_ipv6).then_some(own).into_iter().chain(prefixes.map(move |prefix| Network::of(ip, *prefix)))
    }

    fn is_listed(&self, subject: &Subject, now_ms: u64) -> bool {
        self.entries.get(subject).is_some_and(|entry| entry.until_ms > now_ms)
    }

    /// Lists somebody, or changes the entry: an operator's end counts, and otherwise the later one of two.
    /// The oldest automatic entry makes room. Returns whether the entry is new.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then.
    pub(crate) fn put(
        &mut self,
        subject: Subject,
        until_ms: u64,
        by_operator: bool,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<bool, Full> {
        self.expire(now_ms, changes);
        let known = self.entries.get(&subject).copied().filter(|known| known.until_ms > now_ms);
        let until_ms = match known {
            Some(known) if !by_operator => known.until_ms.max(until_ms),
            _ => until_ms,
        };
        if !self.entries.contains_key(&subject) && self.entries.len() >= self.max {
            changes.push(Change::Forget(self.evict().ok_or(Full)?));
        }
        let by_operator = by_operator || known.is_some_and(|known| known.by_operator);
        let entry = Entry { until_ms, number: self.next_number, by_operator };
        self.next_number = self.next_number.saturating_add(1);
        changes.push(Change::Put(subject.clone(), entry));
        self.insert(subject, entry);
        Ok(known.is_none())
    }

    /// Whether an operator's entries for all of these fit.
    pub(crate) fn has_room_for(&self, subjects: &[Subject], now_ms: u64) -> bool {
        let new = subjects.iter().filter(|subject| !self.entries.contains_key(*subject)).count();
        let expired = self.by_end.iter().take_while(|(until_ms, _)| *until_ms <= now_ms).map(|(_, one)| one);
        let automatic = self.automatic.values().filter(|one| !subjects.contains(one));
        let can_go: BTreeSet<_> = expired.take(new).chain(automatic.take(new)).collect();
        self.max.saturating_sub(self.entries.len()).saturating_add(can_go.len()) >= new
    }

    /// Removes an entry. Returns whether there was one.
    pub(crate) fn remove(&mut self, subject: &Subject, changes: &mut Vec<Change>) -> bool {
        let removed = self.take(subject).is_some();
        if removed {
            changes.push(Change::Remove(subject.clone()));
        }
        removed
    }

    /// Removes all entries. Returns them: to drop many takes longer than a worker has.
    pub(crate) fn clear(&mut self, changes: &mut Vec<Change>) -> Self {
        changes.push(Change::Clear);
        let empty = List { next_number: self.next_number, ..List::new(self.max) };
        std::mem::replace(self, empty)
    }

    /// The number of entries, and a page of them: accounts by their names, then networks by their addresses.
    pub(crate) fn page(&self, offset: usize, limit: usize, now_ms: u64) -> (usize, Vec<(Subject, Entry)>) {
        let expired = self.by_end.iter().take_while(|(until_ms, _)| *until_ms <= now_ms).count();
        let listed = self.entries.iter().filter(|(_, entry)| entry.until_ms > now_ms);
        let page = listed.skip(offset).take(limit).map(|(subject, entry)| (subject.clone(), *entry));
        (self.entries.len().saturating_sub(expired), page.collect())
    }

    /// Some entries behind one, or the first ones, expired or not.
    pub(crate) fn some_after(&self, last: Option<&Subject>, limit: usize) -> Vec<(Subject, Entry)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = last.map_or(Unbounded, Excluded);
        let some = self.entries.range((from, Unbounded)).take(limit);
        some.map(|(subject, entry)| (subject.clone(), *entry)).collect()
    }

    /// Forgets some of the entries that have ended.
    fn expire(&mut self, now_ms: u64, changes: &mut Vec<Change>) {
        for _ in 0..MAX_EXPIRED {
            let Some((_, subject)) = self.by_end.first().filter(|(until_ms, _)| *until_ms <= now_ms) else {
                return;
            };
            let subject = subject.clone();
            self.take(&subject);
            changes.push(Change::Forget(subject));
        }
    }

    /// Takes the oldest automatic entry away.
    fn evict(&mut self) -> Option<Subject> {
        let subject = self.automatic.first_key_value()?.1.clone();
        self.take(&subject);
        Some(subject)
    }

    fn insert(&mut self, subject: Subject, entry: Entry) {
        self.take(&subject);
        self.by_end.insert((entry.until_ms, subject.clone()));
        if !entry.by_operator {
            self.automatic.insert(entry.number, subject.clone());
        }
        self.networks += usize::from(matches!(subject, Subject::Network(_)));
        if let Some(prefix) = prefix(&subject) {
            *self.prefixes.entry(prefix).or_default() += 1;
        }
        self.entries.insert(subject, entry);
    }

    fn take(&mut self, subject: &Subject) -> Option<Entry> {
        let (subject, entry) = self.entries.remove_entry(subject)?;
        if !entry.by_operator {
            self.automatic.remove(&entry.number);
        }
        self.networks -= usize::from(matches!(subject, Subject::Network(_)));
        if let Some(prefix) = prefix(&subject)
            && let Some(count) = self.prefixes.get_mut(&prefix)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.prefixes.remove(&prefix);
            }
        }
        self.by_end.remove(&(entry.until_ms, subject));
        Some(entry)
    }
}

/// What other servers of the cluster do to the list.
#[cfg(feature = "cluster")]
impl List {
    /// Lists somebody as another server of the cluster has said, whatever is known of them here.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then.
    pub(crate) fn set(
        &mut self,
        subject: Subject,
        until_ms: u64,
        by_operator: bool,
        now_ms: u64,
        changes: &mut Vec<Change>,
    ) -> Result<(), Full> {
        self.take(&subject);
        self.put(subject, until_ms, by_operator, now_ms, changes).map(drop)
    }

    /// The number of the next entry.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Removes an entry with a number below this one, which another server of the cluster has cleared.
    pub(crate) fn remove_below(&mut self, number: u64, subject: &Subject, changes: &mut Vec<Change>) {
        if self.entries.get(subject).is_some_and(|entry| entry.number < number) {
            self.remove(subject, changes);
        }
    }
}

fn prefix(subject: &Subject) -> Option<u8> {
    match subject {
        Subject::Account(_) => None,
        Subject::Network(network) => network.ipv6_prefix(),
    }
}
