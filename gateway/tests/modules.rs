//! The modules that `sysconn serve` brings, one after the other, in the real program over sockets: with one
//! worker, and as a part of `modules_of_two_workers` with two.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "made by a program, for whoever uses all of it")]
#[path = "../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Client, Frame, Program, Reply, UPGRADE, eventually, packet};
use messages::*;
use prost::Message;

/// The Flag of every request here.
const FLAG: u32 = 0x8000_0001;

/// Whether there is one worker only.
fn alone() -> bool {
    env!("CARGO_CRATE_NAME") == "modules"
}

fn serve() -> Program {
    serve_with(&[])
}

fn serve_with(more: &[&str]) -> Program {
    let workers = if alone() { "1" } else { "2" };
    Program::start(&[&["serve", "--listen", "127.0.0.1:0", "--workers", workers], more].concat())
}

/// A login that is accepted.
fn game(role_id: u64) -> M1002Tos {
    M1002Tos {
        account: format!("account-{role_id}"),
        platform: "platform".into(),
        zone_id: 3,
        role_id,
        kind: Kind::GameServer.into(),
        ..M1002Tos::default()
    }
}

fn monitor(role_id: u64) -> M1002Tos {
    M1002Tos { kind: Kind::Monitor.into(), ..game(role_id) }
}

/// Connected and logged in.
fn enter(program: &Program, login: &M1002Tos) -> Client {
    let mut client = Client::connect(program.address());
    let accepted: M1002Toc = client.ask(1002, login);
    assert_eq!((accepted.role_id, &accepted.account), (login.role_id, &login.account));
    client
}

impl Client {
    /// Sends a request and reads what comes next, which must be its answer.
    fn answer(&mut self, cmd: u16, message: &impl Message) -> Reply {
        self.send_packet(cmd, FLAG, &message.encode_to_vec());
        self.reply()
    }

    /// The message in the answer.
    fn ask<M: Message + Default>(&mut self, cmd: u16, message: &impl Message) -> M {
        let reply = self.answer(cmd, message);
        assert_eq!((reply.error_id, reply.flag, reply.cmd), (0, FLAG, cmd));
        M::decode(reply.data.as_slice()).unwrap()
    }

    fn expect_done(&mut self, cmd: u16, message: &impl Message) {
        assert_eq!(self.answer(cmd, message), Reply::new(cmd, FLAG, b""));
    }

    fn expect_refusal(&mut self, cmd: u16, message: &impl Message, error_id: u16, case: &str) {
        assert_eq!(self.answer(cmd, message), Reply::refusal(cmd, FLAG, error_id), "{case}");
    }

    fn join(&mut self, room: &str) -> u32 {
        self.ask::<M1201Toc>(1201, &M1201Tos { room: room.into() }).members
    }

    fn leave(&mut self, room: &str) -> u32 {
        self.ask::<M1202Toc>(1202, &M1202Tos { room: room.into() }).members
    }

    /// Enters a room, and sees whether somebody else is in it. With one worker nobody may be.
    fn is_only_one_in(&mut self, room: &str) -> bool {
        let members = self.join(room);
        assert!(members == 1 || !alone(), "{members}");
        members == 1
    }

    /// What was said must come next.
    fn hear(&mut self, said: &M1210Toc) {
        assert_eq!(self.reply(), Reply::new(1210, 0, &said.encode_to_vec()));
    }

    fn page(&mut self, offset: u32, limit: u32) -> M9002Toc {
        self.ask(9002, &M9002Tos { offset, limit })
    }

    /// The connection of a role, as the monitor sees it.
    fn find(&mut self, role_id: u64) -> Option<Connection> {
        self.page(0, 0).connection.into_iter().find(|connection| connection.role_id == role_id)
    }
}

fn said(room: &str, role_id: u64, text: &str) -> M1210Toc {
    M1210Toc { room: room.into(), role_id, text: text.into() }
}

#[expect(clippy::disallowed_methods, reason = "the clock that the server is to show")]
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

#[test]
fn a_login_says_who_it_is_or_is_refused() {
    let program = serve();
    let mut client = Client::connect(program.address());
    let name = |bytes| "x".repeat(bytes);
    let long = M1002Tos { account: name(255), platform: name(255), custodian: name(255), ..game(1) };
    let cases = [
        ("no role", M1002Tos { role_id: 0, ..game(1) }, 7),
        ("no account", M1002Tos { account: String::new(), ..game(1) }, 7),
        ("nothing", M1002Tos::default(), 7),
        ("an unknown kind", M1002Tos { kind: 3, ..game(1) }, 7),
        ("a negative kind", M1002Tos { kind: -1, ..game(1) }, 7),
        ("a long account", M1002Tos { account: name(256), ..game(1) }, 7),
        ("a long platform", M1002Tos { platform: name(256), ..game(1) }, 7),
        ("a long custodian", M1002Tos { custodian: name(256), ..game(1) }, 7),
        ("names that are just not too long", long, 0),
        ("the last role", game(u64::MAX), 0),
        ("no platform", M1002Tos { platform: String::new(), ..game(1) }, 0),
        ("any token", M1002Tos { token: name(1000), ..game(1) }, 0),
        ("a refusal that changes nothing", M1002Tos { role_id: 0, ..game(1) }, 7),
    ];
    for (case, login, error_id) in cases {
        let before = unix_ms();
        let reply = client.answer(1002, &login);
        assert_eq!((reply.error_id, reply.flag, reply.cmd), (error_id, FLAG, 1002), "{case}");
        if error_id == 0 {
            let M1002Toc { role_id, account, server_time_ms } = Message::decode(&*reply.data).unwrap();
            assert_eq!((role_id, account), (login.role_id, login.account), "{case}");
            assert!((before..=unix_ms()).contains(&server_time_ms), "{case}");
        }
    }
    assert_eq!(client.join("room"), 1, "it is still logged in");
    client.expect_refusal(1001, &M1001Tos::default(), 6, "no platform is configured");
}

#[test]
fn anyone_is_told_the_time() {
    let program = serve();
    let mut client = Client::connect(program.address());
    let before = unix_ms();
    let M1044Toc { server_time_ms } = client.ask(1044, &());
    assert!((before..=unix_ms()).contains(&server_time_ms));
}

#[test]
fn access_is_for_who_is_logged_in_as_what() {
    let program = serve();
    let of_roles = [1003, 1201, 1202, 1203];
    let of_monitors = [9001, 9002, 9003, 9004];
    let mut client = Client::connect(program.address());
    for cmd in of_roles.into_iter().chain(of_monitors) {
        client.expect_refusal(cmd, &(), 3, "not logged in");
    }
    for kind in [Kind::Tester, Kind::GameServer] {
        let mut client = enter(&program, &M1002Tos { kind: kind.into(), ..game(1) });
        for cmd in of_monitors {
            client.expect_refusal(cmd, &(), 4, "no monitor");
        }
    }
    let mut client = enter(&program, &monitor(2));
    assert_ne!(client.ask::<M9001Toc>(9001, &()).connections, 0);
    assert_eq!(client.join("room"), 1, "a monitor is a role too");
    let _: M1002Toc = client.ask(1002, &game(2));
    client.expect_refusal(9001, &(), 4, "no monitor any more");
}

#[test]
fn data_that_does_not_decode_closes_with_4001() {
    let program = serve();
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
fn a_newer_login_takes_the_role_over() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut older = enter(&program, &game(5));
    assert_eq!(older.join("room"), 1);
    let earlier = watch.find(5).unwrap().id;

    // The older one has yet to take notice, and is in no room; on another worker a moment later.
    let mut newer = Client::connect(program.address());
    let join = M1201Tos { room: "room".into() };
    let login_and_join = [(1002, game(5).encode_to_vec()), (1201, join.encode_to_vec())];
    newer.send(&login_and_join.map(|(cmd, data)| packet(cmd, FLAG, &data)).concat());
    let replies = [newer.reply(), newer.reply()];
    let joined = M1201Toc { members: 1 }.encode_to_vec();
    assert!(replies[1].data == joined || !alone(), "{replies:?}");
    eventually("the older one has left", || newer.is_only_one_in("room"));
    older.expect_close(4007, "replaced");
    drop(older);
    eventually("the older connection is gone", || watch.page(0, 0).total == 2);
    let found = watch.find(5).unwrap();
    assert_ne!(found.id, earlier);
    newer.expect_done(1203, &M1203Tos { room: "room".into(), text: "me".into() });
    newer.hear(&said("room", 5, "me"));

    // It is still known who plays the role, so that it can be taken over again.
    let mut newest = enter(&program, &game(5));
    eventually("the newer one has left", || newest.is_only_one_in("room"));
    newer.expect_close(4007, "replaced");
    newest.echo(b"goes on");
}

#[test]
fn the_older_one_is_gone_whatever_the_newer_one_does_in_the_same_read() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let (login, logout) = (|role_id| (1002, game(role_id).encode_to_vec()), || (1003, vec![]));
    let room = || M1201Tos { room: "room".into() }.encode_to_vec();
    // What comes behind the login, the role that is played then, and members of the room, the watch included.
    let cases = [
        ("a logout", vec![logout()], 0, 1),
        ("another role", vec![login(6)], 6, 1),
        ("another role, in the room", vec![login(6), (1201, room())], 6, 2),
        ("a logout, and the same role again", vec![logout(), login(5), (1201, room())], 5, 2),
        ("the room, and a logout", vec![(1201, room()), logout()], 0, 1),
        ("the room, and another role", vec![(1201, room()), login(6)], 6, 1),
        // It is closing, and has yet to go.
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
            bytes.extend(common::frame(sysconn::frame::Opcode::Close, &[]));
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
    let _: M1002Toc = client.ask(1002, &M1002Tos { zone_id: 4, ..game(5) });
    assert_eq!(other.join("room"), 2, "the same role stays");
    let _: M1002Toc = client.ask(1002, &game(6));
    assert_eq!(other.join("room"), 1, "another role begins anew");
    client.expect_refusal(1203, &M1203Tos { room: "room".into(), text: "me".into() }, 4, "not in it");
    // The role that was given up is free, and the one that was taken is not.
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
    let _: M1002Toc = client.ask(1002, &game(7));
    client.expect_refusal(1203, &M1203Tos { room: "room".into(), text: "me".into() }, 4, "not in it");
}

#[test]
fn what_is_said_reaches_each_member_once() {
    let program = serve();
    let mut members: Vec<_> = (1..=4).map(|role_id| enter(&program, &game(role_id))).collect();
    for (count, client) in (1..).zip(&mut members) {
        assert_eq!(client.join("hall"), count);
        assert_eq!(client.join("hall"), count, "again");
    }
    let mut outside = enter(&program, &game(9));
    let words = M1203Tos { room: "hall".into(), text: "hello".into() };
    outside.expect_refusal(1203, &words, 4, "not a member");
    assert_eq!(members[3].leave("hall"), 3);
    assert_eq!(members[3].leave("hall"), 3, "again");
    members[3].expect_refusal(1203, &words, 4, "no member any more");

    for (text, role_id) in [("hello", 1), ("", 2), ("grüß euch", 3), ("hello", 1)] {
        let speaker = &mut members[usize::try_from(role_id).unwrap() - 1];
        speaker.expect_done(1203, &M1203Tos { room: "hall".into(), text: text.into() });
        for client in &mut members[..3] {
            client.hear(&said("hall", role_id, text));
        }
    }
    // Nothing else has come to anybody.
    for client in members.iter_mut().chain([&mut outside]) {
        client.echo(b"nothing before this");
    }

    members[0].close();
    // One of them says goodbye, the other does not.
    members.drain(..2);
    eventually("who has ended has left", || {
        let count = outside.join("hall");
        outside.leave("hall");
        count == 2
    });
    assert_eq!(members[0].leave("hall"), 0);
    assert_eq!(outside.join("hall"), 1);
}

#[test]
fn rooms_are_bounded() {
    let program = serve();
    let mut client = enter(&program, &game(1));
    let join = |room: String| M1201Tos { room };
    client.expect_refusal(1201, &join(String::new()), 4, "no name");
    client.expect_refusal(1201, &join("x".repeat(65)), 4, "a long name");
    assert_eq!(client.join(&"é".repeat(32)), 1);
    for number in 1..100 {
        assert_eq!(client.join(&number.to_string()), 1);
    }
    client.expect_refusal(1201, &join("one more".into()), 4, "in 100 rooms already");
    assert_eq!(client.leave("1"), 0);
    assert_eq!(client.join("one more"), 1);
}

#[test]
fn the_monitor_sees_what_the_server_has_done() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut client = Client::connect(program.address());
    client.echo(b"one");
    client.echo(b"two");
    client.expect_refusal(2000, &(), 1, "unknown");
    let first: M9001Toc = watch.ask(9001, &());
    let expected = M9001Toc {
        connections: 2,
        accepted: 2,
        closed: 0,
        // The login, three of the client, and the one that asks, which is not answered yet.
        packets_received: 5,
        packets_sent: 4,
        send_errors: 0,
        bad_requests: 1,
        uptime_ms: first.uptime_ms,
    };
    assert_eq!(first, expected);
    client.close();
    drop(client);
    eventually("the end of a connection is seen", || {
        let stats: M9001Toc = watch.ask(9001, &());
        assert!(stats.uptime_ms >= first.uptime_ms);
        assert_eq!((stats.accepted, stats.connections + stats.closed), (2, 2));
        stats.closed == 1
    });
}

#[test]
fn the_monitor_sees_each_connection() {
    let program = serve();
    let before = unix_ms();
    let custodian = M1002Tos { custodian: "support".into(), custodian_role_id: 77, ..game(5) };
    let mut client = enter(&program, &custodian);
    client.echo(b"one");
    client.expect_refusal(2000, &(), 1, "unknown");
    let mut watch = enter(&program, &monitor(1));
    let _nobody = Client::connect(program.address());
    let page = watch.page(0, 0);
    assert_eq!((page.total, page.connection.len()), (3, 3));
    let found = watch.find(5).unwrap();
    // The two need not be the same clock, and each is read in whole milliseconds.
    assert!((before - 1000..=unix_ms() + 1000).contains(&found.connected_ms));
    let expected = Connection {
        id: found.id,
        peer: client.stream.local_addr().unwrap().to_string(),
        kind: Kind::GameServer.into(),
        account: "account-5".into(),
        platform: "platform".into(),
        zone_id: 3,
        role_id: 5,
        custodian: "support".into(),
        custodian_role_id: 77,
        connected_ms: found.connected_ms,
        recv_count: 3,
        send_count: 3,
        bad_req_count: 1,
        ..Connection::default()
    };
    assert_eq!(found, expected);
    assert_eq!(watch.find(0).unwrap().kind(), Kind::Tester, "who is not logged in is a tester");
}

#[test]
fn behind_a_proxy_the_monitor_sees_the_client() {
    let program = serve_with(&["--proxy-protocol", "127.0.0.0/8", "--auth", "open"]);
    let mut watch = Client::raw(program.address());
    watch.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 9001\r\n");
    watch.upgrade(UPGRADE);
    watch.ask::<M1002Toc>(1002, &monitor(1));
    assert_eq!(watch.find(1).map(|connection| connection.peer).as_deref(), Some("192.0.2.7:4711"));
}

#[test]
fn the_list_of_connections_comes_in_pages() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let long = "x".repeat(255);
    let clients: Vec<_> = (2..=400)
        .map(|role_id| {
            let login = M1002Tos {
                account: long.clone(),
                platform: long.clone(),
                custodian: long.clone(),
                ..game(role_id)
            };
            enter(&program, &login)
        })
        .collect();
    let total = clients.len() + 1;
    let cases = [
        (0, 0, 100),
        (0, 1, 1),
        (0, 100, 100),
        (399, 0, 1),
        (390, 100, 10),
        (400, 0, 0),
        (u32::MAX, u32::MAX, 0),
    ];
    for (offset, limit, expected) in cases {
        let page = watch.page(offset, limit);
        assert_eq!(page.total, total as u64);
        assert_eq!(page.connection.len(), expected, "{limit} from {offset}");
    }
    for limit in [0, 7, 400, 1000, u32::MAX] {
        let mut roles = vec![];
        while roles.len() < total {
            let page = watch.page(roles.len().try_into().unwrap(), limit);
            // A reply holds no more than suits an outbox, whatever is asked for.
            assert!((1..400).contains(&page.connection.len()) && page.encoded_len() < 300_000);
            roles.extend(page.connection.iter().map(|connection| connection.role_id));
        }
        assert_eq!(HashSet::<u64>::from_iter(roles.iter().copied()), (1..=400).collect(), "limit {limit}");
        assert_eq!(roles.len(), total);
    }
}

#[test]
fn an_operator_closes_connections() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut client = enter(&program, &game(5));
    for id in [u64::MAX, u64::from(u32::MAX), 1 << 40] {
        watch.expect_refusal(9003, &M9003Tos { id }, 4, "an id of nobody");
    }
    client.echo(b"goes on");
    let kick = M9003Tos { id: watch.find(5).unwrap().id };
    watch.expect_done(9003, &kick);
    client.expect_close(4010, "kicked");
    drop(client);
    eventually("the connection is gone", || watch.page(0, 0).total == 1);
    watch.expect_refusal(9003, &kick, 4, "it has ended");
    // Whoever has its slot now has another id.
    let mut next = enter(&program, &game(6));
    watch.expect_refusal(9003, &kick, 4, "it has ended");
    next.echo(b"goes on");

    let own = watch.find(1).unwrap().id;
    watch.expect_done(9003, &M9003Tos { id: own });
    watch.expect_close(4010, "kicked by itself");
    next.echo(b"goes on");
}

#[test]
fn an_operator_has_packets_logged() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut client = enter(&program, &game(5));
    watch.expect_refusal(9004, &M9004Tos { id: u64::MAX, on: true }, 4, "an id of nobody");
    let id = watch.find(5).unwrap().id;
    let shows = |what: &[u8]| {
        let hex: String = what.iter().map(|byte| format!("{byte:02x}")).collect();
        String::from_utf8(program.log()).unwrap().matches(&hex).count()
    };
    for (on, text, lines) in [(true, b"logged 1", 2), (false, b"not this", 0), (true, b"logged 2", 2)] {
        watch.expect_done(9004, &M9004Tos { id, on });
        assert_eq!(watch.find(5).unwrap().debug, on);
        client.echo(text);
        assert_eq!(shows(text), lines, "each way, of {text:?}");
    }
    let own = watch.find(1).unwrap().id;
    watch.expect_done(9004, &M9004Tos { id: own, on: true });
    assert!(watch.find(1).unwrap().debug);
}

#[test]
fn commands_next_to_those_that_exist_are_unknown() {
    let program = serve();
    for cmds in [[1000, 1004, 1043, 1045, 1200], [1204, 1210, 1299, 9000, 9005]] {
        let mut client = enter(&program, &monitor(1));
        for cmd in cmds {
            client.expect_refusal(cmd, &(), 1, &cmd.to_string());
        }
        client.close();
        assert_eq!(client.next(), Frame::End);
    }
}
