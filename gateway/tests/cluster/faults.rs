//! NATS is away, and comes back; and a name that is taken.

use super::client::{enter, game};
use super::common::{Client, PATIENCE, eventually};
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
