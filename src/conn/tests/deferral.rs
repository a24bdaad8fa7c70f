//! Deferred requests: order, the bound on open tickets, deadlines, and what tickets hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::config::MAX_TICKETS;
use crate::handle::Ticket;
use crate::mailbox::Mail;
use crate::packet::ErrorId;
use crate::router::HandlerMistake;

const ORDERED: u16 = 100;
const UNORDERED: u16 = 101;
const SOON: u16 = 102;
const NOW: u16 = 103;
const OWED: u16 = 104;
const CARRIES: u16 = 105;

static MODULE: Module<State> = Module::new(
    1,
    "deferral",
    [
        Route::new(ORDERED, "ordered", Access::Anyone, defer),
        Route::new(UNORDERED, "unordered", Access::Anyone, defer).unordered(),
        Route::new(SOON, "soon", Access::Anyone, defer).unordered().deadline(Duration::from_millis(1500)),
        Route::new(NOW, "now", Access::Anyone, echo),
        Route::new(OWED, "owed", Access::Anyone, call).replies(),
        Route::new(CARRIES, "carries", Access::Anyone, call).refusals_carry_data(),
    ],
);
static ROUTER: Router<State> = Router::new([&MODULE]);

fn rig(change: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::open(change);
    rig.env.service = Service::Packets(&ROUTER);
    rig
}

/// Gives the connection its mail, and then the input that had to wait.
fn deliver(rig: &mut Rig) {
    let mut mails = vec![];
    rig.env.tools.mailbox.collect(&mut mails);
    for mail in mails {
        let Mail::Answered { seq, .. } = mail else { panic!("nothing else is posted") };
        let Some(answer) = rig.conn.take_answer(seq) else { continue };
        rig.with(|conn, env| conn.handle_answer(seq, answer, env));
        while rig.conn.can_resume(&rig.env.settings)
            && let Some(inbox) = rig.conn.take_inbox()
        {
            rig.feed(inbox.rest());
        }
    }
}

/// Answers the request whose ticket was given out at that place.
fn answer(rig: &mut Rig, at: usize) {
    let ticket = rig.env.state.tickets.remove(at);
    ticket.reply(*b"late");
    deliver(rig);
}

/// Sends these requests, all at once.
fn requests(rig: &mut Rig, cmds: &[u16]) {
    let mut bytes = vec![];
    for cmd in cmds {
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd: *cmd, data: b"" });
        push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &packet);
    }
    rig.feed(&bytes);
}

fn cmds(rig: &Rig) -> Vec<(u16, u16)> {
    rig.replies().iter().map(|reply| (reply.cmd, reply.error_id.0)).collect()
}

#[test]
fn unordered_requests_let_others_pass_and_ordered_ones_do_not() {
    // The requests, the places of the tickets that are answered in turn, and the order of the replies.
    type Case = (&'static [u16], &'static [usize], &'static [u16]);
    let cases: [Case; 5] = [
        (&[ORDERED, NOW], &[0], &[ORDERED, NOW]),
        (&[UNORDERED, NOW], &[0], &[NOW, UNORDERED]),
        (&[UNORDERED, SOON, NOW], &[1, 0], &[NOW, SOON, UNORDERED]),
        (&[UNORDERED, ORDERED, NOW], &[0, 0], &[UNORDERED, ORDERED, NOW]),
        (&[UNORDERED, ORDERED, NOW], &[1, 0], &[ORDERED, NOW, UNORDERED]),
    ];
    for (cmds, answers, expected) in cases {
        let mut rig = rig(|_| {});
        requests(&mut rig, cmds);
        answers.iter().for_each(|at| answer(&mut rig, *at));
        let seen: Vec<_> = rig.replies().iter().map(|reply| reply.cmd).collect();
        assert_eq!(seen, expected, "{cmds:?}");
        assert!(!rig.conn.rare.is_deferred());
    }
}

#[test]
fn at_most_64_tickets_are_open_and_control_frames_still_pass() {
    let mut rig = rig(|_| {});
    (0..MAX_TICKETS).for_each(|_| rig.request(UNORDERED, b""));
    assert!(rig.conn.wants_read(&rig.env.settings), "a Ping may come");
    rig.frame(Opcode::Ping, b"");
    requests(&mut rig, &[UNORDERED, NOW]);
    assert_eq!(rig.env.state.tickets.len(), MAX_TICKETS);
    assert!(!rig.conn.wants_read(&rig.env.settings) && !rig.conn.can_resume(&rig.env.settings));
    answer(&mut rig, 7);
    assert_eq!(rig.env.state.tickets.len(), MAX_TICKETS, "the one that waited was deferred");
    answer(&mut rig, 0);
    assert_eq!(cmds(&rig), [(UNORDERED, 0), (UNORDERED, 0), (NOW, 0)]);
    assert!(rig.conn.wants_read(&rig.env.settings));
    // A client that ends its side stays until it has all answers.
    rig.conn.handle_end(rig.now);
    rig.flush();
    while !rig.env.state.tickets.is_empty() {
        assert!(rig.conn.is_open());
        answer(&mut rig, 0);
    }
    assert!(rig.conn.is_over());
    assert_eq!(rig.replies().len(), MAX_TICKETS + 2);
}

#[test]
fn a_deadline_refuses_and_the_late_answer_is_dropped_and_counted() {
    let mut rig = rig(|_| {});
    rig.request(SOON, b"");
    rig.pass_until(1000);
    rig.request(SOON, b"");
    rig.request(UNORDERED, b"");
    rig.pass_until(1499);
    assert_eq!(cmds(&rig), []);
    rig.pass_until(1500);
    assert_eq!(cmds(&rig), [(SOON, ErrorId::NOT_AVAILABLE.0)]);
    let open: Vec<_> = rig.env.state.tickets.iter().map(Ticket::is_open).collect();
    assert_eq!(open, [false, true, true]);
    answer(&mut rig, 0);
    assert_eq!((cmds(&rig).len(), rig.env.tools.mailbox.late_answers()), (1, 1));
    // An answer that is on its way at the deadline is in time.
    rig.env.state.tickets.remove(0).reply(*b"just in time");
    rig.pass_until(3000);
    deliver(&mut rig);
    answer(&mut rig, 0);
    assert_eq!(cmds(&rig)[1..], [(SOON, 0), (UNORDERED, 0)]);
    // A ticket that is dropped too late is no late answer.
    rig.request(SOON, b"");
    rig.pass_until(4500);
    rig.env.state.tickets.clear();
    deliver(&mut rig);
    assert_eq!((cmds(&rig).len(), rig.env.tools.mailbox.late_answers()), (4, 1));
    assert_eq!(rig.closes(), []);
}

#[test]
fn silence_does_not_count_while_a_request_holds_the_client_back() {
    // What is asked for at 0 s and done at 50 s; the end of the connection.
    type Case = (&'static str, &'static [u16], fn(&mut Rig), Option<(u64, &'static str)>);
    let nothing: fn(&mut Rig) = |_| {};
    let begins: fn(&mut Rig) = |rig| rig.feed(&[0x82, 0x8b, 1]);
    let answers: fn(&mut Rig) = |rig| answer(rig, 0);
    let pongs: fn(&mut Rig) = |rig| rig.frame(Opcode::Pong, b"");
    let cases: [Case; 9] = [
        ("waits", &[ORDERED], nothing, None),
        ("waits beside another", &[UNORDERED, ORDERED], nothing, None),
        ("begins a message", &[ORDERED], begins, None),
        ("has its answer", &[ORDERED], answers, Some((110_000, "close 4009"))),
        ("need not wait", &[UNORDERED], nothing, Some((60_000, "close 4009"))),
        ("need not wait, and begins a message", &[UNORDERED], begins, Some((110_000, "close 4009"))),
        ("has the answer to one of two", &[UNORDERED; 2], answers, Some((60_000, "close 4009"))),
        ("sends no packet", &[UNORDERED], pongs, Some((110_000, "close 4009"))),
        ("has asked for too much", &[UNORDERED; MAX_TICKETS], nothing, None),
    ];
    for (name, cmds, act, end) in cases {
        let mut rig = rig(|config| config.timers.ping_interval = None);
        requests(&mut rig, cmds);
        rig.pass_until(50_000);
        act(&mut rig);
        rig.pass_until(250_000);
        assert_eq!(rig.closes().first().copied(), end, "{name}");
    }
    // A client that answers each Ping, and the client check.
    for (cmd, end) in [(ORDERED, None), (UNORDERED, Some((120_000, "close 4003")))] {
        let mut rig = rig(|config| config.timers.ping_interval = None);
        rig.request(cmd, b"");
        for ms in (20_000..280_000).step_by(20_000) {
            rig.pass_until(ms);
            rig.frame(Opcode::Pong, b"");
        }
        assert_eq!(rig.closes().first().copied(), end, "{cmd}");
    }
}

/// The values of tickets that have been dropped.
static FREED: AtomicUsize = AtomicUsize::new(0);

struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        FREED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_ticket_holds_is_freed_with_its_request() {
    static KEPT: std::sync::Mutex<Vec<Ticket<Held>>> = std::sync::Mutex::new(vec![]);
    type Way = (&'static str, fn(&mut Rig));
    let ways: [Way; 4] = [
        ("answered", |_| KEPT.lock().unwrap().pop().unwrap().reply(*b"")),
        ("dropped", |_| drop(KEPT.lock().unwrap().pop())),
        ("closed", |rig| rig.with(|conn, env| conn.close(Cause::Operator, env))),
        ("aborted", |rig| rig.conn.abort(Cause::Reset)),
    ];
    for (freed, (name, end)) in ways.into_iter().enumerate() {
        let mut rig = rig(|_| {});
        rig.env.state.call = Some(|_, request, context| {
            KEPT.lock().unwrap().push(context.defer_with(request, Held));
            Outcome::Done
        });
        rig.request(OWED, b"");
        assert_eq!(FREED.load(Ordering::Relaxed), freed, "{name}");
        end(&mut rig);
        deliver(&mut rig);
        assert_eq!(FREED.load(Ordering::Relaxed), freed + 1, "{name}");
        let mut left = std::mem::take(&mut *KEPT.lock().unwrap());
        assert!(left.iter_mut().all(|ticket| !ticket.is_open() && ticket.take().is_none()));
        drop(left);
        let mut mails = vec![];
        rig.env.tools.mailbox.collect(&mut mails);
        assert!(mails.is_empty(), "{name}: no mail for a connection that has ended");
    }
}

#[test]
fn an_answer_that_waits_goes_with_its_connection() {
    let mut rig = rig(|_| {});
    requests(&mut rig, &[UNORDERED; 3]);
    let mut tickets = std::mem::take(&mut rig.env.state.tickets).into_iter();
    tickets.next().unwrap().reply(vec![7; 1000]);
    tickets.next().unwrap().reply(vec![7; 1000]);
    assert_eq!(rig.conn.take_answer(1).map(|answer| answer.bytes()), Some(1000));
    assert!(rig.conn.take_answer(1).is_none() && rig.conn.take_answer(3).is_none());
    rig.conn.abort(Cause::Reset);
    assert!(rig.conn.take_answer(2).is_none());
    tickets.next().unwrap().reply(vec![7; 1000]);
    let mut mails = vec![];
    rig.env.tools.mailbox.collect(&mut mails);
    assert_eq!(mails.iter().map(Mail::bytes).collect::<Vec<_>>(), [0; 2], "mail has no Data of answers");
}

#[test]
fn mistakes_are_logged_once_for_each_command() {
    type Handler = fn(&mut State, Request<'_>, &mut Context<'_>) -> Outcome;
    let replies_twice: Handler = |state, request, context| {
        let _ = context.reply(b"at once");
        state.tickets.push(context.defer(request));
        Outcome::Done
    };
    let pushes: Handler = |state, request, context| {
        context.push(1, b"").unwrap();
        state.tickets.push(context.defer(request));
        Outcome::Done
    };
    let only_pushes: Handler = |_, _, context| {
        context.push(1, b"").unwrap();
        Outcome::Done
    };
    let refuses: Handler = |_, _, context| context.refuse_with(ErrorId(100), b"why");
    let cases: [(u16, Handler, Option<HandlerMistake>); 8] = [
        (OWED, |_, _, context| context.reply(b""), None),
        (OWED, |_, _, _| Outcome::Refuse(ErrorId(100)), None),
        (OWED, pushes, None),
        (OWED, only_pushes, Some(HandlerMistake::Unanswered)),
        (CARRIES, only_pushes, None),
        (OWED, replies_twice, Some(HandlerMistake::AnsweredTwice)),
        (OWED, refuses, Some(HandlerMistake::RefusalData)),
        (CARRIES, refuses, None),
    ];
    for (at, (cmd, handler, mistake)) in cases.into_iter().enumerate() {
        let mut rig = rig(|_| {});
        for _ in 0..2 {
            rig.env.state.call = Some(handler);
            rig.request(cmd, b"");
            rig.env.state.tickets.clear();
            deliver(&mut rig);
        }
        let logged: Vec<_> = mistake.map(|mistake| (cmd, mistake)).into_iter().collect();
        assert_eq!(rig.env.tools.mistakes.logged(), logged, "case {at}");
    }
}

#[test]
fn mistakes_of_a_service_without_a_table_are_logged_once() {
    let mut rig = Rig::serving(Service::Any(call), |_| {}).opened();
    rig.env.state.call = Some(|_, request, context| {
        // Every other request is replied to twice.
        if request.cmd() % 2 == 0 {
            return context.refuse_with(ErrorId(100), b"why");
        }
        let _ = context.reply(b"at once");
        drop(context.defer(request));
        Outcome::Done
    });
    for cmd in 0..3000 {
        rig.request(cmd, b"");
        deliver(&mut rig);
    }
    let logged: Vec<_> = rig.env.tools.mistakes.logged().into_iter().map(|(_, mistake)| mistake).collect();
    assert_eq!(logged, [HandlerMistake::AnsweredTwice, HandlerMistake::RefusalData]);
}

#[test]
fn refusals_carry_data_where_the_route_says_so() {
    for (cmd, data) in [(OWED, &b""[..]), (CARRIES, b"why")] {
        let mut rig = rig(|_| {});
        rig.env.state.call = Some(|_, _, context| context.refuse_with(ErrorId(100), b"why"));
        rig.request(cmd, b"");
        rig.env.state.call = Some(|state, request, context| {
            state.tickets.push(context.defer(request));
            Outcome::Done
        });
        rig.request(cmd, b"");
        rig.env.state.tickets.remove(0).refuse_with(ErrorId(101), *b"why");
        deliver(&mut rig);
        let seen: Vec<_> = rig.replies().iter().map(|reply| (reply.error_id.0, reply.data)).collect();
        assert_eq!(seen, [(100, data), (101, data)], "{cmd}");
    }
}

#[test]
fn a_deferred_request_needs_little_memory_and_gives_it_back() {
    let mut rig = rig(|_| {});
    rig.request(UNORDERED, b"");
    answer(&mut rig, 0);
    rig.pass_until(180_000);
    let shared = Arc::strong_count(&rig.env.tools.mailbox);
    assert_eq!((shared, rig.conn.rare.is_empty()), (1, true));
}
