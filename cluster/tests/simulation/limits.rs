//! What is not yet delivered, requests and answers are bounded, and what is not sent is counted.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sysconn_cluster::wire::{self, Publish, Subject};
use sysconn_cluster::{Answered, MAX_INBOUND_BYTES, REQUEST_TIMEOUT, TopicRef, What, bucket_of};

use crate::forger::{Rules, dropped};

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
