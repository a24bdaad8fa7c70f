//! The limits on topics and publishes: each is an error to the caller, and counted.

use sysconn::{ConnectionId, PublishError, Push, Topic};

use super::club::{PUBLISH, PUSHED, SUBSCRIBE};
use super::server::Server;

const TOPIC: Topic = Topic::Id(7);

#[test]
fn a_connection_has_at_most_256_topics() {
    let server = Server::new(1);
    let mut guest = server.connect();
    for topic in 0..256 {
        assert_eq!(guest.subscribe(topic), 1);
    }
    for _ in 0..2 {
        assert_eq!(guest.ask(SUBSCRIBE, &256_u64.to_be_bytes()).error_id, 100);
    }
    assert_eq!(guest.subscribe(255), 1, "it is subscribed already");
    assert!(guest.unsubscribe(0));
    assert_eq!(guest.subscribe(256), 1);
    assert_eq!(guest.topics(), (1..=256).collect::<Vec<_>>());
    assert_eq!(server.totals()[0].subscribe_errors, 2);
}

#[test]
fn unfinished_publishes_and_their_data_are_bounded() {
    for workers in [1, 2] {
        let server = Server::new(workers);
        let mut guest = server.connect();
        for (count, len, expected) in
            [(768, 10, PublishError::TooMany), (166, 300_000, PublishError::TooMuchData)]
        {
            let refused = server.call(0, move |effects| {
                // No such connections exist, so they are subscribed for this call only.
                for slot in 0..100 {
                    effects.subscribe(ConnectionId::from_u64(1 << 40 | slot), &TOPIC).unwrap();
                }
                let push = Push::new(PUSHED, &vec![7; len]);
                for _ in 0..count {
                    effects.publish(&TOPIC, &push).unwrap();
                }
                [effects.publish(&TOPIC, &push), effects.publish(&TOPIC, &push)]
            });
            assert_eq!(refused, [Err(expected); 2]);
            // The effects of a call are applied before the next one, so all of them are finished now.
            server.call(0, |_| ());
            guest.subscribe(7);
            guest.publish(PUBLISH, 7, b"again");
            guest.hear(b"again");
            guest.unsubscribe(7);
        }
        assert_eq!(server.totals()[0].publish_errors, 4);
        assert_eq!(server.handle.subscribers(&TOPIC), 0);
    }
}

#[test]
fn many_small_publishes_of_one_call_are_sent_at_once() {
    let server = Server::new(1);
    let mut guest = server.connect();
    guest.subscribe(7);
    server.call(0, |effects| {
        (0..5000_u32).for_each(|number| {
            effects.publish(&TOPIC, &Push::new(PUSHED, &number.to_be_bytes())).unwrap();
        });
    });
    (0..5000_u32).for_each(|number| guest.hear(&number.to_be_bytes()));
    guest.hear_nothing();
}

#[test]
fn a_full_mailbox_is_an_error_of_a_handle_and_counted_for_a_handler() {
    const CAPACITY: usize = 8;
    let server = Server::with(2, |config| config.reactor.mailbox_limit = CAPACITY);
    let mut guests = server.settle(1);
    let mut there = guests[1].pop().unwrap();
    let mut here = guests[0].pop().unwrap();
    there.subscribe(7);
    let blocked = server.block(1);
    for number in 0..CAPACITY as u8 {
        server.handle.publish(&TOPIC, &Push::new(PUSHED, &[number])).unwrap();
    }
    let lost = Push::new(PUSHED, b"lost");
    assert_eq!(server.handle.publish(&TOPIC, &lost), Err(PublishError::MailboxFull));
    here.publish(PUBLISH, 7, b"lost too");
    drop(blocked);
    (0..CAPACITY as u8).for_each(|number| there.hear(&[number]));
    there.hear_nothing();
    let totals = server.totals();
    assert_eq!((totals[0].publish_errors, totals[0].send_errors), (1, 1));
}
