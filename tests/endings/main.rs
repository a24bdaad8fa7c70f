//! Every way in which a connection ends, over a real socket: the code that the client gets, and the cause
//! that the application, the log and, once, the linked object get.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../arena/mod.rs"]
mod arena;
#[path = "../common/mod.rs"]
mod common;

mod table;
mod timers;

use std::collections::BTreeSet;
use std::sync::mpsc::RecvError;

use arena::{ArenaServer, CLOSE, Hand, LINK, PANIC};
use common::{Client, Frame, LINES, PATIENCE, close_codes, config, eventually, join, packet};
use sysconn::Cause;
use sysconn::frame::CloseCode;
use table::{Ending, endings};

#[test]
fn each_cause_reaches_the_client_the_application_the_object_and_the_log() {
    LINES.keep();
    let mut codes = BTreeSet::new();
    for Ending { name, configure, act, cause, code } in endings() {
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
        // The object's callback is gone: it cannot be told again.
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
        let (made, dropped) = server.sessions.get();
        assert!(made > 0 && made == dropped, "{name}: {made} sessions made, {dropped} dropped");
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
    eventually("its session is dropped", || server.sessions.get() == (1, 1));
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
    let sessions = hand.reactor.state().sessions.clone();
    assert_eq!(sessions.get(), (1, 0));
    drop(hand.reactor);
    assert_eq!(sessions.get(), (1, 1));
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::Dropped));
    assert_eq!(told.recv(), Err(RecvError));
    // No connection is left to be told of the object's end.
    link.end();
    assert_eq!(client.reply().cmd, LINK);
    assert_eq!(client.next(), Frame::End);
}

#[test]
fn later_events_do_not_change_the_cause_of_an_end() {
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
