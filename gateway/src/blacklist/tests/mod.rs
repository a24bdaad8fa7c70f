//! Tables of addresses, of entries that come and go, and of offences.

mod kept;
#[cfg(feature = "cluster")]
mod shared;

use std::collections::BTreeMap;

use super::list::{Change, List};
use super::network::{Network, Scope, scope};
use super::offences::{MAX_NEW_ENTRIES, NewEntries, OFFENCE_MS, Offences, Told};
use super::{Full, MAX_ENTRIES, Subject};

fn account(name: &str) -> Subject {
    Subject::Account(name.into())
}

fn network(text: &str) -> Subject {
    Subject::Network(Network::parse(text, 64).unwrap())
}

#[test]
fn an_address_stands_for_its_network() {
    for (text, prefix, shown) in [
        ("203.0.113.7", 64, "203.0.113.7"),
        ("203.0.113.7/32", 64, "203.0.113.7"),
        ("::ffff:203.0.113.7", 64, "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2::/64", 48, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::", 48, "2001:db8:1::/48"),
        ("2001:db8::1", 128, "2001:db8::1"),
        ("2001:db8::1/128", 64, "2001:db8::1"),
        ("2001:db8::1", 1, "::/1"),
    ] {
        let network = Network::parse(text, prefix).unwrap();
        assert_eq!(network.to_string(), shown, "{text}");
        assert_eq!(shown.parse(), Ok(network), "what is shown can be read");
    }
    for text in [
        "",
        "unix",
        "203.0.113",
        "203.0.113.7:80",
        "203.0.113.0/24",
        "203.0.113.7/33",
        "2001:db8::1/64",
        "::/0",
        "::1/129",
        "2001:db8::/+64",
        "2001:db8::/",
        "[::1]",
        "203.0.113.7 ",
        "::ffff:203.0.113.7/128",
    ] {
        assert_eq!(Network::parse(text, 64), None, "{text}");
    }
}

#[test]
fn some_addresses_are_never_listed_and_some_by_operators_only() {
    let never = "127.0.0.1 127.255.0.1 0.0.0.0 224.0.0.1 255.255.255.255 :: ::1 ff02::1 ::ffff:127.0.0.1";
    let operators = "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.0.1 100.64.0.0 100.127.255.255 fe80::1 \
                     fc00::1 fd00::1 ::ffff:10.0.0.1 64:ff9b::203.0.113.7 64:ff9b:1::7";
    let all = "9.255.255.255 11.0.0.0 172.15.0.1 172.32.0.0 192.0.2.1 100.63.255.255 100.128.0.0 203.0.113.7 \
               2001:db8::1 fec0::1 64:ff9b:0:0:1::7 64:ff9b:2::7";
    for (addresses, expected) in [(never, Scope::Own), (operators, Scope::Private), (all, Scope::Public)] {
        for address in addresses.split_whitespace() {
            assert_eq!(scope(address.parse().unwrap()), expected, "{address}");
        }
    }
}

#[test]
fn the_oldest_automatic_entries_make_room_and_no_operators() {
    let mut list = List::new(3);
    let names = |list: &List, now| {
        let (total, page) = list.page(0, 10, now);
        assert_eq!(total, page.len());
        let name = |(subject, _): (Subject, _)| match subject {
            Subject::Account(account) => account.to_string(),
            Subject::Network(network) => network.to_string(),
        };
        page.into_iter().map(name).collect::<Vec<_>>().join(" ")
    };
    // Whom, until when, whether by an operator, now; the result, and who is listed then.
    for (subject, until, by_operator, now, expected, listed) in [
        (account("c"), 100, false, 0, Ok(true), "c"),
        (account("a"), 100, false, 0, Ok(true), "a c"),
        (network("203.0.113.7"), 50, true, 0, Ok(true), "a c 203.0.113.7"),
        // Listed again, so that it is newer than `a`.
        (account("c"), 90, false, 1, Ok(false), "a c 203.0.113.7"),
        (account("d"), 100, false, 1, Ok(true), "c d 203.0.113.7"),
        (account("o"), 100, true, 1, Ok(true), "d o 203.0.113.7"),
        (account("p"), 100, true, 1, Ok(true), "o p 203.0.113.7"),
        (account("e"), 100, false, 1, Err(Full), "o p 203.0.113.7"),
        (account("q"), 100, true, 1, Err(Full), "o p 203.0.113.7"),
        // Who is listed already needs no room, and stays an operator's entry.
        (account("p"), 20, false, 1, Ok(false), "o p 203.0.113.7"),
        // What has ended makes room.
        (account("e"), 100, false, 50, Ok(true), "e o p"),
        (account("f"), 100, false, 50, Ok(true), "f o p"),
        (account("p"), 60, true, 50, Ok(false), "f o p"),
        (account("g"), 200, false, 60, Ok(true), "f g o"),
        (account("h"), 200, false, 100, Ok(true), "g h"),
    ] {
        let mut changes = Vec::new();
        let put = list.put(subject.clone(), until, by_operator, now, &mut changes);
        assert_eq!((put, &*names(&list, now)), (expected, listed), "{subject:?}");
        let is_put = matches!(changes.last(), Some(Change::Put(changed, _)) if *changed == subject);
        assert_eq!(is_put, put.is_ok());
    }
    assert!(list.lists_account("g", 199) && !list.lists_account("g", 200), "an entry ends by itself");
}

#[test]
fn all_that_an_operator_asks_for_fits_or_nothing() {
    let mut list = List::new(3);
    let both = [account("x"), network("203.0.113.9")];
    let mut put = |name, by_operator, until| {
        list.put(account(name), until, by_operator, 0, &mut Vec::new()).unwrap();
        (list.has_room_for(&both, 0), list.has_room_for(&both, 50), list.has_room_for(&both[..1], 0))
    };
    assert_eq!(put("a", true, 100), (true, true, true));
    assert_eq!(put("b", true, 50), (false, true, true));
    assert_eq!(put("x", false, 50), (false, true, true));
    assert_eq!(put("x", true, 50), (false, true, true), "it is listed already");
}

#[test]
fn an_ipv6_network_is_found_by_any_of_its_addresses() {
    let mut list = List::new(10);
    for (text, prefix) in [("2001:db8:1::1", 64), ("2001:db8:2::1", 48), ("203.0.113.7", 64)] {
        let subject = Subject::Network(Network::parse(text, prefix).unwrap());
        list.put(subject, 100, false, 0, &mut Vec::new()).unwrap();
    }
    for (address, is_listed) in [
        ("2001:db8:1::ffff", true),
        ("2001:db8:1:1::1", false),
        ("2001:db8:2:ffff::1", true),
        ("2001:db8:3::1", false),
        ("203.0.113.7", true),
        ("::ffff:203.0.113.7", true),
        ("203.0.113.8", false),
    ] {
        assert_eq!(list.lists_ip(address.parse().unwrap(), 0), is_listed, "{address}");
    }
    let mut changes = Vec::new();
    assert!(list.remove(&Subject::Network("2001:db8:2::/48".parse().unwrap()), &mut changes));
    assert!(!list.lists_ip("2001:db8:2::1".parse().unwrap(), 0));
    assert!(list.lists_ip("2001:db8:1::1".parse().unwrap(), 0));
}

#[test]
fn a_list_at_its_bound_stays_there() {
    let mut list = List::new(MAX_ENTRIES);
    let mut changes = Vec::new();
    for number in 0..MAX_ENTRIES as u64 + 100 {
        let subject = network(&format!("203.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255));
        assert_eq!(list.put(subject, u64::MAX, false, 0, &mut changes), Ok(true));
    }
    let is_listed = |list: &List, address: &str| list.lists_ip(address.parse().unwrap(), 0);
    assert_eq!((list.page(0, 0, 0).0, changes.len()), (MAX_ENTRIES, MAX_ENTRIES + 200));
    assert!(!is_listed(&list, "203.0.0.99") && is_listed(&list, "203.0.0.100"), "the oldest 100 went");
    for number in 0..MAX_ENTRIES {
        assert_eq!(list.put(account(&number.to_string()), u64::MAX, true, 0, &mut changes), Ok(true));
    }
    assert_eq!(list.page(0, 0, 0).0, MAX_ENTRIES);
    for by_operator in [false, true] {
        assert_eq!(list.put(account("more"), u64::MAX, by_operator, 0, &mut changes), Err(Full));
    }
    assert!(!list.has_room_for(&[account("more")], 0) && list.has_room_for(&[account("7")], 0));
}

/// Random changes of the list, beside a map that is told of them as the store is.
#[test]
fn the_changes_are_those_of_the_list() {
    let (mut list, mut stored, mut seed) = (List::new(20), BTreeMap::new(), 1_u64);
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for now in 0..20_000 {
        let mut changes = Vec::new();
        let subject = if random(2) == 0 {
            account(&random(40).to_string())
        } else {
            network(&format!("203.0.113.{}", random(40)))
        };
        match random(400) {
            0 => _ = list.clear(&mut changes),
            1..60 => _ = list.remove(&subject, &mut changes),
            kind => _ = list.put(subject, now + random(100), kind > 380, now, &mut changes),
        }
        for change in changes {
            match change {
                Change::Put(subject, entry) => _ = stored.insert(subject, entry),
                Change::Remove(subject) | Change::Forget(subject) => {
                    assert!(stored.remove(&subject).is_some())
                }
                Change::Clear => stored.clear(),
            }
        }
        assert!(stored.len() <= 20);
        let all = list.some_after(None, usize::MAX);
        assert_eq!(all, stored.iter().map(|(subject, entry)| (subject.clone(), *entry)).collect::<Vec<_>>());
        let mut removed = Vec::new();
        let loaded = List::load(20, now, stored.clone(), &mut removed);
        assert_eq!(loaded.page(0, 100, now), list.page(0, 100, now));
        assert_eq!(loaded.some_after(None, 100).len() + removed.len(), stored.len());
        let smaller = List::load(5, now, stored.clone(), &mut Vec::new());
        let operators = smaller.some_after(None, 100).iter().filter(|(_, entry)| entry.by_operator).count();
        assert!(smaller.page(0, 0, now).0 <= operators.max(5));
        let (total, page) = list.page(3, 4, now);
        assert_eq!(page.len(), total.saturating_sub(3).min(4));
    }
}

#[test]
fn an_address_is_listed_from_its_third_offence_within_an_hour_on() {
    let minute = OFFENCE_MS / 60;
    let address = |text: &str| Network::parse(text, 64).unwrap();
    for (after, times, expected) in [
        (3, &[0, 1, 2, 3][..], &[false, false, true, true][..]),
        (3, &[0, 59, 61, 62], &[false, false, false, true]),
        (3, &[0, 30, 60, 90, 119], &[false, false, false, false, true]),
        (1, &[0, 100], &[true, true]),
        (2, &[0, 60, 119], &[false, false, true]),
        // The clock was set back.
        (2, &[200, 0, 1], &[false, false, true]),
    ] {
        let mut offences = Offences::new(after, 10);
        let listed: Vec<_> =
            times.iter().map(|time| offences.count(address("203.0.113.7"), time * minute)).collect();
        assert_eq!(listed, expected, "{after} {times:?}");
        assert!(!offences.count(address("203.0.113.8"), 0) || after == 1, "another address");
    }
    // The counter of the address that has not offended for longest goes.
    let mut offences = Offences::new(2, 3);
    for (text, is_listed) in [
        ("203.0.113.1", false),
        ("203.0.113.2", false),
        ("203.0.113.3", false),
        ("203.0.113.1", true),
        ("203.0.113.4", false),
        ("203.0.113.2", false),
        ("203.0.113.1", true),
    ] {
        assert_eq!(offences.count(address(text), 0), is_listed, "{text}");
        assert!(offences.len() <= 3);
    }
}

#[test]
fn many_new_entries_give_one_warning() {
    let mut entries = NewEntries::default();
    let mut count = |times: &mut dyn Iterator<Item = u64>| {
        let told: Vec<_> = times.map(|now| entries.count(now)).collect();
        let of = |kind| told.iter().filter(|told| **told == kind).count();
        (of(Told::Line), of(Told::Warning), of(Told::Nothing))
    };
    let normal = MAX_NEW_ENTRIES as u64;
    assert_eq!(count(&mut (0..normal).map(|number| number * 10)), (100, 0, 0));
    assert_eq!(count(&mut (0..10_000).map(|number| 1000 + number)), (0, 1, 9999));
    // As many as are just normal do not end it: the warning would come again and again.
    assert_eq!(count(&mut (0..300).map(|number| 11_000 + number * 600)), (0, 0, 300));
    assert_eq!(count(&mut (0..60).map(|number| 1_000_000 + number)), (60, 0, 0));
    assert_eq!(count(&mut (0..60).map(|number| 1_001_000 + number)), (40, 1, 19));
    // The clock was set back.
    assert_eq!(count(&mut (0..60).map(|number| 1000 + number)), (60, 0, 0));
}
