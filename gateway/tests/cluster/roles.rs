//! A role has one connection in the whole cluster, the newest.

use prost::Message;

use super::client::{enter, game};
use super::common::{Client, eventually};
use super::nodes::{Nodes, is_open};

#[test]
fn a_newer_login_on_another_node_closes_the_older_one() {
    let nodes = Nodes::start(&["a", "b"], &[]);
    for round in 0..10 {
        for (older_on, newer_on) in [("a", "b"), ("b", "a"), ("b", "b")] {
            let case = format!("{round}: from {older_on} to {newer_on}");
            let mut older = enter(nodes.of(older_on), &game(7));
            let mut newer = enter(nodes.of(newer_on), &game(7));
            older.expect_close(4007, &case);
            newer.echo(b"goes on");
            // The end of the older one takes nothing from the newer.
            drop(older);
            newer.echo(b"goes on");
            newer.close();
        }
    }
}

#[test]
fn of_logins_at_once_one_wins() {
    let nodes = Nodes::start(&["a", "b", "c"], &[]);
    for role_id in 100..150 {
        let mut rivals = ["a", "b", "c"].map(|name| Client::connect(nodes.of(name).address()));
        let login = game(role_id).encode_to_vec();
        rivals.iter_mut().for_each(|rival| rival.send_packet(1002, 1, &login));
        for rival in &mut rivals {
            assert_eq!(rival.reply().error_id, 0, "each was accepted");
        }
        let mut open = Vec::from(rivals);
        eventually("one of them is left", || {
            open.retain_mut(is_open);
            open.len() == 1
        });
        open[0].echo(b"the winner");
    }
}
