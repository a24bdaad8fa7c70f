//! Counts offences by address, and new entries by minute: pure machines that take the time as an argument.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::network::Network;

/// The most addresses whose offences are counted.
pub(crate) const MAX_COUNTERS: usize = 100_000;
/// Offences count for so long, in milliseconds.
pub(crate) const OFFENCE_MS: u64 = 3600 * 1000;
/// So many new entries in a minute are normal.
pub(crate) const MAX_NEW_ENTRIES: usize = 100;
/// The time in which new entries are counted, in milliseconds.
const NEW_ENTRIES_MS: u64 = 60 * 1000;

/// The offences of addresses, as far as they count.
#[derive(Debug)]
pub(crate) struct Offences {
    /// The offence from which on an address is listed.
    after: usize,
    max: usize,
    counters: HashMap<Network, Counter>,
    /// The addresses by their last offences.
    order: BTreeMap<u64, Network>,
    next_number: u64,
}

#[derive(Debug)]
struct Counter {
    /// The times of the last offences, at most one fewer than list the address.
    times: VecDeque<u64>,
    /// The number of the last one.
    number: u64,
}

impl Offences {
    /// `after` is at least 1.
    pub(crate) fn new(after: usize, max: usize) -> Self {
        Offences { after, max, counters: HashMap::new(), order: BTreeMap::new(), next_number: 0 }
    }

    /// Counts an offence. Returns whether the address is to be listed.
    pub(crate) fn count(&mut self, network: Network, now_ms: u64) -> bool {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        let counter = self.counters.entry(network).or_insert(Counter { times: VecDeque::new(), number });
        self.order.remove(&counter.number);
        self.order.insert(number, network);
        counter.number = number;
        counter.times.retain(|time| now_ms.abs_diff(*time) < OFFENCE_MS);
        let is_enough = counter.times.len().saturating_add(1) >= self.after;
        counter.times.push_back(now_ms);
        if counter.times.len() >= self.after {
            counter.times.pop_front();
        }
        if self.counters.len() > self.max
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.counters.remove(&oldest);
        }
        is_enough
    }

    /// Forgets all offences. Returns them: to drop many takes longer than a worker has.
    pub(crate) fn clear(&mut self) -> Self {
        std::mem::replace(self, Offences::new(self.after, self.max))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.order.len(), self.counters.len());
        self.counters.len()
    }
}

/// What the log says about a new entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A line of its own.
    Line,
    /// That there are too many, and no lines about more of them.
    Warning,
    Nothing,
}

/// New entries of the last minute.
#[derive(Debug, Default)]
pub(crate) struct NewEntries {
    times: VecDeque<u64>,
    warned: bool,
}

impl NewEntries {
    /// Counts a new entry. There is one warning, until the entries of a minute are half as many as are
    /// normal.
    pub(crate) fn count(&mut self, now_ms: u64) -> Told {
        self.times.retain(|time| now_ms.abs_diff(*time) < NEW_ENTRIES_MS);
        self.times.push_back(now_ms);
        if self.times.len() > MAX_NEW_ENTRIES + 1 {
            self.times.pop_front();
        }
        if self.times.len() > MAX_NEW_ENTRIES {
            return if std::mem::replace(&mut self.warned, true) { Told::Nothing } else { Told::Warning };
        }
        if self.times.len() <= MAX_NEW_ENTRIES / 2 {
            self.warned = false;
        }
        if self.warned { Told::Nothing } else { Told::Line }
    }
}
