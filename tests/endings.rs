//! Every way in which a connection ends, over a real socket: the code that the client gets, the cause
//! that the application is told, and that the linked object is told the same, once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::RecvError;
use std::thread;

use arena::{ArenaServer, CLOSE, DEFER, ECHO, Hand, LINK, PANIC, PUSH, SINK, login};
use common::{
    Client, Frame, LINES, PATIENCE, SHORT, UPGRADE, close_codes, config, frame, join, packet, part,
};
use sysconn::config::Liveness;
use sysconn::frame::{self, CloseCode, Opcode};
use sysconn::packet::Undecodable;
use sysconn::upgrade::Refusal;
use sysconn::{Cause, Config, Link};

/// What brings the end about, with the client and its object in hand.
type Act = fn(&ArenaServer, &mut Client, Link);

struct Ending {
    name: &'static str,
    configure: fn(&mut Config),
    act: Act,
    cause: Cause,
    /// The code that the client gets, 0 for a Close frame without one; none where it gets no frame.
    code: Option<u16>,
}

/// The link outlives the connection unless the act ends it.
fn keep(link: Link) {
    std::mem::forget(link);
}

fn send(client: &mut Client, link: Link, bytes: &[u8]) {
    keep(link);
    client.send(bytes);
}

/// Sends pings until the server has closed: they are no packets, and extend no message.
fn ping_until_closed(client: &mut Client, code: u16) {
    loop {
        client.send(&frame(Opcode::Ping, b"still here"));
        match client.next() {
            Frame::Pong(_) => {}
            other => {
                assert_eq!(other, Frame::Close(Some(code)));
                return;
            }
        }
    }
}

fn timers() -> Vec<Ending> {
    vec![
        Ending {
            name: "no packet since the last client check",
            configure: |config| config.client_check = SHORT,
            act: |_, _, link| keep(link),
            cause: Cause::Idle,
            code: Some(4003),
        },
        Ending {
            name: "nothing at all where frames are life",
            configure: |config| (config.client_check, config.liveness) = (SHORT, Liveness::Frames),
            act: |_, _, link| keep(link),
            cause: Cause::Idle,
            code: Some(4003),
        },
        Ending {
            name: "never logged in",
            configure: |config| config.account_check = SHORT,
            act: |_, _, link| keep(link),
            cause: Cause::NeverLoggedIn,
            code: Some(4004),
        },
        Ending {
            name: "the next frame does not begin",
            configure: |config| config.read_timeout = SHORT,
            act: |_, _, link| keep(link),
            cause: Cause::ReadTimedOut,
            code: Some(4009),
        },
        Ending {
            name: "a message that is begun is not completed",
            configure: |config| config.read_timeout = SHORT,
            act: |_, client, link| send(client, link, &part(false, Opcode::Binary, b"a part")),
            cause: Cause::ReadTimedOut,
            code: Some(4009),
        },
        Ending {
            name: "a frame is not completed",
            // The client's Close is taken for the rest of the frame.
            configure: |config| (config.read_timeout, config.close_timeout) = (SHORT, SHORT),
            act: |_, client, link| send(client, link, &packet(ECHO, 1, b"never whole")[..12]),
            cause: Cause::ReadTimedOut,
            code: Some(4009),
        },
    ]
}

fn objects() -> Vec<Ending> {
    vec![
        Ending {
            name: "the object ends",
            configure: |_| {},
            act: |_, _, link| link.end(),
            cause: Cause::ObjectEnded,
            code: Some(4005),
        },
        Ending {
            name: "the object is dropped on another thread",
            configure: |_| {},
            act: |_, _, link| thread::spawn(move || drop(link)).join().unwrap(),
            cause: Cause::ObjectEnded,
            code: Some(4005),
        },
        Ending {
            name: "the object's thread panics",
            configure: |_| {},
            act: |_, _, link| {
                let object = move || {
                    let _link = link;
                    panic!("as the test asked");
                };
                thread::spawn(object).join().unwrap_err();
            },
            cause: Cause::ObjectCrashed,
            code: Some(4006),
        },
        Ending {
            name: "the object is dropped while its thread panics, which is caught",
            configure: |_| {},
            act: |_, _, link| {
                let held = AssertUnwindSafe((link, "the object's other half"));
                let object = move || {
                    let _held = held;
                    panic!("as the test asked");
                };
                catch_unwind(AssertUnwindSafe(object)).unwrap_err();
            },
            cause: Cause::ObjectCrashed,
            code: Some(4006),
        },
    ]
}

fn outside() -> Vec<Ending> {
    vec![
        Ending {
            name: "a newer login with the same role",
            configure: |_| {},
            act: |server, client, link| {
                keep(link);
                client.login(77);
                Client::connect(server.address).login(77);
            },
            cause: Cause::Replaced,
            code: Some(4007),
        },
        Ending {
            name: "an operator, through the server's handle",
            configure: |_| {},
            act: |server, client, link| {
                keep(link);
                let handle = server.handle_of(client);
                server.handle.kick(handle.id()).unwrap();
            },
            cause: Cause::Operator,
            code: Some(4010),
        },
        Ending {
            name: "an operator, through the connection's handle",
            configure: |_| {},
            act: |server, client, link| {
                keep(link);
                server.handle_of(client).kick().unwrap();
            },
            cause: Cause::Operator,
            code: Some(4010),
        },
        Ending {
            name: "the application, through a handle",
            configure: |_| {},
            act: |server, client, link| {
                keep(link);
                server.handle_of(client).close(CloseCode::new(4123).unwrap()).unwrap();
            },
            cause: Cause::Application(CloseCode::new(4123).unwrap()),
            code: Some(4123),
        },
        Ending {
            name: "the server drains",
            configure: |_| {},
            act: |server, _, link| {
                keep(link);
                server.handle.drain();
            },
            cause: Cause::GoingAway,
            code: Some(1001),
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn requests() -> Vec<Ending> {
    vec![
        Ending {
            name: "a handler panics",
            configure: |_| {},
            act: |_, client, link| send(client, link, &packet(PANIC, 1, b"")),
            cause: Cause::HandlerFailed,
            code: Some(1011),
        },
        Ending {
            name: "a handler closes",
            configure: |_| {},
            act: |_, client, link| send(client, link, &packet(CLOSE, 1, b"")),
            cause: Cause::Application(CloseCode::new(4100).unwrap()),
            code: Some(4100),
        },
        Ending {
            name: "a message too short for a packet",
            configure: |_| {},
            act: |_, client, link| send(client, link, &frame(Opcode::Binary, b"short")),
            cause: Cause::ShortPacket,
            code: Some(4000),
        },
        Ending {
            name: "Data that is not what the route takes",
            configure: |_| {},
            act: |_, client, link| send(client, link, &packet(arena::LOGIN, 1, b"no role")),
            cause: Cause::Undecodable(Undecodable::Message),
            code: Some(4001),
        },
        Ending {
            name: "a violation of RFC 6455",
            configure: |_| {},
            act: |_, client, link| send(client, link, &[0x82, 0]),
            cause: Cause::Protocol(frame::Error::UnmaskedFrame),
            code: Some(1002),
        },
        Ending {
            name: "text",
            configure: |_| {},
            act: |_, client, link| send(client, link, &frame(Opcode::Text, b"text")),
            cause: Cause::Protocol(frame::Error::Text),
            code: Some(1003),
        },
        Ending {
            name: "a reason that is not UTF-8",
            configure: |_| {},
            act: |_, client, link| send(client, link, &frame(Opcode::Close, b"\x03\xe8\xff")),
            cause: Cause::Protocol(frame::Error::BadUtf8),
            code: Some(1007),
        },
        Ending {
            name: "a message that is too long",
            configure: |config| (config.max_len, config.close_timeout) = (1024, SHORT),
            act: |_, client, link| send(client, link, &part(true, Opcode::Binary, &[0; 2000])[..8]),
            cause: Cause::Protocol(frame::Error::TooBig),
            code: Some(1009),
        },
        Ending {
            name: "one bad request too many",
            configure: |_| {},
            act: |_, client, link| {
                send(client, link, &packet(9999, 1, b"").repeat(11));
                (0..10).for_each(|_| assert_eq!(client.reply().error_id, 1));
            },
            cause: Cause::BadRequests,
            code: Some(4002),
        },
        Ending {
            name: "one packet more than the outbox takes",
            configure: |config| (config.max_len, config.outbox_limit) = (1024, 4096),
            act: |_, client, link| {
                let one_of_5000 = [1u32.to_be_bytes(), 5000u32.to_be_bytes()].concat();
                send(client, link, &packet(PUSH, 1, &one_of_5000));
            },
            cause: Cause::OutboxFull,
            code: Some(4008),
        },
    ]
}

fn clients() -> Vec<Ending> {
    vec![
        Ending {
            name: "the client's Close",
            configure: |_| {},
            act: |_, client, link| send(client, link, &frame(Opcode::Close, &1000u16.to_be_bytes())),
            cause: Cause::PeerClosed(Some(CloseCode::NORMAL)),
            code: Some(1000),
        },
        Ending {
            name: "the client's Close without a code",
            configure: |_| {},
            act: |_, client, link| send(client, link, &frame(Opcode::Close, b"")),
            cause: Cause::PeerClosed(None),
            code: Some(0),
        },
        Ending {
            name: "the client's end without a Close",
            configure: |_| {},
            act: |_, client, link| {
                keep(link);
                client.shutdown_write();
            },
            cause: Cause::PeerGone,
            code: None,
        },
    ]
}

#[test]
fn each_cause_reaches_the_client_the_application_the_object_and_the_log() {
    LINES.keep();
    let mut codes = BTreeSet::new();
    let tables = [timers(), objects(), outside(), requests(), clients()];
    for Ending { name, configure, act, cause, code } in tables.into_iter().flatten() {
        let mut config = config();
        configure(&mut config);
        let mut server = ArenaServer::new(&config);
        let (mut client, link, told) = server.connect_linked();
        act(&server, &mut client, link);
        if let Some(code) = code {
            let code = (code != 0).then_some(code);
            assert_eq!(client.next(), Frame::Close(code), "{name}");
            assert_eq!(cause.close_code().map(CloseCode::get), code, "{name}");
        }
        assert_eq!(client.next(), Frame::End, "{name}");
        let peer = format!("peer={} ", client.stream.local_addr().unwrap());
        drop(client);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(cause), "{name}");
        // The object's ear is gone: it cannot be told again.
        assert_eq!(told.recv(), Err(RecvError), "{name}");
        let closed = server.await_event(|event| match event {
            arena::Event::Closed(_, reported) if reported == cause => Some(reported),
            _ => None,
        });
        assert_eq!(closed, cause, "{name}");
        let said = cause.close_code().map_or(String::new(), |code| format!(" code={code}"));
        LINES.await_with(&["connection ended id=", &peer, &format!(" cause=\"{cause}\"{said} duration_ms=")]);
        codes.extend(cause.close_code().map(CloseCode::get));
        server.handle.drain();
        server.join();
        let later = server
            .events
            .try_iter()
            .filter(|event| matches!(event, arena::Event::Closed(_, reported) if *reported == cause));
        assert_eq!(later.count(), 0, "{name}: reported twice");
    }
    let without_row: Vec<_> = close_codes().difference(&codes).copied().collect();
    assert_eq!(without_row, []);
}

#[test]
fn a_reset_reaches_the_object() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let (_link, told) = server.link(&mut client);
    client.reset();
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::Reset));
    assert_eq!(told.recv(), Err(RecvError));
    assert_eq!(server.closed().1, Cause::Reset);
}

#[test]
fn a_reactor_that_is_dropped_tells_the_object() {
    let mut hand = Hand::new(&config());
    let (mut client, _) = hand.connect();
    client.send_packet(LINK, 0, b"");
    let mut linked = None;
    hand.turn_until("an object is linked", |hand| {
        linked = hand.events.try_iter().find_map(|event| match event {
            arena::Event::Linked(link, told) => Some((link, told)),
            _ => None,
        });
        linked.is_some()
    });
    let (link, told) = linked.unwrap();
    drop(hand.reactor);
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::Dropped));
    assert_eq!(told.recv(), Err(RecvError));
    // Nobody is left to hear of the object's end.
    link.end();
    assert_eq!(client.reply().cmd, LINK);
    assert_eq!(client.next(), Frame::End);
}

#[test]
fn an_upgrade_that_is_not_complete_in_time_is_refused() {
    let server = ArenaServer::new(&Config { handshake_timeout: SHORT, ..config() });
    for sent in [&UPGRADE[..0], &UPGRADE[..20], &UPGRADE[..UPGRADE.len() - 1]] {
        let mut client = Client::raw(server.address);
        client.send(sent);
        let (status, _, _) = client.read_refusal();
        assert_eq!(status, Refusal::TooSlow.status());
    }
    assert_eq!(Refusal::TooSlow.status(), 408);
}

#[test]
fn pings_extend_neither_the_client_check_nor_a_message() {
    let idle = Config { client_check: SHORT, ..config() };
    let server = ArenaServer::new(&idle);
    ping_until_closed(&mut Client::connect(server.address), 4003);
    assert_eq!(server.closed().1, Cause::Idle);

    let slow = Config { read_timeout: SHORT, ..config() };
    let server = ArenaServer::new(&slow);
    let mut client = Client::connect(server.address);
    client.send(&part(false, Opcode::Binary, b"a part"));
    ping_until_closed(&mut client, 4009);
    drop(client);
    assert_eq!(server.closed().1, Cause::ReadTimedOut);
}

#[test]
fn packets_do_not_put_off_the_account_check_and_a_logout_starts_it_anew() {
    let server = ArenaServer::new(&Config { account_check: SHORT, ..config() });
    let mut client = Client::connect(server.address);
    loop {
        client.send_packet(SINK, 0, b"");
        client.send_packet(ECHO, 0, b"busy");
        match client.next() {
            Frame::Binary(_) => {}
            other => {
                assert_eq!(other, Frame::Close(Some(4004)));
                break;
            }
        }
    }
    drop(client);
    assert_eq!(server.closed().1, Cause::NeverLoggedIn);

    // Who is logged in stays: another client's whole time passes meanwhile.
    let mut player = Client::raw(server.address);
    player.send(&join(&[UPGRADE, &login(5)]));
    player.read_upgraded();
    assert_eq!(player.reply().cmd, arena::LOGIN);
    let mut other = Client::connect(server.address);
    other.expect_close(4004, "another one who does not log in");
    player.ask(b"still here");
    player.send_packet(arena::LOGOUT, 0, b"");
    assert_eq!(player.reply().cmd, arena::LOGOUT);
    player.expect_close(4004, "after the logout");
}

#[test]
fn a_client_whose_reply_is_owed_is_not_timed_out() {
    let server = ArenaServer::new(&Config { read_timeout: SHORT, client_check: SHORT, ..config() });
    let mut waiting = Client::raw(server.address);
    waiting.send(&join(&[UPGRADE, &packet(DEFER, 1, b"")]));
    waiting.read_upgraded();
    let ticket = server.ticket();
    let mut silent = Client::connect(server.address);
    assert!(matches!(silent.next(), Frame::Close(Some(4003 | 4009))));
    ticket.reply(*b"late");
    assert_eq!(waiting.reply().data, b"late");
    // Its silence counts again from here.
    assert!(matches!(waiting.next(), Frame::Close(Some(4003 | 4009))));
}

#[test]
fn a_silent_client_is_pinged_and_housekeeping_comes_round() {
    let server = ArenaServer::new(&Config { ping_interval: SHORT, housekeeping: SHORT, ..config() });
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    for _ in 0..3 {
        assert_eq!(client.next(), Frame::Ping(vec![]));
    }
    common::eventually("housekeeping", || server.snapshot(&handle).record.loop_counter() >= 2);
}

#[test]
fn the_socket_of_a_client_that_ignores_the_close_is_closed_all_the_same() {
    let server = ArenaServer::new(&Config { close_timeout: SHORT, ..config() });
    let (mut client, _link, told) = server.connect_linked();
    client.send_packet(CLOSE, 1, b"");
    client.expect_close(4100, "as asked");
    // It keeps its side open.
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::Application(CloseCode::new(4100).unwrap())));
    drop(client);
}

#[test]
fn what_follows_the_end_does_not_change_its_cause() {
    // An object that ends while its connection closes for another reason, and a client that is reset.
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let (link, told) = server.link(&mut client);
    client.send(&join(&[&packet(PANIC, 1, b""), &packet(CLOSE, 2, b"")]));
    assert_eq!(client.next(), Frame::Close(Some(1011)));
    link.end();
    server.survey(|_| ());
    client.reset();
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::HandlerFailed));
    assert_eq!(server.closed().1, Cause::HandlerFailed);
}
