//! What a subscription takes in memory, for topics and connections with one and with many.

use allocation_counter::measure;
use sysconn::packet::ErrorId;
use sysconn::{ConnectionId, Topic};

use super::cases::reply;
use super::common::packet;
use super::game::{ECHO, FLAG, ROUTER, SUBSCRIBE};
use super::rig::Rig;

/// The most bytes of a subscription, its share of its topic included.
const MOST: i64 = 200;

#[test]
fn a_subscription_takes_at_most_200_bytes() {
    let mut rig = Rig::new(|_| {}, &ROUTER);
    // Clients, the topics of each, and whether each has topics of its own.
    for (clients, topics, own) in [(1000, 1, 1), (1000, 1, 0), (10, 256, 1), (200, 256, 0), (100, 16, 1)] {
        rig.connect(clients);
        let echo = packet(ECHO, FLAG, b"warm");
        rig.exchange(&echo, &reply(ErrorId::NONE, FLAG, ECHO, b"warm"), echo.len());
        let before = rig.counted.bytes_current;
        let request = packet(SUBSCRIBE, FLAG, &[&u16::to_be_bytes(topics)[..], &[own]].concat());
        rig.exchange(&request, &reply(ErrorId::NONE, FLAG, SUBSCRIBE, b""), request.len());
        let each = (rig.counted.bytes_current - before) / (clients as i64 * i64::from(topics));
        println!("{clients} clients, {topics} topics, own: {own}: {each} bytes for each subscription");
        assert!(each <= MOST, "{each} bytes");
    }
}

#[test]
fn a_topic_of_10_000_is_small_and_leaves_nothing_behind() {
    const MEMBERS: u64 = 10_000;
    let mut rig = Rig::new(|_| {}, &ROUTER);
    rig.turn();
    // The first round leaves the list of effects its capacity.
    let [first, second] = [(), ()].map(|()| {
        let mut taken = 0;
        let counted = measure(|| {
            rig.reactor.act(|_, effects| {
                let subscribe = || {
                    // No such connections exist, so the next turn removes them again.
                    for slot in 0..MEMBERS {
                        effects.subscribe(ConnectionId::from_u64(1 << 40 | slot), &Topic::from(1)).unwrap();
                    }
                };
                taken = measure(subscribe).bytes_current;
                assert_eq!(effects.subscribers(&Topic::from(1)), 10_000);
            });
        });
        rig.counted += counted;
        rig.turn();
        rig.reactor.act(|_, effects| assert_eq!(effects.subscribers(&Topic::from(1)), 0));
        (taken, rig.counted.bytes_current)
    });
    println!("{} bytes for each of {MEMBERS}", second.0 / MEMBERS as i64);
    assert!(second.0 <= MOST * MEMBERS as i64, "{} bytes", second.0);
    assert_eq!(second.1, first.1, "something is left");
}
