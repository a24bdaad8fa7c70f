//! The black list is one for all nodes, and each keeps it.

use super::client::{enter, game};
use super::common::{Client, eventually};
use super::messages::monitor;
use super::nodes::Nodes;

/// Whether a role can log in.
fn logs_in(nodes: &Nodes, name: &str, role_id: u64) -> bool {
    let mut client = Client::connect(nodes.of(name).address());
    match client.answer(1002, &game(role_id)).error_id {
        0 => true,
        error_id => {
            assert_eq!(error_id, 7);
            false
        }
    }
}

fn change(operator: &mut Client, action: u32, role_id: u64) {
    let account = if action == 3 { String::new() } else { game(role_id).account };
    let message = monitor::Blacklist { action, account, ..monitor::Blacklist::default() };
    let _: monitor::BlacklistPage = operator.ask(9005, &message);
}

#[test]
fn entries_and_removals_of_one_node_hold_on_all_and_outlive_it() {
    let mut nodes = Nodes::start(&["a", "b"], &[]);
    let mut operator = nodes.operator("a");
    change(&mut operator, 1, 1);
    change(&mut operator, 1, 2);
    eventually("both are listed", || !logs_in(&nodes, "b", 1) && !logs_in(&nodes, "b", 2));
    change(&mut nodes.operator("b"), 2, 1);
    eventually("one is not", || logs_in(&nodes, "a", 1));
    assert!(!logs_in(&nodes, "a", 2));
    // One that comes later learns of it, and one that comes back has kept it.
    nodes.add("c");
    eventually("the newcomer knows it", || !logs_in(&nodes, "c", 2));
    drop(nodes.take("b"));
    nodes.add("b");
    assert!(logs_in(&nodes, "b", 1) && !logs_in(&nodes, "b", 2), "it is in the store");
    nodes.meet();
    change(&mut operator, 3, 0);
    for name in ["a", "b", "c"] {
        eventually("it is cleared", || logs_in(&nodes, name, 2));
    }
    change(&mut nodes.operator("c"), 1, 3);
    eventually("and goes on", || !logs_in(&nodes, "a", 3));
    drop(enter(nodes.of("a"), &game(4)));
}
