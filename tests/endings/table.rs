//! One case for each way in which a connection ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use sysconn::config::Liveness;
use sysconn::frame::{CloseCode, Opcode};
use sysconn::packet::Undecodable;
use sysconn::{Cause, Config, Link, frame};

use crate::arena;
use crate::arena::{ArenaServer, CLOSE, ECHO, PANIC, PUSH};
use crate::common::{Client, SHORT, frame, packet, part};

/// The action that ends the connection, given the client and its object.
pub(crate) type Act = fn(&ArenaServer, &mut Client, Link);

pub(crate) struct Ending {
    pub(crate) name: &'static str,
    pub(crate) configure: fn(&mut Config),
    pub(crate) act: Act,
    pub(crate) cause: Cause,
    /// The code that the client gets, 0 for a Close frame without one; none where it gets no frame.
    pub(crate) code: Option<u16>,
}

/// The link outlives the connection unless the act ends it.
fn keep(link: Link) {
    std::mem::forget(link);
}

fn send(client: &mut Client, link: Link, bytes: &[u8]) {
    keep(link);
    client.send(bytes);
}

/// All cases.
pub(crate) fn endings() -> impl Iterator<Item = Ending> {
    [timers(), objects(), outside(), requests(), clients()].into_iter().flatten()
}

fn timers() -> Vec<Ending> {
    vec![
        Ending {
            name: "no packet since the last client check",
            configure: |config| config.timers.client_check = Some(SHORT),
            act: |_, _, link| keep(link),
            cause: Cause::Idle,
            code: Some(4003),
        },
        Ending {
            name: "nothing at all where frames are life",
            configure: |config| {
                (config.timers.client_check, config.timers.liveness) = (Some(SHORT), Liveness::Frames)
            },
            act: |_, _, link| keep(link),
            cause: Cause::Idle,
            code: Some(4003),
        },
        Ending {
            name: "never logged in",
            configure: |config| config.timers.account_check = Some(SHORT),
            act: |_, _, link| keep(link),
            cause: Cause::NeverLoggedIn,
            code: Some(4004),
        },
        Ending {
            name: "the next frame does not begin",
            configure: |config| config.timers.read = Some(SHORT),
            act: |_, _, link| keep(link),
            cause: Cause::ReadTimedOut,
            code: Some(4009),
        },
        Ending {
            name: "a message that is begun is not completed",
            configure: |config| config.timers.read = Some(SHORT),
            act: |_, client, link| send(client, link, &part(false, Opcode::Binary, b"a part")),
            cause: Cause::ReadTimedOut,
            code: Some(4009),
        },
        Ending {
            name: "a frame is not completed",
            // The client's Close is read as the rest of the frame.
            configure: |config| (config.timers.read, config.timers.close) = (Some(SHORT), SHORT),
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
            configure: |config| (config.limits.max_len, config.timers.close) = (1024, SHORT),
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
            configure: |config| (config.limits.max_len, config.output.outbox_limit) = (1024, Some(4096)),
            act: |_, client, link| {
                let two_of_2500 = [2u32.to_be_bytes(), 2500u32.to_be_bytes()].concat();
                send(client, link, &packet(PUSH, 1, &two_of_2500));
                client.reply();
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
