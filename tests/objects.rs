//! The ends of a player's object and its connection: replaced links, links that end before they are used, and
//! objects that panic in their callback.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::sync::mpsc::RecvError;

use arena::{ArenaServer, ECHO, LINK};
use common::{Client, PATIENCE, Reply, config, frame, join, packet};
use sysconn::frame::Opcode;
use sysconn::{
    Access, Application, Cause, Context, Module, Outcome, Push, Reactor, Record, Request, Route, Router,
};

#[test]
fn a_replaced_object_is_notified_and_cannot_end_the_connection() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let (first, first_told) = server.link(&mut client);
    let (second, second_told) = server.link(&mut client);
    assert_eq!(first.connection(), second.connection());
    assert_eq!(first_told.recv_timeout(PATIENCE), Ok(Cause::Replaced));
    assert_eq!(first_told.recv(), Err(RecvError));
    first.end();
    server.survey(|_| ());
    client.ask(b"the first one's end is nothing");
    second.end();
    client.expect_close(4005, "the second one's end");
    drop(client);
    assert_eq!(second_told.recv_timeout(PATIENCE), Ok(Cause::ObjectEnded));
    assert_eq!(second_told.recv(), Err(RecvError));
}

#[test]
fn an_object_that_ends_in_a_handler_closes_after_the_reply() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    client.send_packet(LINK, 3, b"now");
    assert_eq!(client.reply(), Reply::new(LINK, 3, b""));
    client.expect_close(4005, "the object ended at once");
    drop(client);
    assert_eq!(server.closed().1, Cause::ObjectEnded);
    // If a handler panics together with its object, the failure of the handler is handled first.
    let mut client = Client::connect(server.address);
    client.send_packet(LINK, 3, b"panic");
    client.expect_close(1011, "the handler panicked");
    drop(client);
    assert_eq!(server.closed().1, Cause::HandlerFailed);
}

#[test]
fn the_end_of_an_object_without_a_connection_reaches_nobody() {
    let server = ArenaServer::new(&config());
    for _ in 0..20 {
        let mut client = Client::connect(server.address);
        let (link, told) = server.link(&mut client);
        client.send(&frame(Opcode::Close, b""));
        drop(client);
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::PeerClosed(None)));
        // It has the slot of the first, and an object of its own.
        let mut next = Client::connect(server.address);
        let (_own, own_told) = server.link(&mut next);
        link.end();
        server.survey(|_| ());
        next.ask(b"not its object");
        next.close();
        drop(next);
        assert!(matches!(own_told.recv_timeout(PATIENCE), Ok(Cause::PeerClosed(Some(_)))));
    }
}

#[test]
fn a_push_of_an_object_goes_out_before_the_close() {
    let server = ArenaServer::new(&config());
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    let (link, _told) = server.link(&mut client);
    for number in 0..100u32 {
        handle.send(&Push::new(arena::PUSHED, &number.to_be_bytes())).unwrap();
    }
    link.end();
    for number in 0..100u32 {
        assert_eq!(client.reply().data, number.to_be_bytes());
    }
    client.expect_close(4005, "the object ended");
}

/// A game whose objects panic in their callback, and whose hook counts the ends.
struct Touchy {
    ends: Vec<Cause>,
}

impl Application for Touchy {
    type Session = ();

    fn closed(&mut self, _: &Record, _: (), cause: Cause, _: &mut sysconn::Effects) {
        self.ends.push(cause);
    }
}

static TOUCHY: Module<Touchy> = Module::new(
    12,
    "touchy",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(LINK, "link", Access::Anyone, link_touchy),
    ],
);
static TOUCHY_ROUTER: Router<Touchy> = Router::new([&TOUCHY]);

fn link_touchy(_: &mut Touchy, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    // Leaked, so that only the connection can end.
    std::mem::forget(context.link(|_| panic!("as the test asked")));
    context.reply(b"")
}

#[test]
fn an_object_that_panics_when_notified_harms_nobody() {
    let mut reactor = Reactor::bind(&config(), &TOUCHY_ROUTER, Touchy { ends: vec![] }).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let thread = std::thread::spawn(move || {
        reactor.run().unwrap();
        reactor.act(|game, _| std::mem::take(&mut game.ends))
    });
    let mut other = Client::connect(address);
    for _ in 0..3 {
        let mut client = Client::connect(address);
        // The second link tells the first object, within a handler.
        client.send(&join(&[&packet(LINK, 0, b""), &packet(LINK, 1, b"")]));
        assert_eq!((client.reply().cmd, client.reply().cmd), (LINK, LINK));
        client.close();
        drop(client);
        other.ask(b"not harmed");
    }
    other.close();
    drop(other);
    handle.drain();
    assert_eq!(thread.join().unwrap().len(), 4);
}
