//! Messages that no other node has sent: of other formats, by other clocks, with a node's own name, garbage.

use sysconn_cluster::wire::{self, GoodBye, Heartbeat, Login, Message, Sender};
use sysconn_cluster::{NodeName, clock_at};

use super::client::{enter, game, unix_ms};
use super::common::eventually;
use super::nats::by_hand;
use super::nodes::Nodes;

/// A start of a node that there is not.
struct Stranger<'a> {
    nodes: &'a Nodes,
    sender: Sender,
}

impl<'a> Stranger<'a> {
    fn called(name: &str, nodes: &'a Nodes) -> Self {
        Stranger { nodes, sender: Sender { name: NodeName::new(name).unwrap(), incarnation: 0 } }
    }

    /// Sends a message in a version of the format, by a clock that is ahead.
    fn send(&self, subject: &str, version: u8, ahead_ms: u64, message: impl Into<Message>) {
        let mut payload = wire::write(clock_at(unix_ms() + ahead_ms), &self.sender, &message.into()).to_vec();
        payload[0] = version;
        publish(self.nodes, subject, &payload);
    }
}

fn publish(nodes: &Nodes, subject: &str, payload: &[u8]) {
    let line = format!("PUB sysconn.sysconn.{subject} {}\r\n", payload.len());
    let lines = [line.as_bytes(), payload, b"\r\n"].concat();
    by_hand(nodes.nats.as_ref().unwrap().port, r#"{"verbose":false}"#, lines);
}

fn dropped(nodes: &Nodes, reason: &str) -> u64 {
    nodes.figure("a", &format!(r#"sysconn_cluster_dropped_total{{reason="{reason}"}}"#))
}

fn logs(nodes: &Nodes, level: &str, part: &str) -> bool {
    let log = nodes.of("a").log();
    String::from_utf8_lossy(&log).lines().any(|line| line.contains(level) && line.contains(part))
}

fn heartbeat(version: u8) -> Heartbeat {
    Heartbeat { oldest: version.into(), newest: version.into(), is_draining: false }
}

#[test]
fn a_foreign_format_is_named_in_log_metrics_and_readiness() {
    let nodes = Nodes::start(&["a"], &[]);
    let stranger = Stranger::called("z", &nodes);
    stranger.send("nodes", 9, 0, heartbeat(9));
    let expected = (503, "z speaks version 9 of the cluster's format\n".to_owned());
    eventually("it is not ready", || nodes.get("a", "/readyz") == expected);
    assert_eq!(nodes.get("a", "/healthz").0, 200);
    assert!(logs(&nodes, "ERROR", "node z speaks versions 9 to 9, and this one 1"));
    stranger.send("role.1", 9, 0, Login { role_id: 7, clock: 1 });
    eventually("it is counted", || dropped(&nodes, "version") == 1);
    stranger.send("nodes", 1, 0, GoodBye {});
    eventually("it is ready again", || nodes.get("a", "/readyz").0 == 200);
}

#[test]
fn clocks_that_are_ahead_are_named_in_the_log() {
    let nodes = Nodes::start(&["a"], &[]);
    Stranger::called("y", &nodes).send("nodes", 1, 30_000, heartbeat(1));
    eventually("a warning", || logs(&nodes, "WARN", "the clock of node y is "));
    Stranger::called("z", &nodes).send("nodes", 1, 90_000, heartbeat(1));
    eventually("an error", || logs(&nodes, "ERROR", "the clock of node z is "));
    assert_eq!((dropped(&nodes, "clock_ahead"), nodes.figure("a", "sysconn_cluster_nodes")), (1, 2));
}

#[test]
fn garbage_is_counted_and_play_goes_on() {
    let nodes = Nodes::start(&["a"], &[]);
    let mut client = enter(nodes.of("a"), &game(7));
    let mut sent = 0;
    for subject in ["nodes", "node.a", "role.7", "role.none"] {
        for payload in [&b""[..], b"garbage", &[1; 900_000]] {
            publish(&nodes, subject, payload);
            sent += 1;
        }
    }
    eventually("all are counted", || dropped(&nodes, "garbage") == sent);
    client.echo(b"goes on");
}

#[test]
fn a_second_node_with_ones_name_that_is_found_later_ends_the_part_of_the_higher() {
    let nodes = Nodes::start(&["a", "b"], &[]);
    let mut client = enter(nodes.of("a"), &game(7));
    // Heartbeats of a start before may come late: this one is of a clock behind all of these.
    Stranger::called("a", &nodes).send("nodes", 1, 20_000, heartbeat(1));
    let expected = (503, "another server of the cluster is called a\n".to_owned());
    eventually("it is not ready", || nodes.get("a", "/readyz") == expected);
    assert!(logs(&nodes, "ERROR", "another node is called a too: this one leaves the cluster"));
    client.echo(b"goes on");
    // It speaks no more: a login here closes nobody there.
    let mut there = enter(nodes.of("b"), &game(8));
    let mut here = enter(nodes.of("a"), &game(8));
    there.echo(b"goes on");
    here.echo(b"goes on");
    assert_eq!(nodes.get("b", "/readyz").0, 200);
}
