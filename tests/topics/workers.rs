//! Publishes from worker to worker, and by other threads.

use std::collections::HashMap;
use std::thread;

use sysconn::{Push, Topic};

use super::club::{ECHO, EXPEL, INVITE, PUBLISH, PUBLISH_TO_OTHERS, PUSHED};
use super::common::{Reply, eventually, packet};
use super::server::{Guest, Server, publishing};

const TOPIC: u64 = 7;

#[test]
fn a_publish_reaches_each_subscriber_once_and_in_order() {
    const EACH: u64 = 20;
    for workers in [1, 3] {
        let server = Server::new(workers);
        let mut guests: Vec<Guest> = server.settle(3).into_iter().flatten().collect();
        let mut outside = server.connect();
        for (count, guest) in (1..).zip(&mut guests) {
            assert_eq!(guest.subscribe(TOPIC), count);
            assert_eq!(guest.subscribe(TOPIC), count, "again");
        }
        let members = guests.len() as u64;
        assert_eq!(outside.count(TOPIC), members);
        assert_eq!(server.handle.subscribers(&Topic::from(TOPIC)), guests.len());
        for (sender, guest) in (0..members).zip(&mut guests) {
            let text = |number: u64| [sender.to_be_bytes(), number.to_be_bytes()].concat();
            let publishes = (0..EACH).map(|number| publishing(TOPIC, &text(number)));
            let requests: Vec<u8> = publishes.flat_map(|data| packet(PUBLISH, 0, &data)).collect();
            guest.client.send(&requests);
        }
        for guest in &mut guests {
            let mut next: HashMap<u64, u64> = HashMap::new();
            let mut done = 0;
            while done < EACH || next.values().sum::<u64>() < members * EACH {
                let reply = guest.client.reply();
                if reply.cmd == PUBLISH {
                    done += 1;
                    continue;
                }
                let [sender, number] = reply.data.as_chunks::<8>().0 else { panic!("a push") };
                let expected = next.entry(u64::from_be_bytes(*sender)).or_default();
                assert_eq!(u64::from_be_bytes(*number), *expected, "in order");
                *expected += 1;
            }
            guest.hear_nothing();
        }
        outside.hear_nothing();

        outside.publish(PUBLISH, TOPIC, b"from outside");
        guests[0].hear(b"from outside");
        guests[0].publish(PUBLISH_TO_OTHERS, TOPIC, b"to others");
        guests[0].hear_nothing();
        for guest in &mut guests[1..] {
            guest.hear(b"from outside");
            guest.hear(b"to others");
            guest.hear_nothing();
        }
    }
}

#[test]
fn a_publish_reaches_whoever_has_subscribed_before_it_and_nobody_who_has_left() {
    let server = Server::new(3);
    let mut guests: Vec<Guest> = server.settle(1).into_iter().flatten().collect();
    for round in 0..300 {
        let [from, to] = [round % 3, (round / 3) % 3];
        let topic = 1000 + round as u64;
        assert_eq!(guests[to].subscribe(topic), 1);
        guests[from].client.send_packet(PUBLISH, 3, &publishing(topic, b"hello"));
        if from == to {
            assert_eq!(guests[from].client.reply().cmd, PUBLISH);
        }
        guests[to].hear(b"hello");
        if from != to {
            assert_eq!(guests[from].client.reply().cmd, PUBLISH);
        }
        assert!(guests[to].unsubscribe(topic));
        assert!(!guests[to].unsubscribe(topic));
        guests[from].publish(PUBLISH, topic, b"to nobody");
        assert_eq!(server.handle.subscribers(&Topic::from(topic)), 0);
    }
    guests.iter_mut().for_each(Guest::hear_nothing);
}

#[test]
fn publishes_of_a_thread_reach_each_subscriber_in_order() {
    const THREADS: u64 = 4;
    const EACH: u64 = 100;
    let server = Server::new(3);
    let mut guests: Vec<Guest> = server.settle(2).into_iter().flatten().collect();
    let name = Topic::name("the news").unwrap();
    for guest in &guests {
        let (id, name) = (guest.id, name.clone());
        server.call(id.worker(), move |effects| effects.subscribe(id, &name).unwrap());
    }
    eventually("all are subscribed", || server.handle.subscribers(&name) == guests.len());
    thread::scope(|scope| {
        for sender in 0..THREADS {
            let (handle, name) = (&server.handle, &name);
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = [sender.to_be_bytes(), number.to_be_bytes()].concat();
                    handle.publish(name, &Push::new(PUSHED, &text)).unwrap();
                }
            });
        }
    });
    for guest in &mut guests {
        let mut next: HashMap<u64, u64> = HashMap::new();
        for _ in 0..THREADS * EACH {
            let reply = guest.client.reply();
            let [sender, number] = reply.data.as_chunks::<8>().0 else { panic!("a push") };
            let expected = next.entry(u64::from_be_bytes(*sender)).or_default();
            assert_eq!(u64::from_be_bytes(*number), *expected);
            *expected += 1;
        }
        guest.hear_nothing();
    }
    server.handle.publish(&Topic::from(1), &Push::new(PUSHED, b"to nobody")).unwrap();
}

#[test]
fn a_handler_subscribes_and_unsubscribes_connections_of_any_worker() {
    let server = Server::new(2);
    let mut guests: Vec<Guest> = server.settle(2).into_iter().flatten().collect();
    let [first, rest @ ..] = &mut guests[..] else { panic!("four") };
    for guest in rest {
        let data = [guest.id.to_u64().to_be_bytes(), TOPIC.to_be_bytes()].concat();
        assert_eq!(first.ask(INVITE, &data).error_id, 0);
        // The push came behind the subscription.
        guest.hear(b"invited");
        assert_eq!((guest.topics(), guest.count(TOPIC)), (vec![TOPIC], 1));
        first.publish(PUBLISH, TOPIC, b"welcome");
        guest.hear(b"welcome");
        assert_eq!(first.ask(EXPEL, &data).error_id, 0);
        guest.hear(b"expelled");
        assert_eq!((guest.topics(), guest.count(TOPIC)), (vec![], 0));
        first.publish(PUBLISH, TOPIC, b"to nobody");
        guest.hear_nothing();
    }
}

#[test]
fn a_client_waits_for_its_large_publishes_on_other_workers_and_others_do_not() {
    let server = Server::new(2);
    let mut guests = server.settle(2);
    let mut there = guests[1].pop().unwrap();
    let [mut loud, mut quiet] = <[Guest; 2]>::try_from(guests.remove(0)).ok().unwrap();
    there.subscribe(TOPIC);
    // So large that it counts as unfinished until it is sent.
    let text = vec![7; 300_000];
    let blocked = server.block(1);
    loud.client.send(&[packet(PUBLISH, 1, &publishing(TOPIC, &text)), packet(ECHO, 2, b"next")].concat());
    assert_eq!(loud.client.reply(), Reply::new(PUBLISH, 1, b""));
    // What came with it in one read is handled; what comes later waits.
    assert_eq!(loud.client.reply(), Reply::new(ECHO, 2, b"next"));
    loud.client.send_packet(ECHO, 3, b"later");
    (0..10).for_each(|_| quiet.hear_nothing());
    quiet.publish(PUBLISH, TOPIC, b"small");
    quiet.publish(PUBLISH, TOPIC, b"small");
    loud.client.stream.set_nonblocking(true).unwrap();
    assert!(loud.client.stream.peek(&mut [0]).is_err(), "it waits");
    loud.client.stream.set_nonblocking(false).unwrap();
    drop(blocked);
    there.hear(&text);
    (0..2).for_each(|_| there.hear(b"small"));
    assert_eq!(loud.client.reply(), Reply::new(ECHO, 3, b"later"));
    // Whoever leaves meanwhile is forgotten.
    let blocked = server.block(1);
    loud.client.send_packet(PUBLISH, 1, &publishing(TOPIC, &text));
    assert_eq!(loud.client.reply(), Reply::new(PUBLISH, 1, b""));
    loud.client.reset();
    drop(blocked);
    there.hear(&text);
    quiet.hear_nothing();
}

#[test]
fn a_client_waits_for_its_small_publishes_on_other_workers_beyond_a_few() {
    const COUNT: u32 = 5000;
    // A mailbox that takes less than the client sends.
    let server = Server::with(2, |config| config.reactor.mailbox_limit = 1000);
    let mut guests = server.settle(2);
    let mut there = guests[1].pop().unwrap();
    let [mut loud, mut quiet] = <[Guest; 2]>::try_from(guests.remove(0)).ok().unwrap();
    there.subscribe(TOPIC);
    let blocked = server.block(1);
    let publishes = (0..COUNT).map(|number| publishing(TOPIC, &number.to_be_bytes()));
    let requests: Vec<u8> = publishes.flat_map(|data| packet(PUBLISH, 0, &data)).collect();
    loud.client.send(&requests);
    // Others of its worker are served meanwhile.
    (0..200).for_each(|_| quiet.hear_nothing());
    drop(blocked);
    for number in 0..COUNT {
        there.hear(&number.to_be_bytes());
        assert_eq!(loud.client.reply(), Reply::new(PUBLISH, 0, b""));
    }
    assert!(server.totals().iter().all(|totals| (totals.send_errors, totals.publish_errors) == (0, 0)));
}

#[test]
fn a_client_that_waits_for_other_workers_is_still_sent_its_output() {
    const REPLIES: u32 = 200;
    let server = Server::with(2, |config| config.output.outbox_limit = Some(64 << 20));
    let mut guests = server.settle(2);
    let mut there = guests[1].pop().unwrap();
    let [mut loud, mut quiet] = <[Guest; 2]>::try_from(guests.remove(0)).ok().unwrap();
    there.subscribe(TOPIC);
    let (text, data) = (vec![7; 300_000], vec![8; 100_000]);
    let blocked = server.block(1);
    loud.client.send_packet(PUBLISH, 1, &publishing(TOPIC, &text));
    assert_eq!(loud.client.reply(), Reply::new(PUBLISH, 1, b""));
    // More than the socket takes at once, so that the rest waits for the client to read.
    for number in 0..REPLIES {
        let (to, push) = (loud.id, Push::new(PUSHED, &[&number.to_be_bytes()[..], &data].concat()));
        server.call(0, move |effects| effects.send(to, &push));
    }
    (0..10).for_each(|_| quiet.hear_nothing());
    for number in 0..REPLIES {
        loud.hear(&[&number.to_be_bytes()[..], &data].concat());
    }
    // It still waits.
    loud.client.send_packet(ECHO, 3, b"later");
    (0..10).for_each(|_| quiet.hear_nothing());
    loud.client.stream.set_nonblocking(true).unwrap();
    assert!(loud.client.stream.peek(&mut [0]).is_err(), "it waits");
    loud.client.stream.set_nonblocking(false).unwrap();
    drop(blocked);
    there.hear(&text);
    assert_eq!(loud.client.reply(), Reply::new(ECHO, 3, b"later"));
}
