//! How a connection ends: aborts, close codes, and drains.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustls::version::TLS13;
use sysconn::frame::{CloseCode, Opcode};
use sysconn::{Cause, Reactor};

use crate::client::{Certificate, VERSIONS, connect, hello, over, rest, still_serves};
use crate::common;
use crate::common::{
    Client, Frame, PATIENCE, Reply, SHORT, Server, UPGRADE, frame, join, packet, part, with,
};

#[test]
fn an_end_without_close_notify_is_an_abort() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let requests = join(&[&packet(1101, 1, b"half"), &packet(1101, 2, b"closed")]);
        for (notifies, expected) in [(true, Cause::PeerGone), (false, Cause::Reset)] {
            let mut client = connect(server.address, &tls);
            let address = client.stream.sock.local_addr().unwrap();
            client.echo(b"here");
            if notifies {
                // Requests before it still get their replies.
                client.send(&requests);
                client.stream.conn.send_close_notify();
                client.stream.flush().unwrap();
                assert_eq!(client.reply(), Reply::new(1101, 1, b"half"));
                assert_eq!(client.reply(), Reply::new(1101, 2, b"closed"));
                assert_eq!(client.next(), Frame::End);
            }
            client.stream.sock.shutdown(Shutdown::Write).unwrap();
            assert_eq!(server.cause_from(address), expected, "{version:?}");
        }
        // In the midst of a record.
        let mut client = connect(server.address, &tls);
        let address = client.stream.sock.local_addr().unwrap();
        let mut record = vec![];
        client.stream.conn.writer().write_all(&requests).unwrap();
        client.stream.conn.write_tls(&mut record).unwrap();
        client.stream.sock.write_all(&record[..record.len() - 1]).unwrap();
        client.stream.sock.shutdown(Shutdown::Write).unwrap();
        assert_eq!(server.cause_from(address), Cause::Reset);
        // A record that was tampered with.
        let mut client = connect(server.address, &tls);
        let address = client.stream.sock.local_addr().unwrap();
        client.stream.sock.write_all(b"\x17\x03\x03\0\x20 ciphertext that no key made at all").unwrap();
        assert_eq!(server.cause_from(address), Cause::Reset);
    }
}

#[test]
fn close_codes_and_refusals_are_delivered_before_close_notify() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let cases: [(&[u8], u16); 4] = [
            (&frame(Opcode::Binary, b"short"), 4000),
            (b"\x82\x04data", 1002),
            (&part(true, Opcode::Close, &1000u16.to_be_bytes()), 1000),
            (&packet(1108, 1, b""), 4100),
        ];
        for (bytes, code) in cases {
            let mut client = connect(server.address, &tls);
            client.send(bytes);
            client.expect_close(code, "over TLS");
        }
        let mut client = over(Client::raw(server.address).stream, &tls);
        client.send(b"POST /chat HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!(client.read_refusal().0, 405);
    }
}

/// Whatever it has sent of its request, none or a part.
#[test]
fn a_client_that_leaves_before_its_upgrade_gets_a_close_notify() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        for sent in [0, 20] {
            let mut client = over(Client::raw(server.address).stream, &tls);
            client.stream.conn.complete_io(&mut client.stream.sock).unwrap();
            client.send(&UPGRADE[..sent]);
            client.stream.conn.send_close_notify();
            client.stream.flush().unwrap();
            // Without one, reading would fail.
            assert_eq!(client.stream.read_to_end(&mut vec![]).unwrap(), 0, "{version:?}, {sent} bytes");
        }
    }
}

#[test]
fn nothing_counts_behind_the_close_notify_of_the_server() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let hello = hello(&tls);
        for bytes in
            [b"\x17\x03\x03\0\x04none", b"no record", b"\x15\x03\x03\0\x02\x02\x28".as_slice(), &hello]
        {
            let mut client = connect(server.address, &tls);
            let address = client.stream.sock.local_addr().unwrap();
            client.send(&part(true, Opcode::Close, &1000u16.to_be_bytes()));
            client.expect_close(1000, "over TLS");
            client.stream.sock.write_all(bytes).unwrap();
            client.stream.sock.shutdown(Shutdown::Write).unwrap();
            let code = CloseCode::new(1000);
            assert_eq!(server.cause_from(address), Cause::PeerClosed(code), "{version:?}, {bytes:?}");
        }
        still_serves(server.address, &tls);
    }
}

#[test]
fn draining_ends_tls_too() {
    let certificate = Certificate::new();
    let mut server = Server::packets(&certificate.config());
    let tls = Arc::new(certificate.client(&TLS13));
    let mut client = connect(server.address, &tls);
    client.echo(b"here");
    server.handle.drain();
    client.expect_close(1001, "draining");
    drop(client);
    server.join();
}

/// However far a client's handshake was when the drain began, its answer comes once the handshake is
/// complete.
#[test]
fn a_drain_answers_after_the_handshake() {
    let certificate = Certificate::new();
    for version in VERSIONS {
        let config = with(certificate.config(), |config| {
            config.drain.timeout = Some(6 * PATIENCE);
            config.timers.close = PATIENCE;
        });
        let tls = Arc::new(certificate.client(version));
        let (events, _seen) = channel();
        let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
        let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
        let begun = |reactor: &mut Reactor<common::Game>, bytes: usize| {
            let mut client = over(Client::raw(address).stream, &tls);
            let connection = &mut client.stream.conn;
            let mut flight = vec![];
            connection.write_tls(&mut flight).unwrap();
            client.stream.sock.write_all(&flight[..bytes]).unwrap();
            for _ in 0..50 {
                reactor.turn(Some(Duration::ZERO)).unwrap();
            }
            (client, flight.split_off(bytes))
        };
        // In the middle of their handshake, and not accepted yet.
        let mut clients: Vec<_> = [0, 50].map(|bytes| begun(&mut reactor, bytes)).into();
        clients.extend((0..20).map(|_| (over(Client::raw(address).stream, &tls), vec![])));
        handle.drain();
        // A turn handles the input of clients before the drain.
        reactor.turn(Some(Duration::ZERO)).unwrap();
        let running = std::thread::spawn(move || reactor.run());
        for (number, (client, flight)) in clients.iter_mut().enumerate() {
            client.stream.sock.write_all(flight).unwrap();
            if number % 2 == 0 {
                // The others only listen.
                client.send(UPGRADE);
            }
            assert_eq!(client.read_refusal().0, 503, "{number}");
        }
        drop(clients);
        running.join().unwrap().unwrap();
    }
}

#[test]
fn a_stalled_handshake_does_not_delay_a_drain() {
    let certificate = Certificate::new();
    let mut server =
        Server::packets(&with(certificate.config(), |config| config.drain.timeout = Some(SHORT)));
    let mut stalled = Client::raw(server.address);
    stalled.send(&hello(&Arc::new(certificate.client(&TLS13)))[..50]);
    server.handle.drain();
    server.join();
    assert_eq!(rest(stalled), b"");
}
