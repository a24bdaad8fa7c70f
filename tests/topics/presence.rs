//! Whoever watches a server hears of a topic's first and last subscriber, on any worker.

use std::sync::Arc;
use std::thread;

use sysconn::Topic;

use super::club::{LOGIN, SUBSCRIBE, UNSUBSCRIBE};
use super::common::{Ledger, eventually, join, packet};
use super::server::{Guest, Server};

const TOPIC: u64 = 7;

fn start(workers: usize) -> (Server, Arc<Ledger>) {
    let mut ledger = None;
    let server = Server::with(workers, |config| ledger = Some(Ledger::of(config)));
    (server, ledger.unwrap())
}

/// A guest on the first worker, and one on the last.
fn pair(server: &Server) -> (Guest, Guest) {
    let mut guests = server.settle(2);
    let first = guests[0].pop().unwrap();
    (first, guests.pop().unwrap().pop().unwrap())
}

#[test]
fn the_watcher_hears_of_the_first_and_the_last_subscriber() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        let (mut first, mut other) = pair(&server);
        first.subscribe(TOPIC);
        assert_eq!(ledger.told(), ["begun 7"]);
        other.subscribe(TOPIC);
        other.subscribe(TOPIC + 1);
        assert_eq!(ledger.told(), ["begun 8"]);
        first.unsubscribe(TOPIC);
        assert_eq!(ledger.told(), [""; 0], "it has another one");
        drop(other);
        eventually("the end", || !ledger.has(&Topic::from(TOPIC)) && !ledger.has(&Topic::from(TOPIC + 1)));
        let mut told = ledger.told();
        told.sort();
        assert_eq!(told, ["ended 7", "ended 8"]);
        // Of one turn.
        let topic = TOPIC.to_be_bytes();
        let both = [packet(SUBSCRIBE, 1, &topic), packet(UNSUBSCRIBE, 2, &topic)];
        first.client.send(&join(&[&both[0], &both[1], &both[0], &both[1]]));
        (0..4).for_each(|_| assert_eq!(first.client.reply().error_id, 0));
        assert_eq!(ledger.told(), ["begun 7", "ended 7", "begun 7", "ended 7"]);
        drop((first, server));
        ledger.check_empty();
    }
}

#[test]
fn an_heir_on_the_same_worker_takes_a_topic_over_without_an_end() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        let mut guests = server.settle(2).swap_remove(0);
        let login = [&5u64.to_be_bytes()[..], &[1]].concat();
        for guest in &mut guests {
            guest.client.send(&packet(LOGIN, 1, &login));
            assert_eq!(guest.client.reply().cmd, LOGIN);
            if ledger.told() == ["entered 5"] && !ledger.has(&Topic::from(TOPIC)) {
                guest.subscribe(TOPIC);
                assert_eq!(ledger.told(), ["begun 7"]);
            }
        }
        guests[0].client.expect_close(4007, "replaced");
        assert!(ledger.has(&Topic::from(TOPIC)));
        assert_eq!(ledger.told(), [""; 0]);
        drop((guests, server));
        ledger.check_empty();
    }
}

#[test]
fn a_topic_that_ends_and_begins_on_two_workers_at_once_is_told_in_turn() {
    const ROUNDS: usize = 2000;
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        let (first, other) = pair(&server);
        let threads = [first, other].map(|mut guest| {
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    guest.subscribe(TOPIC);
                    assert!(guest.unsubscribe(TOPIC));
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let told = ledger.told();
        assert!(!ledger.has(&Topic::from(TOPIC)));
        assert!(!told.is_empty() && told.chunks(2).all(|pair| pair == ["begun 7", "ended 7"]));
        drop(server);
        ledger.check_empty();
    }
}
