//! Requests that come at once: their order, their shared transactions, and how many may wait.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use super::super::accounts::role_of;
use super::super::{Fault, MAX_REQUESTS, Store, StoreError};
use super::disk::Disk;
use super::key;

/// Has the store's thread wait until the sender is dropped.
fn hold(store: &Store) -> SyncSender<()> {
    let ((held, hold), (begun, begins)) = (sync_channel::<()>(0), sync_channel(0));
    let work = move |_: &mut super::super::Transaction<'_>| {
        begun.send(()).unwrap();
        let _ = hold.recv();
        Ok(())
    };
    store.submit(work, drop);
    begins.recv().unwrap();
    held
}

/// Asks for the roles of many accounts. They come in the order in which they were told.
fn ask(store: &Store, accounts: impl Iterator<Item = u32>) -> Receiver<(u32, Result<u64, StoreError>)> {
    let (told, answers) = channel();
    for zone_id in accounts {
        let (key, told) = (key("account", zone_id), told.clone());
        let work =
            move |transaction: &mut super::super::Transaction<'_>| Ok(role_of(transaction, &key)?.unwrap());
        store.submit(work, move |role_id| told.send((zone_id, role_id)).unwrap());
    }
    answers
}

#[test]
fn requests_that_wait_share_a_transaction() {
    let disk = Disk::default();
    let store = disk.store().unwrap();
    let held = hold(&store);
    // Each account comes twice.
    let answers = ask(&store, (0..100).chain(0..100));
    let before = disk.state().syncs;
    drop(held);
    let told: Vec<_> = answers.iter().take(200).collect();
    let expected = (0..100).chain(0..100).map(|zone_id| (zone_id, Ok(u64::from(zone_id) + 1)));
    assert_eq!(told, expected.collect::<Vec<_>>());
    let syncs = disk.state().syncs - before;
    assert!((1..=4).contains(&syncs), "{syncs} syncs for one transaction");

    let before = disk.state().syncs;
    assert!(ask(&store, 0..100).iter().take(100).all(|(_, role_id)| role_id.is_ok()));
    assert_eq!(disk.state().syncs, before, "known accounts cost no sync");
}

#[test]
fn a_full_queue_refuses_and_an_end_does_not() {
    let store = Store::open(None).unwrap();
    let held = hold(&store);
    let waiting = u32::try_from(MAX_REQUESTS).unwrap();
    let answers = ask(&store, 0..waiting + 3);
    for zone_id in waiting..waiting + 3 {
        assert_eq!(answers.recv().unwrap(), (zone_id, Err(StoreError::Busy)));
    }
    drop(held);
    store.close();
    let told: Vec<_> = answers.iter().collect();
    assert_eq!(told.len(), MAX_REQUESTS);
    assert!(told.iter().all(|(_, role_id)| role_id.is_ok()), "what waited at the end was worked off");
    assert_eq!(store.role(key("late", 1)), Err(StoreError::Unavailable));
}

#[test]
fn a_request_that_panics_harms_no_other() {
    let store = Store::open(None).unwrap();
    assert_eq!(store.role(key("first", 1)), Ok(1));
    store.submit(|_| Ok(()), |_| panic!("a test: after the transaction"));
    assert_eq!(store.role(key("second", 1)), Ok(2));
    store.submit(|_| -> Result<(), Fault> { panic!("a test: within it") }, drop);
    let third = loop {
        match store.role(key("third", 1)) {
            Err(StoreError::Unavailable) => std::thread::yield_now(),
            third => break third,
        }
    };
    assert_eq!(third, Ok(3), "a role is not given again, in memory neither");
    assert_eq!(store.role(key("first", 1)), Ok(1));
}
