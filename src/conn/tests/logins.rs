//! Logins by ticket and from outside the connection's requests.

use super::*;
use crate::config::Overflow;
use crate::handle::LoginTicket;
use crate::packet::ErrorId;
use crate::router::{Effect, LoginError};

thread_local! {
    /// The ticket of this test.
    static TICKET: std::cell::RefCell<Option<LoginTicket>> = const { std::cell::RefCell::new(None) };
}

fn login_of(role_id: u64) -> Login {
    Login { identity: Identity { role_id, ..Identity::default() }, ..Login::default() }
}

fn defer_login(state: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    match context.defer_login(request) {
        Ok(ticket) => {
            TICKET.set(Some(ticket));
            Outcome::Done
        }
        Err(error) => {
            state.noted.push(format!("{error:?}"));
            Outcome::Refuse(ErrorId::LOGIN_REFUSED)
        }
    }
}

/// A login that holds the next packets back, for 40 s at most.
const IN_ORDER: u16 = 107;

fn ticket() -> LoginTicket {
    TICKET.take().expect("a login is under way")
}

static MODULE: Module<State> = Module::new(
    1,
    "logins",
    [
        Route::new(DEFER, "login", Access::Anyone, defer_login).unordered(),
        Route::new(IN_ORDER, "in order", Access::Anyone, defer_login).deadline(Duration::from_secs(40)),
        Route::new(LOGIN, "at once", Access::Anyone, |state, _, context| {
            state.noted.push(format!("{:?}", context.login(login_of(7))));
            Outcome::Done
        }),
        Route::new(LOGOUT, "logout", Access::Anyone, logout),
        Route::new(ECHO, "echo", Access::Role, echo),
    ],
);
static ROUTER: Router<State> = Router::new([&MODULE]);

fn rig() -> Rig {
    rig_with(|_| {})
}

fn rig_with(change: impl FnOnce(&mut Config)) -> Rig {
    let mut rig = Rig::open(|config| {
        config.timers.account_check = Some(Duration::from_secs(100));
        (config.timers.client_check, config.timers.read) = (None, None);
        change(config);
    });
    rig.env.service = Service::Packets(&ROUTER);
    rig.env.state.noted.clear();
    rig
}

/// Gives the connection the answer of its ticket.
fn deliver(rig: &mut Rig) {
    let mut mails = vec![];
    rig.env.tools.mailbox.collect(&mut mails);
    for mail in mails {
        let crate::mailbox::Mail::Answered { seq, .. } = mail else { panic!("another mail") };
        let answer = rig.conn.take_answer(seq).unwrap();
        rig.with(|conn, env| conn.handle_answer(seq, answer, env));
    }
}

#[test]
fn a_ticket_logs_in_and_answers_in_one_step_and_is_the_only_login_meanwhile() {
    let mut rig = rig();
    let older = ConnectionId::new(0, 9, 9);
    assert_eq!(rig.env.tools.roles.enter(older, 5), None);
    rig.request(DEFER, b"");
    assert!(ticket_is_open());
    // Nothing else logs it in, or out of this state.
    rig.request(LOGIN, b"");
    rig.request(DEFER, b"");
    rig.with(|conn, env| conn.log_in(&login_of(8), env));
    assert_eq!(rig.env.state.noted, ["Err(UnderWay)", "UnderWay"]);
    assert_eq!(rig.conn.record.role_id(), 0);
    rig.request(ECHO, b"");
    assert_eq!(ticket().login(login_of(5), *b"in"), Ok(()));
    deliver(&mut rig);
    let seen: Vec<_> = rig.replies().iter().map(|reply| (reply.cmd, reply.error_id, reply.data)).collect();
    let expected = [
        (DEFER, ErrorId::LOGIN_REFUSED, &b""[..]),
        (ECHO, ErrorId::NOT_LOGGED_IN, b""),
        (DEFER, ErrorId::NONE, b"in"),
    ];
    assert_eq!(seen, expected);
    assert_eq!((rig.conn.record.role_id(), rig.env.tools.roles.player(5)), (5, Some(rig.conn.record.id)));
    let effects = rig.env.tools.effects.take();
    assert!(
        matches!(effects[..], [Effect::Replace { to, heir: None, .. }] if to == older),
        "the older connection is told"
    );
    rig.request(LOGIN, b"");
    assert_eq!(rig.env.state.noted[2..], ["Ok(())"], "its ticket is closed");
}

fn ticket_is_open() -> bool {
    TICKET.with_borrow(|ticket| ticket.as_ref().is_some_and(LoginTicket::is_open))
}

#[test]
fn a_login_that_fails_is_answered_and_the_next_one_may_come() {
    let ways: [(fn(LoginTicket), u16); 4] = [
        (|ticket| ticket.refuse(ErrorId(100)), 100),
        (|ticket| ticket.refuse_login("account", 5, "the platform does not know it"), 7),
        (drop, 6),
        (|ticket| assert_eq!(ticket.login(login_of(0), *b""), Err(LoginError::NoRole)), 6),
    ];
    for (end, error_id) in ways {
        let mut rig = rig();
        for _ in 0..2 {
            rig.request(DEFER, b"");
            end(ticket());
            deliver(&mut rig);
        }
        let seen: Vec<_> = rig.replies().iter().map(|reply| reply.error_id.0).collect();
        assert_eq!(seen, [error_id; 2]);
        assert!(rig.env.state.noted.is_empty() && !rig.conn.record.is_logged_in());
    }
    // A handler that refuses the request itself.
    let mut rig = rig();
    for _ in 0..2 {
        rig.env.state.call = Some(|state, request, context| {
            let _ = defer_login(state, request, context);
            Outcome::Refuse(ErrorId(100))
        });
        rig.env.service = Service::Packets(&super::ROUTER);
        rig.request(CALL, b"");
        assert!(!ticket_is_open());
    }
    assert!(rig.env.state.noted.is_empty());
}

#[test]
fn a_login_whose_reply_is_not_sent_does_not_count() {
    // The length of the reply, what happens where the outbox is full, whether it is, the ErrorIDs that the
    // client gets, and the close.
    type Case = (usize, Overflow, bool, &'static [u16], &'static [(u64, &'static str)]);
    let cases: [Case; 4] = [
        (2000, Overflow::Close, false, &[6], &[]),
        (1500, Overflow::Close, false, &[0], &[]),
        (1500, Overflow::Drop, true, &[], &[]),
        (1500, Overflow::Close, true, &[], &[(0, "close 4008")]),
    ];
    for (len, overflow, is_full, error_ids, closes) in cases {
        let mut rig = rig_with(|config| {
            config.limits.max_len = 1000;
            (config.output.outbox_limit, config.output.overflow) = (Some(2000), overflow);
        });
        let older = ConnectionId::new(0, 9, 9);
        assert_eq!(rig.env.tools.roles.enter(older, 5), None);
        rig.request(DEFER, b"");
        if is_full {
            rig.conn.outbox.push_unwritten(&[0; 600], 0);
        }
        assert_eq!(ticket().login(login_of(5), vec![0; len]), Ok(()));
        deliver(&mut rig);
        if is_full {
            // The client takes what was written before, which is no frame.
            rig.conn.outbox.advance(600);
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = rig.conn.outbox.slices(&mut slices, usize::MAX);
            let mut rest: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            rig.note(&mut rest);
        }
        let case = format!("{len} bytes, {overflow:?}, full: {is_full}");
        let seen: Vec<_> = rig.replies().iter().map(|reply| reply.error_id.0).collect();
        assert_eq!((seen.as_slice(), rig.closes().as_slice()), (error_ids, closes), "{case}");
        let is_in = error_ids == [0];
        assert_eq!(
            (rig.conn.record.is_logged_in(), rig.env.tools.effects.is_empty()),
            (is_in, !is_in),
            "{case}"
        );
        assert_eq!(
            rig.env.tools.roles.player(5),
            Some(if is_in { rig.conn.record.id } else { older }),
            "{case}"
        );
    }
}

#[test]
fn the_account_check_runs_on_while_a_login_is_under_way_and_waits_for_its_end() {
    // What happens before and within the login, when that ends, how, and the close. It begins after 40 s.
    type Act = fn(&mut Rig);
    type Case = (&'static str, Act, Act, u64, Act, &'static [(u64, &'static str)]);
    let nothing: Act = |_| {};
    let refused: Act = |_| ticket().refuse(ErrorId(100));
    let accepted: Act = |_| ticket().login(login_of(5), *b"").unwrap();
    let cases: [Case; 6] = [
        ("refused in time", nothing, nothing, 99_999, refused, &[(100_000, "close 4004")]),
        ("refused too late", nothing, nothing, 200_000, refused, &[(200_000, "close 4004")]),
        ("dropped too late", nothing, nothing, 200_000, |_| drop(ticket()), &[(200_000, "close 4004")]),
        ("accepted", nothing, nothing, 200_000, accepted, &[]),
        ("under way", nothing, nothing, 200_000, nothing, &[]),
        (
            "logged out meanwhile",
            |rig| rig.request(LOGIN, b""),
            |rig| rig.request(LOGOUT, b""),
            140_000,
            refused,
            &[(150_000, "close 4004")],
        ),
    ];
    for (name, before, within, ends_at, end, closes) in cases {
        let mut rig = rig();
        before(&mut rig);
        rig.pass_until(40_000);
        rig.request(DEFER, b"");
        rig.pass_until(50_000);
        within(&mut rig);
        rig.pass_until(ends_at);
        assert_eq!(rig.closes(), [], "{name}");
        end(&mut rig);
        deliver(&mut rig);
        rig.pass_until(400_000);
        assert_eq!(rig.closes(), closes, "{name}");
        TICKET.take();
    }
}

#[test]
fn logins_in_a_row_do_not_put_off_the_account_check() {
    // Each login is refused by its ticket, or at its deadline.
    for (name, every_ms, handled) in [("by its ticket", 30_000, 4), ("at its deadline", 40_000, 3)] {
        let mut rig = rig();
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd: IN_ORDER, data: b"" });
        let mut bytes = vec![];
        (0..10).for_each(|_| push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &packet));
        rig.feed(&bytes);
        for ended in 1..=10 {
            rig.pass_until(every_ms * ended);
            drop(TICKET.take());
            deliver(&mut rig);
            while rig.conn.can_resume(&rig.env.settings)
                && let Some(inbox) = rig.conn.take_inbox()
            {
                rig.feed(inbox.rest());
            }
        }
        assert_eq!(rig.closes(), [(120_000, "close 4004")], "{name}");
        assert_eq!(rig.conn.record.recv_count(), handled, "{name}: no packet is handled after the close");
    }
}

#[test]
fn a_connection_can_be_logged_in_and_out_from_outside() {
    let mut rig = rig();
    rig.with(|conn, env| conn.log_in(&login_of(5), env));
    rig.request(ECHO, b"in");
    rig.pass_until(150_000);
    rig.with(|conn, env| conn.log_out(env));
    rig.request(ECHO, b"out");
    let seen: Vec<_> = rig.replies().iter().map(|reply| (reply.error_id, reply.data)).collect();
    assert_eq!(seen, [(ErrorId::NONE, &b"in"[..]), (ErrorId::NOT_LOGGED_IN, b"")]);
    assert_eq!(rig.env.tools.roles.player(5), None);
    assert_eq!(rig.env.tools.effects.cost(), 0, "no client pays for it");
    rig.pass_until(300_000);
    assert_eq!(rig.closes(), [(250_000, "close 4004")]);
    rig.with(|conn, env| conn.log_in(&login_of(5), env));
    assert_eq!(rig.env.tools.roles.player(5), None, "it is closing");
    assert_eq!(rig.env.tools.effects.login(rig.conn.record.id, login_of(0)), Err(LoginError::NoRole));
}
