//! A panic in the game ends the connection that caused it, and no other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Event, Reply, Server, config, frame, join, message, packet, still_serves, upgrade_of};
use sysconn::Cause;
use sysconn::frame::Opcode;

#[test]
fn a_panic_in_a_handler_ends_its_connection_only() {
    let server = Server::packets(&config());
    let mut witness = Client::connect(server.address);
    witness.send_packet(1105, 1, b"");
    let ticket = server.ticket();
    for round in 0..100 {
        let mut client = Client::connect(server.address);
        client.send(&join(&[
            &packet(1101, 1, b"before"),
            &packet(1106, 2, b""),
            &packet(1101, 3, b"behind"),
        ]));
        assert_eq!(client.reply(), Reply::new(1101, 1, b"before"));
        client.expect_close(1011, &format!("round {round}"));
        assert_eq!(server.cause_of(client), Cause::HandlerFailed);

        // What the handler had replied before it panicked was said.
        let mut client = Client::connect(server.address);
        client.send_packet(1107, 4, b"last words");
        assert_eq!(client.reply(), Reply::new(1107, 4, b"last words"));
        client.expect_close(1011, &format!("round {round}"));
    }
    ticket.reply(*b"untouched");
    assert_eq!(witness.reply(), Reply::new(1105, 1, b"untouched"));
    witness.echo(b"untouched");
    witness.close();
    still_serves(server.address);
}

#[test]
fn a_panic_in_a_hook_ends_its_connection_only() {
    let server = Server::packets(&config());
    let mut witness = Client::connect(server.address);
    for _ in 0..3 {
        let mut client = Client::raw(server.address);
        client.send(&upgrade_of("/panic-in-upgrade", ""));
        assert_eq!(client.read_refusal().0, 500);
        witness.echo(b"upgrade");

        let mut client = Client::raw(server.address);
        client.upgrade(&upgrade_of("/panic-in-opened", ""));
        client.expect_close(1011, "opened");
        assert_eq!(server.cause_of(client), Cause::HandlerFailed);
        witness.echo(b"opened");

        // The end is decided already when these two are called.
        let mut client = Client::raw(server.address);
        client.upgrade(&upgrade_of("/panic-in-closed", ""));
        client.echo(b"open");
        client.close();
        assert!(matches!(server.cause_of(client), Cause::PeerClosed(_)));
        witness.echo(b"closed");

        let mut client = Client::raw(server.address);
        client.upgrade(&upgrade_of("/panic-in-offence", ""));
        client.send(&frame(Opcode::Binary, &message(1101, 1, 3, b"no such status")));
        client.expect_close(4001, "offence");
        assert!(matches!(server.event(), Event::Offence(..)));
        assert!(matches!(server.cause_of(client), Cause::Undecodable(_)));
        witness.echo(b"offence");
    }
    witness.close();
    still_serves(server.address);
}
