//! Shares the black list with the other servers of a cluster.
#![cfg(feature = "cluster")]

use std::sync::Arc;

use super::list::{Change, Full};
use super::registers::{self, Register, RegisterChange, Registers};
use super::{Blacklist, table};
use crate::clock::unix_ms;
use crate::store::Transaction;

impl Blacklist {
    /// The registers in the store, and the cluster's bytes about the last time that they were cleared.
    ///
    /// # Errors
    /// One line that says that they cannot be read.
    pub(crate) fn registers(&self) -> Result<(Vec<Register>, Option<Vec<u8>>), String> {
        let loaded = self.shared.store().call(|transaction| registers::load(transaction, unix_ms()));
        loaded.map_err(|error| format!("the black list cannot be read: {error}"))
    }

    /// Has the cluster know of all changes from now on, and of the entries that are older than it.
    pub(crate) fn share(&self, cluster: Arc<dyn Registers>) {
        let known = self.registers().map_or_else(|_| Vec::new(), |(registers, _)| registers);
        let known: std::collections::HashSet<_> = known.into_iter().map(|register| register.key).collect();
        let list = self.shared.write();
        // It is called once.
        let _ = self.shared.cluster.set(cluster);
        let entries = list.some_after(None, usize::MAX).into_iter();
        let unknown = entries.filter(|(subject, _)| !known.contains(&table::key(subject)));
        let unknown: Vec<_> = unknown.map(|(subject, entry)| Change::Put(subject, entry)).collect();
        self.shared.save(&list, unknown, drop);
    }

    /// Takes what other servers have written last.
    pub(crate) fn take(&self, registers: impl Iterator<Item = Register>) {
        let now_ms = unix_ms();
        let (mut list, mut changes, mut kept) = (self.shared.write(), Vec::new(), Vec::new());
        for register in registers {
            // The list may have changed here since: under its lock, nothing is between the two.
            if self.shared.cluster.get().is_some_and(|cluster| !cluster.is_latest(&register)) {
                continue;
            }
            // A key of another kind is that of a newer version.
            if let Some(subject) = table::subject(&register.key) {
                if register.is_removed || register.until_ms <= now_ms {
                    list.remove(&subject, &mut changes);
                } else if let Err(Full) =
                    list.set(subject, register.until_ms, register.by_operator, now_ms, &mut changes)
                {
                    self.counted().tell_full(now_ms);
                }
            }
            kept.push(RegisterChange::Put(register));
        }
        self.shared.save_both(&list, changes, kept, drop);
    }

    /// Another server has cleared the list: entries that were written later stay, as `is_later` says of the
    /// cluster's bytes of their registers. `bytes` are those of the clearing.
    pub(crate) fn take_clear(
        self: &Arc<Self>,
        bytes: Vec<u8>,
        is_later: impl Fn(&[u8]) -> bool + Send + 'static,
    ) {
        let next_number = self.shared.read().next_number();
        let work =
            move |transaction: &mut Transaction<'_>| registers::clear_earlier(transaction, &bytes, is_later);
        let own = self.clone();
        self.shared.store().submit(work, move |cleared| {
            // The log of the store says why, and the next clearing or digest finds the rest.
            let Ok(cleared) = cleared else { return };
            let (mut list, mut changes) = (own.shared.write(), Vec::new());
            for subject in &cleared {
                list.remove_below(next_number, subject, &mut changes);
            }
            own.shared.save_both(&list, changes, vec![], drop);
        });
    }
}
