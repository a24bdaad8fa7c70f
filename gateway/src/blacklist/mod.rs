//! The black list: accounts that may not log in, and addresses that may not connect.
//!
//! It is in memory, where each worker looks at it without waiting, and in the store, which is told of each
//! change in the order in which it was made. If the store fails, the list is written to it again when it
//! works.

pub(crate) mod command;
mod list;
mod network;
mod offences;
#[cfg_attr(not(feature = "cluster"), allow(dead_code, reason = "a build without a cluster has no registers"))]
mod registers;
mod rules;
mod shared;
mod sharing;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::Level;
use log::kv::Value;
use sysconn::{Peer, log_line};

use crate::auth::MAX_NAME_BYTES;
use crate::clock::{OnceAMinute, unix_ms};
use crate::store::{Store, StoreError};
use crate::tally::Tally;

use offences::{MAX_COUNTERS, NewEntries, Offences, Told};
use shared::Shared;

pub(crate) use list::{Entry, Full, MAX_ENTRIES, Subject};
pub(crate) use network::Network;
#[cfg(feature = "cluster")]
pub(crate) use registers::{Register, Registers, subject_key};
pub(crate) use rules::Rules;

/// The black list, which all workers share.
#[derive(Debug)]
pub(crate) struct Blacklist {
    rules: Rules,
    shared: Arc<Shared>,
    counted: Mutex<Counted>,
}

/// What is counted between offences.
#[derive(Debug)]
struct Counted {
    offences: Option<Offences>,
    new_entries: NewEntries,
    /// When the log last said that the list is full.
    told_full: OnceAMinute,
}

/// An operator's mistake: there is nobody to list, or nobody who may be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mistake;

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The entries of the whole list.
    pub(crate) total: usize,
    pub(crate) entries: Vec<(Subject, Entry)>,
}

impl Blacklist {
    /// Reads the list from the store.
    ///
    /// # Errors
    /// One line that says that it cannot be read.
    pub(crate) fn open(rules: Rules, store: Arc<Store>) -> Result<Self, String> {
        Blacklist::open_with(MAX_ENTRIES, rules, store)
    }

    fn open_with(max: usize, rules: Rules, store: Arc<Store>) -> Result<Self, String> {
        let shared = Shared::open(max, store);
        let shared = shared.map_err(|error| format!("the black list cannot be read: {error}"))?;
        let offences = rules.after.map(|after| Offences::new(after, MAX_COUNTERS));
        let counted =
            Counted { offences, new_entries: NewEntries::default(), told_full: OnceAMinute::default() };
        Ok(Blacklist { rules, shared, counted: Mutex::new(counted) })
    }

    /// Whether a client may not connect.
    pub(crate) fn bars(&self, peer: Peer) -> bool {
        let Some(ip) = peer.ip() else { return false };
        let list = self.shared.read();
        !list.is_empty() && list.lists_ip(ip, unix_ms()) && !self.rules.is_exempt(ip)
    }

    /// Whether an account may not log in, nor act on behalf of another.
    pub(crate) fn bars_account(&self, account: &str) -> bool {
        let list = self.shared.read();
        !list.is_empty() && list.lists_account(account, unix_ms())
    }

    /// An offence of a client: lists the account that it acts as, and its address, if it offends too often.
    pub(crate) fn offence(&self, peer: Peer, account: Option<&str>) {
        let Some(time) = self.rules.time else { return };
        let now_ms = unix_ms();
        let account = account.filter(|_| self.rules.accounts).map(|account| Subject::Account(account.into()));
        let mut counted = self.counted();
        let network = self.rules.countable(peer).filter(|network| {
            counted.offences.as_mut().is_some_and(|offences| offences.count(*network, now_ms))
        });
        let subjects: Vec<_> = account.into_iter().chain(network.map(Subject::Network)).collect();
        if subjects.is_empty() {
            return;
        }
        let until_ms = after(now_ms, time);
        let (mut list, mut changes) = (self.shared.write(), Vec::new());
        for subject in subjects {
            match list.put(subject.clone(), until_ms, false, now_ms, &mut changes) {
                Ok(true) => counted.tell(&subject, until_ms, now_ms),
                Ok(false) => {}
                Err(Full) => counted.tell_full(now_ms),
            }
        }
        self.shared.save(&list, changes, drop);
    }

    /// An account and an address to list, each if it is not empty.
    ///
    /// # Errors
    /// [`Mistake`].
    pub(crate) fn to_add(&self, account: &str, address: &str) -> Result<Vec<Subject>, Mistake> {
        subjects(account, address, |address| self.rules.to_list(address).map(|subject| vec![subject]))
    }

    /// An account and an address to remove, each if it is not empty, whether they could be listed now or not.
    /// An address is let in by removing each network that it is in.
    ///
    /// # Errors
    /// [`Mistake`].
    pub(crate) fn to_remove(&self, account: &str, address: &str) -> Result<Vec<Subject>, Mistake> {
        subjects(account, address, |address| match address.parse() {
            Ok(ip) => Some(self.shared.read().networks_of(ip).map(Subject::Network).collect()),
            Err(_) => address.parse().ok().map(|network| vec![Subject::Network(network)]),
        })
    }

    /// Lists all of these for an operator, or none; 0 seconds: as long as an offence would. `done` gets the
    /// number of entries once the store has these, or an error at once; it must not use the list, which may
    /// be locked.
    pub(crate) fn add(
        &self,
        subjects: Vec<Subject>,
        seconds: u32,
        done: impl FnOnce(Result<usize, AddError>) + Send + 'static,
    ) {
        let now_ms = unix_ms();
        let until_ms = after(now_ms, self.rules.operators_time(seconds));
        let (mut list, mut changes) = (self.shared.write(), Vec::new());
        if !list.has_room_for(&subjects, now_ms) {
            drop(list);
            return done(Err(AddError::Full));
        }
        for subject in subjects {
            let _ = list.put(subject, until_ms, true, now_ms, &mut changes);
        }
        let total = list.page(0, 0, now_ms).0;
        let done = move |saved: Result<_, _>| done(saved.map(|()| total).map_err(AddError::Store));
        self.shared.save(&list, changes, done);
    }

    /// Removes all of these, as far as they are listed. `done` is as that of [`add`](Self::add).
    pub(crate) fn remove(
        &self,
        subjects: &[Subject],
        done: impl FnOnce(Result<usize, StoreError>) + Send + 'static,
    ) {
        let (mut list, mut changes) = (self.shared.write(), Vec::new());
        for subject in subjects {
            list.remove(subject, &mut changes);
        }
        let total = list.page(0, 0, unix_ms()).0;
        self.shared.save(&list, changes, move |saved| done(saved.map(|()| total)));
    }

    /// Removes all entries, and forgets offences. `done` is as that of [`add`](Self::add).
    pub(crate) fn clear(&self, done: impl FnOnce(Result<usize, StoreError>) + Send + 'static) {
        let offences = self.counted().offences.as_mut().map(Offences::clear);
        let (mut list, mut changes) = (self.shared.write(), Vec::new());
        let entries = list.clear(&mut changes);
        self.shared.save(&list, changes, move |saved| {
            done(saved.map(|()| 0));
            drop((offences, entries));
        });
    }

    /// A page of the list: accounts by their names, then addresses.
    pub(crate) fn page(&self, offset: usize, limit: usize) -> Page {
        let (total, entries) = self.shared.read().page(offset, limit, unix_ms());
        Page { total, entries }
    }

    /// The number of accounts and of networks on the list, with those that have expired and are not removed
    /// yet.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.shared.read().counts()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // No code under the lock can panic half-way.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why an operator's entry was not made, or is not sure to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    /// The list is full of operators' entries.
    Full,
    Store(StoreError),
}

impl Counted {
    /// Tells the operator of a new entry, unless there are too many.
    fn tell(&mut self, subject: &Subject, until_ms: u64, now_ms: u64) {
        match self.new_entries.count(now_ms) {
            Told::Line => {
                let name = match subject {
                    Subject::Account(account) => ("account", Value::from(&**account)),
                    Subject::Network(network) => ("address", Value::from_display(network)),
                };
                log_line::write(Level::Info, "blacklisted", &[name, ("until_ms", Value::from(until_ms))]);
            }
            Told::Warning => log::warn!(
                "more than {} new entries of the black list in a minute, and no lines about more of them: if a \
                 release has changed a message, `sysconn blacklist clear` lets its clients in again",
                offences::MAX_NEW_ENTRIES
            ),
            Told::Nothing => Tally::LinesOfBlacklist.count(),
        }
    }

    /// Says that the list takes no more, once a minute at most.
    fn tell_full(&self, now_ms: u64) {
        if self.told_full.is_due(now_ms) {
            log::warn!("the black list is full of operators' entries, and offences list nobody");
        }
    }
}

/// Whom an operator means.
fn subjects(
    account: &str,
    address: &str,
    networks: impl Fn(&str) -> Option<Vec<Subject>>,
) -> Result<Vec<Subject>, Mistake> {
    if (account.is_empty() && address.is_empty()) || account.len() > MAX_NAME_BYTES {
        return Err(Mistake);
    }
    let account = (!account.is_empty()).then(|| Subject::Account(account.into()));
    let networks = if address.is_empty() { Vec::new() } else { networks(address).ok_or(Mistake)? };
    Ok(account.into_iter().chain(networks).collect())
}

fn after(now_ms: u64, time: Duration) -> u64 {
    now_ms.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
