//! A packet costs no allocation in steady state: a counting allocator watches the reactor's thread while
//! 10⁶ packets pass it on real sockets, in every size class, and on every path but the deferred one.
//!
//! The test turns the reactor by hand, and counts within turns only. With `--nocapture` it prints what it
//! counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod game;
mod rig;
mod topics;

use allocation_counter::AllocationInfo;
use cases::{INFLATED_BYTES, PUSH_BYTES, controls, handled, lengths, reply};
use common::{frame, message, packet, zlib_stored};
use game::{
    Ask, Blob, ECHO, FLAG, LOGIN, MESSAGE, MONITOR, PUSH, REFUSE, REFUSED, ROLE, ROUTER, SEND, UNKNOWN, echo,
};
use prost::Message as _;
use rig::{Arrival, Case, Rig, TURN_PACKETS};
use sysconn::frame::Opcode;
use sysconn::packet::ErrorId;
use sysconn::{Push, Service, frame};

/// Bad requests that are answered on one connection.
const MAX_BAD_REQUESTS: usize = 10;

#[test]
fn packets_of_every_outcome_cost_no_allocation() {
    let mut rig = Rig::new(|_| {}, &ROUTER);
    let mut cases: Vec<_> = lengths().flat_map(handled).collect();
    cases.extend(controls());
    let inflated: &[usize] = if cfg!(feature = "zlib") { &[0, 100, 3000] } else { &[] };
    for &len in inflated {
        let data = vec![5; len];
        let request = frame(Opcode::Binary, &message(ECHO, FLAG, 1, &zlib_stored(&data)));
        cases.push(Case {
            arrival: Arrival::Pipelined(INFLATED_BYTES),
            ..Case::new("reply to compressed Data", request, reply(ErrorId::NONE, FLAG, ECHO, &data))
        });
    }
    for (index, len) in lengths().enumerate() {
        let data = vec![3; len];
        rig.reactor.act(|game, _| game.pushes.push(Push::new(PUSH, &data)));
        let request = packet(SEND, FLAG, &[index as u8]);
        let push = reply(ErrorId::NONE, 0, PUSH, &data);
        cases.push(Case {
            arrival: Arrival::Pipelined(PUSH_BYTES),
            ..Case::new("push to another", request, push.clone())
        });
        if cfg!(feature = "protobuf") {
            let request = packet(MESSAGE, FLAG, &Ask { push: index as u32 }.encode_to_vec());
            let blob = Blob { bytes: push.into() }.encode_to_vec();
            cases.push(Case::new("message", request, reply(ErrorId::NONE, FLAG, MESSAGE, &blob)));
        }
    }
    let packets = rig.watch(&cases);
    assert!(packets >= 1_000_000, "{packets}");
}

#[test]
fn messages_cost_no_allocation() {
    let mut rig = Rig::new(|_| {}, Service::Messages(echo));
    let case = |len: usize| {
        let payload = vec![b'a'; len];
        let mut reply = vec![];
        frame::push_frame(&mut reply, Opcode::Text, &payload);
        Case::new("text", frame(Opcode::Text, &payload), reply)
    };
    rig.watch(&[0, 1, 125, 126, 65_535, 65_536, 524_288].map(case));
}

#[test]
fn packets_above_the_rate_cost_no_allocation() {
    // A handler refuses the few that are within the rate, with the same ErrorID.
    let mut rig = Rig::new(|config| config.limits.max_packets_per_second = Some(1), &ROUTER);
    let refused = |len: &usize| {
        let request = packet(REFUSE, FLAG, &vec![0; *len]);
        Case::new("above the rate", request, reply(REFUSED, FLAG, REFUSE, b""))
    };
    rig.watch(&[0, 100, 10_000].each_ref().map(refused));
}

#[test]
fn a_flood_costs_a_bounded_number_of_allocations_per_turn() {
    // When the client's share of the turn is used up, the rest of a read has to wait, and is kept.
    let mut rig = Rig::new(|_| {}, &ROUTER);
    let count = 40 * TURN_PACKETS;
    let (request, reply) = (packet(ECHO, FLAG, b""), reply(ErrorId::NONE, FLAG, ECHO, b""));
    let (requests, replies) = (request.repeat(count), reply.repeat(count));
    rig.peers.truncate(1);
    rig.exchange(&requests, &replies, usize::MAX);
    rig.counted = AllocationInfo::default();
    rig.exchange(&requests, &replies, usize::MAX);
    println!("{count} packets at once: {:?}", rig.counted);
    assert!(rig.counted.count_total <= 2 * 40, "{:?}", rig.counted);
}

#[test]
fn bad_requests_cost_no_allocation() {
    let mut rig = Rig::new(|_| {}, &ROUTER);
    // DataSize, the first two bytes of the message, says 9 and not 4.
    let mut mismatch = message(ECHO, FLAG, 0, b"data");
    mismatch[1] = 9;
    let cases = [
        ("unknown command", packet(UNKNOWN, FLAG, b""), reply(ErrorId::UNKNOWN_COMMAND, FLAG, UNKNOWN, b"")),
        ("DataSize", frame(Opcode::Binary, &mismatch), reply(ErrorId::BAD_PACKET, FLAG, ECHO, b"")),
        ("not logged in", packet(ROLE, FLAG, b""), reply(ErrorId::NOT_LOGGED_IN, FLAG, ROLE, b"")),
        ("not allowed", packet(MONITOR, FLAG, b""), reply(ErrorId::NOT_ALLOWED, FLAG, MONITOR, b"")),
    ];
    // No more of them are answered on one connection, so there are many connections.
    for (name, request, reply) in &cases {
        rig.connect(200);
        if *name == "not allowed" {
            rig.exchange(&packet(LOGIN, FLAG, b""), b"", usize::MAX);
        }
        rig.exchange(request, reply, usize::MAX);
        rig.counted = AllocationInfo::default();
        for _ in 0..MAX_BAD_REQUESTS - 1 {
            rig.exchange(request, reply, usize::MAX);
        }
        assert_eq!((rig.counted.count_total, rig.counted.count_current), (0, 0), "{name}");
    }
}
