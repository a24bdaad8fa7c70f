//! Whoever watches a server hears who has which role, and can send to a role or take it away, on any worker.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sysconn::{Cause, Push, RoleClaim};

use super::common::{Client, Ledger, config, eventually, join, packet, with};
use super::server::{Citizen, Server};
use super::town::{Event, KICK, LOGIN, LOGOUT, PUSHED};

const ROLE: u64 = 7;

fn start(workers: usize) -> (Server, Arc<Ledger>) {
    let mut config = with(config(), |config| {
        config.workers = workers;
        // Only the client ends a closing connection.
        config.timers.close = Duration::from_secs(60);
    });
    let ledger = Ledger::of(&mut config);
    (Server::new(&config), ledger)
}

/// Waits until a connection was told that it is replaced, and returns whether it was told a second time by
/// its end.
fn is_replaced_once(server: &Server, citizen: Citizen) {
    let id = citizen.id;
    drop(citizen);
    let mut told = 0;
    server.await_event(|event| {
        told += usize::from(matches!(event, Event::Replaced(of) if of == id));
        match event {
            Event::Closed(of, cause) if of == id => {
                assert_eq!((cause, told), (Cause::Replaced, 1));
                Some(())
            }
            _ => None,
        }
    });
}

fn end(server: Server, ledger: &Ledger) {
    drop(server);
    ledger.check_empty();
}

#[test]
fn the_watcher_hears_of_each_login_and_of_the_last_end() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        for worker in 0..workers {
            let mut citizens = server.settle(2);
            let (mut older, mut newer) = (citizens[0].pop().unwrap(), citizens[worker].pop().unwrap());
            older.login(ROLE);
            assert_eq!((ledger.holder(ROLE), ledger.told()), (Some(older.id), vec!["entered 7".to_owned()]));
            older.login(ROLE);
            assert_eq!(ledger.told(), [""; 0], "the same login again");
            newer.login(ROLE);
            older.client.expect_close(4007, "replaced");
            is_replaced_once(&server, older);
            assert_eq!((ledger.holder(ROLE), ledger.told()), (Some(newer.id), vec!["entered 7".to_owned()]));
            newer.login(ROLE + 1);
            assert_eq!(ledger.told(), ["left 7", "entered 8"], "another role");
            newer.done(LOGOUT, b"");
            assert_eq!(ledger.told(), ["left 8"]);
            newer.login(ROLE);
            drop(newer);
            eventually("the end", || ledger.holder(ROLE).is_none());
            assert_eq!(ledger.told(), ["entered 7", "left 7"]);
            drop(citizens);
            eventually("all are gone", || server.connections().iter().sum::<usize>() == 0);
        }
        end(server, &ledger);
    }
}

#[test]
fn pushes_to_a_role_follow_it_from_worker_to_worker_in_order() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        let mut citizens = server.settle(3);
        for own in &mut citizens {
            for role_id in ROLE..ROLE + 3 {
                let mut citizen = own.pop().unwrap();
                citizen.login(role_id);
                for number in 0..100 {
                    server.handle.send_to_role(role_id, &Push::new(PUSHED, &[number])).unwrap();
                }
                (0..100).for_each(|number| citizen.hear(&[number]));
                server.handle.send_to_role(99, &Push::new(PUSHED, b"to nobody")).unwrap();
                citizen.done(LOGOUT, b"");
                server.handle.send_to_role(role_id, &Push::new(PUSHED, b"too late")).unwrap();
                server.catch_up();
                server.catch_up();
                citizen.echo(b"and nothing else");
            }
        }
        end(server, &ledger);
    }
}

#[test]
fn a_role_is_taken_from_the_login_that_was_meant() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        for worker in 0..workers {
            let mut citizen = server.settle(1).swap_remove(worker).swap_remove(0);
            citizen.login(ROLE);
            let first = ledger.claim(ROLE).unwrap();
            citizen.done(LOGOUT, b"");
            citizen.login(ROLE);
            let second = ledger.claim(ROLE).unwrap();
            assert!(first.connection == second.connection && first.number < second.number);
            let RoleClaim { role_id, connection, number } = second;
            let stale = [
                first,
                RoleClaim { role_id: role_id + 1, ..second },
                RoleClaim { connection: sysconn::ConnectionId::from_u64(connection.to_u64() + 1), ..second },
                RoleClaim { number: number + 1, ..second },
            ];
            stale.into_iter().for_each(|claim| server.handle.replace_role(claim));
            server.catch_up();
            citizen.echo(b"goes on");
            ledger.told();
            (0..3).for_each(|_| server.handle.replace_role(second));
            citizen.client.expect_close(4007, "replaced");
            assert_eq!((ledger.claim(ROLE), ledger.told()), (None, vec!["left 7".to_owned()]));
            is_replaced_once(&server, citizen);
            assert_eq!(ledger.told(), [""; 0], "its end");
        }
        end(server, &ledger);
    }
}

#[test]
fn a_closing_connection_is_replaced_too() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        for worker in 0..workers {
            let mut citizen = server.settle(1).swap_remove(worker).swap_remove(0);
            citizen.login(ROLE);
            let id = citizen.id;
            citizen.client.send_packet(KICK, 1, &id.to_u64().to_be_bytes());
            assert_eq!(citizen.client.reply().cmd, KICK);
            citizen.client.expect_close(4010, "kicked");
            server.handle.replace_role(ledger.claim(ROLE).unwrap());
            server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
            drop(citizen);
            server.await_event(|event| match event {
                Event::Closed(of, cause) if of == id => {
                    assert_eq!(cause, Cause::Replaced);
                    Some(())
                }
                _ => None,
            });
        }
        end(server, &ledger);
    }
}

#[test]
fn a_role_that_is_taken_twice_at_once_is_replaced_once() {
    // What the worker of the older connection finds in its mailbox, or in its socket.
    for (workers, older_on, newer_on) in [(1, 0, 0), (3, 0, 0), (3, 0, 1), (3, 2, 1)] {
        let (server, ledger) = start(workers);
        for revoked_first in [true, false] {
            let case = format!("from {older_on} to {newer_on} of {workers}, revoked first: {revoked_first}");
            let mut citizens = server.settle(2);
            let mut older = citizens[older_on].pop().unwrap();
            let mut newer = citizens[newer_on].pop().unwrap();
            older.login(ROLE);
            let claim = ledger.claim(ROLE).unwrap();
            let blocked = server.block(older_on);
            if revoked_first {
                server.handle.replace_role(claim);
            }
            newer.client.send(&packet(LOGIN, 3, &ROLE.to_be_bytes()));
            if newer_on != older_on {
                eventually(&case, || ledger.holder(ROLE) == Some(newer.id));
            }
            server.handle.replace_role(claim);
            drop(blocked);
            older.client.expect_close(4007, &case);
            is_replaced_once(&server, older);
            assert_eq!(newer.client.reply().cmd, LOGIN, "{case}");
            server.catch_up();
            newer.echo(b"the newer login goes on");
            assert_eq!((ledger.holder(ROLE), server.with_role(ROLE)), (Some(newer.id), vec![newer.id]));
            drop((newer, citizens));
            eventually(&case, || server.connections().iter().sum::<usize>() == 0);
        }
        end(server, &ledger);
    }
}

#[test]
fn connections_that_take_a_role_from_each_other_are_replaced_once_at_most() {
    for workers in [1, 3] {
        let (server, ledger) = start(workers);
        let mut bystander = Citizen::new(Client::connect(server.address));
        for _ in 0..100 {
            let mut rivals = [(); 2].map(|()| Citizen::new(Client::connect(server.address)));
            let login = packet(LOGIN, 3, &ROLE.to_be_bytes());
            let takes_it_twice = join(&[&login, &packet(LOGOUT, 3, b""), &login]);
            rivals.iter_mut().for_each(|rival| rival.client.send(&takes_it_twice));
            for _ in 0..20 {
                ledger.claims().into_iter().for_each(|claim| server.handle.replace_role(claim));
                thread::yield_now();
            }
            let ids = rivals.each_ref().map(|rival| rival.id);
            drop(rivals);
            let mut replaced = vec![];
            for closed in 0..2 {
                server.await_event(|event| match event {
                    Event::Replaced(id) => {
                        assert!(ids.contains(&id) && !replaced.contains(&id), "{closed}: {id} is told twice");
                        replaced.push(id);
                        None
                    }
                    Event::Closed(id, cause) => {
                        assert_eq!(cause == Cause::Replaced, replaced.contains(&id));
                        Some(())
                    }
                    _ => None,
                });
            }
            bystander.echo(b"is left alone");
        }
        drop(bystander);
        end(server, &ledger);
    }
}
