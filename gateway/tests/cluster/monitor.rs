//! Operators see the connections of all nodes, and act on them.

use std::io::Read as _;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::client::{enter, game};
use super::common::eventually;
use super::messages::monitor;
use super::nodes::{Nodes, all};

#[test]
fn an_operator_sees_all_nodes_and_acts_on_them() {
    let nodes = Nodes::start(&["a", "b", "c"], &[]);
    let mut clients: Vec<_> = [("a", 1), ("b", 2), ("b", 3), ("c", 4)]
        .map(|(name, role_id)| (name, role_id, enter(nodes.of(name), &game(role_id))))
        .into();
    let mut operator = nodes.operator("c");
    let page = all(&mut operator, 0, 0);
    let seen = |page: &monitor::ConnectionPage| -> Vec<(String, u64)> {
        page.connection.iter().map(|one| (one.node.clone(), one.role_id)).collect()
    };
    let whole = seen(&page);
    assert!(whole.is_sorted_by_key(|(node, _)| node.clone()), "{whole:?}");
    assert_eq!((whole.len(), page.total, page.missing_nodes.len()), (5, 5, 0), "{whole:?}");
    for (offset, limit) in [(0, 2), (1, 2), (2, 100), (3, 1), (5, 10)] {
        let page = all(&mut operator, offset, limit);
        let (from, to) = (offset as usize, (offset + limit) as usize);
        assert_eq!(
            (seen(&page), page.total),
            (whole[from..to.min(whole.len())].to_vec(), 5),
            "{offset}, {limit}"
        );
    }
    let stats: monitor::Stats = operator.ask(9001, &monitor::StatsOf { node: "b".into() });
    assert_eq!((stats.accepted, stats.connections), (2, 2));
    let own: monitor::Stats = operator.ask(9001, &monitor::StatsOf { node: "c".into() });
    assert_eq!(own.accepted, 2);
    for node in ["d", ">", "A"] {
        operator.expect_refusal(9001, &monitor::StatsOf { node: node.into() }, 4, node);
        operator.expect_refusal(9003, &monitor::Kick { id: 1, node: node.into() }, 4, node);
        operator.expect_refusal(9004, &monitor::Debug { id: 1, on: true, node: node.into() }, 4, node);
    }

    let of = |role_id: u64| page.connection.iter().find(|one| one.role_id == role_id).unwrap().clone();
    let (id, node) = (of(3).id, "b".to_owned());
    operator.expect_done(9004, &monitor::Debug { id, on: true, node: node.clone() });
    let listed = all(&mut operator, 0, 0);
    assert!(listed.connection.iter().all(|one| one.debug == (one.role_id == 3)));
    operator.expect_refusal(9003, &monitor::Kick { id: u64::MAX, node: node.clone() }, 4, "no such worker");
    operator.expect_refusal(9003, &monitor::Kick { id: id ^ 1 << 40, node: node.clone() }, 4, "nobody");
    operator.expect_done(9003, &monitor::Kick { id, node });
    clients[2].2.expect_close(4010, "kicked");
    let line = |name: &str, part: &str| kicks_in_log(&nodes, name).iter().any(|line| line.contains(part));
    eventually("both logs say who and whom", || {
        line("b", "operator_node=\"c\"") && line("c", "operator_role_id=999")
    });
    assert_eq!(kicks_in_log(&nodes, "c").len(), 1, "those that were refused are not in the log");
}

/// The lines of a node's log about kicks.
fn kicks_in_log(nodes: &Nodes, name: &str) -> Vec<String> {
    let log = nodes.of(name).log();
    String::from_utf8_lossy(&log).lines().filter(|line| line.contains("kick")).map(str::to_owned).collect()
}

#[test]
fn a_node_that_does_not_answer_is_missing() {
    let nodes = Nodes::start(&["a", "b"], &[]);
    let _client = enter(nodes.of("a"), &game(1));
    let mut operator = nodes.operator("a");
    nodes.of("b").signal(Signal::STOP);
    nodes.post_and_leave("a", "/api/kick", &json!({ "id": "2", "node": "b" }).to_string());
    let page = all(&mut operator, 0, 0);
    assert_eq!((page.connection.len(), page.missing_nodes), (2, vec!["b".to_owned()]));
    let stats: monitor::Stats = operator.ask(9001, &monitor::StatsOf { node: "b".into() });
    assert_eq!(stats, monitor::Stats { missing_nodes: vec!["b".into()], ..monitor::Stats::default() });
    operator.expect_refusal(9003, &monitor::Kick { id: 1, node: "b".into() }, 6, "it hangs");
    // Also the one for whose answer nobody waited.
    let log = kicks_in_log(&nodes, "a");
    assert!(log.len() == 2 && log.iter().all(|line| line.contains("kick unanswered")), "{log:?}");
    let answer: Value = serde_json::from_str(&nodes.get("a", "/api/stats?node=b").1).unwrap();
    assert_eq!(answer, json!({ "node": "b", "missing_nodes": ["b"] }));
    nodes.of("b").signal(Signal::CONT);
}

/// Clients that ask about a node that hangs, and leave: more than the admin server has places.
const LEAVING: usize = 40;

#[test]
fn requests_about_a_node_that_hangs_leave_room_for_the_rest() {
    let nodes = Nodes::start(&["a", "b"], &[]);
    nodes.of("b").signal(Signal::STOP);
    for (what, body) in [
        ("GET /api/connections?all_nodes=true", String::new()),
        // While it waits, the ones before and after it do not, which have the same places.
        ("POST /api/kick", json!({ "id": "2", "node": "b" }).to_string()),
        ("GET /api/stats?node=b", String::new()),
    ] {
        let first = nodes.send("a", what, &body);
        for _ in 0..LEAVING {
            drop(nodes.send("a", what, &body));
        }
        let statuses =
            ["/readyz", "/metrics", "/api/stats", "/api/connections"].map(|path| nodes.get("a", path).0);
        let (status, reason) = nodes.ask("a", what, &body);
        first.set_nonblocking(true).unwrap();
        let answered = (&first).read(&mut [0; 1]);
        assert!(answered.is_err(), "{what}: all of this was while the first one waited");
        assert_eq!(statuses, [200; 4], "{what}");
        assert_eq!(status, 503, "{what}: {reason}");
        assert!(reason.contains("too many requests like this are under way"), "{what}: {reason}");
        first.set_nonblocking(false).unwrap();
        let mut text = String::new();
        (&first).read_to_string(&mut text).unwrap();
        assert!(
            text.contains(r#""missing_nodes":["b"]"#) || text.contains("b did not answer"),
            "{what}: {text}"
        );
    }
    nodes.of("b").signal(Signal::CONT);
}

#[test]
fn the_admin_server_shows_all_nodes_and_acts_on_them() {
    let nodes = Nodes::start(&["a", "b"], &[]);
    let mut own = enter(nodes.of("a"), &game(1));
    let mut client = enter(nodes.of("b"), &game(2));
    let json = |path: &str| -> Value { serde_json::from_str(&nodes.get("a", path).1).unwrap() };
    let stats = json("/api/stats");
    assert_eq!((&stats["node"], &stats["other_nodes"]), (&json!("a"), &json!(["b"])));
    let others = json("/api/stats?node=b");
    assert_eq!((&others["node"], &others["missing_nodes"]), (&json!("b"), &json!([])));
    assert_eq!((&others["clients"]["total"], &others["totals"]["accepted"]), (&json!(1), &json!(1)));
    assert_eq!(json("/api/stats?node=a")["pid"], stats["pid"]);
    assert_eq!(nodes.get("a", "/api/stats?node=c").0, 404);
    let page = json("/api/connections?all_nodes=true");
    let seen: Vec<_> = page["connections"].as_array().unwrap().iter().map(|one| &one["node"]).collect();
    assert_eq!((seen, &page["missing_nodes"]), (vec![&json!("a"), &json!("b")], &json!([])));
    assert_eq!(nodes.get("a", "/api/connections?all_nodes=true&sort=id").0, 400);
    let id = page["connections"][1]["id"].as_str().unwrap();
    assert_eq!(json("/api/connections?all_nodes=true&offset=1")["connections"][0]["id"], id);
    let body = |node: &str| json!({ "id": id, "node": node }).to_string();
    for (node, status) in [("c", 404), ("b", 200)] {
        assert_eq!(nodes.post("a", "/api/kick", &body(node)).0, status, "{node}");
    }
    client.expect_close(4010, "kicked");
    own.echo(b"whatever its id is");
    let (_, metrics) = nodes.get("a", "/metrics");
    for line in [
        "sysconn_cluster_nodes 2\n",
        "sysconn_cluster_connected 1\n",
        r#"sysconn_cluster_messages_total{direction="in",kind="heartbeat"} "#,
        r#"sysconn_cluster_messages_total{direction="out",kind="login"} "#,
        r#"sysconn_cluster_dropped_total{reason="full"} 0"#,
        "sysconn_cluster_queue_bytes ",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}
