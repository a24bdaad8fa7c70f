//! A publish to many goes on over several turns, whoever makes it; its receivers are fixed when it is made.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use sysconn::{Push, Reactor, Topic};

use super::club::{CLUB, Club, ECHO, PUBLISH, PUSHED, SUBSCRIBE, UNSUBSCRIBE};
use super::common::{Client, Reply, UPGRADE, config, eventually, packet, with};
use super::server::publishing;

const MEMBERS: usize = 300;
const TOPIC: u64 = 7;

/// A club whose reactor the test turns.
struct Hall {
    reactor: Reactor<Club>,
    address: SocketAddr,
    members: Vec<Client>,
}

impl Hall {
    /// Turns are as short as possible: each step does its minimum.
    fn new() -> Self {
        Hall::with(Some(Duration::from_micros(100)))
    }

    fn with(turn_time: Option<Duration>) -> Self {
        let config = with(config(), |config| config.reactor.turn_time = turn_time);
        let reactor = Reactor::bind(&config, &CLUB, Club).unwrap();
        let address = reactor.local_addr().unwrap();
        let mut hall = Hall { reactor, address, members: vec![] };
        for count in 1..=MEMBERS as u64 {
            let mut member = hall.connect();
            let reply = hall.ask(&mut member, SUBSCRIBE, &TOPIC.to_be_bytes());
            assert_eq!(reply, Reply::new(SUBSCRIBE, 1, &count.to_be_bytes()));
            hall.members.push(member);
        }
        hall
    }

    fn connect(&mut self) -> Client {
        let mut client = Client::raw(self.address);
        client.send(UPGRADE);
        self.turn_until_readable(&client);
        client.read_upgraded();
        client
    }

    fn turn(&mut self) {
        self.reactor.turn(Some(Duration::ZERO)).unwrap();
    }

    fn turn_until_readable(&mut self, client: &Client) {
        eventually("bytes for a client", || {
            self.turn();
            is_readable(client)
        });
    }

    fn ask(&mut self, client: &mut Client, cmd: u16, data: &[u8]) -> Reply {
        client.send_packet(cmd, 1, data);
        self.turn_until_readable(client);
        client.reply()
    }

    /// Members with waiting bytes.
    fn reached(&self) -> usize {
        self.members.iter().filter(|member| is_readable(member)).count()
    }
}

fn is_readable(client: &Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let result = client.stream.peek(&mut [0; 1]);
    client.stream.set_nonblocking(false).unwrap();
    !matches!(result, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn a_publish_of_a_thread_takes_several_turns_and_neither_clients_nor_mail_wait_for_it() {
    let mut hall = Hall::new();
    let mut other = hall.connect();
    let handle = hall.reactor.handle();
    assert_eq!(hall.ask(&mut other, SUBSCRIBE, &8_u64.to_be_bytes()).cmd, SUBSCRIBE);
    handle.publish(&Topic::from(TOPIC), &Push::new(PUSHED, &[7; 20_000])).unwrap();
    hall.turn();
    assert!(hall.reached() < MEMBERS, "all were reached in one turn");
    handle.publish(&Topic::from(8), &Push::new(PUSHED, b"mail")).unwrap();
    other.send_packet(ECHO, 1, b"served");
    hall.turn();
    assert!(hall.reached() < MEMBERS, "all were reached in two turns");
    hall.turn_until_readable(&other);
    let mut replies = [other.reply(), other.reply()];
    replies.sort_by_key(|reply| reply.cmd);
    assert_eq!(replies, [Reply::new(ECHO, 1, b"served"), Reply::new(PUSHED, 0, b"mail")]);
    assert!(hall.reached() < MEMBERS, "all were reached before");
    eventually("all are reached", || {
        hall.turn();
        hall.reached() == MEMBERS
    });
    for member in &mut hall.members {
        assert_eq!(member.reply(), Reply::new(PUSHED, 0, &[7; 20_000]));
    }
}

#[test]
fn the_receivers_are_those_of_the_moment_of_the_publish() {
    let mut hall = Hall::new();
    let mut publisher = hall.connect();
    let mut late = hall.connect();
    publisher.send_packet(PUBLISH, 0, &publishing(TOPIC, b"hello"));
    hall.turn();
    assert!(hall.reached() < MEMBERS, "all were reached in one turn");
    // One that it has not reached leaves: it hears what was published before, and nothing after.
    let mut leaves = hall.members.pop().unwrap();
    assert!(!is_readable(&leaves));
    assert_eq!(hall.ask(&mut leaves, UNSUBSCRIBE, &TOPIC.to_be_bytes()), Reply::new(PUSHED, 0, b"hello"));
    assert_eq!(leaves.reply(), Reply::new(UNSUBSCRIBE, 1, &[1]));
    assert_eq!(hall.ask(&mut late, SUBSCRIBE, &TOPIC.to_be_bytes()).cmd, SUBSCRIBE);
    hall.turn_until_readable(&publisher);
    assert_eq!(publisher.reply().cmd, PUBLISH);
    eventually("all are reached", || {
        hall.turn();
        hall.reached() == hall.members.len()
    });
    assert_eq!(hall.ask(&mut late, ECHO, b"nothing"), Reply::new(ECHO, 1, b"nothing"));
    assert_eq!(hall.ask(&mut leaves, ECHO, b"nothing"), Reply::new(ECHO, 1, b"nothing"));
    for member in &mut hall.members {
        assert_eq!(member.reply(), Reply::new(PUSHED, 0, b"hello"));
    }
}

#[test]
fn input_that_waits_for_a_publish_is_handled_when_that_is_finished() {
    const ECHOES: u32 = 600;
    // The publish takes several turns, or one.
    for turn_time in [Some(Duration::from_micros(100)), None] {
        let mut hall = Hall::with(turn_time);
        let mut publisher = hall.connect();
        // More than one turn takes from a client, and nothing announces the rest.
        let echoes = (0..ECHOES).flat_map(|flag| packet(ECHO, flag, b""));
        let requests: Vec<u8> =
            packet(PUBLISH, 0, &publishing(TOPIC, b"hello")).into_iter().chain(echoes).collect();
        publisher.send(&requests);
        // Three times as many turns as the publish can take.
        (0..60).for_each(|_| hall.turn());
        assert_eq!(publisher.reply().cmd, PUBLISH);
        for flag in 0..ECHOES {
            assert_eq!(publisher.reply(), Reply::new(ECHO, flag, b""));
        }
    }
}
