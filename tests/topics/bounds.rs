//! The limits on topics and publishes: each is an error to the caller, and counted.

use std::sync::mpsc::{Sender, channel};

use sysconn::{ConnectionId, PublishError, Push, Topic};

use super::club::{EXPEL, INVITE, PUBLISH, PUSHED, SUBSCRIBE};
use super::common::{PATIENCE, packet};
use super::server::{Guest, Server};

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
            [(3072, 10, PublishError::TooMany), (166, 300_000, PublishError::TooMuchData)]
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

/// Worker 1 does nothing until the sender is dropped, and its mailbox is full.
fn block_and_fill(server: &Server) -> Sender<()> {
    let blocked = server.block(1);
    let push = Push::new(PUSHED, b"mail");
    while server.handle.publish(&TOPIC, &push).is_ok() {}
    blocked
}

#[test]
fn a_full_mailbox_loses_no_unsubscription_and_a_lost_subscription_is_counted() {
    let server = Server::with(2, |config| config.reactor.mailbox_limit = 8);
    let mut guests = server.settle(1);
    let mut there = guests[1].pop().unwrap();
    let mut here = guests[0].pop().unwrap();
    there.subscribe_to(&[7, 8]);
    let of_there = |topic: u64| [there.id.to_u64().to_be_bytes(), topic.to_be_bytes()].concat();
    let (leaves, joins) = (of_there(8), of_there(9));
    let blocked = block_and_fill(&server);
    assert_eq!(here.ask(EXPEL, &leaves).error_id, 0);
    assert_eq!(here.ask(INVITE, &joins).error_id, 0);
    let id = there.id;
    server.call(0, move |effects| effects.unsubscribe_all(id));
    here.hear_nothing();
    drop(blocked);
    (0..8).for_each(|_| there.hear(b"mail"));
    assert_eq!((there.topics(), here.count(8)), (vec![], 0));
    let totals = server.totals();
    assert_eq!([0, 1].map(|worker| totals[worker].subscribe_errors), [1, 0]);
    // The two pushes that were to tell of it.
    assert_eq!(totals[0].send_errors, 2);
}

#[test]
fn a_client_waits_for_its_unsubscriptions_beyond_a_full_mailbox() {
    const COUNT: u64 = 5000;
    let server = Server::with(2, |config| config.reactor.mailbox_limit = 8);
    let mut guests = server.settle(2);
    let mut there = guests[1].pop().unwrap();
    let [mut loud, mut quiet] = <[Guest; 2]>::try_from(guests.remove(0)).ok().unwrap();
    there.subscribe(7);
    let of_there = |topic: u64| [there.id.to_u64().to_be_bytes(), topic.to_be_bytes()].concat();
    let requests: Vec<u8> = (8..8 + COUNT).flat_map(|topic| packet(EXPEL, 0, &of_there(topic))).collect();
    let blocked = block_and_fill(&server);
    loud.client.send(&requests);
    (0..200).for_each(|_| quiet.hear_nothing());
    // Each handler has tried to send a push, too.
    let (answer, answered) = channel();
    server.handle.survey(move |survey| answer.send(survey.totals().send_errors).unwrap()).unwrap();
    let handled = answered.recv_timeout(PATIENCE).unwrap();
    assert!(handled < COUNT / 2, "{handled} were handled");
    drop(blocked);
    (0..COUNT).for_each(|_| assert_eq!(loud.client.reply().cmd, EXPEL));
}
