//! Handles to connections and tickets for replies, used by other threads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::thread;
use std::time::Duration;

use arena::{ArenaServer, DEFER, ECHO, Hand, PUSHED};
use common::{Client, PATIENCE, Reply, config, join, packet, with};
use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::{Cause, Handle, HandleError, Link, MailboxError, Push, ServerHandle, Ticket};

#[test]
fn handles_can_be_sent_to_other_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<Handle>();
    shared::<ServerHandle>();
    shared::<Push>();
    sent::<Ticket>();
    sent::<Link>();
}

#[test]
fn a_handle_sends_switches_debug_looks_and_closes() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    assert!(handle.is_open());
    let push = Push::new(PUSHED, b"shared");
    let other_thread = {
        let (handle, push) = (handle.clone(), push.clone());
        thread::spawn(move || {
            handle.send(&Push::new(PUSHED, b"own")).unwrap();
            handle.send(&push).unwrap();
        })
    };
    other_thread.join().unwrap();
    assert_eq!(client.reply(), Reply::new(PUSHED, 0, b"own"));
    assert_eq!(client.reply(), Reply::new(PUSHED, 0, b"shared"));
    server.handle.send(handle.id(), &push).unwrap();
    assert_eq!(client.reply(), Reply::new(PUSHED, 0, b"shared"));

    for on in [true, false] {
        handle.set_debug(on).unwrap();
        client.ask(b"logged or not");
        let record = server.snapshot(&handle).record;
        assert_eq!(record.debug(), on);
    }
    client.login(12);
    let record = server.snapshot(&handle).record;
    assert_eq!((record.id(), record.role_id()), (handle.id(), 12));
    assert_eq!((record.recv_count(), record.send_count(), record.error_send()), (4, 7, 0));

    handle.send(&Push::new(PUSHED, b"before the close")).unwrap();
    handle.close(CloseCode::new(4321).unwrap()).unwrap();
    assert_eq!(client.reply(), Reply::new(PUSHED, 0, b"before the close"));
    client.expect_close(4321, "through the handle");
    drop(client);
    assert_eq!(server.closed().1, Cause::Application(CloseCode::new(4321).unwrap()));
    assert!(!handle.is_open());
}

#[test]
fn a_stale_handle_never_reaches_the_next_connection_in_its_slot() {
    let server = ArenaServer::new(&config());
    let push = Push::new(PUSHED, b"for somebody else");
    let mut slots = std::collections::HashSet::new();
    let mut stale = vec![];
    for _ in 0..20 {
        let mut client = Client::connect(server.address);
        let handle = server.handle_of(&mut client);
        slots.insert(handle.id().to_u64() & 0xffff_ffff);
        for earlier in &stale {
            let earlier: &Handle = earlier;
            assert_ne!(earlier.id(), handle.id());
            assert!(!earlier.is_open());
            assert_eq!(earlier.send(&Push::new(PUSHED, b"x")), Err(HandleError::Gone));
            assert_eq!(earlier.send(&push), Err(HandleError::Gone));
            assert_eq!(earlier.close(CloseCode::new(4321).unwrap()), Err(HandleError::Gone));
            assert_eq!(earlier.kick(), Err(HandleError::Gone));
            assert_eq!(earlier.set_debug(true), Err(HandleError::Gone));
            assert_eq!(earlier.snapshot(PATIENCE).err(), Some(HandleError::Gone));
            // The server's handle asks the reactor, which has no such connection.
            server.handle.send(earlier.id(), &push).unwrap();
            server.handle.kick(earlier.id()).unwrap();
            let id = earlier.id();
            assert!(server.survey(move |survey| survey.get(id).is_none()));
        }
        client.ask(b"not mine");
        assert!(!server.snapshot(&handle).record.debug());
        client.close();
        drop(client);
        server.closed();
        stale.push(handle);
    }
    assert_eq!(slots.len(), 1, "the slot was never used again");
}

#[test]
fn calls_for_a_connection_that_ended_reach_nobody() {
    let mut hand = Hand::new(&config());
    let (first, handle) = hand.connect();
    // The end, and mail for the same connection, wait for one turn; a new client waits with them.
    drop(first);
    handle.send(&Push::new(PUSHED, b"for the first")).unwrap();
    handle.kick().unwrap();
    let second = Client::raw(hand.address);
    let (mut second, second_handle) = hand.upgrade(second);
    let mut third = Client::raw(hand.address);
    hand.turn_until("the first one's end is noticed", |_| !handle.is_open());
    hand.settle();
    // The third gets the slot of the first.
    third = {
        let (client, third_handle) = hand.upgrade(third);
        assert_ne!(third_handle.id(), handle.id());
        hand.reactor.handle().send(handle.id(), &Push::new(PUSHED, b"late")).unwrap();
        client
    };
    for client in [&mut second, &mut third] {
        client.send_packet(ECHO, 7, b"mine");
        hand.settle();
        assert_eq!(client.reply(), Reply::new(ECHO, 7, b"mine"));
    }
    assert!(second_handle.is_open());
}

#[test]
fn a_full_mailbox_returns_an_error_and_keeps_the_order() {
    let mut hand = Hand::new(&with(config(), |config| config.reactor.mailbox_limit = 8));
    let (mut client, handle) = hand.connect();
    let mut number = 0u32;
    for _ in 0..5 {
        let mut accepted = 0;
        while handle.send(&Push::new(PUSHED, &number.to_be_bytes())) == Ok(()) {
            number += 1;
            accepted += 1;
            assert!(accepted <= 8, "the mailbox has no bound");
        }
        assert_eq!(accepted, 8);
        assert_eq!(handle.send(&Push::new(PUSHED, b"")), Err(HandleError::MailboxFull));
        assert_eq!(handle.kick(), Err(HandleError::MailboxFull));
        assert_eq!(handle.snapshot(Duration::ZERO).err(), Some(HandleError::MailboxFull));
        let refused = hand.reactor.handle().send(handle.id(), &Push::new(PUSHED, b""));
        assert_eq!(refused, Err(MailboxError::Full));
        hand.turn();
    }
    for expected in 0..number {
        assert_eq!(client.reply().data, expected.to_be_bytes());
    }
    // There are no answers while the reactor does not turn.
    assert_eq!(handle.snapshot(Duration::from_millis(1)).err(), Some(HandleError::TimedOut));
}

#[test]
fn a_mailbox_bounds_the_bytes_that_wait_in_it() {
    let mut hand = Hand::new(&with(config(), |config| config.output.outbox_limit = None));
    let (_client, handle) = hand.connect();
    // 8 MiB of it are in memory, but each mail counts for all of it.
    let push = Push::new(PUSHED, &vec![0; 8 << 20]);
    let accepted = (0..1000).take_while(|_| handle.send(&push) == Ok(())).count();
    assert_eq!(accepted, 7, "64 MiB, less the headers of the eighth");
    handle.send(&Push::new(PUSHED, b"a small one fits")).unwrap();
    hand.turn();
    handle.send(&push).unwrap();
}

#[test]
fn handles_outlive_the_reactor() {
    let mut hand = Hand::new(&config());
    let (mut client, handle) = hand.connect();
    client.send_packet(DEFER, 1, b"");
    let mut ticket = None;
    hand.turn_until("a ticket", |hand| {
        ticket = hand.events.try_iter().find_map(|event| match event {
            arena::Event::Deferred(ticket) => Some(ticket),
            _ => None,
        });
        ticket.is_some()
    });
    let server = hand.reactor.handle();
    let asked = {
        let handle = handle.clone();
        thread::spawn(move || handle.snapshot(PATIENCE).err())
    };
    drop(hand.reactor);
    assert_eq!(asked.join().unwrap(), Some(HandleError::Gone));
    assert!(!handle.is_open());
    assert_eq!(handle.send(&Push::new(PUSHED, b"")), Err(HandleError::Gone));
    assert_eq!(server.survey(|_| ()), Err(MailboxError::Closed));
    server.drain();
    ticket.unwrap().reply(*b"to nobody");
}

#[test]
fn tickets_are_answered_from_any_thread() {
    let server = ArenaServer::new(&config());
    let mut clients: Vec<Client> = (0..8).map(|_| Client::connect(server.address)).collect();
    for round in 0..20u32 {
        for client in &mut clients {
            // The one behind it waits, and keeps its place.
            client.send(&join(&[&packet(DEFER, round, b""), &packet(ECHO, round, b"behind")]));
        }
        let tickets: Vec<Ticket> = clients.iter().map(|_| server.ticket()).collect();
        let threads: Vec<_> = tickets
            .into_iter()
            .map(|ticket| {
                thread::spawn(move || {
                    let id = ticket.connection().to_u64();
                    match round % 4 {
                        0 => ticket.reply(id.to_be_bytes()),
                        1 => ticket.refuse(ErrorId(321)),
                        2 => drop(ticket),
                        _ => {
                            let _held = ticket;
                            panic!("as the test asked");
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            assert_eq!(thread.join().is_err(), round % 4 == 3);
        }
        for client in &mut clients {
            let reply = client.reply();
            assert_eq!((reply.cmd, reply.flag), (DEFER, round));
            match round % 4 {
                0 => assert_eq!(reply.data.len(), 8),
                1 => assert_eq!(reply.error_id, 321),
                _ => assert_eq!(reply.error_id, ErrorId::NOT_AVAILABLE.0),
            }
            assert_eq!(client.reply(), Reply::new(ECHO, round, b"behind"));
            if round % 4 == 0 {
                assert_eq!(client.id().to_u64().to_be_bytes().as_slice(), reply.data);
            }
        }
    }
    assert_eq!(ErrorId::NOT_AVAILABLE.0, 6);
    for mut client in clients {
        client.close();
    }
}
