//! One connection for each role, the newest, whichever workers they and the role's home are.

use std::sync::Barrier;
use std::thread;

use sysconn::{Cause, Config};

use super::common::{Frame, config, eventually};
use super::server::{Citizen, Server};
use super::town::{ECHO, Event, LOGIN, LOGOUT};

fn of_workers(workers: usize) -> Server {
    Server::new(&Config { workers, ..config() })
}

#[test]
fn a_newer_login_replaces_the_older_one_wherever_they_are() {
    let server = of_workers(3);
    for older_on in 0..3 {
        for newer_on in 0..3 {
            // Each worker is home to one of these.
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
                // The late end of the older one touches nobody.
                drop(older);
                server.await_event(|event| {
                    matches!(event, Event::Closed(of, Cause::Replaced) if of == id).then_some(())
                });
                server.catch_up();
                assert_eq!(server.with_role(role_id), [newer.id], "{case}");
                newer.echo(b"still the one");

                // It is still known who plays the role, so that it can be taken over again.
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
fn of_logins_that_race_one_is_left() {
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
        // The homes have heard of all logins, and then the workers of those that were replaced.
        server.catch_up();
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
fn who_changes_roles_faster_than_their_homes_hear_of_it_keeps_the_last() {
    let server = of_workers(2);
    for worker in 0..2 {
        let [mut first, mut second] = server.settle(2).swap_remove(worker).try_into().ok().unwrap();
        // The homes hear nothing of all this until it is over.
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
fn a_connection_that_ends_before_its_login_is_known_leaves_nothing_behind() {
    let server = of_workers(2);
    let mut citizens = server.settle(2);
    let home = server.block(0);
    let mut gone = citizens[1].pop().unwrap();
    gone.login(2);
    gone.client.close();
    drop(gone);
    server.await_event(|event| matches!(event, Event::Closed(..)).then_some(()));
    let mut next = citizens[1].pop().unwrap();
    next.login(2);
    drop(home);
    server.catch_up();
    eventually("it is known", || server.with_role(2) == [next.id]);
    // On the role's home too.
    let mut third = citizens[0].pop().unwrap();
    third.login(2);
    next.client.expect_close(4007, "replaced");
    third.echo(b"in");
}

#[test]
fn a_login_that_was_given_up_is_not_replaced() {
    let server = of_workers(2);
    for worker in 0..2 {
        for next_role in [4, 5] {
            let [mut first, mut second] = server.settle(2).swap_remove(worker).try_into().ok().unwrap();
            // The home of this role is the other worker, which hears of all this at once.
            let role_id = 2 + (1 - worker as u64);
            let home = server.block(1 - worker);
            first.login(role_id);
            second.login(role_id);
            first.login(next_role);
            drop(home);
            server.catch_up();
            server.catch_up();
            server.catch_up();
            first.echo(b"plays another role");
            second.echo(b"plays it now");
            assert_eq!(server.with_role(role_id), [second.id]);
            assert_eq!(server.with_role(next_role), [first.id]);
        }
    }
}

#[test]
fn a_login_on_the_home_of_its_role_does_not_overtake_an_older_one() {
    let server = of_workers(2);
    for worker in 0..2 {
        let mut citizens = server.settle(1);
        let mut older = citizens[1 - worker].pop().unwrap();
        let mut newer = citizens[worker].pop().unwrap();
        let role_id = 2 + worker as u64;
        // The home meets the newer one's request and what it is told of the older one in one turn.
        let home = server.block(worker);
        older.login(role_id);
        newer.client.send_packet(LOGIN, 1, &role_id.to_be_bytes());
        drop(home);
        assert_eq!(newer.client.reply().cmd, LOGIN);
        older.client.expect_close(4007, "it was answered before the newer one was asked");
        newer.echo(b"the newer one");
    }
}
