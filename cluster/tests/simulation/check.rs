//! What must hold once the network passes messages again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sysconn_cluster::{Answers, BlacklistRecord, NodeName, REQUEST_TIMEOUT, Sent, Stamp, TopicRef, What};

use crate::game::Running;
use crate::world::{Fate, Login, NODES, TOPICS, World};

/// Roles converge within so long after heartbeats pass again, in milliseconds.
pub(crate) const CONVERGED_MS: u64 = 15_000;
/// Tombstones of ends that are no older than this, when the network heals, are still there when digests have
/// come.
const SURE_TOMBSTONE_MS: u64 = 40_000;

/// What must be so for a role.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// It is held by this connection alone.
    Holder(Login),
    /// Nobody holds it: the newest holder has ended.
    Nobody,
    /// The newest holder has ended some time ago: an older one may have come back, but no two.
    AtMostOne,
}

/// What is expected for each role, from what is so when the network heals.
pub(crate) fn expected(world: &World) -> BTreeMap<u64, Expected> {
    let now_ms = world.net.now_ms();
    let mut expected = BTreeMap::new();
    let mut roles: Vec<_> = world.logins.iter().map(|login| login.role_id).collect();
    roles.sort_unstable();
    roles.dedup();
    for role_id in roles {
        let said = |login: &&Login| login.role_id == role_id && is_said(world, login);
        let newest = world.logins.iter().filter(said).max_by_key(|login| login.stamp.clone());
        let is = match newest {
            None => Expected::Nobody,
            Some(login) => match login.fate {
                Fate::Open => Expected::Holder(login.clone()),
                Fate::Ended(at_ms) | Fate::Replaced(at_ms) if now_ms - at_ms < SURE_TOMBSTONE_MS => {
                    Expected::Nobody
                }
                Fate::Ended(_) | Fate::Replaced(_) | Fate::Lost => Expected::AtMostOne,
            },
        };
        expected.insert(role_id, is);
    }
    expected
}

/// Whether its node still speaks for a login: it runs, and has seen no later login of the role.
fn is_said(world: &World, login: &Login) -> bool {
    let of_start =
        |other: &&Login| other.role_id == login.role_id && other.stamp.incarnation == login.stamp.incarnation;
    login.fate != Fate::Lost && world.logins.iter().filter(of_start).all(|other| other.stamp <= login.stamp)
}

pub(crate) fn check(world: &mut World, expected: &BTreeMap<u64, Expected>) {
    check_members(world);
    let holders = check_roles(world, expected);
    check_pushes(world, &holders);
    check_topics(world);
    check_blacklist(world);
    check_requests(world);
    for running in world.nodes.iter().flatten() {
        let game = running.game();
        assert_eq!(game.faults, [""; 0], "{}", world.trace.join("\n"));
        assert!(!game.has_conflict && running.cluster.status().is_up);
    }
}

fn running(world: &World) -> impl Iterator<Item = (usize, &Running)> {
    world.nodes.iter().enumerate().filter_map(|(at, running)| Some((at, running.as_ref()?)))
}

fn check_members(world: &World) {
    for (at, running) in running(world) {
        let others: Vec<_> = (0..NODES).filter(|other| *other != at).map(name).collect();
        assert_eq!(running.cluster.nodes(), others, "{}", world.trace.join("\n"));
    }
}

fn name(at: usize) -> NodeName {
    NodeName::new(["a", "b", "c"][at]).unwrap()
}

/// Returns the node of each role's holder.
fn check_roles(world: &World, expected: &BTreeMap<u64, Expected>) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    for (role_id, expected) in expected {
        let holders: Vec<_> = running(world)
            .filter_map(|(at, running)| Some((at, *running.game().holders.get(role_id)?)))
            .collect();
        let is_right = match expected {
            Expected::Holder(login) => holders == [(login.node, login.holder)],
            Expected::Nobody => holders.is_empty(),
            Expected::AtMostOne => holders.len() <= 1,
        };
        assert!(
            is_right,
            "{}\nrole {role_id} is held by {holders:?}, not {expected:?}",
            world.trace.join("\n")
        );
        found.extend(holders.first().map(|(at, _)| (*role_id, *at)));
    }
    found
}

/// Every node knows where roles are, and a push reaches the holder once.
fn check_pushes(world: &mut World, holders: &BTreeMap<u64, usize>) {
    for (at, running) in running(world) {
        running.game().pushed.clear();
        for (role_id, holder_at) in holders.iter().filter(|(_, holder_at)| **holder_at != at) {
            let sent = running.cluster.push_to_role(*role_id, 1, vec![at as u8]);
            assert_eq!(sent, Ok(Sent::Node(name(*holder_at))), "{}", world.trace.join("\n"));
        }
        assert_eq!(running.cluster.push_to_role(999, 1, vec![]), Ok(Sent::Shard));
    }
    world.run_for(50);
    for (at, running) in running(world) {
        let mut got: Vec<_> =
            running.game().pushed.iter().map(|(role_id, _, data)| (*role_id, usize::from(data[0]))).collect();
        got.sort_unstable();
        let others =
            |role_id: u64| (0..NODES).filter(move |from| *from != at).map(move |from| (role_id, from));
        let own = holders.iter().filter(|(_, holder_at)| **holder_at == at);
        assert_eq!(got, own.flat_map(|(role_id, _)| others(*role_id)).collect::<Vec<_>>());
    }
}

/// A publish reaches the subscribers on other machines, once and in order, and no others.
fn check_topics(world: &mut World) {
    for (_, running) in running(world) {
        running.game().published.clear();
        running.game().in_vain = 0;
    }
    for (at, running) in running(world) {
        for topic in 0..TOPICS {
            for number in 0..5 {
                running.cluster.publish(TopicRef::Id(topic), 1, vec![at as u8, number]).unwrap();
            }
        }
    }
    world.run_for(50);
    for (at, running) in running(world) {
        let game = running.game();
        for topic in 0..TOPICS {
            for from in 0..NODES {
                let got = game.published.iter().filter(|(on, data)| *on == topic && data[0] == from as u8);
                let got: Vec<_> = got.map(|(_, data)| data[1]).collect();
                let is_due = from != at && game.topics.contains(&topic);
                assert_eq!(
                    got,
                    if is_due { vec![0, 1, 2, 3, 4] } else { vec![] },
                    "{topic} on {at} from {from}"
                );
            }
        }
        assert_eq!(game.in_vain, 0, "buckets are left");
    }
}

/// Every node has the same black list: of each subject the record with the highest stamp.
fn check_blacklist(world: &World) {
    let mut newest: BTreeMap<String, BlacklistRecord> = BTreeMap::new();
    let mut cleared: Option<Stamp> = None;
    for (_, running) in running(world) {
        let game = running.game();
        cleared = cleared.max(game.cleared.clone());
        for record in game.records.values() {
            let known = newest.get(&record.subject).map(|known| known.stamp.clone());
            if known.is_none_or(|known| known < record.stamp) {
                newest.insert(record.subject.clone(), record.clone());
            }
        }
    }
    newest.retain(|_, record| cleared.as_ref().is_none_or(|cleared| record.stamp > *cleared));
    for (at, running) in running(world) {
        assert_eq!(running.game().records, newest, "the black list of {at}\n{}", world.trace.join("\n"));
    }
}

/// A request to all is answered by all.
fn check_requests(world: &mut World) {
    let answers: Arc<Mutex<Vec<Answers>>> = Arc::default();
    for (at, running) in running(world) {
        let taken = answers.clone();
        let done = move |answers| taken.lock().unwrap().push(answers);
        let mut to = running.cluster.nodes();
        to.push(NodeName::new("nobody").unwrap());
        let body = vec![at as u8; 100];
        running.cluster.request_many(&to, What::Stats, body, REQUEST_TIMEOUT, done);
    }
    world.run_for(100);
    let answers = answers.lock().unwrap();
    assert_eq!(answers.len(), NODES, "all were answered before the deadline");
    for Answers { answers, missing } in answers.iter() {
        assert_eq!((answers.len(), missing.len()), (NODES - 1, 1));
        assert!(answers.iter().all(|(_, answer)| answer.as_ref().is_ok_and(|body| body.len() == 100)));
    }
}
