//! A connection that ends leaves its topics, whatever ends it; a login that replaces it can take them over.

use sysconn::frame::Opcode;

use super::club::{CLOSE_SELF, ENDS, INVITE, PANIC, PUBLISH, REPLACED};
use super::common::{eventually, frame};
use super::server::{Guest, Server, publishing};

const TOPICS: [u64; 3] = [1, 2, 3];

#[test]
fn whoever_ends_leaves_all_topics_and_each_worker_learns_it() {
    type End = fn(&Server, Guest);
    let ends: [(&str, End); 7] = [
        ("a Close", |_, mut guest| guest.client.close()),
        ("a reset", |_, guest| guest.client.reset()),
        ("the end of the stream", |_, guest| drop(guest)),
        ("half an end", |_, mut guest| {
            guest.client.shutdown_write();
            while guest.client.next() != super::common::Frame::End {}
        }),
        ("a kick", |server, mut guest| {
            server.handle.kick(guest.id).unwrap();
            guest.client.expect_close(4010, "kicked");
        }),
        ("its own handler", |_, mut guest| {
            guest.client.send_packet(CLOSE_SELF, 0, b"");
            guest.client.expect_close(4200, "closed by its handler");
        }),
        ("a panic", |_, mut guest| {
            guest.client.send_packet(PANIC, 0, b"");
            guest.client.expect_close(1011, "its handler has panicked");
        }),
    ];
    let server = Server::new(3);
    // The one asks, the other hears of each end.
    let [mut watch, mut ears] = [server.connect(), server.connect()];
    ears.subscribe(ENDS);
    for (case, end) in ends {
        for mut guests in server.settle(2) {
            let id = guests[0].id;
            for guest in &mut guests {
                guest.subscribe_to(&TOPICS);
            }
            let [mut stays, goes] = [guests.remove(1), guests.remove(0)];
            assert_eq!(stays.count(2), 2, "{case}");
            end(&server, goes);
            while ears.client.reply().data != id.to_u64().to_be_bytes() {}
            for topic in TOPICS {
                assert_eq!(watch.count(topic), 1, "{case}");
                watch.publish(PUBLISH, topic, b"who is left?");
                stays.hear(b"who is left?");
            }
            drop(stays);
            eventually(case, || TOPICS.iter().all(|topic| watch.count(*topic) == 0));
        }
    }
}

#[test]
fn a_connection_that_closes_hears_no_more_although_its_client_lingers() {
    let server = Server::new(1);
    let [mut lingers, mut other] = [server.connect(), server.connect()];
    lingers.subscribe(1);
    // It does not answer the Close, so the connection stays for the close timeout.
    lingers.client.answers_close = false;
    server.handle.kick(lingers.id).unwrap();
    eventually("it has left", || other.count(1) == 0);
    let data = [lingers.id.to_u64().to_be_bytes(), 1_u64.to_be_bytes()].concat();
    assert_eq!(other.ask(INVITE, &data).error_id, 0);
    assert_eq!(other.count(1), 0, "a closing connection is not subscribed any more");
    lingers.client.send(&frame(Opcode::Close, &4010_u16.to_be_bytes()));
    lingers.client.expect_close(4010, "kicked");
}

#[test]
fn a_login_that_replaces_another_takes_its_topics_if_it_says_so() {
    for workers in [1, 2] {
        let server = Server::new(workers);
        let mut ears = server.connect();
        ears.subscribe(REPLACED);
        for older_on in 0..workers {
            for newer_on in 0..workers {
                for takes in [true, false] {
                    let case = format!("from {older_on} to {newer_on} of {workers}, takes {takes}");
                    let mut guests = server.settle(3);
                    let mut older = guests[older_on].pop().unwrap();
                    let mut newer = guests[newer_on].pop().unwrap();
                    let mut other = guests[older_on].pop().unwrap();
                    older.login(5, true);
                    older.subscribe_to(&[1, 2]);
                    newer.subscribe_to(&[2, 3]);
                    other.publish(PUBLISH, 1, b"to the older");
                    older.hear(b"to the older");
                    newer.login(5, takes);
                    older.client.expect_close(4007, &case);
                    // The hook saw its topics, wherever the newer one is.
                    ears.hear([1_u64, 2].map(u64::to_be_bytes).as_flattened());
                    let expected = if takes { vec![1, 2, 3] } else { vec![2, 3] };
                    eventually(&case, || newer.topics() == expected && other.count(2) == 1);
                    for topic in TOPICS {
                        other.client.send_packet(PUBLISH, 0, &publishing(topic, &[topic as u8]));
                        assert_eq!(other.client.reply().cmd, PUBLISH);
                        if expected.contains(&topic) {
                            newer.hear(&[topic as u8]);
                        }
                    }
                    newer.hear_nothing();
                    drop((older, newer));
                    eventually(&case, || TOPICS.iter().all(|topic| other.count(*topic) == 0));
                }
            }
        }
    }
}

#[test]
fn topics_follow_a_chain_of_logins_that_is_faster_than_they_are() {
    // The workers of the connections that hold the role one after the other.
    for chain in [&[0, 1, 2][..], &[0, 1, 1], &[0, 1, 2, 1, 2], &[0, 2, 1, 1, 2, 2]] {
        let server = Server::new(3);
        let mut guests = server.settle(4);
        let mut chain = chain.iter().map(|worker| guests[*worker].pop().unwrap());
        let mut holder = chain.next().unwrap();
        holder.login(5, true);
        holder.subscribe_to(&[1, 2]);
        // The first is told only when all others have come.
        let blocked = server.block(0);
        let mut first = None;
        for mut next in chain {
            next.login(5, true);
            if first.is_some() {
                holder.client.expect_close(4007, "replaced");
            }
            let older = std::mem::replace(&mut holder, next);
            first.get_or_insert(older);
        }
        drop(blocked);
        first.unwrap().client.expect_close(4007, "the first");
        eventually("the topics have come", || holder.topics() == [1, 2]);
    }
}
