//! Tests of the channels: bounds, order, and who is woken.

use super::*;
use futures_util::FutureExt as _;

use crate::clock::Clock;
use crate::hash::bucket_of;
use crate::names::NodeName;
use crate::topic::TopicRef;
use crate::wire::Sender;

fn item(len: usize) -> Item {
    Item { subject: Subject::Nodes, payload: Bytes::from(vec![0; len]), connection: 1, count: 1 }
}

fn sender() -> Sender {
    Sender { name: NodeName::new("a").unwrap(), incarnation: 1 }
}

#[test]
fn messages_and_bytes_are_bounded() {
    let (channel, mut outgoing) = channel(3, 100);
    let push = |len| channel.push(item(len));
    assert_eq!(
        [push(60), push(41), push(40), push(1), push(0), push(0)],
        [true, false, true, false, true, false]
    );
    assert_eq!(channel.bytes(), 100);
    assert_eq!(outgoing.try_next().unwrap().payload.len(), 60);
    assert_eq!(channel.bytes(), 40);
    // What was taken together with it still counts.
    assert_eq!([push(61), push(59), push(0)], [false, true, false]);
    let rest: Vec<_> = std::iter::from_fn(|| outgoing.try_next()).map(|item| item.payload.len()).collect();
    assert_eq!(rest, [40, 0, 59]);
    assert_eq!(channel.bytes(), 0);
    assert!([push(1), push(1), push(1)].iter().all(|fits| *fits));
}

#[test]
fn pushes_in_a_row_to_one_topic_are_one_message() {
    let (sender, clock) = (sender(), Clock::default());
    let (channel, mut outgoing) = channel(8, 1_000);
    let push = |topic, len, connection| {
        let data = &vec![7; len];
        let push = TopicPush { sender: &sender, clock: &clock, topic, cmd: 1210, data };
        channel.push_to_topic(&push, connection, 400)
    };
    let (lobby, other) = (TopicRef::Name("lobby"), TopicRef::Id(7));
    assert_eq!([push(lobby, 100, 1), push(lobby, 100, 1)], [Ok(()); 2]);
    // Each of these begins another one.
    assert_eq!([push(other, 10, 1), push(lobby, 10, 1), push(lobby, 10, 2)], [Ok(()); 3]);
    assert!(channel.push(item(10)));
    assert_eq!(push(lobby, 340, 2), Ok(()));
    assert_eq!([push(lobby, 400, 2), push(lobby, 401, 2)], [Err(SendError::Full), Err(SendError::TooLarge)]);
    let bytes = channel.bytes();
    let counts: Vec<_> = std::iter::from_fn(|| {
        let item = outgoing.try_next()?;
        Some((item.connection, item.count, item.subject))
    })
    .collect();
    let [lobby_subject, other_subject] = [lobby, other].map(|topic| Subject::Topic(bucket_of(topic)));
    let expected = [
        (1, 2, lobby_subject.clone()),
        (1, 1, other_subject),
        (1, 1, lobby_subject.clone()),
        (2, 1, lobby_subject.clone()),
        (1, 1, Subject::Nodes),
        (2, 1, lobby_subject),
    ];
    assert_eq!(counts, expected);
    assert!((600..1_000).contains(&bytes) && channel.bytes() == 0, "{bytes}");
    // Pushes count one by one, and none is longer than the server takes.
    let results: Vec<_> = [400, 1, 1, 1, 1, 1, 1, 1, 1, 1].map(|len| push(lobby, len, 1)).into();
    let full = Err(SendError::Full);
    assert_eq!((results[0], &results[1..9]), (Err(SendError::TooLarge), &[Ok(()); 8][..]));
    assert_eq!(results[9], full);
    assert_eq!(outgoing.try_next().map(|item| item.count), Some(8));
    // It is not joined beyond that either.
    assert_eq!([push(lobby, 200, 1), push(lobby, 200, 1)], [Ok(()); 2]);
    let counts: Vec<_> = std::iter::from_fn(|| outgoing.try_next()).map(|item| item.count).collect();
    assert_eq!(counts, [1, 1]);
    assert_eq!([push(lobby, 9, 1), push(lobby, 9, 1), push(other, 9, 1)], [Ok(()); 3]);
    assert_eq!((outgoing.clear(), outgoing.clear(), channel.bytes()), (3, 0, 0));
}

#[test]
fn a_patient_channel_wakes_for_many_or_when_it_is_asked() {
    let (sender, clock) = (sender(), Clock::default());
    let push = TopicPush { sender: &sender, clock: &clock, topic: TopicRef::Id(7), cmd: 1, data: b"x" };
    for (len, last) in [(1, PATIENT_MESSAGES), (1_024, PATIENT_BYTES / 1_024), (PATIENT_BYTES, 1)] {
        let (channel, mut outgoing) = channel(MAX_TRAFFIC_MESSAGES, MAX_TRAFFIC_BYTES);
        let is_woken = |outgoing: &Outgoing| outgoing.queue.has_some.notified().now_or_never().is_some();
        channel.set_patient(true);
        assert!(!is_woken(&outgoing), "nothing waits");
        for pushed in 1..=last {
            if pushed % 3 == 0 && len == 1 {
                assert_eq!(channel.push_to_topic(&push, 1, 1_000), Ok(()));
            } else {
                assert!(channel.push(item(len)));
            }
            assert_eq!(is_woken(&outgoing), pushed == last, "{pushed} of {len}");
        }
        // The other side is awake.
        assert!(channel.push(item(len)) && !is_woken(&outgoing));
        for is_patient in [true, false] {
            channel.set_patient(is_patient);
            assert!(is_woken(&outgoing), "{is_patient}");
        }
        while outgoing.try_next().is_some() {}
        channel.set_patient(true);
        assert!(!is_woken(&outgoing), "nothing waits again");
        assert_eq!(channel.push_to_topic(&push, 1, 1_000), Ok(()));
        channel.set_patient(false);
        assert!(is_woken(&outgoing), "only pushes to a topic wait");
        while outgoing.try_next().is_some() {}
        assert!(channel.push(item(0)) && is_woken(&outgoing), "it is patient no longer");
        assert!(channel.push(item(0)) && !is_woken(&outgoing));
    }
}

#[test]
fn who_waits_gets_each_message_in_order() {
    const MESSAGES: usize = 20_000;
    let (channel, mut outgoing) = channel(8, 1 << 40);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for len in 0..MESSAGES {
                while !channel.push(item(len)) {
                    std::thread::yield_now();
                }
            }
        });
        runtime.block_on(async {
            for len in 0..MESSAGES {
                assert_eq!(outgoing.next().await.payload.len(), len);
            }
        });
    });
}
