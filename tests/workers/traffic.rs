//! Pushes from one worker to connections of others, by handlers and by other threads.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;

use sysconn::frame::CloseCode;
use sysconn::packet::Reply as Packet;
use sysconn::{Cause, ConnectionId, Handle, HandleError, Push};

use super::common::{Frame, PATIENCE, config, packet, with};
use super::server::{Citizen, Server, sending};
use super::town::{CLOSE, DEFER, ECHO, Event, KICK, LINK, PANIC, PUSHED, SEND};

#[test]
fn handlers_reach_connections_on_every_worker() {
    let server = Server::new(&with(config(), |config| config.workers = 3));
    let mut citizens: Vec<Citizen> = server.settle(4).into_iter().flatten().collect();
    let ids: Vec<ConnectionId> = citizens.iter().map(|citizen| citizen.id).collect();
    for from in 0..citizens.len() {
        // One by one, twice each, so that order shows; and then all at once.
        let to_all: Vec<u8> = (0..ids.len())
            .flat_map(|to| [b"first", b"again"].map(|text| packet(SEND, 0, &sending(&ids[to..=to], text))))
            .flatten()
            .collect();
        citizens[from].client.send(&to_all);
        for (to, citizen) in citizens.iter_mut().enumerate() {
            let replies = if to == from { 2 * ids.len() } else { 0 };
            let mut texts = vec![];
            for _ in 0..2 + replies {
                let reply = citizen.client.reply();
                if reply.cmd == PUSHED {
                    texts.push(reply.data);
                }
            }
            assert_eq!(texts, [b"first", b"again"], "from {from} to {to}");
        }
        citizens[from].send(&ids, b"to all");
        // Behind it nothing else has come.
        for citizen in &mut citizens {
            citizen.hear(b"to all");
            citizen.echo(b"nothing else");
        }
    }
    // Pushes to connections that are gone, or to a worker that does not exist, reach no client.
    let gone = ids[0];
    let nobody = ConnectionId::from_u64(u64::from(u32::MAX));
    citizens.remove(0).client.close();
    citizens[0].send(&[gone, nobody], b"to nobody");
    citizens[0].send(&[nobody], b"to nobody");
    citizens[0].done(KICK, &nobody.to_u64().to_be_bytes());

    let [last, .., first] = &mut citizens[..] else { panic!("too few") };
    assert_ne!(first.id.worker(), last.id.worker());
    last.done(CLOSE, &first.id.to_u64().to_be_bytes());
    first.client.expect_close(4200, "closed by another one's handler");
    let mut kicked = citizens.swap_remove(citizens.len() / 2);
    citizens[0].done(KICK, &kicked.id.to_u64().to_be_bytes());
    kicked.client.expect_close(4010, "kicked by another one's handler");
}

#[test]
fn handles_tickets_and_links_reach_their_connection_on_any_worker() {
    let server = Server::new(&with(config(), |config| config.workers = 4));
    let mut citizens: Vec<Citizen> = server.settle(1).into_iter().flatten().collect();
    let handles: Vec<Handle> = citizens.iter_mut().map(|citizen| server.handle_of(citizen)).collect();
    let shared = Push::new(PUSHED, b"shared");
    for (handle, citizen) in handles.iter().zip(&mut citizens) {
        thread::scope(|scope| {
            scope.spawn(|| {
                handle.send(&Push::new(PUSHED, b"own")).unwrap();
                handle.send(&shared).unwrap();
                server.handle.send(handle.id(), &shared).unwrap();
                handle.set_debug(true).unwrap();
                let snapshot = handle.snapshot(PATIENCE).unwrap();
                assert_eq!((snapshot.record.id(), snapshot.record.debug()), (citizen.id, true));
            });
        });
        for text in [&b"own"[..], b"shared", b"shared"] {
            citizen.hear(text);
        }
        citizen.client.send_packet(DEFER, 9, b"");
        let ticket = server.await_event(|event| match event {
            Event::Deferred(ticket) => Some(ticket),
            _ => None,
        });
        thread::spawn(move || ticket.reply(*b"later")).join().unwrap();
        assert_eq!(citizen.client.reply().data, b"later");
    }
    for (index, (handle, mut citizen)) in handles.iter().zip(citizens).enumerate() {
        match index {
            0 => {
                handle.close(CloseCode::new(4321).unwrap()).unwrap();
                citizen.client.expect_close(4321, "by its handle");
            }
            1 => {
                server.handle.kick(citizen.id).unwrap();
                citizen.client.expect_close(4010, "by the server's handle");
            }
            _ => {
                citizen.done(LINK, b"");
                let link = server.await_event(|event| match event {
                    Event::Linked(link) => Some(link),
                    _ => None,
                });
                link.end();
                citizen.client.expect_close(4005, "its object ended");
            }
        }
        drop(citizen);
        server.await_event(|event| matches!(event, Event::Closed(..)).then_some(()));
        assert_eq!(handle.send(&Push::new(PUSHED, b"")), Err(HandleError::Gone));
    }
}

#[test]
fn a_panic_on_one_worker_ends_its_connection_only() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    for round in 0..10 {
        let mut citizens = server.settle(2);
        let mut fallen = citizens[round % 2].pop().unwrap();
        fallen.client.send_packet(PANIC, 1, b"");
        fallen.client.expect_close(1011, "its handler panicked");
        let mut others: Vec<Citizen> = citizens.into_iter().flatten().collect();
        let ids: Vec<_> = others.iter().map(|citizen| citizen.id).collect();
        others[0].send(&ids, b"still here");
        for citizen in &mut others {
            citizen.hear(b"still here");
            citizen.echo(b"still here");
        }
    }
}

#[test]
fn pushes_that_a_full_mailbox_refuses_are_counted() {
    const CAPACITY: u64 = 8;
    let server = Server::new(&with(config(), |config| {
        config.workers = 2;
        config.reactor.mailbox_limit = CAPACITY as usize;
    }));
    let mut citizens = server.settle(3);
    let mut here = citizens[0].pop().unwrap();
    let [mut first, mut second, mut closed] = citizens.pop().unwrap().try_into().ok().unwrap();
    let to = [first.id, second.id];
    let other = server.block(1);
    for number in 0..CAPACITY {
        here.send(&to[..1], &number.to_be_bytes());
    }
    // These are lost for all their receivers; a close is not.
    here.send(&to[..1], b"one too many");
    here.send(&to, b"two too many");
    here.send(&[here.id, second.id], b"one of two");
    here.hear(b"one of two");
    here.done(CLOSE, &closed.id.to_u64().to_be_bytes());
    drop(other);
    for number in 0..CAPACITY {
        first.hear(&number.to_be_bytes());
    }
    closed.client.expect_close(4200, "it got through");
    server.catch_up();
    let errors = server.survey(|survey| survey.totals().send_errors);
    assert_eq!(errors, [4, 0]);
    for citizen in [&mut first, &mut second, &mut here] {
        citizen.echo(b"nothing but that");
    }
}

/// The pushes that one client has seen: the next number of each sender.
fn read_all(citizen: &mut Citizen, senders: u64, each: u64) {
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut done = 0;
    while next.values().sum::<u64>() < senders * each || done < each {
        let Frame::Binary(message) = citizen.client.next() else { panic!("closed") };
        let reply = Packet::parse(&message).unwrap();
        if reply.cmd == SEND {
            done += 1;
            continue;
        }
        let [sender, number] = [0, 1].map(|at| u64::from_be_bytes(reply.data.as_chunks::<8>().0[at]));
        let expected = next.entry(sender).or_default();
        assert_eq!(number, *expected, "from {sender}: lost, doubled or out of order");
        *expected += 1;
    }
    citizen.client.send_packet(ECHO, 7, b"all");
    assert_eq!(citizen.client.reply().data, b"all", "more than was sent");
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    const EACH: u64 = 300;
    let server = Server::new(&with(config(), |config| {
        config.workers = 4;
        config.output.outbox_limit = None;
    }));
    let citizens: Vec<Citizen> = server.settle(3).into_iter().flatten().collect();
    let ids: Arc<[ConnectionId]> = citizens.iter().map(|citizen| citizen.id).collect();
    let senders = ids.len() as u64;
    let threads: Vec<_> = citizens
        .into_iter()
        .zip(0u64..)
        .map(|(mut citizen, sender)| {
            let ids = ids.clone();
            thread::spawn(move || {
                let mut writer = citizen.client.stream.try_clone().unwrap();
                let writing = thread::spawn(move || {
                    for number in 0..EACH {
                        let text = [sender.to_be_bytes(), number.to_be_bytes()].concat();
                        let request = packet(SEND, 1, &sending(&ids, &text));
                        std::io::Write::write_all(&mut writer, &request).unwrap();
                    }
                });
                read_all(&mut citizen, senders, EACH);
                writing.join().unwrap();
                citizen
            })
        })
        .collect();
    let citizens: Vec<Citizen> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(server.survey(|survey| survey.totals().send_errors), [0; 4]);
    drop(citizens);
    for _ in 0..senders {
        let cause = server.await_event(|event| match event {
            Event::Closed(_, cause) => Some(cause),
            _ => None,
        });
        assert_eq!(cause, Cause::PeerGone);
    }
}
