//! A handler's view of its request and connection, and its actions.

use std::sync::Mutex;

use super::*;
use crate::cause::Cause;
use crate::frame::CloseCode;
use crate::mailbox::Mail;
use crate::packet::ErrorId;
use crate::record::ClientKind as Client;
use crate::router::Effect;

/// The effects, in order.
fn effects(rig: &mut Rig) -> Vec<String> {
    let describe = |effect| match effect {
        Effect::Send { to, push } => format!("send {to} {}", push.frame().len()),
        Effect::Broadcast { to, push } => format!("broadcast to {} {}", to.len(), push.frame().len()),
        Effect::Close { to, cause } => format!("close {to} {cause:?}"),
        Effect::SetDebug { to, on } => format!("debug {to} {on}"),
        Effect::SetRecorded { to, on } => format!("recorded {to} {on}"),
        Effect::Answer { answer, .. } => format!("answer {answer:?}"),
        Effect::LogIn { to, .. } => format!("log in {to}"),
        Effect::LogOut(to) => format!("log out {to}"),
        Effect::Replace { to, .. } => format!("replace {to}"),
        Effect::Reach { to, push, .. } => format!("reach {to:?} {}", push.frame().len()),
        Effect::Publish(publish) => format!("publish to {}", publish.topic.topic()),
        Effect::Subscribe { to, topic } => format!("subscribe {to} to {topic}"),
        Effect::Unsubscribe { to, topic, .. } => format!("unsubscribe {to} from {topic:?}"),
        Effect::CheckSubscriber(id) => format!("check {id}"),
        Effect::Inherit { to, .. } => format!("inherit {to}"),
        Effect::Survey(_) => "survey".into(),
        Effect::SurveyAll(_) => "survey all".into(),
    };
    rig.env.tools.effects.take().into_iter().map(describe).collect()
}

#[test]
fn a_handler_sees_the_request_as_it_was_sent() {
    let mut rig = Rig::open(|_| {});
    rig.pass_until(1234);
    rig.request(ECHO, b"the first");
    rig.env.state.call = Some(|state, request, context| {
        state.noted.push(format!(
            "{} {} {} {} {:?}",
            request.cmd(),
            request.flag(),
            request.data_status(),
            request.seq(),
            request.data()
        ));
        state.noted.push(format!("{} {}", context.record().recv_count(), context.now().as_ms()));
        assert_eq!(context.id(), context.record().id());
        Outcome::Done
    });
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status: 77, flag: 1 << 31, cmd: CALL, data: b"" });
    rig.frame(Opcode::Binary, &packet);
    push_request(&mut packet, &Packet { data_status: 0, flag: 5, cmd: CALL, data: b"ab" });
    rig.frame(Opcode::Binary, &packet[9..]);
    let first = format!("{CALL} {} 77 2 []", 1_u32 << 31);
    let second = format!("{CALL} 5 0 3 [97, 98]");
    assert_eq!(rig.env.state.noted[1..], [&*first, "2 1234", &second, "3 1234"]);
}

#[test]
fn replies_and_pushes_go_out_in_order_and_only_replies_carry_the_flag() {
    let mut rig = Rig::open(|_| {});
    rig.env.state.call = Some(|_, request, context| {
        let _ = context.reply(request.data());
        context.push(700, b"push").unwrap();
        context.reply(b"again")
    });
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status: 0, flag: 5, cmd: CALL, data: b"data" });
    rig.frame(Opcode::Binary, &packet);
    let seen: Vec<_> = rig.replies().iter().map(|reply| (reply.cmd, reply.flag, reply.data)).collect();
    assert_eq!(seen, [(CALL, 5, &b"data"[..]), (700, 0, b"push"), (CALL, 5, b"again")]);
    assert_eq!((rig.conn.record.send_count(), rig.env.tools.totals.packets_sent), (3, 3));
}

#[cfg(feature = "zlib")]
#[test]
fn replies_above_the_threshold_are_compressed_if_that_makes_them_shorter() {
    for (threshold, len, status) in [(0, 5000, 0), (100, 100, 0), (100, 101, 1), (1, 2, 0), (1, 5000, 1)] {
        let mut rig =
            Rig::open(|config| config.output.compress_above = (threshold != 0).then_some(threshold));
        let data = vec![b'x'; len];
        rig.request(ECHO, &data);
        let [reply] = rig.replies()[..] else { panic!("{:?}", rig.seen) };
        assert_eq!(reply.data_status, status, "{len} bytes above {threshold}");
        let (mut codecs, mut buffer) = (crate::packet::Codecs::default(), vec![]);
        let decoded = codecs.decode(ConnectionId::new(0, 1, 1), status, reply.data, &mut buffer, len);
        assert_eq!(decoded, Ok(&*data));
        assert_eq!(rig.conn.record.send_count(), 1);
    }
}

#[test]
fn a_login_counts_at_once_and_ends_the_one_before_it() {
    let mut rig = Rig::open(|_| {});
    let (id, other) = (rig.conn.record.id, ConnectionId::new(0, 9, 9));
    let log_in = |rig: &mut Rig, role_id| {
        rig.with(|conn, env| {
            conn.call(dispatch::By::Application, 0, 0, env, |state, context| {
                let identity = Identity { role_id, ..Identity::default() };
                let player = context.player(role_id);
                let result = context.login(Login { identity, kind: Client::Player, ..Login::default() });
                state.noted.push(format!("{player:?} {}", result.is_ok()));
                Outcome::Done
            });
        });
        (rig.env.state.noted.pop().unwrap(), rig.conn.record.role_id(), effects(rig))
    };
    let expected = |ok: bool, player: Option<ConnectionId>, role_id: u64, told: Option<ConnectionId>| {
        let told: Vec<_> = told.iter().map(|id| format!("replace {id}")).collect();
        (format!("{player:?} {ok}"), role_id, told)
    };
    assert_eq!(log_in(&mut rig, 0), expected(false, None, 0, None));
    assert_eq!(log_in(&mut rig, 7), expected(true, None, 7, None));
    assert_eq!(log_in(&mut rig, 7), expected(true, Some(id), 7, None));
    assert_eq!(log_in(&mut rig, 0), expected(false, None, 7, None));
    // A replaced connection does not take its role back by a login that only changes the identity.
    assert_eq!(rig.env.tools.roles.enter(other, 7), Some(id));
    assert_eq!(log_in(&mut rig, 7), expected(true, Some(other), 7, None));
    rig.env.tools.roles.note_told(id);
    assert_eq!(log_in(&mut rig, 8), expected(true, None, 8, None));
    assert_eq!(log_in(&mut rig, 7), expected(true, Some(other), 7, Some(other)));
    assert_eq!((rig.env.tools.roles.player(7), rig.env.tools.roles.player(8)), (Some(id), None));
    rig.request(LOGOUT, b"");
    assert_eq!((rig.conn.record.role_id(), effects(&mut rig)), (0, vec![]));
    assert_eq!(rig.env.tools.roles.player(7), None);
    rig.request(LOGOUT, b"");
    assert_eq!((rig.replies()[0].error_id, effects(&mut rig)), (ErrorId::NOT_LOGGED_IN, vec![]));
}

#[test]
fn effects_keep_their_order_and_cost_for_each_connection() {
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |state, request, context| {
        let to = ConnectionId::new(0, 5, 2);
        let push = Push::new(700, b"push");
        context.effects().send(to, &push);
        let ticket = context.defer(request);
        state.noted.push(ticket.connection().to_string());
        assert!(!context.effects().is_empty());
        context.effects().broadcast([to; 500], &push);
        context.effects().set_debug(to, true);
        context.effects().reply(ticket, "done");
        context.effects().survey(|_| {});
        context.effects().survey_all(|_| {});
        Outcome::Done
    });
    // One for the frame itself, one for each of its effects, and one more for 64 receivers of the broadcast.
    assert_eq!(rig.env.frames_left, 1000 - 1 - 6 - 500 / 64);
    assert_eq!(rig.env.tools.effects.take_cost(), 0);
    let to = ConnectionId::new(0, 5, 2);
    let frame = Push::new(700, b"push").frame().len();
    let expected = [
        format!("send {to} {frame}"),
        format!("broadcast to 1 {frame}"),
        format!("debug {to} true"),
        "answer Reply([100, 111, 110, 101])".into(),
        "survey".into(),
        "survey all".into(),
    ];
    assert_eq!(effects(&mut rig), expected);
    assert!(rig.env.tools.effects.is_empty());
    assert_eq!(format!("{:?}", rig.env.tools.effects), "Effects { len: 0 }");
    let mut list = Vec::with_capacity(100);
    let capacity = list.capacity();
    list.clear();
    rig.env.tools.effects.put_back(list);
    assert_eq!(rig.env.tools.effects.take().capacity(), capacity, "the list is used again");
}

#[test]
fn a_closed_connection_handles_no_more_packets() {
    let to = ConnectionId::new(0, 5, 2);
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |_, _, context| {
        context.effects().close(ConnectionId::new(0, 5, 2), CloseCode::new(4100).unwrap());
        Outcome::Done
    });
    assert_eq!(rig.env.frames_left, 0);
    assert_eq!(effects(&mut rig), [format!("close {to} Application(CloseCode(4100))")]);

    // Also right after it was opened.
    let mut rig = Rig::new(|_| {});
    rig.env.state.open = Some(|context| {
        let id = context.id();
        context.effects().kick(id);
    });
    let mut bytes = UPGRADE.to_vec();
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd: ECHO, data: b"too late" });
    push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &packet);
    rig.feed(&bytes);
    assert_eq!(rig.seen, [(0, "101".into())]);
    assert_eq!(effects(&mut rig), [format!("close {} Operator", rig.conn.record.id)]);
}

#[test]
fn a_deferred_request_can_be_refused_among_other_effects() {
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |_, request, context| {
        let ticket = context.defer(request);
        context.effects().refuse(ticket, ErrorId(100));
        Outcome::Done
    });
    assert_eq!(effects(&mut rig), ["answer Refuse(ErrorId(100))"]);
}

#[test]
fn errors_have_messages() {
    use crate::router::{LoginError, SendError};
    assert_eq!(SendError::OutboxFull.to_string(), "the packet does not fit the outbox");
    assert_eq!(SendError::NoCipher.to_string(), "no cipher is installed");
    let too_large = SendError::TooLarge { bytes: 9 }.to_string();
    assert_eq!(too_large, "a packet of 9 bytes can never fit the outbox (outbox-limit)");
    assert_eq!(LoginError::NoRole.to_string(), "role_id 0 is no role");
    assert_eq!(LoginError::UnderWay.to_string(), "another login of this connection is under way");
}

#[test]
fn an_answer_may_be_a_refusal_and_has_the_requests_cmd_and_flag() {
    let mut rig = Rig::open(|_| {});
    let mut packet = vec![];
    push_request(&mut packet, &Packet { data_status: 0, flag: 5, cmd: DEFER, data: b"" });
    for answer in [Answer::Refuse(ErrorId(100)), Answer::Reply(b"late".to_vec())] {
        rig.frame(Opcode::Binary, &packet);
        let seq = rig.conn.record.recv_count();
        rig.with(|conn, env| conn.handle_answer(seq, answer, env));
    }
    let seen: Vec<_> =
        rig.replies().iter().map(|reply| (reply.error_id.0, reply.cmd, reply.flag, reply.data)).collect();
    assert_eq!(seen, [(100, DEFER, 5, &b""[..]), (0, DEFER, 5, b"late")]);
}

#[test]
fn a_request_that_is_refused_after_it_was_deferred_does_not_wait() {
    let mut rig = Rig::open(|_| {});
    rig.call(b"", |state, request, context| {
        state.tickets.push(context.defer(request));
        Outcome::Refuse(ErrorId(100))
    });
    rig.request(ECHO, b"at once");
    let errors: Vec<_> = rig.replies().iter().map(|reply| reply.error_id.0).collect();
    assert_eq!(errors, [100, 0]);
}

static TOLD: Mutex<Vec<Cause>> = Mutex::new(vec![]);

#[test]
fn the_linked_object_is_told_once_and_its_own_end_closes() {
    let link = |_: &mut State, _: Request<'_>, context: &mut Context<'_>| {
        let link = context.link(|cause| TOLD.lock().unwrap().push(cause));
        assert_eq!(link.connection(), context.id());
        drop(link);
        Outcome::Done
    };
    let mut rig = Rig::open(|_| {});
    rig.call(b"", link);
    let first = rig.conn.rare.linked_number().unwrap();
    rig.call(b"", link);
    assert_eq!(*TOLD.lock().unwrap(), [Cause::Replaced]);
    let second = rig.conn.rare.linked_number().unwrap();
    assert_ne!(first, second);
    // Each link reported its end to the reactor.
    let mut mails = vec![];
    rig.env.tools.mailbox.collect(&mut mails);
    let ends: Vec<_> = mails
        .iter()
        .filter_map(|mail| match mail {
            Mail::ObjectEnded { number, cause, .. } => Some((*number, *cause)),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [(first, Cause::ObjectEnded), (second, Cause::ObjectEnded)]);
    rig.with(|conn, env| conn.handle_object_end(first, Cause::ObjectEnded, env));
    assert_eq!(rig.closes(), [], "what is linked no longer does not matter");
    rig.with(|conn, env| conn.handle_object_end(second, Cause::ObjectCrashed, env));
    assert_eq!(rig.closes(), [(0, "close 4006")]);
    let linked = rig.conn.take_linked().expect("it has to be told of the end");
    assert_eq!(linked.number(), second);
    assert!(rig.conn.take_linked().is_none());
}

#[test]
fn a_handle_knows_whether_its_connection_is_open() {
    static HANDLES: Mutex<Vec<crate::Handle>> = Mutex::new(vec![]);
    for link in [false, true] {
        let mut rig = Rig::open(|_| {});
        for _ in 0..2 {
            rig.call(b"", |_, _, context| {
                HANDLES.lock().unwrap().push(context.handle());
                Outcome::Done
            });
        }
        if link {
            rig.call(b"", |_, _, context| {
                drop(context.link(|_| {}));
                Outcome::Done
            });
        }
        let handles = std::mem::take(&mut *HANDLES.lock().unwrap());
        assert!(handles.iter().all(|handle| handle.is_open() && handle.id() == rig.conn.record.id));
        rig.with(|conn, env| conn.close(Cause::Operator, env));
        assert!(!handles.iter().any(crate::Handle::is_open));
        assert_eq!(rig.conn.take_linked().is_some(), link);
    }
}

#[test]
fn effects_that_a_replay_claims_count() {
    let mut rig = Rig::open(|config| {
        (config.limits.max_len, config.output.outbox_limit) = (1000, Some(2000));
        config.output.overflow = crate::config::Overflow::Drop;
    });
    rig.call(b"", |_, _, context| {
        context.fail_to_send(1);
        context.effects().set_cost(5);
        context.send_with(|buffer| buffer.as_compressed(Opcode::Binary, &[7; 900]));
        Outcome::Done
    });
    let (record, totals) = (&rig.conn.record, rig.env.tools.totals);
    assert_eq!((record.error_send(), record.send_count()), (1, 1));
    assert_eq!((totals.send_errors, totals.packets_sent), (1, 1));
    assert_eq!(rig.env.frames_left, 1000 - 1 - 5);
    assert_eq!(rig.messages, [(MessageKind::Binary, true, vec![7; 900])]);
}

#[test]
fn the_reply_capacity_is_what_the_outbox_still_takes() {
    // With compressible and incompressible Data.
    for (compress_above, multiplier) in [(0, 0), (1, 0), (1, 1)] {
        let mut rig = Rig::open(|config| {
            (config.limits.max_len, config.output.outbox_limit, config.output.compress_above) =
                (1000, Some(2000), (compress_above != 0).then_some(compress_above));
        });
        rig.call(&[multiplier], |_, request, context| {
            let multiplier = u64::from(request.data()[0]) * 0x9e37_79b9_7f4a_7c15;
            let scrambled =
                |at: u64| (at.wrapping_mul(multiplier).rotate_left(29).wrapping_mul(multiplier) >> 56) as u8;
            let data = |len: usize| (1..=len as u64).map(scrambled).collect::<Vec<_>>();
            for part in [3, 1] {
                let (space, all) = (
                    context.reply_capacity(),
                    context.has_capacity_for(part, context.reply_capacity() / part),
                );
                let sent = context.try_reply(&data(space / part));
                if sent.is_err() || all != (part == 1) {
                    return Outcome::Refuse(ErrorId::APPLICATION);
                }
            }
            Outcome::Done
        });
        assert_eq!(rig.messages.len(), 2);
        assert_eq!(rig.closes(), []);
        let bytes: usize = rig.messages.iter().map(|(_, _, payload)| 4 + payload.len()).sum();
        let is_compressed = compress_above != 0 && multiplier == 0;
        assert!(bytes == 2000 || is_compressed && bytes < 2000, "{bytes}");
    }
}
