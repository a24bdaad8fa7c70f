//! The topics of several workers against a model of sets, with random calls.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::limits::MAX_UNFINISHED;
use super::*;
use crate::id::ConnectionId;
use crate::presence::Told;
use crate::push::Push;

#[derive(Clone, Debug)]
enum Step {
    Subscribe(usize, u32, u64),
    Unsubscribe(usize, u32, u64),
    End(usize, u32),
    HandOver(usize, u32, u32),
    Publish(usize, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (worker, slot, topic) = (0..3_usize, 0..6_u32, 0..5_u64);
    prop_oneof![
        8 => (worker.clone(), slot.clone(), topic.clone()).prop_map(|(w, s, t)| Step::Subscribe(w, s, t)),
        4 => (worker.clone(), slot.clone(), topic.clone()).prop_map(|(w, s, t)| Step::Unsubscribe(w, s, t)),
        1 => (worker.clone(), slot.clone()).prop_map(|(w, s)| Step::End(w, s)),
        1 => (worker.clone(), slot.clone(), slot).prop_map(|(w, s, n)| Step::HandOver(w, s, n)),
        4 => (worker, topic).prop_map(|(w, t)| Step::Publish(w, t)),
    ]
}

fn id(worker: usize, slot: u32) -> ConnectionId {
    ConnectionId::new(worker as u8, slot, 1)
}

/// The same topic as a number or as a name.
fn topic(number: u64) -> Topic {
    if number.is_multiple_of(2) { Topic::from(number) } else { Topic::name(&number.to_string()).unwrap() }
}

type Model = BTreeMap<u64, BTreeSet<ConnectionId>>;

/// Takes a step on both. A publish of a worker reaches whoever the model has.
fn take(step: &Step, workers: &mut [Topics], model: &mut Model) {
    match *step {
        Step::Subscribe(worker, slot, number) => {
            let members = model.entry(number).or_default();
            members.insert(id(worker, slot));
            let count = workers[worker].subscribe(id(worker, slot), &topic(number));
            assert_eq!(count, Ok(members.len()));
        }
        Step::Unsubscribe(worker, slot, number) => {
            let was_in = model.entry(number).or_default().remove(&id(worker, slot));
            assert_eq!(workers[worker].unsubscribe(id(worker, slot), &topic(number)), was_in);
        }
        Step::End(worker, slot) => {
            let left = model.values_mut().filter_map(|members| members.take(&id(worker, slot))).count();
            assert_eq!(workers[worker].leave_all(id(worker, slot)), left);
        }
        Step::HandOver(worker, slot, newer) => {
            let mut moved = 0;
            for members in model.values_mut() {
                if slot != newer && members.remove(&id(worker, slot)) {
                    members.insert(id(worker, newer));
                    moved += 1;
                }
            }
            assert_eq!(workers[worker].hand_over(id(worker, slot), id(worker, newer)), moved);
        }
        Step::Publish(worker, number) => {
            let shared = workers[worker].find(&topic(number));
            let mut reached: Vec<ConnectionId> = vec![];
            let count = workers.len();
            for other in shared.iter().flat_map(|shared| shared.workers(count)) {
                let receivers = workers[other].receivers(shared.as_ref().unwrap());
                assert!(!receivers.is_empty(), "a mail to nobody");
                assert!(receivers.iter().is_sorted_by_key(|id| id.order()));
                reached.extend(receivers.iter());
            }
            let set: BTreeSet<_> = reached.iter().copied().collect();
            assert_eq!(set.len(), reached.len(), "somebody is reached twice");
            assert_eq!(set, model.get(&number).cloned().unwrap_or_default());
        }
    }
}

fn check(workers: &[Topics], model: &Model) {
    let topics = model.values().filter(|members| !members.is_empty()).count();
    assert_eq!(workers[0].shared().counted().0, topics);
    for (number, members) in model {
        for (index, worker) in workers.iter().enumerate() {
            assert_eq!(worker.subscribers(&topic(*number)), members.len());
            for slot in 0..6 {
                let id = id(index, slot);
                assert_eq!(worker.is_subscribed(id, &topic(*number)), members.contains(&id));
            }
        }
    }
    for (index, worker) in workers.iter().enumerate() {
        worker.check_invariants();
        for slot in 0..6 {
            let id = id(index, slot);
            let expected = model.iter().filter(|(_, members)| members.contains(&id));
            let expected: HashSet<_> = expected.map(|(number, _)| topic(*number)).collect();
            assert_eq!(worker.of(id).cloned().collect::<HashSet<_>>(), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn topics_are_sets(steps in vec(step(), 0..200)) {
        let shared = SharedTopics::new(3, Told::default());
        let mut workers: Vec<_> = (0..3).map(|worker| Topics::new(worker, shared.clone())).collect();
        let mut model = Model::new();
        for step in &steps {
            take(step, &mut workers, &mut model);
            check(&workers, &model);
        }
        for worker in 0..3 {
            for slot in 0..6 {
                take(&Step::End(worker, slot), &mut workers, &mut model);
            }
        }
        check(&workers, &model);
        assert!(workers.iter().all(|worker| worker.len() == 0), "nothing is left");
    }
}

#[test]
fn topics_of_a_connection_are_bounded_and_the_excess_is_counted() {
    let mut topics = Topics::default();
    for number in 0..256 {
        assert_eq!(topics.subscribe(id(0, 1), &Topic::from(number)), Ok(1));
    }
    for _ in 0..2 {
        let refused = topics.subscribe(id(0, 1), &Topic::from(256));
        assert_eq!(refused, Err(SubscribeError::TooManyForConnection));
    }
    assert_eq!(topics.subscribe(id(0, 1), &Topic::from(255)), Ok(1), "it is subscribed already");
    assert_eq!(topics.subscribe(id(0, 2), &Topic::from(256)), Ok(1), "another connection");
    assert_eq!(topics.hand_over(id(0, 2), id(0, 1)), 1, "it has no room for that one");
    assert_eq!(topics.subscribers(&Topic::from(256)), 0);
    assert_eq!(topics.refused(), super::local::Refused { subscribes: 3, publishes: 0 });
    assert_eq!(topics.leave_all(id(0, 1)), 256);
    assert_eq!((topics.len(), topics.shared().counted()), (0, (0, 0, 0)));
}

#[test]
fn topics_of_a_server_are_bounded() {
    const LIMIT: u64 = 100;
    let shared = SharedTopics::with_limit(2, LIMIT as usize, Told::default());
    let mut workers: Vec<_> = (0..2).map(|worker| Topics::new(worker, shared.clone())).collect();
    for number in 0..LIMIT {
        let worker = (number % 2) as usize;
        // Each by another connection.
        workers[worker].subscribe(id(worker, 10 + number as u32), &Topic::from(number)).unwrap();
    }
    let one_more = Topic::from(LIMIT);
    for (worker, topics) in workers.iter_mut().enumerate() {
        assert_eq!(topics.subscribe(id(worker, 2), &one_more), Err(SubscribeError::TooMany));
        topics.check_invariants();
    }
    assert_eq!(workers[0].subscribe(id(0, 2), &Topic::from(1)), Ok(2), "a topic of the other worker");
    assert_eq!(shared.counted(), (100, 0, 0));
    assert!(workers[1].unsubscribe(id(1, 13), &Topic::from(3)));
    assert_eq!(workers[0].subscribe(id(0, 2), &one_more), Ok(1));
}

#[test]
fn connections_with_many_topics_leave_others_a_quarter_of_them() {
    const LIMIT: u64 = 1000;
    let mut topics = Topics::new(0, SharedTopics::with_limit(1, LIMIT as usize, Told::default()));
    let mut next = 0;
    let mut begin = |topics: &mut Topics, slot, most| {
        let numbers = (next..).take(most);
        let begun = numbers.take_while(|number| topics.subscribe(id(0, slot), &Topic::from(*number)).is_ok());
        let count = begun.count();
        next += count as u64;
        count
    };
    let greedy: usize = (0..10).map(|slot| begin(&mut topics, slot, 256)).sum();
    assert_eq!(greedy, 750 + 7 * 17, "those that come late have 17 each");
    assert_eq!(topics.subscribe(id(0, 5), &Topic::from(0)), Ok(2), "a topic that another has begun");
    assert_eq!(begin(&mut topics, 10, 256), 17);
    for slot in 11..100 {
        begin(&mut topics, slot, 10);
    }
    assert_eq!(topics.shared().counted().0, LIMIT as usize, "all others together may fill it");
    assert_eq!(topics.subscribe(id(0, 100), &Topic::from(LIMIT)), Err(SubscribeError::TooMany));
}

#[test]
fn publishes_in_a_row_share_a_list_until_somebody_comes_or_goes() {
    type Change = fn(&mut Topics);
    let changes: [(&str, Change); 5] = [
        ("comes", |topics| assert!(topics.subscribe(id(0, 4), &Topic::from(7)).is_ok())),
        ("leaves", |topics| assert!(topics.unsubscribe(id(0, 2), &Topic::from(7)))),
        ("leaves all", |topics| assert_eq!(topics.leave_all(id(0, 1)), 1)),
        ("is replaced", |topics| assert_eq!(topics.hand_over(id(0, 1), id(0, 5)), 1)),
        ("has been published to elsewhere", |topics| {
            topics.subscribe(id(0, 1), &Topic::from(8)).unwrap();
            let other = topics.find(&Topic::from(8)).unwrap();
            assert_eq!(topics.receivers(&other), vec![id(0, 1)].into());
        }),
    ];
    for (what, change) in changes {
        let mut topics = Topics::default();
        for slot in [3, 1, 2] {
            topics.subscribe(id(0, slot), &Topic::from(7)).unwrap();
        }
        let topic = topics.find(&Topic::from(7)).unwrap();
        assert!(!topics.has_listed(&topic));
        let first = topics.receivers(&topic);
        assert!(topics.has_listed(&topic) && topics.receivers(&topic) == first);
        change(&mut topics);
        assert!(!topics.has_listed(&topic), "somebody {what}");
        let fresh = Topics::receivers(&mut topics, &topic);
        drop((first, fresh));
        assert!(!topics.has_listed(&topic), "nothing is kept");
    }
}

#[test]
fn a_publish_made_before_a_topic_ended_reaches_none_of_its_next_life() {
    let mut topics = Topics::default();
    topics.subscribe(id(0, 1), &Topic::from(7)).unwrap();
    let waiting = topics.find(&Topic::from(7)).unwrap();
    assert_eq!(topics.receivers(&waiting), vec![id(0, 1)].into());
    topics.leave_all(id(0, 1));
    assert!(topics.receivers(&waiting).is_empty());
    topics.subscribe(id(0, 2), &Topic::from(7)).unwrap();
    assert!(topics.receivers(&waiting).is_empty(), "it came later");
    assert_eq!(Arc::strong_count(&waiting), 1, "only the publish keeps it");
}

#[test]
fn workers_beyond_the_64th_are_reached_too() {
    let shared = SharedTopics::new(200, Told::default());
    let mut last = Topics::new(199, shared.clone());
    let mut first = Topics::new(199 % 64, shared.clone());
    last.subscribe(id(199, 1), &Topic::from(7)).unwrap();
    first.subscribe(id(199 % 64, 1), &Topic::from(7)).unwrap();
    let topic = shared.find(&Topic::from(7)).unwrap();
    first.leave_all(id(199 % 64, 1));
    assert!(topic.workers(200).any(|worker| worker == 199));
    last.leave_all(id(199, 1));
    assert!(shared.find(&Topic::from(7)).is_none());
}

#[test]
fn publishes_hold_permits_until_they_are_dropped() {
    let shared = SharedTopics::new(1, Told::default());
    let push = Push::new(1, &[7; 1000]);
    let permit = |receivers| shared.permit(&push, receivers, Quota::Application);
    let permits: Vec<_> = (0..MAX_UNFINISHED).map(|_| permit(500).unwrap()).collect();
    assert_eq!(permit(500).unwrap_err(), PublishError::TooMany);
    assert!(permit(2).is_ok(), "a small one is sent at once");
    drop(permits);
    assert_eq!(shared.counted(), (0, 0, 0));
}
