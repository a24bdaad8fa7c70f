//! The monitor's figures, and the operator's commands.

use std::collections::HashSet;

use prost::Message;

use super::client::{enter, game, monitor, serve, serve_with, unix_ms};
use super::common::{Client, UPGRADE, eventually};
use super::messages::{Connection, Kind, account, monitor};

#[test]
fn the_monitor_sees_the_totals_of_the_server() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut client = Client::connect(program.address());
    client.echo(b"one");
    client.echo(b"two");
    client.expect_refusal(2000, &(), 1, "unknown");
    let first: monitor::Stats = watch.ask(9001, &());
    let expected = monitor::Stats {
        connections: 2,
        accepted: 2,
        closed: 0,
        // The login, three of the client, and the one that asks, which is not answered yet.
        packets_received: 5,
        packets_sent: 4,
        send_errors: 0,
        bad_requests: 1,
        uptime_ms: first.uptime_ms,
        missing_nodes: vec![],
    };
    assert_eq!(first, expected);
    client.close();
    drop(client);
    eventually("the end of a connection is seen", || {
        let stats: monitor::Stats = watch.ask(9001, &());
        assert!(stats.uptime_ms >= first.uptime_ms);
        assert_eq!((stats.accepted, stats.connections + stats.closed), (2, 2));
        stats.closed == 1
    });
}

#[test]
fn the_monitor_sees_each_connection() {
    let program = serve();
    let before = unix_ms();
    let custodian = account::Login { custodian: "support".into(), custodian_role_id: 77, ..game(5) };
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
fn a_server_without_a_cluster_knows_no_other_server() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let node = || "b".to_owned();
    watch.expect_refusal(9001, &monitor::StatsOf { node: node() }, 4, "figures");
    let id = watch.find(1).unwrap().id;
    watch.expect_refusal(9003, &monitor::Kick { id, node: node() }, 4, "kick");
    watch.expect_refusal(9004, &monitor::Debug { id, on: true, node: node() }, 4, "debug");
    let all = monitor::Connections { all_nodes: true, ..monitor::Connections::default() };
    let page: monitor::ConnectionPage = watch.ask(9002, &all);
    let found: Vec<_> = page.connection.iter().map(|one| (one.id, one.node.as_str())).collect();
    assert_eq!((found, page.missing_nodes), (vec![(id, "")], vec![]));
}

#[test]
fn behind_a_proxy_the_monitor_sees_the_client() {
    let program = serve_with(&["--proxy-protocol", "127.0.0.0/8", "--auth", "open"]);
    let mut watch = Client::raw(program.address());
    watch.send(b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 9001\r\n");
    watch.upgrade(UPGRADE);
    watch.ask::<account::LoggedIn>(1002, &monitor(1));
    assert_eq!(watch.find(1).map(|connection| connection.peer).as_deref(), Some("192.0.2.7:4711"));
}

#[test]
fn the_list_of_connections_comes_in_pages() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let long = "x".repeat(255);
    let clients: Vec<_> = (2..=400)
        .map(|role_id| {
            let login = account::Login {
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
            // A reply never holds more than fits an outbox, whatever the request asks for.
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
        watch.expect_refusal(9003, &monitor::Kick { id, ..monitor::Kick::default() }, 4, "an id of nobody");
    }
    client.echo(b"goes on");
    let kick = monitor::Kick { id: watch.find(5).unwrap().id, ..monitor::Kick::default() };
    watch.expect_done(9003, &kick);
    client.expect_close(4010, "kicked");
    drop(client);
    eventually("the connection is gone", || watch.page(0, 0).total == 1);
    watch.expect_refusal(9003, &kick, 4, "it has ended");
    // A later connection in the same slot has another id.
    let mut next = enter(&program, &game(6));
    watch.expect_refusal(9003, &kick, 4, "it has ended");
    next.echo(b"goes on");

    let own = watch.find(1).unwrap().id;
    watch.expect_done(9003, &monitor::Kick { id: own, ..monitor::Kick::default() });
    watch.expect_close(4010, "kicked by itself");
    next.echo(b"goes on");
}

#[test]
fn an_operator_has_packets_logged() {
    let program = serve();
    let mut watch = enter(&program, &monitor(1));
    let mut client = enter(&program, &game(5));
    watch.expect_refusal(
        9004,
        &monitor::Debug { id: u64::MAX, on: true, ..monitor::Debug::default() },
        4,
        "an id of nobody",
    );
    let id = watch.find(5).unwrap().id;
    let shows = |what: &[u8]| {
        let hex: String = what.iter().map(|byte| format!("{byte:02x}")).collect();
        String::from_utf8(program.log()).unwrap().matches(&hex).count()
    };
    for (on, text, lines) in [(true, b"logged 1", 2), (false, b"not this", 0), (true, b"logged 2", 2)] {
        watch.expect_done(9004, &monitor::Debug { id, on, ..monitor::Debug::default() });
        assert_eq!(watch.find(5).unwrap().debug, on);
        client.echo(text);
        assert_eq!(shows(text), lines, "each way, of {text:?}");
    }
    let own = watch.find(1).unwrap().id;
    watch.expect_done(9004, &monitor::Debug { id: own, on: true, ..monitor::Debug::default() });
    assert!(watch.find(1).unwrap().debug);
}
