//! What is not yet delivered, requests and answers are bounded, and what is not sent is counted.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sysconn_cluster::wire::{self, Publish, Sender, Subject};
use sysconn_cluster::{Answered, MAX_INBOUND_BYTES, REQUEST_TIMEOUT, TopicRef, What, bucket_of};

use crate::forger::{Rules, count, dropped};

#[test]
fn what_is_not_yet_delivered_is_bounded() {
    let rules = Rules::new();
    let (node, forger) = (rules.start("a", 1), rules.forger());
    node.game().kept = Some(vec![]);
    node.cluster.topic_entered(TopicRef::Id(1));
    rules.run_for(3_000);
    let bucket = Subject::Topic(bucket_of(TopicRef::Id(1)));
    let publish = Publish { topic: Some(wire::Topic::Id(1)), cmd: 1, data: Bytes::from(vec![7; 1 << 20]) };
    for _ in 0..70 {
        forger.send("b", 0, &bucket, publish.clone());
    }
    rules.run_for(10);
    let kept = node.game().kept.as_ref().map_or(0, Vec::len);
    assert_eq!((kept, dropped(&node, "inbound")), (63, 7), "each has a header too");
    assert!(node.cluster.figures().queue_bytes <= MAX_INBOUND_BYTES);
    node.game().kept = Some(vec![]);
    assert_eq!(node.cluster.figures().queue_bytes, 0);
    forger.send("b", 0, &bucket, publish);
    rules.run_for(10);
    assert_eq!(node.game().kept.as_ref().map_or(0, Vec::len), 1);
}

#[test]
fn requests_and_answers_that_are_too_long_fail() {
    let rules = Rules::new();
    let [a, b] = ["a", "b"].map(|name| rules.start(name, 1));
    rules.run_for(6_000);
    let answers: Arc<Mutex<Vec<Option<Answered>>>> = Arc::default();
    for (what, len) in
        [(What::List, 1), (What::Stats, wire::MAX_PART_BYTES), (What::Stats, wire::MAX_PART_BYTES + 1)]
    {
        let taken = answers.clone();
        let done = move |answer| taken.lock().unwrap().push(answer);
        a.cluster.request(b.cluster.name(), what, vec![7; len], REQUEST_TIMEOUT, done);
        rules.run_for(100);
    }
    let body = Bytes::from(vec![7; wire::MAX_PART_BYTES]);
    assert_eq!(*answers.lock().unwrap(), [Some(Err(6)), Some(Ok(body)), None]);
}

#[test]
fn a_publish_while_the_bus_is_away_is_counted() {
    let rules = Rules::new();
    let node = rules.start("a", 1);
    let publish = || node.cluster.publish(TopicRef::Id(1), 1, "x").is_ok();
    // Its name is not known to be free.
    assert_eq!((publish(), dropped(&node, "not_connected")), (false, 1));
    rules.run_for(6_000);
    assert_eq!((publish(), dropped(&node, "not_connected")), (true, 1), "others may be there");
    node.bus.disconnect();
    assert_eq!((publish(), dropped(&node, "not_connected")), (false, 2));
    node.bus.connect();
    rules.run_for(6_000);
    assert_eq!((publish(), dropped(&node, "not_connected")), (true, 2));
}

#[test]
fn a_bus_knows_whether_a_node_is_alone() {
    let rules = Rules::new();
    let a = rules.start("a", 1);
    rules.run_for(6_000);
    assert!(a.bus.is_alone());
    let b = rules.start("b", 1);
    rules.run_for(6_000);
    assert!(!a.bus.is_alone() && !b.bus.is_alone());
    b.cluster.good_bye();
    rules.run_for(10);
    assert!(a.bus.is_alone());
    let killed = rules.start("b", 2);
    rules.run_for(6_000);
    assert!(!a.bus.is_alone());
    killed.bus.kill();
    rules.run_for(15_000);
    assert!(a.bus.is_alone());
}

#[test]
fn pushes_leave_together_and_ones_own_are_not_heard() {
    let rules = Rules::new();
    let [a, b] = ["a", "b"].map(|name| rules.start(name, 1));
    let (lobby, other) = (TopicRef::Id(1), TopicRef::Id(7));
    for node in [&a, &b] {
        node.cluster.topic_entered(lobby);
        node.cluster.topic_entered(other);
        node.game().kept = Some(vec![]);
    }
    rules.run_for(6_000);
    for (topic, times) in [(lobby, 3), (other, 2), (lobby, 1)] {
        (0..times).for_each(|_| a.cluster.publish(topic, 1210, "hello").unwrap());
    }
    rules.run_for(10);
    assert_eq!((count(&a, "out", "publish"), count(&a, "out", "publishes")), (6, 0));
    assert_eq!((count(&b, "in", "publish"), count(&b, "in", "publishes")), (6, 3));
    assert_eq!(b.game().kept.as_ref().map_or(0, Vec::len), 6);
    // A bus should not bring them back; if one does, they are not delivered again.
    let message = Publish { topic: Some(wire::Topic::Id(7)), cmd: 1, data: Bytes::new() };
    let sender = Sender { name: a.cluster.name().clone(), incarnation: 1 };
    let forger = rules.forger();
    let payload = wire::write(forger.clock(0), &sender, &message.into());
    forger.send_bytes(&Subject::Topic(bucket_of(other)), payload);
    rules.run_for(10);
    let heard = [&a, &b].map(|node| node.game().kept.as_ref().map_or(0, Vec::len));
    assert_eq!(heard, [0, 7]);
}
