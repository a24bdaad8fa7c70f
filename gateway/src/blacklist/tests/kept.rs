//! The list as the options say, in its store, which may fail.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::Peer;

use super::super::list::{Change, Entry};
use super::super::{AddError, Blacklist, Mistake, Rules, Subject, table};
use super::account;
use crate::clock::unix_ms;
use crate::options::tests::serve_options;
use crate::store::tests::disk::{Disk, Failure};
use crate::store::{Store, StoreError};

pub(super) fn open(arguments: &[&str], store: &Arc<Store>) -> Blacklist {
    Blacklist::open(Rules::new(&serve_options(arguments)), store.clone()).unwrap()
}

fn peer(address: &str) -> Peer {
    Peer::Ip(address.parse().unwrap(), 1)
}

#[test]
fn offences_list_whom_the_options_say() {
    let store = Arc::new(Store::open(None).unwrap());
    let trusted = ["--proxy-protocol=203.0.113.0/24", "--forwarded-for=198.51.100.1", "--token-keys=FILE"];
    for (arguments, listed) in [
        (&[][..], "a 2001:db8::/64 203.0.113.7 198.51.100.1"),
        (&["--blacklist-time=0"], ""),
        (&["--blacklist-after=0"], "a"),
        (&["--blacklist-after=5"], "a"),
        (&["--ipv6-prefix=48"], "a 2001:db8::/48 203.0.113.7 198.51.100.1"),
        (&["--auth=open"], "2001:db8::/64 203.0.113.7 198.51.100.1"),
        (&trusted, "a 2001:db8::/64"),
    ] {
        let list = open(arguments, &store);
        for address in ["203.0.113.7", "198.51.100.1", "2001:db8::7", "127.0.0.1", "10.0.0.1", "100.64.0.1"] {
            for _ in 0..4 {
                list.offence(peer(address), Some("a"));
            }
        }
        list.offence(Peer::Local, None);
        let names: Vec<_> = listed.split_whitespace().collect();
        assert_eq!(list.page(0, 0).total, names.len(), "{arguments:?}");
        assert_eq!(list.bars_account("a"), names.contains(&"a"));
        assert!(!list.bars_account("b") && !list.bars(Peer::Local) && !list.bars(peer("127.0.0.1")));
        for (address, name) in
            [("203.0.113.7", "203.0.113.7"), ("198.51.100.1", "198.51.100.1"), ("2001:db8::8", "2001:")]
        {
            let expected = names.iter().any(|listed| listed.starts_with(name));
            assert_eq!(list.bars(peer(address)), expected, "{arguments:?} {address}");
        }
        // It is in the store, and no longer once it is cleared.
        assert_eq!(open(arguments, &store).page(0, 10), list.page(0, 10));
        list.clear(|cleared| assert_eq!(cleared, Ok(0)));
        assert_eq!(open(arguments, &store).page(0, 10).total, 0);
        list.offence(peer("203.0.113.7"), None);
        assert!(!list.bars(peer("203.0.113.7")), "offences are forgotten too, {arguments:?}");
    }
}

#[test]
fn operators_list_and_remove() {
    let store = Arc::new(Store::open(None).unwrap());
    let list = open(&["--proxy-protocol=203.0.113.1", "--token-keys=FILE"], &store);
    let long = "x".repeat(256);
    for (account, address) in [
        ("", ""),
        (&*long, ""),
        ("a", "203.0.113.1"),
        ("", "127.0.0.1"),
        ("", "::1"),
        ("", "0.0.0.0"),
        ("", "unix"),
        ("", "2001:db8::/48"),
        ("", "203.0.113.0/24"),
    ] {
        assert_eq!(list.to_add(account, address), Err(Mistake), "{account} {address}");
    }
    let add = |account: &str, address: &str, seconds| {
        let (told, done) = channel();
        list.add(list.to_add(account, address).unwrap(), seconds, move |added| told.send(added).unwrap());
        done.recv().unwrap()
    };
    assert_eq!(add("a", "10.0.0.1", 0), Ok(2), "a private address, by an operator");
    assert_eq!(add("", "2001:db8::/64", 500), Ok(3));
    assert!(list.bars(peer("10.0.0.1")) && list.bars(peer("2001:db8::1")) && list.bars_account("a"));
    let entries = list.page(0, 10).entries;
    let ends: Vec<_> =
        entries.iter().map(|(_, entry)| entry.until_ms.saturating_sub(unix_ms()) / 1000).collect();
    assert!((3590..=3600).contains(&ends[0]) && ends[2] <= 500, "{ends:?}");
    // Who was trusted later is barred no more, and can be removed.
    let trusting = open(&["--proxy-protocol=10.0.0.1", "--token-keys=FILE"], &store);
    assert!(!trusting.bars(peer("10.0.0.1")));
    trusting.remove(&trusting.to_remove("", "10.0.0.1").unwrap(), |removed| assert_eq!(removed, Ok(2)));
    assert_eq!(open(&[], &store).page(0, 10).total, 2);
    list.remove(&list.to_remove("a", "2001:db8::").unwrap(), drop);
    assert!(!list.bars(peer("2001:db8::1")) && !list.bars_account("a"));
}

/// Entries outlive the options by which they were made.
#[test]
fn an_address_that_is_removed_is_let_in_whatever_network_bars_it() {
    let store = Arc::new(Store::open(None).unwrap());
    let rows = ["2001:db8::/48", "2001:db8::/64", "2001:db8::7", "2001:db8:0:1::/64", "203.0.113.7"];
    let subject = |text: &str| Subject::Network(text.parse().unwrap());
    for (removed, let_in, left) in [
        ("2001:db8::7", "2001:db8::7", &["203.0.113.7", "2001:db8:0:1::/64"][..]),
        ("2001:db8::/48", "2001:db8:0:2::1", &["203.0.113.7", rows[2], rows[1], rows[3]]),
        ("::ffff:203.0.113.7", "203.0.113.7", &[rows[2], rows[0], rows[1], rows[3]]),
        ("2001:db9::1", "2001:db9::1", &["203.0.113.7", rows[2], rows[0], rows[1], rows[3]]),
    ] {
        let entry = |number| Entry { until_ms: u64::MAX, number, by_operator: number % 2 == 0 };
        let changes: Vec<_> =
            (0..).zip(rows).map(|(number, row)| Change::Put(subject(row), entry(number))).collect();
        store.call(move |transaction| table::save(transaction, &changes)).unwrap();
        let list = open(&["--ipv6-prefix=56"], &store);
        list.remove(&list.to_remove("", removed).unwrap(), drop);
        assert!(!list.bars(peer(let_in)), "{removed}");
        let mut found: Vec<_> = list.page(0, 10).entries.into_iter().map(|(subject, _)| subject).collect();
        let mut expected: Vec<_> = left.iter().map(|text| subject(text)).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{removed}");
    }
}

#[test]
fn what_has_expired_leaves_the_store_at_the_next_start() {
    let store = Arc::new(Store::open(None).unwrap());
    let entry = |until_ms, number| Entry { until_ms, number, by_operator: false };
    let old = [Change::Put(account("old"), entry(1, 1)), Change::Put(account("now"), entry(u64::MAX, 2))];
    store.call(move |transaction| table::save(transaction, &old)).unwrap();
    let list = open(&[], &store);
    assert!(list.bars_account("now") && !list.bars_account("old"));
    let left = store.call(|transaction| table::load(transaction)).unwrap();
    assert_eq!(left, [(account("now"), entry(u64::MAX, 2))]);
}

#[test]
fn a_list_that_is_full_of_operators_entries_takes_no_more() {
    let store = Arc::new(Store::open(None).unwrap());
    let rules = || Rules::new(&serve_options(&[]));
    let list = Blacklist::open_with(2, rules(), store.clone()).unwrap();
    let add = |account: &str, address: &str| {
        let (told, done) = channel();
        list.add(list.to_add(account, address).unwrap(), 0, move |added| told.send(added).unwrap());
        done.recv().unwrap()
    };
    list.offence(peer("127.0.0.1"), Some("offender"));
    assert_eq!(add("a", ""), Ok(2));
    assert_eq!(add("b", "203.0.113.7"), Err(AddError::Full), "both or none");
    assert!(list.bars_account("offender") && !list.bars_account("b"));
    assert_eq!(add("b", ""), Ok(2), "the offender makes room");
    assert_eq!(add("c", ""), Err(AddError::Full));
    list.offence(peer("127.0.0.1"), Some("offender"));
    assert!(!list.bars_account("offender"));
    assert_eq!(Blacklist::open_with(2, rules(), store).unwrap().page(0, 10), list.page(0, 10));
}

#[test]
fn a_list_that_could_not_be_saved_is_saved_later() {
    for failure in [Failure::Once, Failure::Full, Failure::Dead] {
        let disk = Disk::default();
        let store = Arc::new(disk.store().unwrap());
        let list = open(&[], &store);
        let add = |account: &str| {
            let (told, done) = channel();
            list.add(list.to_add(account, "").unwrap(), 0, move |added| told.send(added).unwrap());
            done.recv().unwrap()
        };
        assert_eq!(add("before"), Ok(1));
        disk.fail_after(0, failure);
        assert_eq!(add("meanwhile"), Err(AddError::Store(StoreError::Unavailable)));
        list.remove(&list.to_remove("before", "").unwrap(), drop);
        assert!(list.bars_account("meanwhile") && !list.bars_account("before"), "it holds in memory");
        disk.repair();
        // The thread that writes it again says nothing to anybody.
        let saved = (0..2000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            store
                .call(|transaction| table::load(transaction))
                .is_ok_and(|entries| entries.iter().map(|(subject, _)| subject).eq([&account("meanwhile")]))
        });
        assert!(saved, "{failure:?}");
        assert!(add("after").is_ok());
        assert_eq!(open(&[], &store).page(0, 10), list.page(0, 10), "{failure:?}");
    }
}
