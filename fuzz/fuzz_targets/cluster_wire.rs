//! Any bytes as messages of other nodes of a cluster: what is read is written and read as the same, and a
//! node that gets it goes on.
//!
//! Input: messages, each of a head of 5 bytes and a body: the subject (1 byte, see [`subject`]), the kind
//! (1 byte: 0 makes the body the whole payload, anything else gives it a good header, see [`payload`]), the
//! milliseconds that pass (1 byte, times 16), and the length of the body (2 bytes).

#![no_main]

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sysconn_cluster::bus::local::LocalNet;
use sysconn_cluster::bus::{Bus as _, Lane};
use sysconn_cluster::wire::{self, Header, Sender, Subject};
use sysconn_cluster::{
    BlacklistRecord, Cluster, Config, Delivery, Holder, Host, Moment, Names, NodeName, Request, Responder,
    Stamp, Time, TopicRef, clock_at,
};
use sysconn_fuzz::bounded;

/// The wall clock at the beginning.
const BEGIN_MS: u64 = 1_700_000_000_000;
/// The time until a node has found its name to be free.
const JOINED_MS: u64 = 3_000;

fuzz_target!(|data: &[u8]| bounded(|| run(data)));

fn run(mut data: &[u8]) {
    let net = LocalNet::new(1);
    let bus = net.join();
    let names = Names::new("test", "a").expect("names");
    let config = Config { names, blacklist: vec![], cleared: None };
    let started =
        Cluster::with_incarnation(config, bus.clone(), Arc::new(Virtual(net.clone())), Arc::new(Game), 1);
    bus.attach(started.inbox);
    let other = net.join();
    other.connect();
    net.run_until(JOINED_MS);
    let cluster = started.cluster;
    for role_id in 1..=4 {
        cluster.role_entered(role_id, Holder { connection: role_id, claim: 0 });
    }
    cluster.role_left(4, Holder { connection: 4, claim: 0 });
    let mut now_ms = JOINED_MS;
    while let Some((&[at, kind, pause, high, low], rest)) = data.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let (body, rest) = rest.split_at(rest.len().min(len));
        data = rest;
        let payload = payload(kind, clock_at(BEGIN_MS + now_ms), body);
        check(&payload);
        let _ = other.publish(Lane::Control, &subject(at), payload);
        now_ms += 1 + u64::from(pause) * 16;
        net.run_until(now_ms);
    }
    let _ = (cluster.status(), cluster.figures(), cluster.push_to_role(5, 1, "x"));
    cluster.good_bye();
}

/// Bits 0 and 1 choose what is subscribed to.
fn subject(at: u8) -> Subject {
    static OWN: LazyLock<NodeName> = LazyLock::new(|| NodeName::new("a").expect("a name"));
    match at & 3 {
        0 => Subject::Nodes,
        1 => Subject::Node(OWN.clone()),
        _ => Subject::Role(at >> 2),
    }
}

fn payload(kind: u8, clock: u64, body: &[u8]) -> Bytes {
    if kind == 0 {
        return Bytes::copy_from_slice(body);
    }
    let mut out = vec![];
    // A bit of the kind makes it a namesake.
    let name = NodeName::new(if kind & 0x80 == 0 { "b" } else { "a" }).expect("a name");
    let sender = Sender { name, incarnation: 2 };
    Header { version: wire::VERSION, kind: kind & 0x7f, clock, sender }.write(&mut out);
    out.extend_from_slice(body);
    out.into()
}

/// What is read is the same once it was written again.
fn check(payload: &Bytes) {
    let Ok(header) = Header::read(payload) else { return };
    let Ok(message) = wire::read(&header, payload) else { return };
    let again = wire::write(header.clock, &header.sender, &message);
    let header = Header::read(&again).expect("a header that was written");
    assert_eq!(wire::read(&header, &again), Ok(message));
}

struct Virtual(Arc<LocalNet>);

impl Time for Virtual {
    fn now(&self) -> Moment {
        let elapsed_ms = self.0.now_ms();
        Moment { wall_ms: BEGIN_MS + elapsed_ms, elapsed_ms, ..Moment::default() }
    }
}

struct Game;

impl Host for Game {
    fn close_replaced(&self, role_id: u64, holder: Holder) {
        assert_eq!(role_id, holder.connection, "another connection is closed");
    }

    fn push(&self, role_id: u64, holder: Holder, _: Delivery) {
        assert_eq!(role_id, holder.connection, "a push goes astray");
    }

    fn publish(&self, _: TopicRef<'_>, _: Delivery) {}

    fn blacklist_changed(&self, records: &[BlacklistRecord]) {
        for record in records {
            assert_eq!(BlacklistRecord::from_bytes(&record.to_bytes()).as_ref(), Some(record));
        }
    }

    fn blacklist_cleared(&self, stamp: &Stamp) {
        assert_eq!(Stamp::from_bytes(&stamp.to_bytes()).as_ref(), Some(stamp));
    }

    fn request(&self, request: Request, responder: Responder) {
        responder.answer(request.body);
    }
}
