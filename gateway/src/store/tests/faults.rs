//! The disk fails at each call, once or for longer, or the machine crashes there.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use super::super::accounts::{AccountKey, remove};
use super::super::{Store, StoreError};
use super::disk::{Disk, Failure};
use super::key;

/// What clients were told.
#[derive(Debug, Default)]
struct Told {
    roles: BTreeMap<AccountKey, u64>,
    /// The role of the account whose removal was tried.
    removed: Option<u64>,
}

impl Told {
    fn ask(&mut self, store: &Store, key: AccountKey) {
        if let Ok(role_id) = store.role(key.clone()) {
            self.roles.insert(key, role_id);
        }
    }
}

/// Clients come, and one account is removed. What they are told is kept.
fn play(store: &Store, round: u32, told: &mut Told) {
    for zone_id in 0..3 {
        told.ask(store, key(&format!("account-{round}"), zone_id));
    }
    let first = key(&format!("account-{round}"), 0);
    told.removed = told.roles.remove(&first);
    let gone = first.clone();
    // If it fails, nobody knows whether the account is gone.
    let _ = store.call(move |transaction| remove(transaction, &gone));
    told.ask(store, first);
}

/// All that were told a role have it, and no other has.
fn check(store: &Store, told: &Told, case: &str) {
    for (key, role_id) in &told.roles {
        assert_eq!(store.role(key.clone()), Ok(*role_id), "{case}: {key:?}");
    }
    let roles: BTreeSet<_> = told.roles.values().collect();
    assert_eq!(roles.len(), told.roles.len(), "{case}: {told:?}");
    let newest = store.role(key(case, 0)).unwrap();
    let mut earlier = told.roles.values().chain(&told.removed);
    assert!(earlier.all(|role_id| *role_id < newest), "{case}: {newest} after {told:?}");
}

/// Waits until the store works again.
fn settle(store: &Store) {
    while store.role(key("newcomer", 9)) == Err(StoreError::Unavailable) {
        std::thread::yield_now();
    }
}

#[test]
fn a_failure_at_any_call_loses_and_doubles_nothing() {
    for failure in [Failure::Once, Failure::Full] {
        for calls in 0.. {
            let case = format!("{failure:?} after {calls} calls");
            let (disk, mut told) = (Disk::default(), Told::default());
            let store = disk.store().unwrap();
            play(&store, 0, &mut told);
            disk.fail_after(calls, failure);
            play(&store, 1, &mut told);
            disk.repair();
            if !disk.state().failed {
                assert!(calls > 20, "{case}: no call failed");
                break;
            }
            settle(&store);
            check(&store, &told, &case);
            // And the files are good for the next start.
            store.close();
            check(&disk.store().unwrap(), &told, &case);
        }
    }
}

#[test]
fn a_crash_at_any_call_loses_and_doubles_nothing() {
    let random = RandomState::new();
    for calls in 0.. {
        let (disk, mut told) = (Disk::default(), Told::default());
        let store = disk.store().unwrap();
        play(&store, 0, &mut told);
        disk.fail_after(calls, Failure::Dead);
        play(&store, 1, &mut told);
        if !disk.state().failed {
            break;
        }
        for choice in [0, u64::MAX, random.hash_one((calls, 1)), random.hash_one((calls, 2))] {
            let case = format!("a crash after {calls} calls, choice {choice:#x}");
            check(&disk.crash(choice).store().unwrap(), &told, &case);
        }
    }
}

#[test]
fn a_disk_that_fails_at_the_start_is_an_error() {
    for calls in 0.. {
        let disk = Disk::default();
        disk.fail_after(calls, Failure::Full);
        let opened = disk.store();
        if !disk.state().failed {
            break;
        }
        // Whether a call that closes the files fails makes no difference any more.
        if let Err(line) = opened {
            assert!(line.starts_with("disk: cannot be ") && !line.contains('\n'), "{line}");
        }
    }
}
