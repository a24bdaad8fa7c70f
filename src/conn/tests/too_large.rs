//! Packets that can never fit the outbox: an error for the handler, and no close of the client.

use super::*;
use crate::config::Overflow;
use crate::packet::ErrorId;
use crate::router::SendError;

const LIMIT: usize = 2000;

fn rig(overflow: Overflow) -> Rig {
    let mut rig = Rig::open(|config| {
        config.limits.max_len = 1000;
        (config.output.outbox_limit, config.output.overflow) = (Some(LIMIT), overflow);
    });
    rig.env.state.noted.clear();
    rig
}

type Act = fn(&mut Rig);

/// What is done, the ErrorIDs that the client gets, and the packets that were counted as failed.
type Case = (&'static str, Act, &'static [u16], u64);

const CASES: [Case; 7] = [
    ("a reply", |rig| rig.call(b"", |_, _, context| context.reply(&[0; LIMIT])), &[6], 1),
    (
        "a reply after another",
        |rig| {
            rig.call(b"", |_, _, context| {
                let _ = context.reply(b"");
                context.reply(&[0; LIMIT])
            })
        },
        &[0, 6],
        1,
    ),
    (
        "a deferred reply",
        |rig| {
            rig.request(DEFER, b"");
            let seq = rig.conn.record.recv_count();
            rig.with(|conn, env| conn.handle_answer(seq, Answer::Reply(vec![0; LIMIT]), env));
        },
        &[6],
        1,
    ),
    (
        "a reply that may fail",
        |rig| {
            rig.call(b"", |state, _, context| {
                state.noted.push(format!("{:?}", context.try_reply(&[0; LIMIT])));
                Outcome::Done
            });
            let bytes = 4 + crate::packet::REPLY_HEADER_BYTES + LIMIT;
            assert_eq!(rig.env.state.noted, [format!("{:?}", Err::<(), _>(SendError::TooLarge { bytes }))]);
        },
        &[],
        1,
    ),
    (
        "a push and a message",
        |rig| {
            rig.call(b"", |_, _, context| {
                let is_too_large = |result| matches!(result, Err(SendError::TooLarge { .. }));
                assert!(is_too_large(context.push(700, &[0; LIMIT])));
                assert!(is_too_large(context.send_message(MessageKind::Binary, &[0; LIMIT])));
                Outcome::Done
            });
        },
        &[],
        2,
    ),
    (
        "a push from outside",
        |rig| {
            let push = Push::new(700, &[0; LIMIT]);
            assert_eq!((push.cmd(), &*push.data()), (700, &[0; LIMIT][..]));
            rig.with(|conn, env| assert!(!conn.admits(&push, 0, env)));
        },
        &[],
        1,
    ),
    (
        "the Data of a refusal",
        |rig| {
            rig.env.service = Service::Packets(&WITH_DATA);
            rig.call(b"", |_, _, context| context.refuse_with(ErrorId(100), &[0; LIMIT]));
        },
        &[100],
        1,
    ),
];

#[test]
fn it_is_refused_dropped_or_reported_and_the_client_stays() {
    for overflow in [Overflow::Close, Overflow::Drop] {
        for (name, act, error_ids, failed) in CASES {
            let mut rig = rig(overflow);
            act(&mut rig);
            let seen: Vec<_> = rig.replies().iter().map(|reply| reply.error_id.0).collect();
            assert_eq!(seen, error_ids, "{name}");
            let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
            assert_eq!((record.error_send(), totals.send_errors), (failed, failed), "{name}");
            assert_eq!(rig.closes(), [], "{name}");
            rig.request(ECHO, b"it goes on");
        }
    }
}

static MODULE: Module<State> = Module::new(
    1,
    "with data",
    [
        Route::new(CALL, "call", Access::Anyone, call).refusals_carry_data(),
        Route::new(ECHO, "echo", Access::Anyone, echo),
    ],
);
static WITH_DATA: Router<State> = Router::new([&MODULE]);

#[test]
fn a_full_outbox_still_follows_the_policy() {
    let fill: Act = |rig| {
        rig.call(b"", |_, _, context| {
            let _ = context.reply(&[0; LIMIT - 100]);
            context.reply(&[0; 100])
        })
    };
    for (overflow, closes) in [(Overflow::Close, &[(0, "close 4008")][..]), (Overflow::Drop, &[])] {
        let mut rig = rig(overflow);
        fill(&mut rig);
        assert_eq!(rig.closes(), closes);
    }
}
