//! The end of a connection: which frames go out, and when the socket may close.

use super::*;
use crate::frame::CloseCode;

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    push_masked_frame(&mut frame, true, opcode, [1, 2, 3, 4], payload);
    frame
}

#[test]
fn a_close_frame_is_answered_with_its_own_code_and_nothing_after_it_is_read() {
    let cases: [(&[u8], Option<u16>); 3] =
        [(&[], None), (&[0x03, 0xe8], Some(1000)), (b"\x10\xe1bye", Some(4321))];
    for (payload, code) in cases {
        let mut rig = Rig::open(|_| {});
        let mut answer = vec![];
        let mut bytes = [frame(Opcode::Close, payload), frame(Opcode::Ping, b"late")].concat();
        rig.with_input(&mut bytes, |conn, env, input| {
            assert_eq!(conn.handle_bytes(&mut &mut input[..], env), Progress::Taken);
            answer = std::mem::take(&mut env.tools.write_buffer.bytes);
        });
        match code {
            Some(code) => assert_eq!(answer, [&[0x88, 2], &code.to_be_bytes()[..]].concat()),
            None => assert_eq!(answer, [0x88, 0]),
        }
        assert_eq!(rig.shutdowns, [0], "nothing more is waited for");
        assert_eq!(rig.conn.cause(), None, "the peer may still have to read");
        rig.conn.handle_end(rig.now);
        assert_eq!(rig.conn.cause(), Some(Cause::PeerClosed(code.and_then(CloseCode::new))));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn echoes_before_a_close_arrive_whole() {
    // Messages that come whole, and messages in pieces, whose buffer ends with the open connection.
    for piece in [1 << 20, 70_000, 1000] {
        let mut rig = Rig::open(|_| {});
        let mut message = vec![];
        push_request(&mut message, &Packet { data_status: 0, flag: 0, cmd: FAREWELL, data: &[1; 200_000] });
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, true, Opcode::Binary, [9; 4], &message);
        bytes.chunks(piece).for_each(|piece| rig.feed(piece));
        let seen: Vec<_> = rig.seen.iter().skip(1).map(|(_, what)| what.as_str()).collect();
        assert_eq!(seen, ["packet 200000", "packet 7", "packet 200000", "close 4100"], "pieces of {piece}");
    }
}

#[test]
fn a_violation_closes_and_input_behind_it_is_thrown_away() {
    let unmasked = [0x82, 0];
    let mut rig = Rig::open(|_| {});
    rig.feed(&[&unmasked[..], &frame(Opcode::Ping, b"late")].concat());
    rig.feed(&frame(Opcode::Ping, b"later"));
    assert_eq!(rig.closes(), [(0, "close 1002")]);
    assert_eq!(rig.seen.len(), 2);
    assert!(matches!(rig.conn.phase, Phase::Closing(_)));
}

#[test]
fn the_peers_end_depends_on_the_phase() {
    type Change = fn(&mut Rig);
    // The phase in which the peer ends, and the cause, or none yet.
    let cases: [(&str, Change, Option<Cause>); 6] = [
        ("open", |_| {}, Some(Cause::PeerGone)),
        ("deferred", |rig| rig.request(DEFER, b""), None),
        ("input waits", |rig| rig.conn.keep(b"later"), None),
        ("something waits to be written", |rig| rig.conn.outbox.push_shared(vec![0; 9].into()), None),
        ("closing", |rig| rig.with(|conn, env| conn.close(Cause::Operator, env)), Some(Cause::Operator)),
        ("closed", |rig| rig.conn.abort(Cause::GoingAway), Some(Cause::GoingAway)),
    ];
    for (what, change, expected) in cases {
        let mut rig = Rig::open(|_| {});
        change(&mut rig);
        rig.conn.handle_end(rig.now);
        rig.conn.handle_flushed(rig.now);
        assert_eq!(rig.conn.cause(), expected, "{what}");
        assert_eq!(
            rig.closes().len(),
            usize::from(what == "closing"),
            "no Close to who said that it is gone"
        );
    }
    let mut rig = Rig::new(|_| {});
    rig.conn.handle_end(rig.now);
    assert_eq!((rig.conn.cause(), rig.seen.len()), (Some(Cause::PeerGone), 0), "upgrading");
}

#[test]
fn a_client_that_ends_still_gets_its_deferred_reply() {
    let mut rig = Rig::open(|_| {});
    rig.request(DEFER, b"");
    rig.conn.handle_end(rig.now);
    assert!(!rig.conn.handle_flushed(rig.now));
    rig.with(|conn, env| conn.handle_answer(1, Answer::Reply(vec![1]), env));
    assert_eq!(rig.seen.last().unwrap().1, "packet 1");
    assert_eq!(rig.conn.cause(), Some(Cause::PeerGone));
}

#[test]
fn taking_output_is_a_sign_of_life_only_of_a_client_that_was_held_back() {
    for (queued, closes_at) in [(600_000, 90_000), (500, 60_000)] {
        let mut rig = Rig::open(|config| {
            (config.timers.client_check, config.timers.account_check, config.timers.ping_interval) =
                (None, None, None);
        });
        rig.conn.outbox.push_shared(vec![0; queued].into());
        rig.pass_until(30_000);
        rig.conn.handle_written(0, rig.now, &rig.env.settings);
        rig.conn.outbox.advance(queued);
        rig.pass_until(200_000);
        assert_eq!(rig.closes(), [(closes_at, "close 4009")], "{queued} bytes queued");
    }
}

#[test]
fn before_the_upgrade_a_close_is_a_refusal() {
    for is_proxied in [false, true] {
        let mut rig = Rig::new(|_| {});
        if is_proxied {
            rig.conn = Conn::behind_proxy(rig.conn.record.id, Peer::Local, rig.now);
        }
        rig.with(|conn, env| conn.close(Cause::GoingAway, env));
        assert_eq!(rig.seen, [(0, "503".into())]);
        rig.conn.handle_end(rig.now);
        assert_eq!(rig.conn.cause(), Some(Cause::Refused(Refusal::Unavailable)));
        assert!(!rig.conn.was_opened());
    }
}

#[test]
fn an_abort_keeps_an_earlier_cause() {
    let mut rig = Rig::open(|_| {});
    rig.with(|conn, env| conn.close(Cause::Operator, env));
    rig.conn.abort(Cause::PeerGone);
    assert_eq!(rig.conn.cause(), Some(Cause::Operator));
    rig.conn.abort(Cause::GoingAway);
    assert_eq!(rig.conn.cause(), Some(Cause::Operator));
}

#[test]
fn pushes_are_taken_only_while_a_connection_is_open_and_to_the_last_byte() {
    let push = Push::new(1, &[0; 589]);
    assert_eq!(push.frame().len(), 604);
    for (queued, gathered, limit, fits) in [
        (1000, 396, 2000, true),
        (1000, 397, 2000, false),
        (1396, 0, 2000, true),
        (1397, 0, 2000, false),
        (1_000_000, 1_000_000, 0, true),
    ] {
        let mut rig = Rig::open(|config| {
            (config.limits.max_len, config.output.outbox_limit) = (100, (limit != 0).then_some(limit))
        });
        rig.conn.outbox.push_shared(vec![0; queued].into());
        rig.takes = false;
        assert_eq!(rig.with(|conn, env| conn.admits(&push, gathered, env)), fits, "{queued} {gathered}");
        let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
        assert_eq!((record.send_count(), record.error_send()), (fits.into(), (!fits).into()));
        assert_eq!((totals.packets_sent, totals.send_errors), (fits.into(), (!fits).into()));
        assert_eq!(rig.conn.is_open(), fits);
        assert!(!rig.with(|conn, env| conn.admits(&push, 0, env)) || fits);
    }
    let mut rig = Rig::new(|_| {});
    assert!(!rig.with(|conn, env| conn.admits(&push, 0, env)));
    assert_eq!(rig.conn.record.error_send(), 0);
}
