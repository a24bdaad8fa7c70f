//! Credentials, certificates and permissions.

use std::fs;
use std::time::Duration;

use sysconn_cluster::Reason;
use sysconn_cluster::bus::{Bus as _, SendError};
use sysconn_cluster::nats::{Credentials, NatsConfig};
use sysconn_cluster::wire::Subject;

use crate::bus::{LONG, TestBus, Told, config, now, received};
use crate::certificates::Certificates;
use crate::server::{Server, by_hand, folder};

fn with(address: String, credentials: &str) -> NatsConfig {
    NatsConfig { credentials: Some(Credentials::parse(credentials).unwrap()), ..config(address) }
}

/// Waits for a reason why there is no connection.
fn error(bus: &TestBus) -> String {
    let begin = now();
    loop {
        if let Some(error) = bus.bus.status().error {
            return error;
        }
        assert!(begin.elapsed() < LONG, "there is no reason in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn users_and_passwords_are_checked() {
    let server = Server::start("authorization { user: node, password: secret }\n");
    let right = TestBus::start("a", with(server.address(), "node:secret")).connected();
    right.publish(&Subject::Nodes, "hello").unwrap();
    for (wrong, expected) in [
        (with(server.address(), "node:wrong"), "it refuses the credentials of this node (--cluster-cred"),
        (config(server.address()), "it asks for credentials, and this node has none (--cluster-credentials)"),
    ] {
        let wrong = TestBus::start("b", wrong);
        let error = error(&wrong);
        assert!(error.starts_with(&format!("{}: {expected}", server.address())), "{error}");
        assert!(!error.contains("wrong"), "a secret is in the reason");
    }
}

#[test]
fn nkeys_are_checked() {
    // A pair that was made for this test, and the seed of another.
    let seed = "SUAGLAVZSAY7KOBEEGEUPVOT5UABHT7BON5J6UPY77O5OUNBY2KVI7DC7Q";
    let public = "UA3OIHW4IGXDX6LUP5STT23R447LLXXDNWR53GPJQFQV7WRXCA4UEDDV";
    let server = Server::start(&format!("authorization {{ users: [ {{ nkey: {public} }} ] }}\n"));
    let _right = TestBus::start("a", with(server.address(), seed)).connected();
    let other = "SUAJWT64SXZXBV6ZQF3J7OSFRS72AG4FHYG6376BSKVLQP5EXRUY57ST7Q";
    let wrong = TestBus::start("b", with(server.address(), other));
    let error = error(&wrong);
    assert!(error.contains("it refuses the credentials"), "{error}");
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let (ours, others) = (Certificates::make(folder()), Certificates::make(folder()));
    let server = Server::start(&ours.of_server());
    let with = |ca: &Certificates, node: Option<&Certificates>| NatsConfig {
        ca: Some(ca.path("ca.pem")),
        cert: node.map(|node| node.path("node.pem")),
        key: node.map(|node| node.path("node.key")),
        ..config(server.address())
    };
    let [a, b] = ["a", "b"].map(|name| TestBus::start(name, with(&ours, Some(&ours))).connected());
    a.publish(&Subject::Nodes, "over TLS").unwrap();
    b.wait_for(&received(&Subject::Nodes, "over TLS"));
    let [cert, key] = ["ca.pem", "ca.key"].map(|name| ours.path(name));
    let authority = Server::start(&format!("tls {{ cert_file: {cert:?}, key_file: {key:?} }}\n"));
    let plain = Server::start("");
    let to_plain = |config: NatsConfig| NatsConfig { servers: vec![plain.address()], ..config };
    let untrusted = "its certificate is not signed by an authority that is trusted here (--cluster-ca";
    let no_tls = "it has no TLS, which tls://, --cluster-ca and --cluster-cert ask for";
    for (name, config, expected) in [
        ("the server's is of another authority", with(&others, Some(&ours)), untrusted),
        (
            "the node's is of another authority",
            with(&ours, Some(&others)),
            "it refuses the certificate of this node (--cluster-cert): ",
        ),
        (
            "the node has none",
            with(&ours, None),
            "it asks for a certificate (--cluster-cert and --cluster-key)",
        ),
        (
            "the server's is that of the authority itself",
            NatsConfig { servers: vec![authority.address()], ..with(&ours, None) },
            "its certificate is that of an authority (CA:TRUE), not that of a server",
        ),
        ("no TLS", self::config(server.address()), untrusted),
        ("the server has no TLS", to_plain(with(&ours, None)), no_tls),
        (
            "the server has no TLS, by the address",
            self::config(plain.address().replace("nats:", "tls:")),
            no_tls,
        ),
    ] {
        let bus = TestBus::start("c", config);
        let error = error(&bus);
        assert!(error.contains(expected), "{name}: {error}");
    }
}

/// The permissions of docs/cluster.md: nodes may use what is below the cluster's subject, and nobody else
/// may.
const PERMISSIONS: &str = r#"
authorization {
  nodes = { publish: ["sysconn.game.>"], subscribe: ["sysconn.game.>"] }
  others = { publish: { deny: ["sysconn.>"] }, subscribe: { deny: ["sysconn.>"] } }
  users = [
    { user: node, password: secret, permissions: $nodes }
    { user: other, password: secret, permissions: $others }
  ]
}
"#;

#[test]
fn the_permissions_of_the_page_are_enough_and_keep_others_out() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cluster.md")).unwrap();
    assert!(page.contains(PERMISSIONS.trim()), "docs/cluster.md has other permissions");
    let server = Server::start(&PERMISSIONS.replace("sysconn.game.", "sysconn.test."));
    let [a, b] =
        ["a", "b"].map(|name| TestBus::start(name, with(server.address(), "node:secret")).connected());
    a.publish(&Subject::Nodes, "hello").unwrap();
    b.wait_for(&received(&Subject::Nodes, "hello"));
    let connect = r#"{"verbose":false,"user":"other","pass":"secret"}"#;
    let answer =
        by_hand(server.port, connect, "PUB sysconn.test.nodes 6\r\nforged\r\nSUB sysconn.test.> 1\r\n");
    assert!(answer.contains("Permissions Violation for Publish"), "{answer}");
    assert!(answer.contains("Permissions Violation for Subscription"), "{answer}");
    a.publish(&Subject::Nodes, "last").unwrap();
    assert_eq!(b.wait_for(&received(&Subject::Nodes, "last")), []);
    let stranger = TestBus::start("c", with(server.address(), "other:secret"));
    let refused = error(&stranger);
    for part in ["Permissions Violation for Subscription to \"sysconn.test.", "below sysconn.test."] {
        assert!(refused.contains(part), "{refused}");
    }
    assert!(!matches!(stranger.next_if_any(), Some(Told::Connected)));
}

/// A server whose only user may do everything but this.
fn denying(denied: &str) -> String {
    let user = format!("{{ user: node, password: secret, permissions: {{ {denied} }} }}");
    format!("authorization {{ users: [ {user} ] }}\n")
}

/// Without one of the permissions a node takes no part, and says which it lacks.
#[test]
fn a_permission_that_is_missing_is_named() {
    for (denied, missing) in [
        (r#"subscribe: { deny: ["sysconn.test.nodes"] }"#, "Subscription to \"sysconn.test.nodes\""),
        (r#"subscribe: { deny: ["sysconn.test.topic.>"] }"#, "Subscription to \"sysconn.test.topic.0\""),
        (r#"publish: { deny: ["sysconn.test.nodes"] }"#, "Publish to \"sysconn.test.nodes\""),
        (r#"publish: { deny: ["sysconn.test.node.>"] }"#, "Publish to \"sysconn.test.node.a\""),
        (r#"publish: { deny: ["sysconn.test.role.>"] }"#, "Publish to \"sysconn.test.role.0\""),
        (r#"publish: { deny: ["sysconn.test.topic.>"] }"#, "Publish to \"sysconn.test.topic.0\""),
        (r#"publish: { deny: ["sysconn.test.probe.>"] }"#, "Publish to \"sysconn.test.probe.a\""),
        // These are of the connection that answers.
        (r#"publish: { deny: ["sysconn.test.inbox.>"] }"#, "Publish to \"sysconn.test.inbox."),
        (r#"subscribe: { deny: ["sysconn.test.probe.>"] }"#, "Subscription to \"sysconn.test.probe."),
    ] {
        let server = Server::start(&denying(denied));
        let bus = TestBus::start("a", with(server.address(), "node:secret"));
        let error = error(&bus);
        assert!(error.contains(missing), "{denied}: {error}");
        // A try takes no longer than this: it would have connected by now.
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(bus.next_if_any(), None, "{denied}");
        server.reload(&denying(r#"publish: { deny: ["other.>"] }"#));
        bus.wait_for(&Told::Connected);
    }
}

/// What is refused later ends the connection, until it is allowed.
#[test]
fn a_permission_that_is_missing_for_one_subject_is_named_once_it_is_used() {
    let server = Server::start(&denying(r#"publish: { deny: ["sysconn.test.topic.77"] }"#));
    let [a, b] =
        ["a", "b"].map(|name| TestBus::start(name, with(server.address(), "node:secret")).connected());
    for number in 0..100 {
        // It may be noticed in between.
        let sent = a.publish(&Subject::Topic(77), "refused");
        assert!(number > 0 || sent.is_ok());
    }
    let told = a.wait_for(&Told::Disconnected);
    let refused =
        told.iter().map(|told| if let Told::Dropped(Reason::Refused, count) = told { *count } else { 0 });
    assert!(refused.sum::<u64>() >= 1, "{told:?}");
    let missing = "Publish to \"sysconn.test.topic.77\"";
    assert!(error(&a).contains(missing), "{}", error(&a));
    assert_eq!(a.publish(&Subject::Nodes, "meanwhile"), Err(SendError::NotConnected));
    // It tries again some times.
    std::thread::sleep(Duration::from_millis(1_000));
    assert!(a.next_if_any().is_none() && error(&a).contains(missing));
    b.publish(&Subject::Topic(1), "others go on").unwrap();
    server.reload(&denying(r#"publish: { deny: ["other.>"] }"#));
    a.wait_for(&Told::Connected);
    while b.bus.status().error.is_some() || a.publish(&Subject::Topic(77), "allowed").is_err() {
        std::thread::yield_now();
    }
}
