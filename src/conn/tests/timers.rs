//! A connection as time passes, and the delays that its client can cause.

use super::*;

#[test]
fn bytes_do_not_extend_the_ten_seconds_of_an_upgrade() {
    for fed in [0, 1, UPGRADE.len() - 1] {
        let mut rig = Rig::new(|_| {});
        rig.pass_until(9_000);
        rig.feed(&UPGRADE[..fed]);
        rig.pass_until(9_999);
        assert_eq!(rig.seen, []);
        rig.pass_until(30_000);
        assert_eq!(rig.seen, [(10_000, "408".to_string())], "{fed} bytes fed");
        assert_eq!(rig.conn.cause(), Some(Cause::Refused(crate::upgrade::Refusal::TooSlow)));
    }
}

#[test]
fn a_silent_client_is_pinged_twice_and_closed_by_the_read_timer() {
    let mut rig = Rig::open(|_| {});
    rig.pass_until(70_000);
    let seen: Vec<_> = rig.seen[1..].iter().map(|(at, what)| (*at, what.as_str())).collect();
    assert_eq!(seen, [(25_000, "ping"), (50_000, "ping"), (60_000, "close 4009")]);
    assert_eq!(rig.conn.cause(), Some(Cause::ReadTimedOut));
}

#[test]
fn a_client_that_ignores_the_close_is_cut_off_two_seconds_after_the_fin() {
    let mut rig = Rig::open(|_| {});
    rig.pass_until(64_009);
    assert_eq!((rig.closes(), rig.conn.cause()), (vec![(60_000, "close 4009")], None));
    assert_eq!(rig.shutdowns, [62_010]);
    rig.pass_until(64_010);
    assert_eq!(rig.conn.cause(), Some(Cause::ReadTimedOut));
}

#[test]
fn a_client_that_only_answers_pings_is_idle_unless_frames_count() {
    for (liveness, expected) in
        [(Liveness::Packets, vec![(60_000, "close 4003")]), (Liveness::Frames, vec![(300_000, "close 4004")])]
    {
        let mut rig = Rig::open(|config| config.timers.liveness = liveness);
        for ms in (0..310_000).step_by(10_000) {
            rig.pass_until(ms);
            rig.frame(Opcode::Pong, b"");
        }
        assert_eq!(rig.closes(), expected, "{liveness:?}");
        assert!(!rig.seen.iter().any(|(_, what)| what == "ping"), "a client that is heard is not pinged");
    }
}

#[test]
fn a_client_heard_one_client_check_ago_is_idle() {
    let mut rig = Rig::open(|config| {
        config.timers.liveness = Liveness::Frames;
        (config.timers.read, config.timers.ping_interval) = (None, None);
    });
    rig.pass_until(200_000);
    assert_eq!(rig.closes(), [(60_000, "close 4003")]);
}

#[test]
fn the_client_check_requires_a_packet_each_minute() {
    let mut rig = Rig::open(|_| {});
    for ms in [59_000, 61_000, 170_000] {
        rig.pass_until(ms);
        rig.request(ECHO, b"");
        rig.frame(Opcode::Pong, b"");
        if ms == 61_000 {
            rig.pass_until(119_000);
            rig.frame(Opcode::Pong, b"");
        }
    }
    assert_eq!(rig.closes(), []);
    rig.pass_until(200_000);
    rig.frame(Opcode::Pong, b"");
    rig.pass_until(400_000);
    assert_eq!(rig.closes(), [(240_000, "close 4003")]);
}

#[test]
fn a_client_without_login_is_closed_after_five_minutes_which_a_logout_restarts() {
    let keeps_talking = |rig: &mut Rig, from: u64, to: u64| {
        for ms in (from..to).step_by(20_000) {
            rig.pass_until(ms);
            rig.request(ECHO, b"");
        }
        rig.pass_until(to);
    };
    let mut rig = Rig::open(|_| {});
    keeps_talking(&mut rig, 0, 310_000);
    assert_eq!(rig.closes(), [(300_000, "close 4004")]);

    let mut rig = Rig::open(|_| {});
    keeps_talking(&mut rig, 0, 290_000);
    rig.request(LOGIN, b"");
    keeps_talking(&mut rig, 290_000, 910_000);
    rig.request(LOGOUT, b"");
    keeps_talking(&mut rig, 910_000, 1_209_000);
    assert_eq!(rig.closes(), []);
    keeps_talking(&mut rig, 1_209_000, 1_211_000);
    assert_eq!(rig.closes(), [(1_210_000, "close 4004")]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn housekeeping_counts_its_rounds_and_shrinks_buffers() {
    let mut rig = Rig::open(|config| {
        config.timers.read = None;
        config.timers.client_check = None;
        config.timers.account_check = None;
    });
    let mut message = vec![];
    push_request(&mut message, &Packet { data_status: 0, flag: 0, cmd: ECHO, data: &[1; 500_000] });
    let mut bytes = vec![];
    push_masked_frame(&mut bytes, true, Opcode::Binary, [9; 4], &message);
    for piece in bytes.chunks(100_000) {
        rig.feed(piece);
    }
    let held = |rig: &Rig| match &rig.conn.phase {
        Phase::Open(open) => open.decoder.held_bytes(),
        _ => panic!("closed"),
    };
    assert!(held(&rig) >= 500_000);
    rig.pass_until(179_999);
    assert_eq!((rig.conn.record.loop_counter(), held(&rig) >= 500_000), (0, true));
    rig.pass_until(180_000);
    assert_eq!((rig.conn.record.loop_counter(), held(&rig)), (1, 0));
    rig.pass_until(540_000);
    assert_eq!(rig.conn.record.loop_counter(), 3);
}

#[test]
fn an_unfinished_message_has_one_minute_whatever_comes_in_between() {
    let mut frame = vec![];
    push_masked_frame(&mut frame, false, Opcode::Binary, [1; 4], b"first fragment");
    let rest = frame.split_off(5);
    // It begins with a part of a header, a part of a payload, or a whole fragment.
    for begun in [&frame[..1], &frame, &[&frame[..], &rest].concat()] {
        let mut rig = Rig::open(|config| config.timers.client_check = None);
        rig.pass_until(30_000);
        rig.feed(begun);
        rig.pass_until(80_000);
        if begun.len() > 5 {
            rig.frame(Opcode::Ping, b"still here");
        }
        assert_eq!(rig.closes(), []);
        rig.pass_until(100_000);
        assert_eq!(rig.closes(), [(90_000, "close 4009")], "{} bytes begun", begun.len());
    }
}

#[test]
fn silence_does_not_count_while_a_reply_is_owed() {
    let mut rig = Rig::open(|config| config.timers.account_check = None);
    rig.pass_until(1_000);
    rig.request(DEFER, b"");
    rig.request(ECHO, b"waits");
    rig.pass_until(1_000_000);
    assert_eq!(rig.closes(), []);
    rig.with(|conn, env| conn.handle_answer(1, Answer::Reply(vec![0; 3]), env));
    assert_eq!(rig.seen.last().unwrap(), &(1_000_000, "packet 3".into()));
    assert!(rig.conn.can_resume(&rig.env.settings));
    let mut inbox = rig.conn.take_inbox().unwrap();
    rig.with(|conn, env| conn.handle_bytes(&mut inbox.rest_mut(), env));
    assert_eq!(rig.seen.last().unwrap(), &(1_000_000, "packet 5".into()));
    rig.pass_until(1_100_000);
    assert_eq!(rig.closes(), [(1_060_000, "close 4009")], "its minute begins with the reply");
}

#[test]
fn an_answer_is_used_once_and_only_for_its_request() {
    let mut rig = Rig::open(|_| {});
    rig.request(DEFER, b"");
    for seq in [0, 2, u64::MAX] {
        rig.with(|conn, env| conn.handle_answer(seq, Answer::Reply(vec![]), env));
    }
    assert_eq!(rig.seen.len(), 1);
    for _ in 0..2 {
        rig.with(|conn, env| conn.handle_answer(1, Answer::Reply(vec![1]), env));
    }
    assert_eq!(rig.seen.len(), 2);
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn a_client_that_reads_slowly_keeps_its_connection() {
    let mut rig = Rig::open(|config| {
        config.timers.account_check = None;
        config.timers.ping_interval = None;
    });
    rig.takes = false;
    rig.request(ECHO, &[0; 500_000]);
    rig.request(ECHO, &[0; 100_000]);
    assert!(!rig.conn.wants_read(&rig.env.settings), "past half of the outbox limit nothing is read");
    for ms in (0..600_000).step_by(50_000) {
        rig.pass_until(ms);
        rig.conn.handle_written(0, rig.now, &rig.env.settings);
        rig.conn.outbox.advance(1);
    }
    assert!(matches!(rig.conn.phase, Phase::Open(_)));
    rig.pass_until(700_000);
    assert!(matches!(rig.conn.phase, Phase::Closing(_) | Phase::Closed(_)), "it stopped reading");
}

#[test]
fn a_packet_that_does_not_fit_the_outbox_counts_whole_and_closes_or_is_dropped() {
    for overflow in [crate::config::Overflow::Close, crate::config::Overflow::Drop] {
        let mut rig = Rig::open(|config| {
            config.limits.max_len = 1000;
            config.output.outbox_limit = Some(2000);
            config.output.overflow = overflow;
        });
        rig.takes = false;
        let push = Push::new(1, &[0; 600]);
        for _ in 0..4 {
            rig.with(|conn, env| {
                if conn.admits(&push, 0, env) {
                    conn.outbox.push_shared(push.frame().clone());
                }
            });
            assert!(rig.conn.outbox.queued() <= 2000 + 125 + 2);
        }
        let closing = matches!(rig.conn.phase, Phase::Closing(_));
        assert_eq!(closing, overflow == crate::config::Overflow::Close);
        let record = &rig.conn.record;
        assert_eq!((record.send_count(), record.error_send()), (3, 1), "{overflow:?}");
    }
}

#[test]
fn each_cause_closes_at_once_with_its_code_and_ends_in_time() {
    let cases = [
        (Cause::GoingAway, "close 1001"),
        (Cause::HandlerFailed, "close 1011"),
        (Cause::ShortPacket, "close 4000"),
        (Cause::Undecodable(crate::packet::Undecodable::Zlib), "close 4001"),
        (Cause::BadRequests, "close 4002"),
        (Cause::ObjectEnded, "close 4005"),
        (Cause::ObjectCrashed, "close 4006"),
        (Cause::Replaced, "close 4007"),
        (Cause::OutboxFull, "close 4008"),
        (Cause::Operator, "close 4010"),
        (Cause::Application(crate::frame::CloseCode::new(4100).unwrap()), "close 4100"),
    ];
    for (cause, expected) in cases {
        let mut rig = Rig::open(|_| {});
        rig.pass_until(7_000);
        rig.with(|conn, env| conn.close(cause, env));
        // A second cause changes nothing, and nothing more is sent.
        rig.with(|conn, env| conn.close(Cause::Idle, env));
        rig.request(ECHO, b"too late");
        rig.pass_until(11_009);
        assert_eq!((rig.closes(), rig.seen.len()), (vec![(7_000, expected)], 2), "{cause:?}");
        assert_eq!(rig.conn.cause(), None, "{cause:?}");
        rig.pass_until(11_010);
        assert_eq!(rig.conn.cause(), Some(cause));
    }
}
