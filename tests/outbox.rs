//! Clients that read slowly or not at all: their waiting output is limited, dropped packets are counted,
//! other clients do not wait, and control frames get through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use arena::{ArenaServer, ECHO, Event, Hand, PUSH, PUSHED, slow_client, write_until_full};
use common::{Client, Frame, Reply, config, eventually, frame, packet, with};
use sysconn::config::Overflow;
use sysconn::frame::Opcode;
use sysconn::{Cause, Config, Handle, Push};

/// The outbox limit of these tests, in bytes.
const LIMIT: usize = 64 * 1024;

fn small() -> Config {
    with(config(), |config| {
        config.limits.max_len = 16 * 1024;
        config.output.outbox_limit = Some(LIMIT);
    })
}

fn dropping() -> Config {
    with(small(), |config| config.output.overflow = Overflow::Drop)
}

/// A request for `count` pushes of `len` bytes each.
fn pushes(count: u32, len: u32) -> Vec<u8> {
    packet(PUSH, 5, &[count.to_be_bytes(), len.to_be_bytes()].concat())
}

/// A push whose frame has exactly that many bytes, more than 126 of which are Data.
fn push_of(frame_len: usize) -> Push {
    let push = Push::new(PUSHED, &vec![0; frame_len - 4 - 11]);
    assert_eq!(push.frame().len(), frame_len);
    push
}

/// Pushes numbered data to a client that does not read, until that many bytes wait in its outbox. Returns the
/// number of pushes.
fn fill(hand: &mut Hand, handle: &Handle, waiting: usize) -> u32 {
    let mut count = 0u32;
    while hand.snapshot(handle.id()).outbox_bytes < waiting {
        for _ in 0..8 {
            let mut data = [0; 1000];
            data[..4].copy_from_slice(&count.to_be_bytes());
            handle.send(&Push::new(PUSHED, &data)).unwrap();
            count += 1;
        }
        hand.turn();
    }
    count
}

fn number_of(reply: &Reply) -> u32 {
    u32::from_be_bytes(reply.data[..4].try_into().unwrap())
}

#[test]
fn a_large_push_counts_whole_before_it_is_queued() {
    for (overflow, excess, fits) in [
        (Overflow::Close, 0, true),
        (Overflow::Close, 1, false),
        (Overflow::Drop, 0, true),
        (Overflow::Drop, 1, false),
    ] {
        let case = format!("{overflow:?} {excess}");
        let server = ArenaServer::new(&with(small(), |config| config.output.overflow = overflow));
        // The client reads, and its outbox is empty: the socket would take some of it.
        let mut client = Client::connect(server.address);
        let handle = server.handle_of(&mut client);
        handle.send(&push_of(LIMIT + excess)).unwrap();
        if fits {
            assert_eq!(client.reply().data.len(), LIMIT - 15, "{case}");
        } else {
            // Whatever the policy: it is no fault of the client.
            let record = server.snapshot(&handle).record;
            assert_eq!((record.error_send(), record.send_count()), (1, 1), "{case}");
            client.ask(b"nothing came before this");
        }
    }
}

#[test]
fn a_handler_gets_an_error_for_a_packet_that_does_not_fit() {
    let server = ArenaServer::new(&dropping());
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    // 1000 bytes and 15 of headers each: 64 fit into the limit, however much the socket would take.
    client.send(&pushes(100, 1000));
    let (sent, refused) = server.await_event(|event| match event {
        Event::Pushed(sent, refused) => Some((sent, refused)),
        _ => None,
    });
    assert_eq!((sent, refused), (64, 36));
    let record = server.snapshot(&handle).record;
    assert_eq!((record.send_count(), record.error_send()), (1 + 64, 36));
    for number in 0..64 {
        assert_eq!(number_of(&client.reply()), number);
    }
    client.ask(b"and there is space again");
    assert_eq!(server.survey(|survey| survey.totals().send_errors), 36);
}

#[test]
fn a_client_that_stops_reading_is_closed_with_4008_after_queued_output() {
    let server = ArenaServer::new(&small());
    let mut other = Client::connect(server.address);
    let mut slow = slow_client(server.address);
    slow.upgrade(common::UPGRADE);
    let handle = server.handle_of(&mut slow);
    let mut posted = 0u32;
    let mut data = [0; 1000];
    while handle.send(&Push::new(PUSHED, &data)).is_ok() {
        posted += 1;
        data[..4].copy_from_slice(&posted.to_be_bytes());
        other.ask(b"not held up");
        let id = handle.id();
        let waiting = server.survey(move |survey| survey.get(id).map_or(0, |found| found.outbox_bytes));
        // The Close itself may come on top.
        assert!(waiting <= LIMIT + 127, "{waiting}");
    }
    let mut received = 0;
    let close = loop {
        match slow.next() {
            Frame::Binary(_) => received += 1,
            other => break other,
        }
    };
    assert_eq!(close, Frame::Close(Some(4008)));
    drop(slow);
    let (record, cause) = server.closed();
    assert_eq!(cause, Cause::OutboxFull);
    assert_eq!(record.error_send(), 1);
    assert_eq!(record.send_count(), received + 1, "with the reply to the question for its id");
    assert!(u64::from(posted) > received, "{posted} {received}");
    other.close();
}

#[test]
fn with_overflow_drop_each_dropped_packet_is_counted() {
    let server = ArenaServer::new(&dropping());
    let mut other = Client::connect(server.address);
    let mut slow = slow_client(server.address);
    slow.upgrade(common::UPGRADE);
    let handle = server.handle_of(&mut slow);
    let mut posted = 0u32;
    while server.snapshot(&handle).record.error_send() < 50 {
        for _ in 0..20 {
            let mut data = [0; 1000];
            data[..4].copy_from_slice(&posted.to_be_bytes());
            handle.send(&Push::new(PUSHED, &data)).unwrap();
            posted += 1;
        }
        other.ask(b"not held up");
        let snapshot = server.snapshot(&handle);
        assert!(snapshot.outbox_bytes <= LIMIT);
    }
    let record = server.snapshot(&handle).record;
    let sent = record.send_count() - 1;
    assert_eq!(sent + record.error_send(), u64::from(posted));
    // All sent packets come, in order, and nothing else.
    let mut last = None;
    for _ in 0..sent {
        let number = number_of(&slow.reply());
        assert!(last < Some(number), "{number} after {last:?}");
        last = Some(number);
    }
    slow.ask(b"and there is space again");
    slow.close();
    other.close();
}

#[test]
fn reading_pauses_past_half_and_goes_on_once_the_client_has_caught_up() {
    let mut hand = Hand::new(&dropping());
    let slow = slow_client(hand.address);
    let (mut slow, handle) = hand.upgrade(slow);
    // At half of the limit the server still reads from the client.
    let below = fill(&mut hand, &handle, LIMIT / 4);
    assert!(hand.snapshot(handle.id()).outbox_bytes <= LIMIT / 2);
    slow.send_packet(ECHO, 1, b"heard");
    hand.turn_until("a request is heard", |hand| hand.handled(handle.id()) == 1);
    // Above half it does not.
    let above = fill(&mut hand, &handle, LIMIT / 2 + 1);
    slow.send_packet(ECHO, 2, b"not yet heard");
    slow.send(&frame(Opcode::Ping, b"nor this"));
    hand.settle();
    assert_eq!(hand.handled(handle.id()), 1);
    let waiting = hand.snapshot(handle.id()).outbox_bytes;
    // Its input stays in the kernel meanwhile, and costs the server nothing.
    let unheard = packet(ECHO, 3, &[0; 100]);
    let written = write_until_full(&mut slow, &unheard.repeat(200_000)) / unheard.len();
    assert!(written < 200_000, "the server goes on reading");
    hand.settle();
    assert_eq!((hand.handled(handle.id()), hand.snapshot(handle.id()).outbox_bytes), (1, waiting));
    // It catches up: everything comes, in order, and the server reads from it again.
    let running = hand.run();
    let mut flags = vec![];
    let mut numbers = vec![];
    while flags.len() < 3 {
        match slow.next() {
            Frame::Pong(payload) => assert_eq!(payload, b"nor this"),
            Frame::Binary(message) => {
                let reply = sysconn::packet::Reply::parse(&message).unwrap();
                match reply.cmd {
                    ECHO => flags.push(reply.flag),
                    _ => numbers.push(u32::from_be_bytes(reply.data[..4].try_into().unwrap())),
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(flags, [1, 2, 3]);
    let expected: Vec<u32> = (0..below).chain(0..above).collect();
    assert_eq!(numbers, expected);
    drop(slow);
    running.end();
}

#[test]
fn the_newest_ping_is_answered_ahead_of_queued_output() {
    for by_handler in [false, true] {
        let mut hand = Hand::new(&dropping());
        let slow = slow_client(hand.address);
        let (mut slow, handle) = hand.upgrade(slow);
        let mut expected: Vec<u32> = vec![];
        if by_handler {
            // Eight at a time wait in one piece, which the Pong has to go in between.
            while hand.snapshot(handle.id()).outbox_bytes < LIMIT / 4 {
                slow.send(&pushes(8, 1000));
                hand.turn_until("a request for pushes", |hand| {
                    hand.events.try_iter().any(|event| matches!(event, Event::Pushed(8, 0)))
                });
                expected.extend(0..8);
            }
        } else {
            expected.extend(0..fill(&mut hand, &handle, LIMIT / 4));
        }
        for number in 0..100u32 {
            slow.send(&frame(Opcode::Ping, &number.to_be_bytes()));
        }
        hand.settle();
        let waiting = hand.snapshot(handle.id()).outbox_bytes;
        assert!(waiting <= LIMIT / 2, "{waiting}");
        let (mut pongs, mut numbers, mut behind) = (vec![], vec![], 0);
        let running = hand.run();
        while numbers.len() < expected.len() {
            match slow.next() {
                Frame::Pong(payload) => pongs.push(payload),
                Frame::Binary(message) => {
                    let reply = sysconn::packet::Reply::parse(&message).unwrap();
                    numbers.push(u32::from_be_bytes(reply.data[..4].try_into().unwrap()));
                    behind += usize::from(!pongs.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(numbers, expected);
        assert_eq!(pongs, [99u32.to_be_bytes()]);
        // The Pong overtook all waiting output except the frame that was being written.
        assert!(behind >= waiting / 1015 - 1, "{behind} of {waiting} bytes");
        drop(slow);
        running.end();
    }
}

#[test]
fn a_close_arrives_although_the_outbox_is_full() {
    let mut hand = Hand::new(&dropping());
    let slow = slow_client(hand.address);
    let (mut slow, handle) = hand.upgrade(slow);
    while hand.snapshot(handle.id()).record.error_send() == 0 {
        for _ in 0..8 {
            handle.send(&Push::new(PUSHED, &[0; 1000])).unwrap();
        }
    }
    let sent = hand.snapshot(handle.id()).record.send_count() - 1;
    handle.kick().unwrap();
    hand.settle();
    let running = hand.run();
    let mut received = 0;
    let close = loop {
        match slow.next() {
            Frame::Binary(_) => received += 1,
            other => break other,
        }
    };
    assert_eq!((close, received), (Frame::Close(Some(4010)), sent));
    drop(slow);
    running.end();
}

#[test]
fn output_of_one_turn_keeps_its_order_for_all_sizes() {
    // In total below and above the size that is joined for one write, and above the outbox limit.
    for sizes in [&[40, 400, 40][..], &[40, 5000, 5000, 40, 1500], &[17_000, 40], &[40, 17_000, 9000, 40]] {
        let mut hand = Hand::new(&small());
        let (mut client, handle) = hand.connect();
        let (mut other, other_handle) = hand.connect();
        client.send_packet(ECHO, 7, b"first");
        for &size in sizes {
            handle.send(&push_of(size.max(142))).unwrap();
            other_handle.send(&Push::new(PUSHED, b"in between")).unwrap();
        }
        handle.kick().unwrap();
        hand.turn_until("the client is told to go", |_| !handle.is_open());
        hand.settle();
        assert_eq!(client.reply(), Reply::new(ECHO, 7, b"first"));
        for &size in sizes {
            assert_eq!(client.reply().data.len(), size.max(142) - 15, "{sizes:?}");
            assert_eq!(other.reply(), Reply::new(PUSHED, 0, b"in between"));
        }
        assert_eq!(client.next(), Frame::Close(Some(4010)), "behind all of it");
    }
}

#[test]
fn output_of_the_current_turn_counts_against_the_outbox_limit() {
    let mut hand = Hand::new(&dropping());
    let (mut client, handle) = hand.connect();
    let before = hand.snapshot(handle.id()).record;
    for _ in 0..5 {
        handle.send(&push_of(LIMIT / 4)).unwrap();
    }
    hand.turn();
    let record = hand.snapshot(handle.id()).record;
    assert_eq!(record.send_count() - before.send_count(), 4);
    assert_eq!(record.error_send(), 1);
    for _ in 0..4 {
        assert_eq!(client.reply().data.len(), LIMIT / 4 - 15);
    }
}

#[test]
fn a_broadcast_reaches_readers_although_others_do_not_read() {
    let server = ArenaServer::new(&small());
    let mut readers: Vec<Client> = (0..8).map(|_| Client::connect(server.address)).collect();
    let mut sleepers: Vec<Client> = (0..8).map(|_| slow_client(server.address)).collect();
    for sleeper in &mut sleepers {
        sleeper.upgrade(common::UPGRADE);
    }
    let reader_handles: Vec<Handle> = readers.iter_mut().map(|client| server.handle_of(client)).collect();
    let sleeper_handles: Vec<Handle> = sleepers.iter_mut().map(|client| server.handle_of(client)).collect();
    let mut number = 0u32;
    eventually("all sleepers are closed", || {
        let mut data = [0; 8000];
        data[..4].copy_from_slice(&number.to_be_bytes());
        let push = Push::new(PUSHED, &data);
        for handle in sleeper_handles.iter().chain(&reader_handles) {
            // A sleeper that was closed is gone.
            let _ = handle.send(&push);
        }
        for reader in &mut readers {
            assert_eq!(number_of(&reader.reply()), number);
        }
        number += 1;
        sleeper_handles.iter().all(|handle| !handle.is_open())
    });
    for mut reader in readers {
        reader.close();
    }
}
