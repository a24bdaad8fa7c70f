//! Single rules, on a network without faults: names, versions, clocks, forwarded pushes.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use prost::Message as _;
use sysconn_cluster::wire::{BlacklistRequest, GoodBye, Header, Heartbeat, Login, Push, Sender, Subject};
use sysconn_cluster::{
    Answered, BlacklistRecord, Holder, NodeName, REQUEST_TIMEOUT, Sent, Stamp, TopicRef, What, shard_of,
};

use crate::forger::{Rules, count, dropped, is_up, names};
use crate::game::{Game, Running};

#[test]
fn a_name_is_free_after_2_s_without_an_answer() {
    let rules = Rules::new();
    let first = rules.start("a", 9);
    rules.run_for(1_900);
    assert!(!is_up(&first));
    rules.run_for(200);
    assert!(is_up(&first));
    // A lower incarnation does not take a name that is in use.
    let second = rules.start("a", 1);
    rules.run_for(200);
    assert!(second.cluster.status().has_name_conflict && !is_up(&second) && is_up(&first));
    rules.run_for(20_000);
    assert!(is_up(&first) && !first.game().has_conflict);
}

#[test]
fn of_two_that_ask_at_once_the_lower_incarnation_gets_the_name() {
    let rules = Rules::new();
    let (high, low) = (rules.start("a", 9), rules.start("a", 1));
    rules.run_for(3_000);
    assert!(is_up(&low) && high.cluster.status().has_name_conflict);
}

#[test]
fn two_with_one_name_that_meet_later_become_one() {
    let rules = Rules::new();
    let (low, other) = (rules.start("a", 1), rules.start("b", 2));
    rules.run_for(6_000);
    low.bus.set_side(1);
    rules.run_for(100);
    let high = rules.start("a", 9);
    rules.run_for(6_000);
    assert!(is_up(&low) && is_up(&high), "neither hears the other");
    low.bus.set_side(0);
    rules.run_for(8_000);
    assert!(high.game().has_conflict && high.cluster.status().has_name_conflict && !is_up(&high));
    assert!(is_up(&low) && !low.game().has_conflict);
    // It has left: it says nothing more.
    assert!(high.cluster.push_to_role(7, 1, "x").is_err());
    rules.run_for(10_100);
    assert_eq!(other.cluster.status().nodes.len(), 1);
}

#[test]
fn the_last_heartbeats_of_a_start_before_are_no_second_node() {
    let rules = Rules::new();
    let (node, forger) = (rules.start("a", 9), rules.forger());
    let heartbeat = Heartbeat { oldest: 1, newest: 1, is_draining: false };
    for (at_ms, is_second) in [(1_000, false), (3_000, false), (8_000, true)] {
        rules.net.run_until(at_ms);
        forger.send("a", 0, &Subject::Nodes, heartbeat.clone());
        rules.run_for(10);
        assert_eq!(node.cluster.status().has_name_conflict, is_second, "at {at_ms} ms");
    }
}

#[test]
fn a_node_that_was_killed_may_start_again_at_once() {
    let rules = Rules::new();
    let (first, other) = (rules.start("a", 1), rules.start("b", 1));
    rules.run_for(6_000);
    first.cluster.role_entered(7, Holder::default());
    rules.run_for(100);
    first.bus.kill();
    let again = rules.start("a", 2);
    rules.run_for(3_000);
    assert!(is_up(&again) && names(&other) == ["a"]);
    // The roles of the start before are forgotten with it.
    assert_eq!(other.cluster.push_to_role(7, 1, "x"), Ok(Sent::Node(NodeName::new("a").unwrap())));
    rules.run_for(10_100);
    assert_eq!(other.cluster.push_to_role(7, 1, "x"), Ok(Sent::Shard));
}

#[test]
fn a_good_bye_is_known_at_once_and_silence_after_10_s() {
    let rules = Rules::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| rules.start(name, 1));
    rules.run_for(6_000);
    assert_eq!(names(&a), ["b", "c"]);
    b.cluster.drain();
    rules.run_for(10);
    assert!(a.cluster.status().nodes[0].is_draining);
    b.cluster.good_bye();
    rules.run_for(10);
    assert_eq!(names(&a), ["c"]);
    c.bus.kill();
    rules.run_for(6_900);
    assert_eq!(names(&a), ["c"]);
    rules.run_for(3_200);
    assert_eq!(names(&a), [""; 0]);
}

#[test]
fn clocks_far_ahead_are_refused_and_reported() {
    let rules = Rules::new();
    let (node, forger) = (rules.start("a", 1), rules.forger());
    rules.run_for(3_000);
    let stamp = node.cluster.role_entered(7, Holder::default());
    let ahead = |ahead_ms| {
        let login = Login { role_id: 7, clock: forger.clock(ahead_ms) };
        forger.send("b", ahead_ms, &Subject::Role(shard_of(7)), login);
        rules.run_for(10);
    };
    ahead(61_000);
    assert_eq!(node.game().replaced, []);
    assert!(node.cluster.status().has_clock_error && dropped(&node, "clock_ahead") == 1);
    assert_eq!(names(&node), [""; 0], "nothing of it is heard");
    let later = node.cluster.role_entered(8, Holder::default());
    assert!(later.clock > stamp.clock && later.clock < forger.clock(1_000), "the own clock did not follow");
    ahead(59_000);
    assert_eq!(node.game().replaced.len(), 1);
    let after = node.cluster.role_entered(7, Holder::default());
    assert!(after.clock > forger.clock(58_000), "a login is above all that was seen");
    rules.run_for(31_000);
    assert!(!node.cluster.status().has_clock_error);
}

#[test]
fn other_versions_are_named_and_garbage_is_counted() {
    let rules = Rules::new();
    let (node, forger) = (rules.start("a", 1), rules.forger());
    rules.run_for(3_000);
    let heartbeat = Heartbeat { oldest: 8, newest: 9, is_draining: false };
    let header = |kind| {
        let sender = Sender { name: NodeName::new("b").unwrap(), incarnation: 5 };
        let mut out = vec![];
        Header { version: 9, kind, clock: forger.clock(0), sender }.write(&mut out);
        out
    };
    forger.send_bytes(&Subject::Nodes, [header(1), heartbeat.encode_to_vec()].concat().into());
    forger.send_bytes(&Subject::Role(1), header(5).into());
    for garbage in [&b""[..], b"garbage", &[1; 2000]] {
        forger.send_bytes(&Subject::Nodes, Bytes::copy_from_slice(garbage));
    }
    rules.run_for(10);
    let status = node.cluster.status();
    assert!(status.nodes[0].is_foreign && status.nodes[0].version == 9, "{status:?}");
    assert_eq!((dropped(&node, "version"), dropped(&node, "garbage")), (1, 3));
    forger.send("b", 0, &Subject::Nodes, GoodBye {});
    rules.run_for(10);
    assert_eq!(node.cluster.status().nodes, []);
}

#[test]
fn a_push_is_forwarded_once() {
    let rules = Rules::new();
    let (a, b, forger) = (rules.start("a", 1), rules.start("b", 1), rules.forger());
    rules.run_for(6_000);
    let push = |is_forwarded| Push { role_id: 7, cmd: 1, data: Bytes::from_static(b"x"), is_forwarded };
    let holder = Holder { connection: 3, claim: 0 };
    b.game().holders.insert(7, holder);
    b.cluster.role_entered(7, holder);
    rules.run_for(10);
    let to_a = Subject::Node(NodeName::new("a").unwrap());
    forger.send("c", 0, &to_a, push(false));
    rules.run_for(10);
    assert_eq!(b.game().pushed.len(), 1, "a knows that b has the role");
    forger.send("c", 0, &to_a, push(true));
    rules.run_for(10);
    assert_eq!((b.game().pushed.len(), dropped(&a, "not_held")), (1, 1), "not twice");
    // One that came by the shard is not forwarded at all.
    b.cluster.role_left(7, holder);
    forger.send("c", 0, &Subject::Role(shard_of(7)), push(false));
    rules.run_for(10);
    assert_eq!((dropped(&a, "not_held"), dropped(&b, "not_held")), (1, 0));
    // If nobody is known to have it, the shard is asked.
    forger.send("c", 0, &to_a, push(false));
    rules.run_for(10);
    assert_eq!((b.game().pushed.len(), dropped(&b, "not_held")), (1, 0));
}

#[test]
fn what_a_node_says_of_itself_comes_after_its_name_is_free() {
    let rules = Rules::new();
    let a = rules.start("a", 1);
    rules.run_for(3_000);
    let b = rules.start("b", 1);
    a.cluster.role_entered(7, Holder::default());
    rules.run_for(100);
    b.cluster.role_entered(7, Holder { connection: 1, claim: 0 });
    rules.run_for(1_000);
    assert_eq!(a.game().replaced, []);
    assert!(b.cluster.publish(TopicRef::Id(1), 1, "x").is_err());
    rules.run_for(1_200);
    assert_eq!(a.game().replaced.len(), 1, "by the first digest");
}

#[test]
fn a_reconnect_brings_digests_at_once() {
    let rules = Rules::new();
    let [a, b] = ["a", "b"].map(|name| rules.start(name, 1));
    rules.run_for(6_000);
    a.bus.disconnect();
    for (node, role_id, connection) in [(&a, 7, 1), (&b, 7, 2), (&b, 8, 3), (&a, 8, 4)] {
        node.cluster.role_entered(role_id, Holder { connection, claim: 0 });
        rules.run_for(1);
    }
    rules.run_for(2_000);
    a.bus.connect();
    rules.run_for(300);
    let replaced =
        [&a, &b].map(|node| node.game().replaced.iter().map(|(role_id, _)| *role_id).collect::<Vec<_>>());
    assert_eq!(replaced, [[7], [8]]);
}

#[test]
fn a_list_of_many_roles_comes_in_parts() {
    let rules = Rules::new();
    let a = rules.start("a", 1);
    let shard = shard_of(7);
    let roles: Vec<u64> = (1..).filter(|role_id| shard_of(*role_id) == shard).take(6_000).collect();
    for role_id in &roles {
        a.cluster.role_entered(*role_id, Holder::default());
    }
    rules.run_for(3_000);
    let b = rules.start("b", 1);
    rules.run_for(13_000);
    // Each entry has 24 bytes, and each part at most 64 KiB.
    assert_eq!((count(&a, "out", "role_list"), count(&b, "in", "role_list")), (3, 3));
    let at_a = Ok(Sent::Node(NodeName::new("a").unwrap()));
    assert!(roles.iter().all(|role_id| b.cluster.push_to_role(*role_id, 1, "x") == at_a));
}

#[test]
fn a_game_that_panics_refuses_and_its_node_goes_on() {
    let rules = Rules::new();
    let [a, b] = ["a", "b"].map(|name| rules.start(name, 1));
    rules.run_for(6_000);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let answers: Arc<Mutex<Vec<Option<Answered>>>> = Arc::default();
    for what in [What::Debug, What::Stats] {
        let taken = answers.clone();
        let done = move |answer| taken.lock().unwrap().push(answer);
        a.cluster.request(b.cluster.name(), what, "x", REQUEST_TIMEOUT, done);
        rules.run_for(100);
    }
    std::panic::set_hook(hook);
    assert_eq!(*answers.lock().unwrap(), [Some(Err(6)), Some(Ok("x".into()))]);
}

#[test]
fn a_node_whose_clock_was_wrong_at_an_earlier_start_is_heard() {
    let rules = Rules::new();
    let (a, forger) = (rules.start("a", 1), rules.forger());
    let far = |node: &str| Stamp {
        clock: forger.clock(1_000_000),
        node: NodeName::new(node).unwrap(),
        incarnation: 9,
    };
    let record = BlacklistRecord {
        subject: "account:x".to_owned(),
        until_ms: u64::MAX,
        is_removed: false,
        by_operator: true,
        stamp: far("b"),
    };
    let stored = Game {
        records: [(record.subject.clone(), record)].into(),
        cleared: Some(far("a")),
        ..Game::default()
    };
    let b = Running::start(&rules.net, "b", 2, 0, &stored);
    rules.run_for(5_000);
    assert_eq!(names(&a), ["b"]);
    let of = |node: &Running| node.game().records.get("account:x").map(|record| record.stamp.clone());
    assert!(of(&a).is_some() && of(&a) == of(&b), "{:?}", of(&a));
    assert!(a.game().cleared.is_some() && a.game().cleared == b.game().cleared);
    a.cluster.blacklist_remove("account:x");
    rules.run_for(10);
    assert!(b.game().records["account:x"].is_removed);
}

#[test]
fn a_black_list_that_is_asked_for_often_is_sent_once() {
    let rules = Rules::new();
    let (a, forger) = (rules.start("a", 1), rules.forger());
    rules.run_for(3_000);
    a.cluster.blacklist_put("account:x", u64::MAX, true);
    let before = count(&a, "out", "blacklist");
    for _ in 0..50 {
        forger.send("b", 0, &Subject::Node(NodeName::new("a").unwrap()), BlacklistRequest { incarnation: 1 });
    }
    rules.run_for(1_000);
    assert_eq!(count(&a, "out", "blacklist"), before + 1);
}

#[test]
fn a_publish_reaches_a_node_that_is_not_known_yet() {
    let rules = Rules::new();
    let first = rules.start("a", 1);
    rules.run_for(6_000);
    let second = rules.start("b", 1);
    second.game().topics.insert(7);
    second.cluster.topic_entered(TopicRef::Id(7));
    rules.run_for(100);
    assert!(!is_up(&second) && first.cluster.status().nodes.is_empty(), "it has said nothing yet");
    first.cluster.publish(TopicRef::Id(7), 1, "x").unwrap();
    rules.run_for(100);
    assert_eq!(second.game().published, [(7, b"x".to_vec())]);
}
