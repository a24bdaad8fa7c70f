//! NATS dies, hangs, is cut off, or is too fast; nothing is sent later.

use std::io::Read as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use sysconn_cluster::Reason;
use sysconn_cluster::bus::{Bus as _, Lane, SendError};
use sysconn_cluster::nats::{MAX_TRAFFIC_BYTES, NatsConfig};
use sysconn_cluster::wire::Subject;

use crate::bus::{LONG, TestBus, Told, config, now, received};
use crate::false_server::{FalseServer, Fault};
use crate::relay::Relay;
use crate::server::{Server, by_hand, hear_all};

#[test]
fn messages_reach_subscribers_in_order_and_not_their_sender() {
    let server = Server::start("");
    let [a, b] = ["a", "b"].map(|name| TestBus::start(name, config(server.address())).connected());
    b.bus.subscribe(&Subject::Topic(7));
    b.bus.subscribe(&Subject::Roles);
    for (to, by) in [(Subject::Topic(7), Subject::Topic(7)), (Subject::Role(1), Subject::Roles)] {
        // The subscription takes effect a little later.
        while b.next_if_any() != Some(received(&by, "there?")) {
            a.publish(&to, "there?").unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    for _ in 0..100 {
        a.publish(&Subject::Topic(7), "one").unwrap();
        a.publish(&Subject::Topic(7), "two").unwrap();
        a.publish(&Subject::Topic(9), "to nobody").unwrap();
    }
    a.publish(&Subject::Role(3), "role").unwrap();
    a.publish(&Subject::Nodes, "end").unwrap();
    let mut topics = vec![];
    let (mut roles, mut ends) = (0, 0);
    while topics.len() < 200 || roles < 1 || ends < 1 {
        match b.next() {
            Told::Received(_, payload) if payload == "there?" => {}
            Told::Received(Subject::Topic(7), payload) => topics.push(payload),
            Told::Received(Subject::Roles, _) => roles += 1,
            Told::Received(Subject::Nodes, _) => ends += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(topics.chunks(2).all(|pair| pair == ["one", "two"]));
    b.publish(&Subject::Nodes, "back").unwrap();
    let before = a.wait_for(&received(&Subject::Nodes, "back"));
    assert!(
        !before.contains(&received(&Subject::Nodes, "end")),
        "a message came back to its sender: {before:?}"
    );
}

#[test]
fn a_send_fails_at_once_while_nats_is_dead_and_nothing_is_sent_later() {
    let server = Server::start("");
    let [a, b] = ["a", "b"].map(|name| TestBus::start(name, config(server.address())).connected());
    a.publish(&Subject::Nodes, "before").unwrap();
    b.wait_for(&received(&Subject::Nodes, "before"));
    let port = server.kill();
    a.wait_for(&Told::Disconnected);
    b.wait_for(&Told::Disconnected);
    assert_eq!(a.publish(&Subject::Nodes, "meanwhile"), Err(SendError::NotConnected));
    assert!(!a.bus.status().is_connected && a.bus.status().queue_bytes == 0);
    let _server = Server::start_on(port, "");
    // A gap is told before, and counted.
    assert_eq!(a.wait_for_connection("NATS listened again"), [Told::Gap(1)]);
    assert_eq!(b.wait_for(&Told::Connected), [Told::Gap(1)]);
    a.publish(&Subject::Nodes, "after").unwrap();
    assert_eq!(b.wait_for(&received(&Subject::Nodes, "after")), []);
    assert_eq!(a.bus.status().error, None);
}

#[test]
fn a_bus_that_starts_before_nats_connects_once_it_is_there() {
    let port = Server::start("").kill();
    let bus = TestBus::start("a", config(format!("nats://127.0.0.1:{port}")));
    while bus.bus.status().error.is_none() {
        std::thread::yield_now();
    }
    assert_eq!(bus.publish(&Subject::Nodes, "early"), Err(SendError::NotConnected));
    let _server = Server::start_on(port, "");
    assert_eq!(bus.wait_for_connection("NATS listened"), []);
}

#[test]
fn who_hears_all_subjects_does_not_keep_nodes_from_connecting() {
    let server = Server::start("");
    let _all = hear_all(server.port);
    let [a, b] = ["a", "b"].map(|name| TestBus::start(name, config(server.address())).connected());
    a.publish(&Subject::Nodes, "there").unwrap();
    b.wait_for(&received(&Subject::Nodes, "there"));
}

/// The first probe is answered, though the server does not say that nobody else subscribes.
#[test]
fn who_hears_all_subjects_does_not_delay_nodes() {
    let server = Server::start("");
    let mut all = hear_all(server.port);
    let _a = TestBus::start("a", config(server.address())).connected();
    let (mut heard, mut bytes) = (String::new(), [0; 4096]);
    // What the node may publish is tried after the probe.
    while !heard.contains("MSG sysconn.test.nodes ") {
        let len = all.read(&mut bytes).unwrap();
        heard.push_str(&String::from_utf8_lossy(&bytes[..len]));
    }
    let before = heard.split("MSG sysconn.test.nodes ").next().unwrap();
    assert!(
        before.contains("MSG sysconn.test.probe.a ") && before.contains("MSG sysconn.test.inbox.a."),
        "{before}"
    );
}

/// A server that ends connections at once is not asked more often than one that is away, and is named.
#[test]
fn a_server_that_fails_at_once_is_asked_every_250_ms() {
    for (fault, expected) in [
        (Fault::Closes, "it ends the connection at once"),
        (Fault::Babbles, "it ends the connection at once"),
        (Fault::Repeats("Permissions Violation for Publish to \"x\""), "Publish to \"x\""),
    ] {
        let (server, begin) = (FalseServer::start(fault), now());
        let bus = TestBus::start("a", config(server.address()));
        // Each try makes at most two.
        while server.connections.load(Ordering::Relaxed) < 11 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(begin.elapsed() >= Duration::from_millis(5 * 250), "{fault:?}: {:?}", begin.elapsed());
        let error = bus.bus.status().error.unwrap_or_default();
        assert!(error.contains(expected), "{fault:?}: {error}");
        assert_eq!(bus.next_if_any(), None, "{fault:?}");
    }
}

/// What listens there and is no NATS server is named, with all addresses.
#[test]
fn a_server_that_does_not_greet_as_nats_is_none() {
    let gone = Server::start("").kill();
    for (greeting, expected) in [
        ("220 mail.example\r\n", "what answers is no NATS server: "),
        ("PONG\r\n", "what answers is no NATS server: expected INFO"),
        ("", "no NATS server has answered within 1.5s"),
    ] {
        let server = FalseServer::start(Fault::Greets(greeting));
        let other = format!("nats://127.0.0.1:{gone}");
        // The last of the servers that were tried is the one that is told of.
        for servers in [vec![server.address()], vec![server.address(), other]] {
            let expected = format!("{}: {expected}", servers.join(", "));
            let config = NatsConfig { servers, ..NatsConfig::default() };
            let (bus, begin) = (TestBus::start("a", config), now());
            while !bus.bus.status().error.is_some_and(|error| error.starts_with(&expected)) {
                assert!(begin.elapsed() < LONG, "{greeting:?}: {:?}", bus.bus.status().error);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

#[test]
fn what_waits_when_the_connection_is_lost_is_counted() {
    let server = Server::start("");
    let a = TestBus::start("a", config(server.address())).connected();
    server.stop();
    let payload = Bytes::from(vec![0; MAX_TRAFFIC_BYTES / 32]);
    let mut waiting = 0;
    loop {
        match a.bus.publish(Lane::Traffic, &Subject::Topic(1), payload.clone()) {
            Ok(()) => {}
            Err(SendError::Full) => {
                // Once the client library takes no more either, so many wait.
                waiting = a.bus.status().queue_bytes / payload.len();
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => break,
        }
    }
    let told = a.wait_for(&Told::Disconnected);
    let [Told::Dropped(Reason::NotConnected, dropped)] = told[..] else { panic!("{told:?}") };
    // With the one that is being given to the client library.
    assert_eq!((waiting, dropped), (32, 33));
}

#[test]
fn what_waits_when_the_bus_is_closed_is_counted() {
    let server = Server::start("");
    let a = TestBus::start("a", config(server.address())).connected();
    server.stop();
    let payload = Bytes::from(vec![0; MAX_TRAFFIC_BYTES / 32]);
    // Once the channel stays full the client library takes no more either.
    let mut full = 0;
    while full < 20 {
        match a.bus.publish(Lane::Traffic, &Subject::Topic(1), payload.clone()) {
            Ok(()) => full = 0,
            Err(error) => {
                assert_eq!(error, SendError::Full);
                full += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    a.bus.close();
    // With the one that is being given to the client library.
    assert_eq!(a.wait_for(&Told::Disconnected), [Told::Dropped(Reason::NotConnected, 33)]);
}

#[test]
fn a_server_that_hangs_is_noticed_and_channels_are_bounded_meanwhile() {
    let server = Server::start("");
    let a = TestBus::start("a", config(server.address())).connected();
    server.stop();
    let payload = Bytes::from(vec![0; 500_000]);
    let mut accepted = 0;
    let full = loop {
        match a.bus.publish(Lane::Traffic, &Subject::Topic(1), payload.clone()) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
        assert!(accepted < 10_000, "nothing is bounded");
    };
    assert_eq!(full, SendError::Full);
    assert!(a.bus.status().queue_bytes <= MAX_TRAFFIC_BYTES);
    // Roles and heartbeats have a channel of their own.
    assert_eq!(a.publish(&Subject::Nodes, "heartbeat"), Ok(()));
    a.wait_for(&Told::Disconnected);
    assert_eq!(a.bus.status().queue_bytes, 0);
    server.resume();
    a.wait_for_connection("NATS went on");
}

#[test]
fn cuts_are_noticed_whether_they_close_or_swallow() {
    let server = Server::start("");
    let relay = Relay::to(server.port);
    let [a, b] = [("a", relay.address()), ("b", server.address())]
        .map(|(name, address)| TestBus::start(name, config(address)).connected());
    for (name, to_server, to_client) in [
        ("closed", false, false),
        ("both ways", true, true),
        ("to the server", true, false),
        ("back", false, true),
    ] {
        if !to_server && !to_client {
            relay.cut();
        }
        relay.swallow(to_server, to_client);
        let begin = now();
        a.wait_for(&Told::Disconnected);
        println!("figure: a cut ({name}) was noticed after {} ms", begin.elapsed().as_millis());
        relay.swallow(false, false);
        // Bytes are missing in these connections: they are of no more use.
        relay.cut();
        a.wait_for(&Told::Connected);
        b.publish(&Subject::Nodes, "again").unwrap();
        a.wait_for(&received(&Subject::Nodes, "again"));
    }
}

/// The messages of a burst.
const BURST: u64 = 20_000;

#[test]
fn messages_that_come_too_fast_are_counted_and_others_follow() {
    let server = Server::start("");
    let few = NatsConfig { subscription_messages: 4, ..config(server.address()) };
    let slow = TestBus::start_slow("b", few, Duration::from_millis(1)).connected();
    let burst = "PUB sysconn.test.nodes 4\r\nmuch\r\n".repeat(BURST as usize);
    by_hand(server.port, r#"{"verbose":false}"#, burst);
    let (mut got, mut dropped) = (0, 0);
    while dropped == 0 {
        match slow.next() {
            Told::Gap(count) => dropped += count,
            Told::Received(..) => got += 1,
            other => panic!("{other:?}"),
        }
    }
    // A machine that is slow itself may bring some later.
    assert!((BURST * 9 / 10..=BURST).contains(&(got + dropped)), "{got} and {dropped} of {BURST}");
    // The subscription is there again.
    let fast = TestBus::start("a", config(server.address())).connected();
    loop {
        fast.publish(&Subject::Nodes, "still there?").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        if slow.next() == received(&Subject::Nodes, "still there?") {
            break;
        }
    }
}

#[test]
fn what_the_server_does_not_take_is_too_large() {
    let server = Server::start("max_payload: 2048\n");
    let a = TestBus::start("a", config(server.address())).connected();
    for (len, expected) in [(2048, Ok(())), (2049, Err(SendError::TooLarge))] {
        let sent = a.bus.publish(Lane::Traffic, &Subject::Nodes, Bytes::from(vec![0; len]));
        assert_eq!(sent, expected, "{len}");
    }
}

#[test]
fn what_a_node_alone_sends_waits_until_there_is_another() {
    let server = Server::start("");
    let [a, b] = ["a", "b"].map(|name| TestBus::start(name, config(server.address())).connected());
    a.bus.set_alone(true);
    a.bus.publish(Lane::Traffic, &Subject::Nodes, Bytes::from_static(b"of a")).unwrap();
    // It is awake, and has no reason to send.
    b.publish(&Subject::Nodes, "of b").unwrap();
    a.wait_for(&received(&Subject::Nodes, "of b"));
    assert_eq!((a.bus.status().queue_bytes, b.next_if_any()), (4, None));
    a.bus.set_alone(false);
    b.wait_for(&received(&Subject::Nodes, "of a"));
}
