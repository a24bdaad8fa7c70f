//! Calls of one worker on the state of another one, and surveys of all workers.

use std::sync::mpsc::channel;

use sysconn::{CallError, Effects, MailboxError, Push};

use super::common::{PATIENCE, config, with};
use super::server::Server;
use super::town::{ASK, PUSHED, Town};

#[test]
fn calls_run_in_order_and_a_panic_ends_only_its_own() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    for on in 0..2 {
        for number in 0..1000 {
            server.workers[0].call(on, move |town, _| town.noted.push(number)).unwrap();
            if number % 100 == 0 {
                server.workers[0].call(on, |_, _| panic!("as the test asked")).unwrap();
            }
        }
        let (found, noted) = channel();
        server.workers[1].call(on, move |town, _| found.send(town.noted.clone()).unwrap()).unwrap();
        assert!(noted.recv_timeout(PATIENCE).unwrap().into_iter().eq(0..1000), "on {on}");
    }
    assert_eq!(server.workers[0].call(2, |_, _| ()), Err(MailboxError::Closed));
}

#[test]
fn effects_of_a_call_run_before_the_next_call() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    let mut citizens = server.settle(1);
    for on in 0..2 {
        let ids = [citizens[0][0].id, citizens[1][0].id];
        for number in 0..100u8 {
            let call = move |_: &mut _, effects: &mut Effects| {
                effects.broadcast(ids, &Push::new(PUSHED, &[number]));
            };
            server.workers[0].call(on, call).unwrap();
        }
        for citizen in citizens.iter_mut().flatten() {
            for number in 0..100 {
                citizen.hear(&[number]);
            }
        }
    }
}

#[test]
fn output_of_a_call_does_not_overtake_that_of_the_one_before() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    let mut citizen = server.settle(1).swap_remove(1).swap_remove(0);
    let handle = server.handle_of(&mut citizen);
    let id = citizen.id;
    // All wait for one turn of the first worker.
    let waiting = server.block(0);
    for number in 0..100u8 {
        let handle = handle.clone();
        let call = move |_: &mut _, effects: &mut Effects| match number % 2 {
            0 => effects.send(id, &Push::new(PUSHED, &[number])),
            _ => handle.send(&Push::new(PUSHED, &[number])).unwrap(),
        };
        server.workers[0].call(0, call).unwrap();
    }
    drop(waiting);
    for number in 0..100 {
        citizen.hear(&[number]);
    }
}

#[test]
fn a_handler_asks_another_worker() {
    let server = Server::new(&with(config(), |config| config.workers = 3));
    for citizen in server.settle(2).iter_mut().flatten() {
        for asked in 0..3 {
            citizen.client.send_packet(ASK, 1, &[asked]);
            assert_eq!(citizen.client.reply().data, [asked]);
        }
        citizen.client.send_packet(ASK, 1, &[3]);
        assert_eq!(citizen.client.reply().error_id, 6, "there is no such worker");
    }
}

#[test]
fn a_full_mailbox_takes_only_essential_calls() {
    let mut server = Server::new(&with(config(), |config| {
        config.workers = 2;
        config.reactor.mailbox_limit = 4;
    }));
    let mut citizen = server.settle(1).swap_remove(0).swap_remove(0);
    let other = server.block(1);
    let caller = server.workers[0].clone();
    for number in 0..4 {
        caller.call(1, move |town, _| town.noted.push(number)).unwrap();
    }
    assert_eq!(caller.call(1, |_, _| ()), Err(MailboxError::Full));
    citizen.client.send_packet(ASK, 1, &[1]);
    assert_eq!(citizen.client.reply().error_id, 6, "it cannot be asked");
    caller.call_always(1, |town, _| town.noted.push(4));
    drop(other);
    let (found, noted) = channel();
    let mut found = Some(found);
    caller.call_always(1, move |town, _| found.take().unwrap().send(town.noted.clone()).unwrap());
    assert_eq!(noted.recv_timeout(PATIENCE).unwrap(), [0, 1, 2, 3, 4]);
    // No worker is left to be called.
    drop(citizen);
    server.handle.drain();
    server.join().unwrap();
    assert_eq!(caller.call(1, |_, _| ()), Err(MailboxError::Closed));
    assert!(server.handle.survey_all(|_| ()).is_err());
}

#[test]
fn a_survey_visits_every_worker() {
    let server = Server::new(&with(config(), |config| config.workers = 3));
    let citizens = server.settle(5);
    super::common::eventually("those that came for nothing are gone", || server.connections() == [5, 5, 5]);
    let ids = server.survey(|survey| {
        let page = survey.page(0, 100);
        page.into_iter().map(|snapshot| snapshot.record.id()).collect::<Vec<_>>()
    });
    for (found, citizens) in ids.into_iter().zip(&citizens) {
        assert_eq!(found.len(), 5);
        assert!(citizens.iter().all(|citizen| found.contains(&citizen.id)));
    }
    // One that panics does not go on, and is dropped.
    let (seen, sees) = channel();
    server
        .handle
        .survey_all(move |survey| {
            seen.send(survey.worker()).unwrap();
            assert!(survey.worker() < 1, "as the test asked");
        })
        .unwrap();
    assert!(sees.iter().eq([0, 1]));
}

#[test]
fn the_server_s_handle_calls_a_worker_s_state_if_it_names_its_type() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    for on in 0..2 {
        for number in 0..100 {
            server.handle.call(on, move |town: &mut Town, _| town.noted.push(number)).unwrap();
        }
        let (found, noted) = channel();
        let look = move |town: &mut Town, _: &mut Effects| {
            found.send((town.worker.index(), town.noted.clone())).unwrap();
        };
        server.handle.call(on, look).unwrap();
        let (worker, noted) = noted.recv_timeout(PATIENCE).unwrap();
        assert!(worker == on && noted.into_iter().eq(0..100), "on {on}");
    }
    let never = |_: &mut Vec<u64>, _: &mut Effects| panic!("the state is no list");
    assert_eq!(server.handle.call(0, never), Err(CallError::OtherState));
    let nobody = server.handle.call(2, |_: &mut Town, _| ());
    assert_eq!(nobody, Err(CallError::Mailbox(MailboxError::Closed)));
}
