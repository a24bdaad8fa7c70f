//! Logins, logouts, the time, and who may call what.

use prost::Message;

use super::client::{FLAG, alone, enter, game, monitor, said, serve, serve_with, unix_ms};
use sysconn::frame::Opcode;

use super::common::{Client, Frame, eventually, frame, packet};
use super::messages::{Kind, account, monitor, room};

#[test]
fn a_login_says_who_it_is_or_is_refused() {
    let program = serve();
    let mut client = Client::connect(program.address());
    let name = |bytes| "x".repeat(bytes);
    let long = account::Login { account: name(255), platform: name(255), custodian: name(255), ..game(1) };
    let cases = [
        ("no role", account::Login { role_id: 0, ..game(1) }, 7),
        ("no account", account::Login { account: String::new(), ..game(1) }, 7),
        ("nothing", account::Login::default(), 7),
        ("an unknown kind", account::Login { kind: 3, ..game(1) }, 7),
        ("a negative kind", account::Login { kind: -1, ..game(1) }, 7),
        ("a long account", account::Login { account: name(256), ..game(1) }, 7),
        ("a long platform", account::Login { platform: name(256), ..game(1) }, 7),
        ("a long custodian", account::Login { custodian: name(256), ..game(1) }, 7),
        ("names that are just not too long", long, 0),
        ("the last role", game(u64::MAX), 0),
        ("no platform", account::Login { platform: String::new(), ..game(1) }, 0),
        ("any token", account::Login { token: name(1000), ..game(1) }, 0),
        ("a refusal that changes nothing", account::Login { role_id: 0, ..game(1) }, 7),
    ];
    for (case, login, error_id) in cases {
        let before = unix_ms();
        let reply = client.answer(1002, &login);
        assert_eq!((reply.error_id, reply.flag, reply.cmd), (error_id, FLAG, 1002), "{case}");
        if error_id == 0 {
            let account::LoggedIn { role_id, account, server_time_ms } =
                Message::decode(&*reply.data).unwrap();
            assert_eq!((role_id, account), (login.role_id, login.account), "{case}");
            assert!((before..=unix_ms()).contains(&server_time_ms), "{case}");
        }
    }
    assert_eq!(client.join("room"), 1, "it is still logged in");
    client.expect_refusal(1001, &account::WechatLogin::default(), 6, "no platform is configured");
}

#[test]
fn anyone_may_ask_for_the_time() {
    let program = serve();
    let mut client = Client::connect(program.address());
    let before = unix_ms();
    let account::ServerTime { server_time_ms } = client.ask(1044, &());
    assert!((before..=unix_ms()).contains(&server_time_ms));
}

#[test]
fn access_depends_on_role_and_kind() {
    let program = serve();
    let of_roles = [1003, 1201, 1202, 1203];
    let of_monitors = [9001, 9002, 9003, 9004];
    let mut client = Client::connect(program.address());
    for cmd in of_roles.into_iter().chain(of_monitors) {
        client.expect_refusal(cmd, &(), 3, "not logged in");
    }
    for kind in [Kind::Tester, Kind::GameServer] {
        let mut client = enter(&program, &account::Login { kind: kind.into(), ..game(1) });
        for cmd in of_monitors {
            client.expect_refusal(cmd, &(), 4, "no monitor");
        }
    }
    let mut client = enter(&program, &monitor(2));
    assert_ne!(client.ask::<monitor::Stats>(9001, &()).connections, 0);
    assert_eq!(client.join("room"), 1, "a monitor is a role too");
    let _: account::LoggedIn = client.ask(1002, &game(2));
    client.expect_refusal(9001, &(), 4, "no monitor any more");
}

#[test]
fn data_that_does_not_decode_closes_with_4001() {
    // Otherwise the account could not log in again.
    let program = serve_with(&["--blacklist-time", "0"]);
    for cmd in [1001, 1002, 1201, 1202, 1203, 9002, 9003, 9004] {
        let of_text: &[&[u8]] = &[b"\x0a\x01\xff", b"\x0a\x02x"];
        let of_all: &[&[u8]] = &[b"\xff", b"\x0b", b"\x00", b"\x0d\x00"];
        let texts = if cmd < 9000 { of_text } else { &[] };
        for data in texts.iter().chain(of_all) {
            let mut client = enter(&program, &monitor(1));
            client.send_packet(cmd, FLAG, data);
            client.expect_close(4001, &format!("{cmd} {data:02x?}"));
        }
    }
}

#[test]
fn a_newer_login_takes_over_the_role() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut older = enter(&program, &game(5));
    assert_eq!(older.join("room"), 1);
    let earlier = watch.find(5).unwrap().id;

    // The older connection has not closed yet, but has left its rooms, on another worker a moment later.
    let mut newer = Client::connect(program.address());
    let join = room::Join { room: "room".into() };
    let login_and_join = [(1002, game(5).encode_to_vec()), (1201, join.encode_to_vec())];
    newer.send(&login_and_join.map(|(cmd, data)| packet(cmd, FLAG, &data)).concat());
    let replies = [newer.reply(), newer.reply()];
    let joined = room::Joined { members: 1 }.encode_to_vec();
    assert!(replies[1].data == joined || !alone(), "{replies:?}");
    eventually("the older one has left", || newer.is_only_one_in("room"));
    older.expect_close(4007, "replaced");
    drop(older);
    eventually("the older connection is gone", || watch.page(0, 0).total == 2);
    let found = watch.find(5).unwrap();
    assert_ne!(found.id, earlier);
    newer.expect_done(1203, &room::Say { room: "room".into(), text: "me".into() });
    newer.hear(&said("room", 5, "me"));

    // The table still has the role, so that it can be taken over again.
    let mut newest = enter(&program, &game(5));
    eventually("the newer one has left", || newest.is_only_one_in("room"));
    newer.expect_close(4007, "replaced");
    newest.echo(b"goes on");
}

#[test]
fn the_older_connection_closes_whatever_the_newer_one_does_in_the_same_read() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let (login, logout) = (|role_id| (1002, game(role_id).encode_to_vec()), || (1003, vec![]));
    let room = || room::Join { room: "room".into() }.encode_to_vec();
    // The requests after the login, the resulting role, and the number of members of the room, including the
    // observer.
    let cases = [
        ("a logout", vec![logout()], 0, 1),
        ("another role", vec![login(6)], 6, 1),
        ("another role, in the room", vec![login(6), (1201, room())], 6, 2),
        ("a logout, and the same role again", vec![logout(), login(5), (1201, room())], 5, 2),
        ("the room, and a logout", vec![(1201, room()), logout()], 0, 1),
        ("the room, and another role", vec![(1201, room()), login(6)], 6, 1),
        // It is closing, but has not ended yet.
        ("the end", vec![], 5, 1),
    ];
    for (case, nexts, role_id, members) in cases {
        watch.join("room");
        let mut older = enter(&program, &game(5));
        assert_eq!(older.join("room"), 2, "{case}");
        let mut newer = Client::connect(program.address());
        let requests = [&[login(5)], nexts.as_slice()].concat();
        let mut bytes = requests.iter().flat_map(|(cmd, data)| packet(*cmd, FLAG, data)).collect::<Vec<u8>>();
        if case == "the end" {
            bytes.extend(frame(Opcode::Close, &[]));
        }
        newer.send(&bytes);
        older.expect_close(4007, case);
        drop(older);
        eventually("the older one has left", || watch.join("room") == members);
        // The older one has left the room, but its socket may not be closed yet.
        for id in [5, 6] {
            eventually(&format!("{case}: role {id}"), || watch.find(id).is_some() == (id == role_id));
        }
        drop(newer);
        eventually("all are gone", || watch.page(0, 0).total == 1);
        assert_eq!(watch.join("room"), 1, "{case}");
    }
}

#[test]
fn a_login_on_the_same_connection() {
    let program = serve();
    let mut other = enter(&program, &game(9));
    let mut client = enter(&program, &game(5));
    assert_eq!((other.join("room"), client.join("room")), (1, 2));
    let _: account::LoggedIn = client.ask(1002, &account::Login { zone_id: 4, ..game(5) });
    assert_eq!(other.join("room"), 2, "the same role stays");
    let _: account::LoggedIn = client.ask(1002, &game(6));
    assert_eq!(other.join("room"), 1, "another role begins anew");
    client.expect_refusal(1203, &room::Say { room: "room".into(), text: "me".into() }, 4, "not in it");
    // The old role is free, and the new one is not.
    let _free = enter(&program, &game(5));
    client.echo(b"goes on");
    let _taken = enter(&program, &game(6));
    client.expect_close(4007, "replaced");
}

#[test]
fn a_logout_ends_the_role_and_its_memberships() {
    let program = serve();
    let mut other = enter(&program, &game(9));
    let mut client = enter(&program, &game(5));
    assert_eq!((other.join("room"), client.join("room"), client.join("alone")), (1, 2, 1));
    client.expect_done(1003, &());
    for cmd in [1003, 1201, 1202, 1203] {
        client.expect_refusal(cmd, &(), 3, "logged out");
    }
    assert_eq!((other.join("room"), other.join("alone")), (1, 1));
    // The role is free.
    let _free = enter(&program, &game(5));
    let _: account::LoggedIn = client.ask(1002, &game(7));
    client.expect_refusal(1203, &room::Say { room: "room".into(), text: "me".into() }, 4, "not in it");
}

#[test]
fn neighbouring_command_numbers_are_unknown() {
    let program = serve();
    for cmds in [[1000, 1004, 1043, 1045, 1200], [1204, 1210, 1299, 9000, 9006]] {
        let mut client = enter(&program, &monitor(1));
        for cmd in cmds {
            client.expect_refusal(cmd, &(), 1, &cmd.to_string());
        }
        client.close();
        assert_eq!(client.next(), Frame::End);
    }
}
