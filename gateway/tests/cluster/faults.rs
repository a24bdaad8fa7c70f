//! NATS is away, and comes back; and a name that is taken.

use super::client::{enter, game};
use super::common::{Client, PATIENCE, eventually};
use super::messages::room;
use super::nats;
use super::nodes::Nodes;

#[test]
fn a_name_is_taken_once() {
    let nodes = Nodes::start(&["a"], &[]);
    let (status, says) = nodes.fails("a");
    assert_eq!(status, Some(2), "{says}");
    assert!(says.contains("another server of the cluster is called a"), "{says}");
    enter(nodes.of("a"), &game(1)).echo(b"goes on");
}

#[test]
fn without_nats_a_server_plays_on_and_says_so_if_asked() {
    let mut nodes = Nodes::start(&["a", "b"], &["--cluster-required", "--cluster-ready"]);
    let mut inside = enter(nodes.of("a"), &game(1));
    assert_eq!(nodes.get("a", "/readyz").0, 200);
    let port = nodes.cut();
    eventually("it is not ready", || {
        let (status, why) = nodes.get("a", "/readyz");
        status == 503 && why.starts_with("NATS cannot be used: ")
    });
    assert_eq!(nodes.get("a", "/healthz").0, 200, "and works");
    inside.echo(b"plays on");
    let mut outside = Client::connect(nodes.of("a").address());
    outside.expect_refusal(1002, &game(2), 6, "no login counts");
    nodes.nats = Some(nats::Server::start_on(port, ""));
    eventually("both are ready again", || ["a", "b"].iter().all(|name| nodes.get(name, "/readyz").0 == 200));
    eventually("and takes logins", || outside.answer(1002, &game(2)).error_id == 0);
    let mut newer = enter(nodes.of("b"), &game(1));
    inside.stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    inside.expect_close(4007, "roles are one again");
    newer.echo(b"goes on");
}

/// What NATS refuses makes it one that is away, until all is allowed.
#[test]
fn a_permission_that_is_missing_is_named_and_keeps_logins_out() {
    let mut nodes = Nodes::start(&["a"], &["--cluster-required", "--cluster-ready"]);
    let mut speaker = enter(nodes.of("a"), &game(1));
    speaker.join("plaza");
    let restart = |nodes: &mut Nodes, topics: &str| {
        let allowed = ["nodes", "node.>", "role.>", "probe.>", "inbox.>", topics];
        let allowed = allowed.map(|subject| format!("sysconn.sysconn.{subject}")).join(", ");
        let user = format!("{{ user: node, password: secret, permissions: {{ publish: [{allowed}] }} }}");
        let config = format!("authorization {{ users: [ {user} ] }}\nno_auth_user: node\n");
        let port = nodes.cut();
        nodes.nats = Some(nats::Server::start_on(port, &config));
    };
    let is_ready = |nodes: &Nodes| nodes.get("a", "/readyz").0 == 200;
    let is_named = |nodes: &Nodes| nodes.get("a", "/readyz").1.contains("\"sysconn.sysconn.topic.");
    restart(&mut nodes, "topic.none");
    eventually("it is named", || is_named(&nodes));
    assert_eq!(nodes.figure("a", "sysconn_cluster_connected"), 0);
    let mut outside = Client::connect(nodes.of("a").address());
    outside.expect_refusal(1002, &game(2), 6, "no login counts");
    restart(&mut nodes, "topic.>");
    eventually("it is ready again", || is_ready(&nodes));
    // What is refused is a subject that is not tried before.
    restart(&mut nodes, "topic.0");
    eventually("what is said there is refused", || {
        let say = room::Say { room: "plaza".into(), text: "refused".into() };
        speaker.send_packet(1203, 5, &prost::Message::encode_to_vec(&say));
        is_named(&nodes)
    });
    assert!(nodes.figure("a", "sysconn_cluster_dropped_total{reason=\"refused\"}") > 0);
    restart(&mut nodes, "topic.>");
    eventually("it is ready at last", || is_ready(&nodes));
}

#[test]
fn a_node_that_comes_back_closes_its_ghosts() {
    let mut nodes = Nodes::start(&["a", "b"], &[]);
    let mut ghost = enter(nodes.of("a"), &game(1));
    let port = nodes.cut();
    eventually("both are alone", || {
        ["a", "b"].iter().all(|name| nodes.figure(name, "sysconn_cluster_connected") == 0)
    });
    let mut newer = enter(nodes.of("b"), &game(1));
    ghost.echo(b"both sides play on");
    nodes.nats = Some(nats::Server::start_on(port, ""));
    // Digests come every 10 s.
    ghost.stream.set_read_timeout(Some(2 * PATIENCE)).unwrap();
    ghost.expect_close(4007, "the older login");
    newer.echo(b"goes on");
}
