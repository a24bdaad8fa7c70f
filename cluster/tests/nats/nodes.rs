//! Whole nodes on a real server: roles, topics, requests, names.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sysconn_cluster::{
    BlacklistRecord, Cluster, Config, Delivery, Holder, Host, Join, Names, NodeName, REQUEST_TIMEOUT,
    Request, Responder, Sent, Stamp, TopicRef, What,
};

use crate::bus::{LONG, config};
use crate::server::Server;

/// What a game was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Replaced(u64, u64),
    Pushed(u64, Vec<u8>),
    Published(String, Vec<u8>),
    Listed(String),
    Cleared,
    Conflict,
}

struct Game(Mutex<Sender<Told>>);

impl Game {
    fn tell(&self, told: Told) {
        let _ = self.0.lock().unwrap().send(told);
    }
}

impl Host for Game {
    fn close_replaced(&self, role_id: u64, holder: Holder) {
        self.tell(Told::Replaced(role_id, holder.connection));
    }

    fn push(&self, role_id: u64, _: Holder, push: Delivery) {
        self.tell(Told::Pushed(role_id, push.data.to_vec()));
    }

    fn publish(&self, topic: TopicRef<'_>, push: Delivery) {
        let topic = match topic {
            TopicRef::Id(id) => id.to_string(),
            TopicRef::Name(name) => name.to_owned(),
        };
        self.tell(Told::Published(topic, push.data.to_vec()));
    }

    fn blacklist_changed(&self, records: &[BlacklistRecord]) {
        records.iter().for_each(|record| self.tell(Told::Listed(record.subject.clone())));
    }

    fn blacklist_cleared(&self, _: &Stamp) {
        self.tell(Told::Cleared);
    }

    fn request(&self, request: Request, responder: Responder) {
        match request.what {
            What::Stats => responder.answer([b"figures of ", &request.body[..]].concat()),
            What::List => responder.answer(vec![7; 1_000_000]),
            What::Kick => responder.refuse(4),
            What::RoleId | What::UsedToken | What::Debug => drop(responder),
        }
    }

    fn name_conflict(&self) {
        self.tell(Told::Conflict);
    }
}

struct Node {
    cluster: Cluster,
    told: Receiver<Told>,
}

impl Node {
    fn start(name: &str, address: String) -> Self {
        let (sender, told) = channel();
        let names = Names::new("test", name).unwrap();
        let own = Config { names, blacklist: vec![], cleared: None };
        let cluster = Cluster::start(own, config(address), Arc::new(Game(Mutex::new(sender)))).unwrap();
        Node { cluster, told }
    }

    fn next(&self) -> Told {
        self.told.recv_timeout(LONG).expect("nothing is told in time")
    }

    /// Waits until a condition holds.
    fn until(&self, condition: impl Fn(&Cluster) -> bool) {
        while !condition(&self.cluster) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.cluster.good_bye();
    }
}

/// Nodes that have heard each other.
fn nodes<const COUNT: usize>(names: [&str; COUNT], server: &Server) -> [Node; COUNT] {
    let nodes = names.map(|name| Node::start(name, server.address()));
    for node in &nodes {
        assert_eq!(node.cluster.join(LONG), Join::Free);
        node.until(|cluster| cluster.nodes().len() == COUNT - 1);
    }
    nodes
}

fn holder(connection: u64) -> Holder {
    Holder { connection, claim: 1 }
}

#[test]
fn roles_pushes_topics_and_requests_cross_machines() {
    let server = Server::start("");
    let [a, b, c] = nodes(["a", "b", "c"], &server);
    // A role: the newer login wins, and pushes find it.
    a.cluster.role_entered(7, holder(1));
    b.cluster.role_entered(7, holder(2));
    assert_eq!(a.next(), Told::Replaced(7, 1));
    a.until(|cluster| cluster.push_to_role(7, 1210, "hello") == Ok(Sent::Node(NodeName::new("b").unwrap())));
    while b.next() != Told::Pushed(7, b"hello".to_vec()) {}
    b.cluster.role_left(7, holder(2));
    // Topics: their names are no subjects.
    for name in [">", "*", "a.b", " "] {
        c.cluster.topic_entered(TopicRef::Name(name));
    }
    c.cluster.topic_entered(TopicRef::Id(7));
    for (at, topic) in [">", "*", "a.b", " ", "other", "7"].into_iter().enumerate() {
        // The subscription takes effect on the server a little later: publish until it is there.
        let mut heard = topic == "other" || topic == "7";
        loop {
            a.cluster.publish(TopicRef::Name(topic), 1210, vec![at as u8]).unwrap();
            match c.told.recv_timeout(Duration::from_millis(if heard { 100 } else { 20 })) {
                Ok(told) => {
                    assert_eq!(told, Told::Published(topic.to_owned(), vec![at as u8]));
                    heard = true;
                }
                Err(_) if heard => break,
                Err(_) => {}
            }
            if heard {
                while c.told.recv_timeout(Duration::from_millis(100)).is_ok() {}
                break;
            }
        }
    }
    // Requests: to all, refused, dropped, long.
    let (sender, answers) = channel();
    for what in [What::Stats, What::List, What::Kick, What::Debug] {
        let sender = sender.clone();
        let done = move |answers| sender.send((what, answers)).unwrap();
        a.cluster.request_many(&a.cluster.nodes(), what, "all", REQUEST_TIMEOUT * 10, done);
    }
    for _ in 0..4 {
        let (what, answers) = answers.recv_timeout(LONG).unwrap();
        assert_eq!(answers.missing, []);
        let names: Vec<_> = answers.answers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        for (_, answer) in answers.answers {
            match what {
                What::Stats => assert_eq!(answer.unwrap(), "figures of all"),
                What::List => assert_eq!(answer.unwrap(), vec![7; 1_000_000]),
                What::Kick => assert_eq!(answer, Err(4)),
                _ => assert_eq!(answer, Err(6)),
            }
        }
    }
    // The black list.
    a.cluster.blacklist_put("account:x", u64::MAX / 2, true);
    while b.next() != Told::Listed("account:x".to_owned()) {}
    b.cluster.blacklist_clear();
    while a.next() != Told::Cleared {}
    // A good-bye is known at once, a drain too.
    b.cluster.drain();
    c.until(|cluster| cluster.status().nodes.iter().any(|node| node.is_draining));
    drop(b);
    c.until(|cluster| cluster.nodes().len() == 1);
    let figures = a.cluster.figures();
    assert!(figures.is_connected && figures.nodes >= 2);
    assert!(figures.messages.contains(&("out", "name_query", 1)));
}

/// What a node has counted of a kind of message.
fn count(node: &Node, direction: &str, kind: &str) -> u64 {
    let messages = node.cluster.figures().messages;
    messages.iter().find(|(way, name, _)| (*way, *name) == (direction, kind)).map_or(0, |found| found.2)
}

/// Publishes of one burst: fewer than a channel has places.
const BURST: u32 = 3_000;
/// How often it is tried that some leave together.
const BURSTS: usize = 50;

#[test]
fn a_burst_arrives_whole_and_in_order_joined_into_few_messages() {
    let server = Server::start("");
    let [a, b] = nodes(["a", "b"], &server);
    let topics = ["one", "two", "three"];
    for topic in topics {
        b.cluster.topic_entered(TopicRef::Name(topic));
        let is_there = |told: Result<Told, _>| told.is_ok();
        while !is_there(b.told.recv_timeout(Duration::from_millis(20))) {
            a.cluster.publish(TopicRef::Name(topic), 1, "there?").unwrap();
        }
    }
    let joined = || count(&b, "in", "publish") - count(&b, "in", "publishes");
    // The worker may be slower than the bus, which then has one at a time.
    for _ in 0..BURSTS {
        if joined() > 0 {
            break;
        }
        for number in 0..BURST {
            // Each topic has some in a row.
            let topic = topics[number as usize / 10 % topics.len()];
            a.cluster.publish(TopicRef::Name(topic), 1210, number.to_be_bytes()).unwrap();
        }
        let mut heard = [vec![], vec![], vec![]];
        while heard.iter().map(Vec::len).sum::<usize>() < BURST as usize {
            let Told::Published(topic, data) = b.next() else { panic!("something else") };
            let at = topics.iter().position(|name| *name == topic).unwrap();
            if let Ok(number) = data.try_into().map(u32::from_be_bytes) {
                heard[at].push(number);
            }
        }
        for (at, numbers) in heard.iter().enumerate() {
            let sent: Vec<_> =
                (0..BURST).filter(|number| *number as usize / 10 % topics.len() == at).collect();
            assert_eq!(*numbers, sent, "{}", topics[at]);
        }
    }
    assert!(joined() > 0);
    assert_eq!(count(&a, "out", "publishes"), 0, "publishes are counted one by one");
}

#[test]
fn one_name_is_for_one_node() {
    let server = Server::start("");
    let first = Node::start("a", server.address());
    assert_eq!(first.cluster.join(LONG), Join::Free);
    let second = Node::start("a", server.address());
    assert_eq!(second.cluster.join(LONG), Join::Taken);
    assert!(second.cluster.status().has_name_conflict);
    assert!(first.cluster.status().is_up);
    // Its place is free at once after a good-bye.
    drop((first, second));
    let third = Node::start("a", server.address());
    assert_eq!(third.cluster.join(LONG), Join::Free);
}

#[test]
fn of_two_nodes_that_ask_for_one_name_at_once_one_gets_it() {
    let port = Server::start("").kill();
    let nodes = [(); 2].map(|()| Node::start("a", format!("nats://127.0.0.1:{port}")));
    let _server = Server::start_on(port, "");
    let are_up = nodes.each_ref().map(|node| {
        node.until(|cluster| cluster.status().is_up || cluster.status().has_name_conflict);
        node.cluster.status().is_up
    });
    assert_ne!(are_up[0], are_up[1], "one of them, and one only");
}

#[test]
fn a_node_without_nats_is_not_held_up() {
    let port = Server::start("").kill();
    let node = Node::start("a", format!("nats://127.0.0.1:{port}"));
    assert_eq!(node.cluster.join(Duration::from_millis(10)), Join::NotConnected);
    node.cluster.role_entered(7, holder(1));
    let (sender, answers) = channel();
    let to = [NodeName::new("b").unwrap()];
    node.cluster
        .request_many(&to, What::Stats, "", REQUEST_TIMEOUT, move |answers| sender.send(answers).unwrap());
    assert_eq!(answers.try_recv().unwrap().missing, to, "at once");
    assert!(node.cluster.publish(TopicRef::Id(1), 1, "x").is_err());
    assert!(node.cluster.push_to_role(9, 1, "x").is_err());
    // It takes part as soon as NATS is there, and tells of its roles.
    let server = Server::start_on(port, "");
    let other = Node::start("b", server.address());
    other.until(|cluster| cluster.push_to_role(7, 1, "x") == Ok(Sent::Node(NodeName::new("a").unwrap())));
    assert_eq!(node.next(), Told::Pushed(7, b"x".to_vec()));
}
