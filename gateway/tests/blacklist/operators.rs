//! What operators do with the list, over command 9005.

use super::common::Reply;
use super::messages::{Entry, monitor};
use super::stage::{REFUSED, Stage, connect, is_barred, outcome, player, watch};

#[test]
fn operators_list_add_remove_and_clear() {
    for workers in ["1", "3"] {
        let stage = Stage::new(workers);
        let program = stage.start(&[]);
        let mut boss = watch(&program);
        let message = |action, account: &str, address: &str| monitor::Blacklist {
            action,
            account: account.into(),
            address: address.into(),
            ..monitor::Blacklist::default()
        };
        let long = "x".repeat(256);
        for (action, account, address) in [
            (4, "", ""),
            (u32::MAX, "a", ""),
            (1, "", ""),
            (2, "", ""),
            (1, &*long, ""),
            (2, &*long, ""),
            (1, "", "nowhere"),
            (1, "", "127.0.0.1"),
            (1, "a", "127.0.0.1"),
            (1, "", "::1"),
            (2, "", "203.0.113"),
        ] {
            assert_eq!(
                boss.blacklist(&message(action, account, address)),
                Err(4),
                "{action} {account} {address}"
            );
        }
        assert!(boss.listed().is_empty(), "what is refused changes nothing");
        let total = |page: monitor::BlacklistPage| (page.total, page.entry.len());
        let both = message(1, "bad", "203.0.113.7");
        assert_eq!(boss.blacklist(&both).map(total), Ok((2, 0)));
        assert_eq!(boss.blacklist(&message(1, "", "10.1.2.3")).map(total), Ok((3, 0)), "a private address");
        let network = monitor::Blacklist { seconds: 300, ..message(1, "", "2001:db8::7") };
        assert_eq!(boss.blacklist(&network).map(total), Ok((4, 0)));
        assert_eq!(boss.listed(), ["bad", "10.1.2.3", "203.0.113.7", "2001:db8::/64"]);
        assert_eq!(outcome(&program, &player("bad", 2)), REFUSED);
        assert!(is_barred(&program, "203.0.113.7") && is_barred(&program, "10.1.2.3"));

        let page = boss.blacklist(&monitor::Blacklist { offset: 1, limit: 2, ..message(0, "", "") }).unwrap();
        let names: Vec<_> = page.entry.iter().map(|entry| &*entry.address).collect();
        assert_eq!((page.total, names), (4, vec!["10.1.2.3", "203.0.113.7"]));

        drop(boss);
        let program = stage.restart(program, &[]);
        let mut boss = watch(&program);
        assert_eq!(outcome(&program, &player("bad", 2)), REFUSED, "after a restart");
        assert_eq!(boss.blacklist(&message(2, "bad", "203.0.113.7")).map(|page| page.entry), Ok(vec![]));
        assert!(!is_barred(&program, "203.0.113.7") && is_barred(&program, "10.1.2.3"));
        assert_eq!(outcome(&program, &player("bad", 2)), 0);
        assert_eq!(
            boss.blacklist(&message(2, "nobody", "")).map(|page| page.entry),
            Ok(vec![]),
            "not listed"
        );
        assert_eq!(boss.blacklist(&message(3, "", "")).map(total), Ok((0, 0)));
        assert!(boss.listed().is_empty() && !is_barred(&program, "10.1.2.3"));

        let log = String::from_utf8_lossy(&program.log()).into_owned();
        for line in [
            "blacklist remove account=\"bad\" address=\"203.0.113.7\" operator_id=",
            "blacklist clear operator_id=",
        ] {
            assert!(
                log.contains(line) && log.contains("operator_account=\"boss\" operator_role_id=1"),
                "{log}"
            );
        }
    }
}

#[test]
fn only_operators_may_use_it() {
    let stage = Stage::new("1");
    let program = stage.start(&[]);
    let mut client = connect(&program, "192.0.2.1");
    assert_eq!(client.blacklist(&monitor::Blacklist::default()), Err(3), "not logged in");
    assert_eq!(client.login(&player("a", 2)), 0);
    assert_eq!(client.blacklist(&monitor::Blacklist::default()), Err(4), "a player");
}

#[test]
fn a_long_list_comes_in_pages() {
    let stage = Stage::new("1");
    let program = stage.start_in_memory(&[]);
    let mut boss = watch(&program);
    let names: Vec<_> = (0..1200).map(|number| format!("{number:0>255}")).collect();
    for account in &names {
        let add = monitor::Blacklist { action: 1, account: account.clone(), ..monitor::Blacklist::default() };
        boss.send_packet(9005, 9, &prost::Message::encode_to_vec(&add));
    }
    for _ in &names {
        assert!(matches!(boss.reply(), Reply { error_id: 0, cmd: 9005, .. }));
    }
    for limit in [0, 1, 1000, u32::MAX] {
        let page = boss.blacklist(&monitor::Blacklist { limit, ..monitor::Blacklist::default() }).unwrap();
        let most = match limit {
            0 => 100,
            limit => limit.min(1000) as usize,
        };
        // A reply never holds more than an outbox should.
        assert!(page.total == 1200 && (most.min(900)..=most).contains(&page.entry.len()), "{limit}");
    }
    let mut found = vec![];
    while found.len() < names.len() {
        let offset = u32::try_from(found.len()).unwrap();
        let page =
            boss.blacklist(&monitor::Blacklist { offset, limit: 1000, ..monitor::Blacklist::default() });
        found.extend(page.unwrap().entry.into_iter().map(|Entry { account, .. }| account));
    }
    assert_eq!(found, names);
}

/// A reply that can never fit the outbox would be refused.
#[test]
fn a_page_is_as_short_as_the_outbox_asks_for() {
    let stage = Stage::new("3");
    let program = stage.start_in_memory(&["--outbox-limit", "8KiB", "--max-len", "2KiB"]);
    let mut boss = watch(&program);
    let names: Vec<_> = (0..100).map(|number| format!("{number:0>255}")).collect();
    for account in &names {
        let add = monitor::Blacklist { action: 1, account: account.clone(), ..monitor::Blacklist::default() };
        assert!(boss.blacklist(&add).is_ok());
    }
    let mut found = vec![];
    while found.len() < names.len() {
        let offset = u32::try_from(found.len()).unwrap();
        let list = monitor::Blacklist { offset, limit: 1000, ..monitor::Blacklist::default() };
        let page = boss.blacklist(&list).unwrap();
        assert!(page.total == 100 && !page.entry.is_empty());
        found.extend(page.entry.into_iter().map(|Entry { account, .. }| account));
    }
    assert_eq!(found, names);
    // So is one of 9002.
    let players: Vec<_> = (0..40)
        .map(|role_id| {
            let mut client = connect(&program, "192.0.2.1");
            assert_eq!(client.login(&player(&format!("{role_id:0>255}x")[1..], 100 + role_id)), 0);
            client
        })
        .collect();
    let mut found = 0;
    loop {
        let message = monitor::Connections { offset: found, limit: 1000, ..Default::default() };
        boss.send_packet(9002, 9, &prost::Message::encode_to_vec(&message));
        let reply = boss.reply();
        assert_eq!(reply.error_id, 0);
        let page: monitor::ConnectionPage = prost::Message::decode(&*reply.data).unwrap();
        found += u32::try_from(page.connection.len()).unwrap();
        assert!(page.total == 41 && !page.connection.is_empty());
        if found == 41 {
            break;
        }
    }
    drop(players);
}
