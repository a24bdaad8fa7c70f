//! Clients that offend get on the list, and it bars them.

use super::common::{Client, Program, eventually};
use super::stage::{REFUSED, Stage, connect, hosted, is_barred, outcome, player, watch};

#[test]
fn an_account_that_offends_is_barred_from_logging_in() {
    for workers in ["1", "3"] {
        let stage = Stage::new(workers);
        let program = stage.start(&[]);
        let mut open = connect(&program, "192.0.2.1");
        assert_eq!(open.login(&player("bad", 2)), 0);
        let mut offender = connect(&program, "192.0.2.1");
        assert_eq!(offender.login(&player("bad", 3)), 0);
        offender.offend();
        assert_eq!(outcome(&program, &player("bad", 4)), REFUSED);
        assert_eq!(outcome(&program, &hosted("good", 5, "bad")), REFUSED, "as a custodian either");
        assert_eq!(outcome(&program, &player("good", 5)), 0);
        open.echo(b"stays open");
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        for part in [
            "blacklisted account=\"bad\" until_ms=",
            "account=\"bad\" role_id=4 reason=\"the account is on the black list\"",
            "account=\"good\" role_id=5 reason=\"its custodian bad is on the black list\"",
        ] {
            assert!(log.contains(part), "{part}: {log}");
        }
        drop(open);
        let program = stage.restart(program, &[]);
        assert_eq!(outcome(&program, &player("bad", 4)), REFUSED, "after a restart");
        assert_eq!(outcome(&program, &player("good", 5)), 0);
        assert_eq!(watch(&program).listed(), ["bad"]);
    }
}

#[test]
fn an_address_that_offends_three_times_is_barred_from_connecting() {
    for workers in ["1", "3"] {
        let stage = Stage::new(workers);
        let program = stage.start(&[]);
        let mut open = connect(&program, "203.0.113.7");
        // The second client of the IPv6 network has another address of it.
        for (first, second, outside) in
            [("203.0.113.7", "203.0.113.7", "203.0.113.8"), ("2001:db8::7", "2001:db8::8", "2001:db8:0:1::7")]
        {
            connect(&program, first).offend();
            connect(&program, second).offend();
            assert!(!is_barred(&program, first), "twice");
            connect(&program, first).offend();
            assert!(is_barred(&program, first) && is_barred(&program, second), "three times");
            assert!(!is_barred(&program, outside));
        }
        for address in ["127.0.0.1", "10.1.2.3", "100.64.1.2", "fe80::1", "::1"] {
            for _ in 0..4 {
                connect(&program, address).offend();
            }
            assert!(!is_barred(&program, address), "{address}");
        }
        open.echo(b"stays open");
        drop(open);
        assert_eq!(watch(&program).listed(), ["203.0.113.7", "2001:db8::/64"]);
        let program = stage.restart(program, &[]);
        assert!(is_barred(&program, "203.0.113.7") && is_barred(&program, "2001:db8::9"), "after a restart");
        assert!(!is_barred(&program, "203.0.113.8"));
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        assert!(
            log.contains("upgrade refused id=") && log.contains("peer=203.0.113.7:4711 status=403"),
            "{log}"
        );
    }
}

#[test]
fn who_acts_for_an_account_is_listed_in_its_place() {
    let stage = Stage::new("1");
    let program = stage.start(&[]);
    let mut client = connect(&program, "192.0.2.1");
    assert_eq!(client.login(&hosted("game", 2, "support")), 0);
    client.offend();
    assert_eq!(watch(&program).listed(), ["support"]);
    assert_eq!(outcome(&program, &player("game", 2)), 0);
    for login in [player("support", 3), hosted("game", 2, "support"), hosted("other", 4, "support")] {
        assert_eq!(outcome(&program, &login), REFUSED);
    }
    assert_eq!(outcome(&program, &hosted("game", 2, "somebody")), 0);
}

#[test]
fn an_entry_ends_by_itself() {
    let stage = Stage::new("1");
    let program = stage.start(&["--blacklist-time", "300ms", "--blacklist-after", "1"]);
    eventually("it is barred, on a machine that is not too slow", || {
        let barred = is_barred(&program, "203.0.113.7");
        if !barred {
            connect(&program, "203.0.113.7").offend();
        }
        barred
    });
    eventually("the entry has ended", || !is_barred(&program, "203.0.113.7"));
    assert!(watch(&program).listed().is_empty());
    let program = stage.restart(program, &["--blacklist-time", "0"]);
    for _ in 0..4 {
        connect(&program, "203.0.113.7").offend();
    }
    assert!(!is_barred(&program, "203.0.113.7"), "offences list nobody");
}

#[test]
fn where_every_login_is_believed_no_account_is_listed() {
    let program = Program::start(&["serve", "--listen", "127.0.0.1:0", "--auth", "open"]);
    let mut client = Client::connect(program.address());
    assert_eq!(client.login(&player("victim", 2)), 0);
    client.offend();
    assert_eq!(Client::connect(program.address()).login(&player("victim", 2)), 0);
}

#[test]
fn many_new_entries_at_once_give_one_warning() {
    let stage = Stage::new("1");
    let program = stage.start_in_memory(&["--blacklist-after", "1"]);
    for number in 0..120 {
        connect(&program, &format!("203.0.113.{number}")).offend();
    }
    let log = String::from_utf8_lossy(&program.log()).into_owned();
    assert_eq!(log.matches("blacklisted address=").count(), 100);
    assert_eq!(log.matches("more than 100 new entries of the black list in a minute").count(), 1, "{log}");
}
