//! Role replacement across workers: the newest connection has the role.

use std::sync::Barrier;
use std::thread;

use sysconn::Cause;
use sysconn::frame::Opcode;

use super::common::{Frame, config, eventually, frame, join, packet, with};
use super::server::{Citizen, Server};
use super::town::{ECHO, Event, KICK, LOGIN, LOGOUT, PANIC};

fn of_workers(workers: usize) -> Server {
    Server::new(&with(config(), |config| config.workers = workers))
}

#[test]
fn a_newer_login_replaces_the_older_on_any_worker() {
    let server = of_workers(3);
    for older_on in 0..3 {
        for newer_on in 0..3 {
            for role_id in 6..9 {
                let case = format!("role {role_id} from {older_on} to {newer_on}");
                let mut citizens = server.settle(3);
                let mut older = citizens[older_on].pop().unwrap();
                let mut newer = citizens[newer_on].pop().unwrap();
                let mut newest = citizens[older_on].pop().unwrap();
                // The second is newer: it was made after the first had been answered.
                older.login(role_id);
                newer.login(role_id);
                older.client.expect_close(4007, &case);
                let id = older.id;
                server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
                // The late end of the older one affects no other connection.
                drop(older);
                server.await_event(|event| {
                    matches!(event, Event::Closed(of, Cause::Replaced) if of == id).then_some(())
                });
                server.catch_up();
                assert_eq!(server.with_role(role_id), [newer.id], "{case}");
                newer.echo(b"still the one");

                // The table still has the role, so that it can be taken over again.
                newest.login(role_id);
                newer.client.expect_close(4007, &case);
                newest.done(LOGOUT, b"");
                server.catch_up();
                assert_eq!(server.with_role(role_id), [], "{case}");
            }
        }
    }
}

#[test]
fn of_racing_logins_one_remains() {
    let server = of_workers(4);
    let mut citizens: Vec<Citizen> = server.settle(2).into_iter().flatten().collect();
    for round in 0..30 {
        let role_id = 100 + round;
        let barrier = Barrier::new(citizens.len());
        thread::scope(|scope| {
            for citizen in &mut citizens {
                scope.spawn(|| {
                    barrier.wait();
                    citizen.login(role_id);
                });
            }
        });
        // The workers of the replaced connections have been told.
        server.catch_up();
        let closed: Vec<bool> = citizens.iter_mut().map(is_replaced).collect();
        assert_eq!(closed.iter().filter(|closed| !**closed).count(), 1, "round {round}: {closed:?}");
        let left = closed.iter().position(|closed| !closed).unwrap();
        assert_eq!(server.with_role(role_id), [citizens[left].id], "round {round}");
        citizens = server.settle(2).into_iter().flatten().collect();
    }
}

fn is_replaced(citizen: &mut Citizen) -> bool {
    citizen.client.send_packet(ECHO, 7, b"there");
    match citizen.client.next() {
        Frame::Close(code) => {
            assert_eq!(code, Some(4007));
            true
        }
        _ => false,
    }
}

#[test]
fn a_connection_that_changes_roles_keeps_the_last() {
    let server = of_workers(2);
    for worker in 0..2 {
        let [mut first, mut second] = server.settle(2).swap_remove(worker).try_into().ok().unwrap();
        // It is told nothing of this until the end.
        let other = server.block(1 - worker);
        // One after the other, so that each comes in a turn of its own.
        for role_id in 1..=101 {
            first.login(role_id);
            first.done(LOGOUT, b"");
            first.login(role_id);
        }
        drop(other);
        server.catch_up();
        server.catch_up();
        for role_id in 1..=100 {
            assert_eq!(server.with_role(role_id), [], "role {role_id}");
            second.login(role_id);
        }
        first.echo(b"nobody has touched the last one");
        second.login(101);
        first.client.expect_close(4007, "the last one");
        second.echo(b"it is");
    }
}

#[test]
fn a_connection_that_ends_while_another_worker_is_busy_leaves_nothing_behind() {
    let server = of_workers(2);
    let mut citizens = server.settle(2);
    let other = server.block(0);
    let mut gone = citizens[1].pop().unwrap();
    gone.login(2);
    gone.client.close();
    drop(gone);
    server.await_event(|event| matches!(event, Event::Closed(..)).then_some(()));
    let mut next = citizens[1].pop().unwrap();
    next.login(2);
    drop(other);
    server.catch_up();
    eventually("it is known", || server.with_role(2) == [next.id]);
    // On the other worker too.
    let mut third = citizens[0].pop().unwrap();
    third.login(2);
    next.client.expect_close(4007, "replaced");
    third.echo(b"in");
}

/// The actions of a client, and its bytes.
type Next = (&'static str, fn() -> Vec<u8>);

/// The requests after a takeover, in the same read.
const NEXTS: [Next; 8] = [
    ("stays", Vec::new),
    ("logs out", || packet(LOGOUT, 0, b"")),
    ("plays another role", || login(70)),
    ("plays others, and this one again", || join(&[&login(70), &login(71), &login(ROLE)])),
    ("comes and goes", || join(&[&packet(LOGOUT, 0, b""), &login(ROLE), &packet(LOGOUT, 0, b"")])),
    ("panics", || packet(PANIC, 0, b"")),
    ("closes", || frame(Opcode::Close, &1000u16.to_be_bytes())),
    ("breaks off", || b"\xff".to_vec()),
];

const ROLE: u64 = 7;

fn login(role_id: u64) -> Vec<u8> {
    packet(LOGIN, 0, &role_id.to_be_bytes())
}

#[test]
fn the_older_connection_closes_whatever_the_newer_does_next() {
    for workers in 1..=2 {
        let server = of_workers(workers);
        for (older_on, newer_on) in (0..workers).flat_map(|a| (0..workers).map(move |b| (a, b))) {
            for (name, next) in NEXTS {
                let case = format!("from {older_on} to {newer_on} of {workers}, who {name}");
                let mut citizens = server.settle(2);
                let mut older = citizens[older_on].pop().unwrap();
                let mut newer = citizens[newer_on].pop().unwrap();
                older.login(ROLE);
                newer.client.send(&join(&[&login(ROLE), &next()]));
                older.client.expect_close(4007, &case);
                let id = older.id;
                server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
                drop((older, newer));
                eventually(&case, || {
                    server.connections().iter().sum::<usize>() == citizens.iter().flatten().count()
                });
            }
        }
    }
}

#[test]
fn the_older_connection_closes_whenever_it_hears_of_the_newer() {
    let server = of_workers(2);
    let logout = packet(LOGOUT, 0, b"");
    // Whether the newer one logs out again, and what the older one does meanwhile.
    let cases = [
        ("nothing", false, vec![]),
        ("the newer one logs out", true, vec![]),
        ("the older one logs out", false, logout),
        ("the older one plays another role", true, login(70)),
    ];
    for worker in 0..2 {
        for (case, logs_out, meanwhile) in &cases {
            let mut citizens = server.settle(2);
            let mut older = citizens[worker].pop().unwrap();
            let mut newer = citizens[1 - worker].pop().unwrap();
            older.login(ROLE);
            let blocked = server.block(worker);
            // Each in a turn of its own, and more than once: it is told once all the same.
            for _ in 0..3 {
                newer.login(ROLE);
                if *logs_out {
                    newer.done(LOGOUT, b"");
                }
            }
            // It waits in front of the notice to the worker.
            older.client.send(meanwhile);
            drop(blocked);
            if !meanwhile.is_empty() {
                assert_eq!(older.client.reply().error_id, 0, "{case}");
            }
            older.client.expect_close(4007, case);
            let id = older.id;
            drop(older);
            server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
            server.await_event(|event| {
                assert!(!matches!(event, Event::Replaced(_)), "{case}: told twice");
                matches!(event, Event::Closed(of, Cause::Replaced) if of == id).then_some(())
            });
            newer.echo(b"goes on");
            for role_id in [ROLE, 70] {
                let plays = role_id == ROLE && !logs_out;
                let expected: Vec<_> = plays.then_some(newer.id).into_iter().collect();
                assert_eq!(server.with_role(role_id), expected, "{case}: role {role_id}");
            }
        }
    }
}

#[test]
fn a_connection_that_logs_out_in_time_is_not_replaced() {
    let server = of_workers(2);
    for worker in 0..2 {
        for (name, next) in [("out", packet(LOGOUT, 0, b"")), ("another role", login(70))] {
            let mut citizens = server.settle(2);
            let mut first = citizens[worker].pop().unwrap();
            let mut second = citizens[1 - worker].pop().unwrap();
            first.login(ROLE);
            first.client.send(&next);
            assert_eq!(first.client.reply().error_id, 0, "{name}");
            second.login(ROLE);
            server.catch_up();
            first.echo(b"goes on");
            second.echo(b"plays it now");
            assert_eq!(server.with_role(ROLE), [second.id]);
        }
    }
}

#[test]
fn a_closing_connection_learns_that_its_role_was_taken() {
    // Only the client ends a closing connection.
    let config = with(config(), |config| config.timers.close = std::time::Duration::from_secs(60));
    for workers in 1..=2 {
        let server = Server::new(&with(config.clone(), |config| config.workers = workers));
        for newer_on in 0..workers {
            let mut citizens = server.settle(2);
            let mut older = citizens[0].pop().unwrap();
            let mut newer = citizens[newer_on].pop().unwrap();
            older.login(ROLE);
            newer.done(KICK, &older.id.to_u64().to_be_bytes());
            older.client.expect_close(4010, "kicked");
            newer.login(ROLE);
            let id = older.id;
            server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
            newer.echo(b"goes on");
            drop((older, newer, citizens));
            eventually("all are gone", || server.connections().iter().sum::<usize>() == 0);
        }
    }
}

#[test]
fn the_login_that_was_answered_first_is_the_older() {
    let server = of_workers(2);
    for worker in 0..2 {
        let mut citizens = server.settle(1);
        let mut older = citizens[1 - worker].pop().unwrap();
        let mut newer = citizens[worker].pop().unwrap();
        let role_id = 2 + worker as u64;
        // The newer one's request waits while the older one logs in.
        let busy = server.block(worker);
        older.login(role_id);
        newer.client.send_packet(LOGIN, 1, &role_id.to_be_bytes());
        drop(busy);
        assert_eq!(newer.client.reply().cmd, LOGIN);
        older.client.expect_close(4007, "it was answered before the newer one was asked");
        newer.echo(b"the newer one");
    }
}
