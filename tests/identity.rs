//! Each role has one connection, the newest, whatever the older one still does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use arena::{ArenaServer, HANDLE, Hand, LOGIN, LOGOUT, login};
use common::{Client, Frame, Reply, config, frame, join, packet, with};
use sysconn::frame::Opcode;
use sysconn::{Cause, ClientKind, ConnectionId};

fn with_role(server: &ArenaServer, role_id: u64) -> Option<ConnectionId> {
    server.survey(move |survey| survey.with_role(role_id))
}

#[test]
fn a_newer_login_replaces_the_older_and_its_late_end_changes_nothing() {
    // Only the client ends a closing connection.
    let server =
        ArenaServer::new(&with(config(), |config| config.timers.close = std::time::Duration::from_secs(60)));
    let mut clients = vec![];
    for round in 0..5 {
        let mut client = Client::connect(server.address);
        let id = client.id();
        client.login(7);
        assert_eq!(with_role(&server, 7), Some(id), "round {round}");
        if let Some((older, _)) = clients.last_mut() {
            let older: &mut Client = older;
            older.expect_close(4007, "replaced");
        }
        clients.push((client, id));
    }
    let (mut newest, id) = clients.pop().unwrap();
    // The older connections end late, each in another way, and none of them affects the newest.
    for (number, (mut older, older_id)) in clients.into_iter().enumerate() {
        match number {
            0 => older.send(&frame(Opcode::Close, &4007u16.to_be_bytes())),
            1 => older.shutdown_write(),
            _ => {}
        }
        drop(older);
        let (record, cause) = server.closed();
        assert_eq!((record.id(), cause), (older_id, Cause::Replaced));
        assert_eq!(with_role(&server, 7), Some(id));
        newest.ask(b"still the one");
    }
    let mut third = Client::connect(server.address);
    let third_id = third.id();
    third.login(7);
    newest.expect_close(4007, "the newest is replaced in its turn");
    drop(newest);
    assert_eq!(server.closed().1, Cause::Replaced);
    assert_eq!(with_role(&server, 7), Some(third_id));
    third.close();
    drop(third);
    server.closed();
    assert_eq!(with_role(&server, 7), None);
}

#[test]
fn roles_follow_logins_and_logouts() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    let id = handle.id();
    let logout = packet(LOGOUT, 0, b"");
    let cases: [(&str, Vec<u8>, u64); 8] = [
        ("a login", login(1), 1),
        ("the same again", login(1), 1),
        ("another role", login(2), 2),
        ("a logout", logout.clone(), 0),
        ("in, out and in as another, in one turn", join(&[&login(3), &logout, &login(4)]), 4),
        ("from role to role in one turn", join(&[&login(5), &login(6), &login(5)]), 5),
        ("in and out in one turn", join(&[&login(6), &logout]), 0),
        ("and in again", login(6), 6),
    ];
    for (name, bytes, role_id) in cases {
        client.send(&bytes);
        // After everything that the case sent.
        client.send_packet(HANDLE, 9, b"");
        while client.reply().cmd != HANDLE {}
        let found: Vec<u64> = server
            .survey(move |survey| (0..10).filter(|&role_id| survey.with_role(role_id) == Some(id)).collect());
        let expected: Vec<u64> = (role_id != 0).then_some(role_id).into_iter().collect();
        assert_eq!(found, expected, "{name}");
        let record = server.snapshot(&handle).record;
        assert_eq!((record.role_id(), record.identity().is_some()), (role_id, role_id != 0), "{name}");
    }
    client.close();
}

#[test]
fn the_record_has_the_identity() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    let before = server.snapshot(&handle).record;
    assert_eq!((before.identity(), before.role_id(), before.kind()), (None, 0, ClientKind::Guest));
    assert_eq!(before.peer(), client.stream.local_addr().unwrap().into());
    client.login(9);
    let after = server.snapshot(&handle).record;
    assert_eq!(after.identity().unwrap().account, "account of 9");
    // 0 is not a role, and changes nothing.
    client.send(&login(0));
    assert_eq!(client.reply(), Reply::refusal(LOGIN, 0, 100));
    assert_eq!(server.snapshot(&handle).record.role_id(), 9);
    client.close();
}

#[test]
fn of_two_logins_in_one_turn_one_remains() {
    let mut hand = Hand::new(&config());
    let (mut first, first_handle) = hand.connect();
    let (mut second, second_handle) = hand.connect();
    // Both wait for the turn.
    first.send(&login(7));
    second.send(&login(7));
    hand.settle();
    let holder = hand.survey(|survey| survey.with_role(7)).unwrap();
    let (loser, winner) =
        if holder == first_handle.id() { (&mut second, &mut first) } else { (&mut first, &mut second) };
    assert!([first_handle.id(), second_handle.id()].contains(&holder));
    assert_eq!(loser.reply().cmd, LOGIN);
    assert_eq!(loser.next(), Frame::Close(Some(4007)));
    assert_eq!(winner.reply().cmd, LOGIN);
    winner.send(&packet(arena::ECHO, 1, b"in"));
    hand.settle();
    assert_eq!(winner.reply().data, b"in");
}

#[test]
fn a_role_can_come_back_before_its_older_connection_is_gone() {
    // The end of the older one and the login of the newer one meet in one turn.
    let mut hand = Hand::new(&config());
    let (mut older, _) = hand.connect();
    older.send(&login(7));
    hand.settle();
    let (mut newer, newer_handle) = hand.connect();
    newer.send(&login(7));
    drop(older);
    hand.settle();
    assert_eq!(hand.survey(|survey| (survey.with_role(7), survey.len())), (Some(newer_handle.id()), 1));
    assert_eq!(newer.reply().cmd, LOGIN);
}

#[test]
fn a_survey_goes_on_after_the_last_one_of_a_page() {
    let mut hand = Hand::new(&config());
    let mut clients: Vec<_> = (0..5).map(|_| hand.connect()).collect();
    let ids: Vec<_> = clients.iter().map(|(_, handle)| handle.id()).collect();
    let shown = |hand: &mut Hand, after: ConnectionId, limit: usize| {
        hand.survey(move |survey| {
            survey.page_after(after, limit).iter().map(|snapshot| snapshot.record.id()).collect::<Vec<_>>()
        })
    };
    for (after, limit, expected) in [(0, 9, &ids[1..]), (1, 2, &ids[2..4]), (3, 0, &[][..]), (4, 9, &[][..])]
    {
        assert_eq!(shown(&mut hand, ids[after], limit), expected, "after {after}, {limit}");
    }
    assert_eq!(shown(&mut hand, ConnectionId::from_u64(u64::MAX), 9), []);
    // Those that have ended are passed over, and one of them can be the last of a page.
    clients.drain(1..3);
    hand.settle();
    assert_eq!(shown(&mut hand, ids[0], 9), ids[3..]);
    assert_eq!(shown(&mut hand, ids[2], 1), ids[3..4]);
}
