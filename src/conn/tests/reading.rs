//! When a connection is read, how much at once, and which input waits.

use super::super::frames::FLUSH_BYTES;
use super::*;
use crate::router::Origin;

pub(super) fn request(cmd: u16, data: &[u8]) -> Vec<u8> {
    let (mut packet, mut frame) = (vec![], vec![]);
    push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd, data });
    push_masked_frame(&mut frame, true, Opcode::Binary, [1, 2, 3, 4], &packet);
    frame
}

fn ping() -> Vec<u8> {
    let mut frame = vec![];
    push_masked_frame(&mut frame, true, Opcode::Ping, [1, 2, 3, 4], b"");
    frame
}

/// The reactor's queries on a connection: (wants_read, can_resume, is_at_rest, is_open, was_opened).
fn asked(rig: &mut Rig) -> [bool; 5] {
    rig.conn.take_rearm();
    let (conn, settings) = (&rig.conn, &rig.env.settings);
    let resumes = conn.can_resume(settings);
    [conn.wants_read(settings), resumes, conn.is_at_rest(), conn.is_open(), conn.was_opened()]
}

#[test]
fn each_phase_is_read_from_only_while_it_takes_input() {
    const YES: bool = true;
    const NO: bool = false;
    type Change = fn(&mut Rig);
    let cases: [(&str, Change, [bool; 5]); 10] = [
        ("open", |_| {}, [YES, NO, YES, YES, YES]),
        ("input waits", |rig| rig.conn.keep(b"later"), [NO, YES, NO, YES, YES]),
        ("nothing waits", |rig| rig.conn.keep(b""), [YES, NO, YES, YES, YES]),
        ("deferred", |rig| rig.request(DEFER, b""), [YES, NO, YES, YES, YES]),
        (
            "input waits for a reply",
            |rig| rig.feed(&[request(DEFER, b""), request(ECHO, b"")].concat()),
            [NO, NO, NO, YES, YES],
        ),
        (
            "held back",
            |rig| {
                rig.conn.keep(b"later");
                rig.conn.outbox.push_shared(vec![0; 600_000].into());
            },
            [NO, NO, NO, YES, YES],
        ),
        (
            "deferred, and the client has ended",
            |rig| {
                rig.request(DEFER, b"");
                rig.conn.handle_end(rig.now);
            },
            [NO, NO, NO, YES, YES],
        ),
        (
            "closing, and input waits",
            |rig| {
                rig.conn.keep(b"later");
                rig.with(|conn, env| conn.close(Cause::Operator, env));
            },
            [NO, YES, NO, NO, YES],
        ),
        ("closing", |rig| rig.with(|conn, env| conn.close(Cause::Operator, env)), [YES, NO, NO, NO, YES]),
        ("closed", |rig| rig.conn.abort(Cause::PeerGone), [NO, NO, NO, NO, YES]),
    ];
    for (what, change, expected) in cases {
        let mut rig = Rig::open(|_| {});
        change(&mut rig);
        assert_eq!(asked(&mut rig), expected, "{what}");
    }
    let mut rig = Rig::new(|_| {});
    assert_eq!(asked(&mut rig), [YES, NO, NO, NO, NO], "upgrading");
    rig.conn = Conn::behind_proxy(rig.conn.record.id, Peer::Local, rig.now);
    assert_eq!(asked(&mut rig), [YES, NO, NO, NO, NO], "behind a proxy");
}

#[test]
fn reading_stops_at_half_of_the_outbox_limit() {
    for (limit, queued, wants) in
        [(1000, 500, true), (1000, 501, false), (1001, 500, true), (1001, 501, false), (0, 1_000_000, true)]
    {
        let mut rig = Rig::open(|config| {
            (config.limits.max_len, config.output.outbox_limit) = (100, (limit != 0).then_some(limit))
        });
        rig.conn.outbox.push_shared(vec![0; queued].into());
        assert_eq!(rig.conn.wants_read(&rig.env.settings), wants, "{queued} of {limit}");
    }
}

/// Gives all these bytes at once. Returns the progress, the number of bytes taken, and the rest of the frame
/// budget.
fn handle(rig: &mut Rig, bytes: &mut [u8], frames_left: u32) -> (Progress, usize, u32) {
    rig.with_input(bytes, |conn, env, input| {
        env.frames_left = frames_left;
        let mut rest = &mut input[..];
        let progress = conn.handle_bytes(&mut rest, env);
        (progress, env.input_len - rest.len(), env.frames_left)
    })
}

#[test]
fn one_call_takes_at_most_its_budget_of_frames() {
    let (one, pings) = (request(ECHO, b"").len(), ping().len());
    for (unit, len) in [(request(ECHO, b""), one), (ping(), pings)] {
        for (frames, expected) in [
            (1000, (Progress::Taken, 10 * len, 990)),
            (10, (Progress::Taken, 10 * len, 0)),
            (9, (Progress::Wait, 9 * len, 0)),
            (1, (Progress::Wait, len, 0)),
            (0, (Progress::Wait, 0, 0)),
        ] {
            let mut rig = Rig::open(|_| {});
            assert_eq!(handle(&mut rig, &mut unit.repeat(10), frames), expected);
        }
    }
    // Part of a frame does not count as one, and fragments count though they complete nothing.
    let mut rig = Rig::open(|_| {});
    let mut cut = [&ping()[..], &ping()[..3]].concat();
    assert_eq!(handle(&mut rig, &mut cut, 5), (Progress::Taken, pings + 3, 4));
    let mut rig = Rig::open(|_| {});
    let mut fragments = [0x02, 0x80, 0, 0, 0, 0].to_vec();
    fragments.extend([0, 0x80, 0, 0, 0, 0].repeat(9));
    assert_eq!(handle(&mut rig, &mut fragments, 4), (Progress::Wait, 4 * 6, 0));
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn gathered_output_is_written_before_more_is_parsed() {
    let mut rig = Rig::open(|_| {});
    // Too short for a reply to borrow, so that it is copied.
    let one = request(ECHO, &[0; 4000]);
    let enough = FLUSH_BYTES.div_ceil(4000 + 11 + 4);
    let mut requests = one.repeat(enough + 5);
    let expected = (Progress::Flush, enough * one.len(), 1000 - enough as u32);
    assert_eq!(handle(&mut rig, &mut requests, 1000), expected);
    // So are Pongs, whether or not they are exactly as many bytes.
    for payload in [62, 125] {
        let mut rig = Rig::open(|_| {});
        let mut one = vec![];
        push_masked_frame(&mut one, true, Opcode::Ping, [1, 2, 3, 4], &vec![0; payload]);
        let enough = FLUSH_BYTES.div_ceil(payload + 2);
        let expected = (Progress::Flush, enough * one.len(), 2000 - enough as u32);
        assert_eq!(handle(&mut rig, &mut one.repeat(enough + 5), 2000), expected);
    }
    // Borrowed input counts as much as copied input.
    let mut rig = Rig::open(|_| {});
    let one = request(ECHO, &[0; 40_000]);
    assert_eq!(handle(&mut rig, &mut one.repeat(5), 1000), (Progress::Flush, 2 * one.len(), 998));
    // Bytes in the connection's own buffer have to go out before the buffer is used again.
    let mut rig = Rig::open(|_| {});
    let one = request(ECHO, &[0; 64 * 1024]);
    rig.feed(&one[..30_000]);
    let mut rest = [&one[30_000..], &ping()].concat();
    let expected = (Progress::Flush, one.len() - 30_000, 999);
    assert_eq!(handle(&mut rig, &mut rest, 1000), expected);
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn large_data_is_borrowed_and_small_data_copied() {
    for (len, pieces, origin) in [
        (4095, vec![1 << 20], None),
        (4096, vec![1 << 20], Some("input")),
        (64 * 1024 - 1, vec![40_000, 1 << 20], None),
        (64 * 1024, vec![40_000, 1 << 20], Some("held")),
    ] {
        let mut rig = Rig::open(|_| {});
        let mut frame = request(ECHO, &vec![5; len]);
        let (last, mut rest) = (pieces.len() - 1, &mut frame[..]);
        for (at, piece) in pieces.into_iter().enumerate() {
            let (piece, after) = rest.split_at_mut(piece.min(rest.len()));
            rest = after;
            let borrowed = rig.with_input(piece, |conn, env, input| {
                conn.handle_bytes(&mut &mut input[..], env);
                env.tools.write_buffer.borrowed.first().map(|borrowed| match borrowed.origin {
                    Origin::Input { .. } => "input",
                    Origin::Held => "held",
                    Origin::Absent => "absent",
                })
            });
            assert_eq!(borrowed, origin.filter(|_| at == last), "{len}");
        }
        assert_eq!(rig.replies()[0].data, vec![5; len], "{len}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn no_more_is_borrowed_than_one_write_takes() {
    let mut rig = Rig::open(|_| {});
    let call = |_: &mut State, request: Request<'_>, context: &mut Context<'_>| {
        for _ in 0..40 {
            let _ = context.reply(request.data());
        }
        Outcome::Done
    };
    rig.env.state.call = Some(call);
    let mut frame = request(CALL, &[5; 5000]);
    let borrowed = rig.with_input(&mut frame, |conn, env, input| {
        conn.handle_bytes(&mut &mut input[..], env);
        env.tools.write_buffer.borrowed.len()
    });
    assert_eq!(borrowed, crate::router::MAX_BORROWED);
    assert!(rig.replies().len() == 40 && rig.replies().iter().all(|reply| reply.data == [5; 5000]));
}

#[test]
fn packets_behind_a_deferred_request_wait_and_control_frames_do_not() {
    let mut rig = Rig::open(|_| {});
    let mut bytes = [request(DEFER, b""), ping(), request(ECHO, b"later"), ping()].concat();
    let taken = request(DEFER, b"").len() + ping().len();
    assert_eq!(handle(&mut rig, &mut bytes, 1000), (Progress::Wait, taken, 998));
    assert_eq!(rig.seen[1..], [(0, "pong".into())]);
    rig.conn.keep(&bytes[taken..]);
    rig.with(|conn, env| conn.handle_answer(1, Answer::Reply(vec![]), env));
    assert!(rig.conn.can_resume(&rig.env.settings));
    // Frame by frame, like a small budget.
    for (expected, is_left) in [("packet 5", true), ("pong", false)] {
        let mut inbox = rig.conn.take_inbox().unwrap();
        let (progress, used, _) = handle(&mut rig, inbox.rest_mut(), 1);
        assert_eq!(progress, if is_left { Progress::Wait } else { Progress::Taken });
        rig.conn.put_inbox(inbox, used);
        assert_eq!(rig.seen.last().unwrap().1, expected);
        assert_eq!(rig.conn.rare.has_input(), is_left);
    }
    // Kept input shrinks as it is taken, and is dropped once it is useless.
    rig.conn.keep(&[0; 1000]);
    let mut inbox = rig.conn.take_inbox().unwrap();
    inbox.advance(400);
    inbox.advance(500);
    assert_eq!(inbox.rest().len(), 100);
    inbox.trim();
    assert_eq!((inbox.rest().len(), inbox.rest_mut().len()), (100, 100));
    rig.conn.abort(Cause::PeerGone);
    rig.conn.put_inbox(inbox, 10);
    assert!(rig.conn.take_inbox().is_none());
}

#[test]
fn a_client_that_does_not_take_its_replies_is_not_served() {
    let mut rig =
        Rig::open(|config| (config.limits.max_len, config.output.outbox_limit) = (1000, Some(2000)));
    rig.takes = false;
    let one = request(ECHO, &[0; 500]);
    let mut requests = one.repeat(4);
    // Each reply is written before the next one, by a reactor whose client takes nothing.
    rig.feed(&requests[..one.len()]);
    rig.feed(&requests[one.len()..2 * one.len()]);
    assert_eq!(handle(&mut rig, &mut requests, 1000), (Progress::Wait, 0, 1000));
    // A Pong overtakes waiting output, and only the newest is kept.
    let queued = rig.conn.outbox.queued();
    rig.conn.outbox.advance(600);
    rig.frame(Opcode::Ping, b"old");
    rig.frame(Opcode::Ping, b"new");
    assert_eq!(rig.conn.outbox.queued(), queued - 600);
}

#[test]
fn before_the_login_messages_may_be_shorter() {
    for (before_login, logs_in, len, expected) in [
        (100, false, 91, None),
        (100, false, 92, Some("close 1009")),
        (100, true, 92, None),
        (100, true, 992, Some("close 1009")),
        (0, false, 991, None),
        (0, false, 992, Some("close 1009")),
    ] {
        let mut rig = Rig::open(|config| {
            (config.limits.max_len, config.limits.max_len_before_login) =
                (1000, (before_login != 0).then_some(before_login))
        });
        if logs_in {
            rig.request(LOGIN, b"");
        }
        rig.request(ECHO, &vec![0; len]);
        let closes: Vec<_> = rig.closes().into_iter().map(|(_, code)| code).collect();
        assert_eq!(closes, expected.into_iter().collect::<Vec<_>>(), "{before_login} {logs_in} {len}");
    }
}

#[test]
fn housekeeping_shrinks_the_shared_buffers() {
    let mut rig = Rig::open(|config| {
        (config.timers.read, config.timers.client_check, config.timers.account_check) = (None, None, None);
    });
    rig.env.decoded = vec![0; 200_000];
    rig.env.tools.encoded = vec![0; 200_000];
    rig.conn.keep(&[0; 1000]);
    rig.conn.outbox.push_shared(vec![0; 100].into());
    rig.pass_until(180_000);
    assert!(rig.env.decoded.capacity() <= 64 * 1024 && rig.env.tools.encoded.capacity() <= 64 * 1024);
    assert!(rig.conn.rare.has_input() && rig.conn.outbox.queued() >= 100, "what waits is kept");
}

#[test]
fn inflated_bytes_are_charged_like_frames() {
    let mut rig = Rig::open(|_| {});
    for (bytes, frames) in [(0, 0), (511, 0), (512, 1), (5119, 9), (1 << 20, 100)] {
        rig.env.frames_left = 100;
        rig.env.count_inflated(0, bytes);
        assert_eq!(rig.env.frames_left, 100 - frames, "{bytes} bytes");
    }
}
