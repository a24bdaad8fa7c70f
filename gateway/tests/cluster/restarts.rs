//! Nodes that are restarted one after the other, and one that is killed, while clients log in.

use rustix::process::Signal;

use super::client::{enter, game};
use super::common::{Client, eventually};
use super::nodes::{Nodes, is_open};

/// Roles that log in again and again.
const ROLES: u64 = 20;

/// A client that has logged in.
struct Player {
    node: String,
    role_id: u64,
    client: Client,
}

/// Logs each role in on some node, and some on two. Those that were replaced before are dropped.
fn log_in_all(nodes: &Nodes, round: usize, players: &mut Vec<Player>) {
    for role_id in 1..=ROLES {
        for again in 0..=usize::from(role_id % 3 == 0) {
            let at = (round + again + role_id as usize * 7) % nodes.programs.len();
            let (name, program) = &nodes.programs[at];
            let client = enter(program, &game(role_id));
            players.push(Player { node: name.clone(), role_id, client });
        }
    }
    players.retain_mut(|player| is_open(&mut player.client));
}

#[test]
fn nodes_are_restarted_one_after_the_other_while_clients_log_in() {
    let mut nodes = Nodes::start(&["a", "b", "c"], &[]);
    let mut players = vec![];
    for (round, (name, signal)) in
        [("a", Signal::TERM), ("b", Signal::KILL), ("c", Signal::TERM)].into_iter().enumerate()
    {
        log_in_all(&nodes, round, &mut players);
        let mut program = nodes.take(name);
        let ended: Vec<_> = players.extract_if(.., |player| player.node == name).collect();
        program.signal(signal);
        log_in_all(&nodes, round + 1, &mut players);
        drop(ended);
        program.wait();
        if signal == Signal::TERM {
            let log = String::from_utf8_lossy(&program.log()).into_owned();
            let is_warning = |line: &&str| line.contains("WARN") && line.contains("NATS");
            assert_eq!(log.lines().find(is_warning), None, "an end is no reason for a warning");
            let (_, other) = &nodes.programs[0];
            eventually("another one was told of the drain and of the end", || {
                let log = String::from_utf8_lossy(&other.log()).into_owned();
                ["drains", "has said good-bye"]
                    .iter()
                    .all(|what| log.contains(&format!("node {name} {what}")))
            });
        }
        log_in_all(&nodes, round + 2, &mut players);
        nodes.add(name);
        log_in_all(&nodes, round, &mut players);
        nodes.meet();
        log_in_all(&nodes, round + 1, &mut players);
        eventually("each role has one connection", || {
            players.retain_mut(|player| is_open(&mut player.client));
            let mut roles: Vec<_> = players.iter().map(|player| player.role_id).collect();
            roles.sort_unstable();
            assert!((1..=ROLES).all(|role_id| roles.contains(&role_id)), "{name}: {roles:?}");
            roles.len() == ROLES as usize
        });
    }
}
