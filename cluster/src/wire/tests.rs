//! Tests of the wire format: every kind both ways, and garbage.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::names::NodeName;

fn sender() -> Sender {
    Sender { name: NodeName::new("node-1").unwrap(), incarnation: 0x0102_0304_0506_0708 }
}

fn made() -> Option<Made> {
    Some(Made { clock: 3, node: "node-2".to_owned(), incarnation: 4 })
}

fn listed() -> Listed {
    let subject = "account:a".to_owned();
    Listed { subject, until_ms: 9, is_removed: false, by_operator: true, stamp: made() }
}

fn list() -> RoleList {
    let (roles, clocks, ends) = (vec![1, 2], vec![3, 4], vec![0, 9]);
    RoleList { shard: 63, number: 10, part: 0, parts: 2, roles, clocks, ends }
}

fn answer() -> Answer {
    Answer { id: 1, incarnation: 2, error_id: 6, part: 1, parts: 2, body: Bytes::from_static(b"xy") }
}

fn publish(topic: Option<Topic>) -> Publish {
    Publish { topic, cmd: 1210, data: Bytes::from_static(b"hello") }
}

fn push(role_id: u64) -> Push {
    Push { role_id, cmd: 65_535, data: Bytes::from_static(b"hello"), is_forwarded: true }
}

/// Each kind of message, with a clock of 10 in the header.
fn messages() -> Vec<Message> {
    vec![
        Heartbeat { oldest: 1, newest: 2, is_draining: true }.into(),
        GoodBye {}.into(),
        NameQuery {}.into(),
        NameAnswer {}.into(),
        Login { role_id: 7, clock: 10 }.into(),
        End { role_id: 7, clock: 9, ended: 10 }.into(),
        RoleDigest { counts: vec![1; 64], sums: vec![u64::MAX; 64] }.into(),
        RoleListRequest { shards: u64::MAX, incarnation: 3 }.into(),
        list().into(),
        push(7).into(),
        publish(Some(Topic::Id(0))).into(),
        Blacklist { entries: vec![listed()], cleared: made() }.into(),
        BlacklistDigest { count: 1, sum: 2, cleared: None }.into(),
        BlacklistRequest { incarnation: 5 }.into(),
        Request { id: 1, what: 2, body: Bytes::from_static(b"x") }.into(),
        answer().into(),
        publishes(Some(Topic::Name("lobby".to_owned()))).into(),
    ]
}

fn publishes(topic: Option<Topic>) -> Publishes {
    let pushes = [(1210, &b"hello"[..]), (0, b""), (65_535, b"bye")];
    let pushes = pushes.map(|(cmd, data)| Published { cmd, data: Bytes::from_static(data) });
    Publishes { topic, pushes: pushes.to_vec() }
}

fn read_whole(payload: &Bytes) -> Result<(Header, Message), WireError> {
    let header = Header::read(payload)?;
    let message = read(&header, payload)?;
    Ok((header, message))
}

/// A payload with this header and body, as another program might send it.
fn payload(version: u8, kind: u8, body: &[u8]) -> Bytes {
    let mut out = vec![];
    Header { version, kind, clock: 10, sender: sender() }.write(&mut out);
    out.extend_from_slice(body);
    out.into()
}

#[test]
fn several_publishes_are_checked_like_one() {
    let with = |cmd: u32| {
        let pushes = vec![Published { cmd, data: Bytes::new() }];
        Publishes { topic: Some(Topic::Id(1)), pushes }
    };
    for (bytes, expected) in [
        (write(10, &sender(), &with(65_535).into()), Ok(with(65_535).into())),
        (write(10, &sender(), &with(65_536).into()), Err(WireError::Field)),
        (write(10, &sender(), &publishes(None).into()), Err(WireError::Field)),
        (write(10, &sender(), &publishes(Some(Topic::Name("x".repeat(65)))).into()), Err(WireError::Field)),
        (payload(1, 17, &vec![0; MAX_PART_BYTES + 1025]), Err(WireError::Long)),
    ] {
        assert_eq!(read_whole(&bytes).map(|(_, message)| message), expected);
    }
}

#[test]
fn the_header_is_that_of_the_table() {
    let bytes = write(0x1112_1314_1516_1718, &sender(), &GoodBye {}.into());
    let expected = b"\x01\x02\x11\x12\x13\x14\x15\x16\x17\x18\x06node-1\x01\x02\x03\x04\x05\x06\x07\x08";
    assert_eq!(&bytes[..], expected);
}

#[test]
fn each_kind_is_read_as_it_was_written() {
    let messages = messages();
    let kinds: Vec<_> = messages.iter().map(Message::kind).collect();
    assert_eq!(kinds, KINDS, "a message of each kind");
    for message in messages {
        let payload = write(10, &sender(), &message);
        let (header, read) = read_whole(&payload).unwrap();
        assert_eq!((header.version, header.clock, header.sender), (VERSION, 10, sender()));
        assert_eq!(read, message);
        // What is cut within the header, or within a field, is no message.
        for end in 0..payload.len() {
            let cut = read_whole(&payload.slice(..end));
            assert!(cut.is_err() || cut.unwrap().1 != message || end >= header_len(), "{message:?} to {end}");
        }
    }
}

fn header_len() -> usize {
    Header { version: 1, kind: 1, clock: 0, sender: sender() }.len()
}

#[test]
fn what_no_node_would_send_is_refused() {
    let bad_name = |name: &str| {
        let mut bytes = vec![1, 2, 0, 0, 0, 0, 0, 0, 0, 10, name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Bytes::from(bytes)
    };
    let of = |message: Message| write(10, &sender(), &message);
    let long_name = Topic::Name("x".repeat(65));
    let long_subject = Listed { subject: "x".repeat(301), ..listed() };
    let no_node = Listed { stamp: Some(Made { node: "N".to_owned(), ..Made::default() }), ..listed() };
    let entries = |entry| Blacklist { entries: vec![entry], cleared: None };
    let later = Some(Made { clock: 11, node: "node-2".to_owned(), incarnation: 4 });
    for (bytes, expected) in [
        (Bytes::new(), WireError::Short),
        (Bytes::from_static(&[1, 2, 3]), WireError::Short),
        (bad_name(""), WireError::Name),
        (bad_name("Node"), WireError::Name),
        (bad_name("a.b"), WireError::Name),
        (bad_name(&"x".repeat(33)), WireError::Name),
        (payload(0, 2, b""), WireError::Version(0)),
        (payload(2, 2, b""), WireError::Version(2)),
        (payload(255, 99, b""), WireError::Version(255)),
        (payload(1, 0, b""), WireError::Kind(0)),
        (payload(1, 18, b""), WireError::Kind(18)),
        (payload(1, 2, b"\xff"), WireError::Body),
        (payload(1, 5, b"\x09\x01"), WireError::Body),
        (payload(1, 11, b"\x12\x02\xff\xff\x18\x01"), WireError::Body),
        (payload(1, 2, &vec![0; MAX_PART_BYTES + 1025]), WireError::Long),
        (of(Login { role_id: 0, clock: 1 }.into()), WireError::Field),
        (of(Login { role_id: 1, clock: 11 }.into()), WireError::Field),
        (of(End { role_id: 1, clock: 9, ended: 9 }.into()), WireError::Field),
        (of(End { role_id: 1, clock: 9, ended: 11 }.into()), WireError::Field),
        (of(RoleDigest { counts: vec![0; 63], sums: vec![0; 64] }.into()), WireError::Field),
        (of(RoleDigest { counts: vec![0; 64], sums: vec![0; 65] }.into()), WireError::Field),
        (of(RoleList { shard: 64, ..list() }.into()), WireError::Field),
        (of(RoleList { number: 11, ..list() }.into()), WireError::Field),
        (of(RoleList { part: 2, ..list() }.into()), WireError::Field),
        (of(RoleList { parts: MAX_PARTS + 1, ..list() }.into()), WireError::Field),
        (of(RoleList { parts: 0, ..list() }.into()), WireError::Field),
        (of(RoleList { roles: vec![1], ..list() }.into()), WireError::Field),
        (of(RoleList { roles: vec![1, 0], ..list() }.into()), WireError::Field),
        (of(RoleList { clocks: vec![11, 4], ..list() }.into()), WireError::Field),
        (of(RoleList { ends: vec![3, 0], ..list() }.into()), WireError::Field),
        (of(RoleList { ends: vec![11, 0], ..list() }.into()), WireError::Field),
        (of(push(0).into()), WireError::Field),
        (of(Push { cmd: 65_536, ..push(1) }.into()), WireError::Field),
        (of(publish(None).into()), WireError::Field),
        (of(publish(Some(long_name)).into()), WireError::Field),
        (of(Publish { cmd: 65_536, ..publish(Some(Topic::Id(1))) }.into()), WireError::Field),
        (of(entries(long_subject).into()), WireError::Field),
        (of(entries(no_node).into()), WireError::Field),
        (of(entries(Listed { stamp: None, ..listed() }).into()), WireError::Field),
        (of(entries(Listed { subject: String::new(), ..listed() }).into()), WireError::Field),
        (
            of(BlacklistDigest { cleared: Some(Made::default()), ..BlacklistDigest::default() }.into()),
            WireError::Field,
        ),
        (of(entries(Listed { stamp: later.clone(), ..listed() }).into()), WireError::Field),
        (of(Blacklist { entries: vec![], cleared: later.clone() }.into()), WireError::Field),
        (of(BlacklistDigest { cleared: later, ..BlacklistDigest::default() }.into()), WireError::Field),
        (of(Heartbeat { oldest: 2, newest: 1, is_draining: false }.into()), WireError::Field),
        (of(Heartbeat { oldest: 1, newest: 256, is_draining: false }.into()), WireError::Field),
        (of(Answer { part: 2, ..answer() }.into()), WireError::Field),
        (of(Answer { error_id: 65_536, ..answer() }.into()), WireError::Field),
    ] {
        let read = read_whole(&bytes).map(|(_, message)| message);
        assert_eq!(read, Err(expected), "{bytes:?}");
    }
}

#[test]
fn heartbeats_of_other_versions_are_read() {
    let heartbeat = Heartbeat { oldest: 7, newest: 9, is_draining: false };
    let (header, read) = read_whole(&payload(9, 1, &heartbeat.encode_to_vec())).unwrap();
    assert_eq!((header.version, read), (9, Message::Heartbeat(heartbeat)));
}

#[test]
fn fields_of_later_versions_are_ignored() {
    let mut body = Login { role_id: 7, clock: 10 }.encode_to_vec();
    body.extend_from_slice(b"\x7a\x03new");
    let (_, read) = read_whole(&payload(1, 5, &body)).unwrap();
    assert_eq!(read, Message::Login(Login { role_id: 7, clock: 10 }));
}

#[test]
fn subjects_have_no_text_of_clients() {
    let cluster = NodeName::new("eu-1").unwrap();
    for (subject, expected) in [
        (Subject::Nodes, "sysconn.eu-1.nodes"),
        (Subject::Node(NodeName::new("a-1").unwrap()), "sysconn.eu-1.node.a-1"),
        (Subject::Role(63), "sysconn.eu-1.role.63"),
        (Subject::Roles, "sysconn.eu-1.role.*"),
        (Subject::Topic(16_383), "sysconn.eu-1.topic.16383"),
    ] {
        assert_eq!(subject.text(&cluster), expected);
    }
    assert!(Subject::Roles.covers(&Subject::Role(3)) && !Subject::Role(3).covers(&Subject::Role(4)));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(
        version in 0u8..3,
        kind in 0u8..19,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = payload(version, kind, &body);
        if let Ok((header, message)) = read_whole(&bytes) {
            // What was read is written and read as the same.
            let again = write(header.clock, &header.sender, &message);
            prop_assert_eq!(read_whole(&again).unwrap().1, message);
        }
        let _ = read_whole(&Bytes::from(body));
    }
}
