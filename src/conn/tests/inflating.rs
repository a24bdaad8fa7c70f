//! Messages that take more than one slice to inflate: other work meanwhile, and the order of waiting.

use std::io::Write as _;

use super::messages::deflate::{OFFER, compressed_frame, shared};
use super::messages::echo_message;
use super::*;
use crate::inflate::MAX_LONG;

/// Bytes that barely compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn packet(data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status, flag: 0, cmd: ECHO, data });
    packet
}

fn binary(payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    push_masked_frame(&mut frame, true, Opcode::Binary, [1, 2, 3, 4], payload);
    frame
}

/// A request to echo `len` bytes of noise, whose Data is compressed.
fn long_data(len: usize) -> Vec<u8> {
    binary(&packet(1, &zlib(&noise(len))))
}

/// A request whose message is compressed.
fn long_message(len: usize) -> Vec<u8> {
    compressed_frame(2, &packet(0, &noise(len)))
}

/// A request with compressed Data in a compressed message.
fn long_both(len: usize) -> Vec<u8> {
    compressed_frame(2, &packet(1, &zlib(&noise(len))))
}

fn open() -> Rig {
    let mut rig = Rig::new(shared);
    rig.env.tools = crate::router::Tools::new(
        crate::packet::Codecs::default(),
        Arc::new(Mailbox::new(16, Box::new(|| {}))),
        crate::router::Limits { outbox: 1 << 20, deflate_above: usize::MAX, ..Default::default() },
        crate::log_limiter::LogLimiter::new(crate::config::LogConnections::default()),
    );
    rig.feed(OFFER);
    rig
}

/// One call by the reactor with a budget of 16. Returns its progress, the rest of the budget, and the rest of
/// the input.
fn call(rig: &mut Rig, bytes: &[u8]) -> (Progress, u32, Vec<u8>) {
    let mut bytes = bytes.to_vec();
    rig.with_input(&mut bytes, |conn, env, input| {
        env.frames_left = 16;
        let mut rest = input;
        let progress = conn.handle_bytes(&mut rest, env);
        (progress, env.frames_left, rest.to_vec())
    })
}

/// Does the reactor's work at the end of a turn. Returns whether the connection was given an inflater.
fn end_turn(rig: &mut Rig) -> bool {
    let (conn, env) = (&mut rig.conn, &mut rig.env);
    env.inflaters.reclaim(|id| id != conn.record.id || conn.inflates());
    match env.inflaters.call_next() {
        Some(id) if id == conn.record.id => conn.handle_inflater(env),
        _ => false,
    }
}

/// Makes this many other connections use inflaters.
fn occupy(rig: &mut Rig, count: usize) {
    for slot in 100..100 + count {
        let id = ConnectionId::new(0, slot as u32, 1);
        rig.env.inflaters.take_or_wait(id);
    }
}

#[test]
fn a_long_message_is_inflated_in_slices_and_later_input_waits() {
    let next = binary(&packet(0, b"next"));
    let cases: [(&str, Vec<u8>, usize); 3] = [
        ("Data", long_data(30_000), 8),
        ("a message", long_message(30_000), 8),
        ("Data in a message", long_both(30_000), 16),
    ];
    for (name, bytes, at_least) in cases {
        // Whole, or in pieces; with and without further input.
        for (piece, behind) in [(usize::MAX, &next), (usize::MAX, &vec![]), (1000, &next)] {
            let mut rig = open();
            let (last, first) =
                if piece == usize::MAX { (&bytes[..], &[][..]) } else { (&bytes[piece..], &bytes[..piece]) };
            assert_eq!(call(&mut rig, first), (Progress::Taken, 16, vec![]));
            let (mut progress, mut left, mut rest) = call(&mut rig, &[last, behind].concat());
            let mut calls = 0;
            while rig.conn.inflates() {
                assert_eq!((progress, left, &rest), (Progress::Wait, 0, behind), "{name}, call {calls}");
                assert!(rig.messages.is_empty());
                let settings = &rig.env.settings;
                assert!(
                    !rig.conn.wants_read(settings) && rig.conn.can_resume(settings) && !rig.conn.is_at_rest()
                );
                (progress, left, rest) = call(&mut rig, &rest);
                calls += 1;
            }
            assert!(calls >= at_least, "{name}: {calls} calls");
            // The budget is used up by the last slice too.
            assert_eq!((left, &rest), (0, behind), "{name}");
            assert_eq!(progress, if behind.is_empty() { Progress::Taken } else { Progress::Wait }, "{name}");
            assert_eq!(rig.replies().len(), 1, "{name}");
            call(&mut rig, &rest);
            let replies = rig.replies();
            assert!(replies[0].data == noise(30_000), "{name}");
            assert_eq!(replies.get(1).map(|reply| reply.data), (!behind.is_empty()).then_some(&b"next"[..]));
            assert_eq!(
                (rig.env.inflaters.in_use(), rig.conn.record.recv_count()),
                (0, replies.len() as u64),
                "{name}"
            );
        }
    }
}

#[test]
fn a_message_of_one_slice_is_handled_at_once_and_charged() {
    for (name, bytes, charged) in [
        ("Data", binary(&packet(1, &zlib(&[7; 8000]))), 15),
        ("a message", compressed_frame(2, &packet(0, &[7; 5000])), 9),
    ] {
        let mut rig = open();
        // A short message does not wait for long ones.
        occupy(&mut rig, 2 * MAX_LONG);
        let mut bytes = bytes;
        let left = rig.with_input(&mut bytes, |conn, env, input| {
            env.frames_left = 1000;
            assert_eq!(conn.handle_bytes(&mut { input }, env), Progress::Taken);
            env.frames_left
        });
        assert_eq!(rig.replies().len(), 1, "{name}");
        assert!((999 - charged - 5..999 - charged).contains(&left), "{name}: {left}");
    }
}

#[test]
fn a_long_message_waits_for_an_inflater_and_starts_over() {
    // Either the input is long, or only the output: then inflating has begun.
    let cases = [long_data(30_000), long_message(30_000), binary(&packet(1, &zlib(&[7; 500_000])))];
    assert!(cases[2].len() < 4096);
    for (at, bytes) in cases.iter().enumerate() {
        let mut rig = open();
        occupy(&mut rig, MAX_LONG);
        let (progress, left, rest) = call(&mut rig, bytes);
        assert_eq!((progress, left, rest.len()), (Progress::Wait, 0, 0), "case {at}");
        for _ in 0..3 {
            let settings = &rig.env.settings;
            assert!(rig.conn.inflates() && !rig.conn.can_resume(settings) && !rig.conn.wants_read(settings));
            assert!(!end_turn(&mut rig));
            // Also when it is called: timers and pushes change nothing.
            assert_eq!(call(&mut rig, &[]).0, Progress::Wait);
        }
        rig.env.inflaters.give_back(ConnectionId::new(0, 101, 1));
        assert!(end_turn(&mut rig) && rig.conn.can_resume(&rig.env.settings), "case {at}");
        while rig.conn.inflates() {
            call(&mut rig, &[]);
        }
        let expected = if at < 2 { noise(30_000) } else { vec![7; 500_000] };
        assert!(rig.replies()[0].data == expected, "case {at}");
    }
}

#[test]
fn the_inflater_is_given_back_when_a_message_is_dropped() {
    type End = fn(&mut Rig);
    let ends: [(&str, End); 3] = [
        ("closed", |rig| rig.with(|conn, env| conn.close(Cause::Operator, env))),
        ("cut off", |rig| rig.conn.abort(Cause::Reset)),
        ("checked", |rig| rig.pass_until(300_000)),
    ];
    for (name, end) in ends {
        for waits in [false, true] {
            let mut rig = open();
            occupy(&mut rig, if waits { MAX_LONG } else { 0 });
            call(&mut rig, &[long_data(30_000), binary(&packet(0, b"late"))].concat());
            assert!(rig.conn.inflates() && rig.env.inflaters.in_use() > 0);
            end(&mut rig);
            assert!(!rig.conn.inflates(), "{name}");
            assert!(!end_turn(&mut rig));
            let others = if waits { MAX_LONG } else { 0 };
            assert_eq!(rig.env.inflaters.in_use() - usize::from(waits), others, "{name}");
            assert!(rig.messages.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_client_whose_message_is_being_inflated_is_not_silent_and_may_end() {
    let mut rig = open();
    occupy(&mut rig, MAX_LONG);
    rig.pass_until(50_000);
    call(&mut rig, &long_data(30_000));
    // The read timer would fire at 110 s, and the client check earlier.
    rig.pass_until(200_000);
    assert_eq!(rig.closes(), []);
    rig.conn.handle_end(rig.now);
    assert!(!rig.conn.handle_flushed(rig.now) && rig.conn.is_open());
    rig.conn.take_rearm();
    rig.env.inflaters.give_back(ConnectionId::new(0, 100, 1));
    assert!(end_turn(&mut rig));
    while rig.conn.inflates() {
        call(&mut rig, &[]);
    }
    assert!(rig.replies()[0].data == noise(30_000));
    assert_eq!(rig.conn.cause(), Some(Cause::PeerGone));

    // The client that stays is silent from then on.
    let mut rig = open();
    occupy(&mut rig, MAX_LONG);
    call(&mut rig, &long_data(30_000));
    rig.pass_until(250_000);
    rig.env.inflaters.reclaim(|_| false);
    assert!(end_turn(&mut rig));
    rig.conn.take_rearm();
    while rig.conn.inflates() {
        call(&mut rig, &[]);
    }
    assert!(rig.conn.take_rearm());
    assert!(rig.conn.next_deadline(&rig.env.settings) <= Moment::from_ms(310_000));
}

#[test]
fn an_invalid_long_message_closes_once_it_is_found() {
    let broken = |mut bytes: Vec<u8>| {
        let len = bytes.len();
        bytes.truncate(len - 1);
        bytes
    };
    let text = [&"né".repeat(20_000).into_bytes()[..], b"\xff"].concat();
    let cases: [(&str, bool, Vec<u8>, &str); 5] = [
        ("Data that was cut", false, binary(&packet(1, &broken(zlib(&noise(30_000))))), "close 4001"),
        ("too much Data", false, binary(&packet(1, &zlib(&vec![0; 600_000]))), "close 4001"),
        ("too long a message", false, compressed_frame(2, &vec![0; 600_000]), "close 1009"),
        ("no text", true, compressed_frame(1, &[&text[..], &noise(20_000)].concat()), "close 1007"),
        (
            "text that was cut",
            true,
            compressed_frame(1, &"né".repeat(60_000).as_bytes()[..119_999]),
            "close 1007",
        ),
    ];
    for (name, is_messages, bytes, close) in cases {
        let mut rig = open();
        if is_messages {
            rig.env.service = Service::Messages(echo_message);
        }
        rig.feed(&bytes);
        let closes: Vec<_> = rig.closes().into_iter().map(|(_, code)| code).collect();
        assert_eq!(closes, [close], "{name}");
        assert!(rig.messages.is_empty() && !rig.conn.inflates(), "{name}");
    }
}
