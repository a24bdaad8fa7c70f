//! A reactor without a thread of its own: turned by hand within the loop of another poll.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use common::{Client, Event, Game, PATIENCE, ROUTER, SHORT, config, echo, eventually, packet, with};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use sysconn::config::ConfigError;
use sysconn::{BindError, Cause, Reactor, Service, Turn, Workers};

#[test]
fn a_reactor_is_turned_within_the_loop_of_another_poll() {
    let (sender, seen) = channel();
    let config = with(config(), |config| config.timers.client_check = Some(SHORT));
    let mut reactor = Reactor::bind(&config, &ROUTER, Game::new(sender)).unwrap();
    let address = reactor.local_addr().unwrap();
    let handle = reactor.handle();

    let test = std::thread::spawn(move || {
        let mut client = Client::connect(address);
        for _ in 0..1000 {
            client.echo(b"in another loop");
        }
        // More than one turn handles, so that work is left while the descriptor is not readable.
        let all: Vec<u8> = (0..20_000).flat_map(|flag| packet(1101, flag, b"many")).collect();
        let mut writer = client.stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&all));
        for flag in 0..20_000 {
            assert_eq!(client.reply().flag, flag);
        }
        writing.join().unwrap().unwrap();
        // Mail from another thread wakes the loop.
        client.send_packet(1105, 1, b"");
        let Ok(Event::Deferred(ticket)) = seen.recv_timeout(PATIENCE) else { panic!("no request") };
        ticket.reply(*b"mail");
        assert_eq!(client.reply().data, b"mail");
        // So does a timer, which only next_deadline reports.
        client.expect_close(4003, "idle");
        drop(client);
        let Ok(Event::Closed(_, Cause::Idle)) = seen.recv_timeout(PATIENCE) else { panic!("no end") };
        let mut client = Client::connect(address);
        handle.drain();
        client.expect_close(1001, "draining");
    });

    let mut poll = Poll::new().unwrap();
    poll.registry().register(&mut SourceFd(&reactor.as_raw_fd()), Token(0), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(8);
    loop {
        #[expect(clippy::disallowed_methods, reason = "the outer loop has a clock of its own")]
        let now = Instant::now();
        let timeout = reactor.next_deadline().map(|at| at.saturating_duration_since(now));
        // The time limit is for a loop that hangs: then the client's reads fail the test.
        poll.poll(&mut events, Some(timeout.unwrap_or(PATIENCE))).unwrap();
        if reactor.turn(Some(Duration::ZERO)).unwrap() == Turn::Drained {
            break;
        }
    }
    test.join().unwrap();
    assert_eq!(reactor.connections(), 0);
    assert_eq!(reactor.turn(Some(Duration::ZERO)).unwrap(), Turn::Drained);
}

#[test]
fn dropping_a_reactor_ends_its_connections_and_calls_the_hooks() {
    let (sender, seen) = channel();
    let mut reactor = Reactor::bind(&config(), &ROUTER, Game::new(sender)).unwrap();
    let mut client = Client::raw(reactor.local_addr().unwrap());
    client.send(common::UPGRADE);
    eventually("a connection", || {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        reactor.connections() == 1
    });
    while reactor.next_deadline().is_none_or(|_| reactor.state().open() == 0) {
        reactor.turn(Some(SHORT)).unwrap();
    }
    client.read_upgraded();
    drop(reactor);
    assert!(matches!(seen.recv().unwrap(), Event::Closed(_, Cause::Dropped)));
    assert_eq!(client.stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_configuration_that_does_not_suit_the_service_is_refused() {
    let game = || Game::new(channel().0);
    let packets = Service::Packets(&ROUTER);
    for (service, max_len, expected) in [
        (packets, 8, Err(ConfigError::MaxLenForPackets)),
        (packets, 9, Ok(())),
        (Service::Messages(echo), 8, Ok(())),
        (Service::Messages(echo), 0, Err(ConfigError::MaxLen)),
    ] {
        let config = with(config(), |config| config.limits.max_len = max_len);
        for result in [
            Reactor::bind(&config, service, game()).map(drop),
            Workers::bind(&config, service, |_| game()).map(drop),
        ] {
            let found = result.map_err(|error| match error {
                BindError::Config(error) => error,
                other => panic!("{other}"),
            });
            assert_eq!(found, expected, "max_len {max_len}");
        }
    }
}
