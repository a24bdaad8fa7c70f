//! The list in memory and the store that is told of its changes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::list::{Change, Entry, List, Subject};
use super::registers::{self, RegisterChange, Registers};
use super::table;
use crate::clock::unix_ms;
use crate::store::{Fault, Store, StoreError, Transaction};

/// How long the list waits before it is written again after a failure of the store.
const RETRY: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1000 });
/// The most entries that are copied at once while the list is written again.
const COPIED_AT_ONCE: usize = 1000;

/// The list, which all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    list: RwLock<List>,
    store: Arc<Store>,
    /// Whether a thread is there to write the list again.
    is_unsaved: AtomicBool,
    /// The cluster that shares the list, if there is one.
    pub(super) cluster: OnceLock<Arc<dyn Registers>>,
}

impl Shared {
    /// The entries of the store, of which at most `max` are kept.
    pub(super) fn open(max: usize, store: Arc<Store>) -> Result<Arc<Self>, StoreError> {
        let entries: Vec<(Subject, Entry)> = store.call(|transaction| table::load(transaction))?;
        let mut changes = Vec::new();
        let list = RwLock::new(List::load(max, unix_ms(), entries, &mut changes));
        if !changes.is_empty() {
            store.call(move |transaction| table::save(transaction, &changes))?;
        }
        Ok(Arc::new(Shared { list, store, is_unsaved: AtomicBool::new(false), cluster: OnceLock::new() }))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, List> {
        // No code under the lock can panic half-way.
        self.list.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, List> {
        self.list.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the store make changes of the list, which is locked so that they keep their order.
    pub(super) fn save(
        self: &Arc<Self>,
        list: &List,
        changes: Vec<Change>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        let registers = self.tell_cluster(&changes);
        self.save_both(list, changes, registers, done);
    }

    /// Tells the cluster, if there is one, of what somebody has changed here.
    pub(super) fn tell_cluster(&self, changes: &[Change]) -> Vec<RegisterChange> {
        let Some(cluster) = self.cluster.get() else { return vec![] };
        let told = changes.iter().filter_map(|change| match change {
            Change::Put(subject, entry) => Some(RegisterChange::Put(cluster.put(subject, entry))),
            Change::Remove(subject) => Some(RegisterChange::Put(cluster.remove(subject))),
            Change::Clear => Some(RegisterChange::Clear(cluster.clear())),
            Change::Forget(_) => None,
        });
        told.collect()
    }

    /// Like [`save`](Self::save), with changes of registers that the cluster knows.
    pub(super) fn save_both(
        self: &Arc<Self>,
        _list: &List,
        changes: Vec<Change>,
        registers: Vec<RegisterChange>,
        done: impl FnOnce(Result<(), StoreError>) + Send + 'static,
    ) {
        if changes.is_empty() && registers.is_empty() {
            return done(Ok(()));
        }
        let shared = self.clone();
        let work = move |transaction: &mut Transaction<'_>| {
            registers::save(transaction, &registers)?;
            table::save(transaction, &changes)
        };
        self.store.submit(work, move |saved| {
            if saved.is_err() {
                shared.save_again();
            }
            done(saved);
        });
    }

    /// The store.
    #[cfg(feature = "cluster")]
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Writes the whole list once the store works again, on a thread of its own.
    fn save_again(self: &Arc<Self>) {
        if self.is_unsaved.swap(true, Ordering::AcqRel) {
            return;
        }
        log::error!("the black list is not saved: it is written again once the store works");
        let shared = self.clone();
        let run = move || {
            loop {
                std::thread::sleep(RETRY);
                // A change that fails from here on starts another thread.
                shared.is_unsaved.store(false, Ordering::Release);
                let list = shared.clone();
                if shared.store.call(move |transaction| list.write_all(transaction)).is_ok() {
                    return log::info!("the black list is saved again");
                }
                if shared.is_unsaved.swap(true, Ordering::AcqRel) {
                    return;
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("blacklist".into()).spawn(run) {
            self.is_unsaved.store(false, Ordering::Release);
            log::error!("cannot start a thread: {error}");
        }
    }

    /// Writes all entries. Changes that are made meanwhile follow in requests of their own.
    fn write_all(&self, transaction: &mut Transaction<'_>) -> Result<(), Fault> {
        let mut changes = vec![Change::Clear];
        let mut last = None;
        while !changes.is_empty() {
            table::save(transaction, &changes)?;
            let some = self.read().some_after(last.as_ref(), COPIED_AT_ONCE);
            last = some.last().map(|(subject, _)| subject.clone());
            changes = some.into_iter().map(|(subject, entry)| Change::Put(subject, entry)).collect();
        }
        Ok(())
    }
}
