//! Ending a server: all clients at once or at a pace, and clients that do not leave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use arena::{ArenaServer, DEFER, ECHO, Hand};
use common::{Client, Frame, Game, PATIENCE, ROUTER, Reply, SHORT, UPGRADE, config, join, packet, with};
use sysconn::config::Listen;
use sysconn::{Application, Cause, Context, Effects, Moment, Reactor, Record, Router, Turn, Workers};

#[test]
fn a_drain_sends_all_replies_before_it_closes_all_clients() {
    let mut server = ArenaServer::new(&config());
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
    let mut upgrading = Client::raw(server.address);
    upgrading.send(&UPGRADE[..30]);
    let mut waiting = Client::connect(server.address);
    waiting.send_packet(DEFER, 1, b"");
    let ticket = server.ticket();
    server.survey(|_| ());
    // Both are in the mailbox in this order.
    for client in &mut clients {
        client.ask(b"before");
    }
    ticket.reply(*b"before");
    server.handle.drain();
    server.handle.drain();
    assert_eq!(waiting.reply(), Reply::new(DEFER, 1, b"before"));
    waiting.expect_close(1001, "a drain");
    for client in &mut clients {
        client.expect_close(1001, "a drain");
    }
    // No client is let in any more: unfinished upgrades are refused, and the listeners are closed.
    assert_eq!(upgrading.read_refusal().0, 503);
    assert_eq!(TcpStream::connect(server.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    drop((clients, waiting, upgrading));
    server.join();
    let causes: Vec<Cause> = server
        .events
        .try_iter()
        .filter_map(|event| match event {
            arena::Event::Closed(_, cause) => Some(cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [Cause::GoingAway; 21]);
}

/// A server's listener, and a silent client that is connected to it.
type Connect = Box<dyn Fn() -> Client<Stream>>;

/// A client's stream of either kind.
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buffer),
            Stream::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(buffer),
            Stream::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connects_to(listen: Listen) -> Connect {
    Box::new(move || match &listen {
        Listen::Tcp(address) => Client::over(Stream::Tcp(Client::raw(*address).stream)),
        Listen::Unix(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Client::over(Stream::Unix(stream))
        }
    })
}

#[test]
fn clients_waiting_to_be_accepted_are_answered() {
    let path = std::env::temp_dir().join(format!("sysconn-{}-draining", std::process::id()));
    let unix = vec![Listen::Unix(path)];
    let mut both = config().listen;
    both.extend(unix.clone());
    // Many at one listener, and at those of several workers.
    for (listen, workers, count) in [(config().listen, 1, 2000), (unix, 1, 300), (both, 3, 300)] {
        let hour = Duration::from_secs(3600);
        let config = with(config(), |config| {
            config.listen = listen;
            config.workers = workers;
            config.drain.timeout = Some(hour);
            config.timers.close = hour;
        });
        let (events, _seen) = channel();
        let mut workers = Workers::bind(&config, &ROUTER, |_| Game::new(events.clone())).unwrap();
        let connects: Vec<Connect> = workers.listening().map(connects_to).collect();
        // No client is accepted yet, and the drain is the first event of the server.
        let mut waiting: Vec<_> = (0..count).map(|number| connects[number % connects.len()]()).collect();
        waiting[0].send(UPGRADE);
        workers.handle().drain();
        let server = thread::spawn(move || workers.run());
        // The last clients send long after all were answered, and none is reset.
        for client in waiting.iter_mut().skip(1) {
            client.send(UPGRADE);
        }
        for client in &mut waiting {
            let (status, head, _) = client.read_refusal();
            assert_eq!(status, 503, "{head}");
        }
        drop(waiting);
        server.join().unwrap().unwrap();
    }
}

/// A game that notes when its connections end.
struct Ends {
    opened: usize,
    ends: Sender<Moment>,
}

impl Application for Ends {
    type Session = ();

    fn opened(&mut self, _: &mut Context<'_>) {
        self.opened += 1;
    }

    fn closed(&mut self, _: &Record, _: (), cause: Cause, effects: &mut Effects) {
        assert_eq!(cause, Cause::GoingAway);
        let ends = self.ends.clone();
        effects.survey(move |survey| ends.send(survey.now()).unwrap());
    }
}

static NO_ROUTES: Router<Ends> = Router::new([]);

#[test]
fn a_paced_drain_closes_clients_one_by_one() {
    const CLIENTS: usize = 10;
    const RATE: u32 = 20;
    let config = with(config(), |config| {
        config.drain.rate = Some(RATE);
        config.drain.timeout = Some(Duration::from_secs(60));
    });
    let (ends, ended) = channel();
    let mut reactor = Reactor::bind(&config, &NO_ROUTES, Ends { opened: 0, ends }).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    // Each client answers its Close, and is gone.
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            thread::spawn(move || {
                let mut client = Client::connect(address);
                let close = client.next();
                assert_eq!(close, Frame::Close(Some(1001)));
            })
        })
        .collect();
    while reactor.state().opened < CLIENTS {
        reactor.turn(None).unwrap();
    }
    let (began, begins) = channel();
    handle.drain();
    handle.survey(move |survey| began.send(survey.now()).unwrap()).unwrap();
    let mut in_between = vec![];
    while reactor.turn(None).unwrap() == Turn::Running {
        let open = reactor.connections();
        if open > 0 && open < CLIENTS && in_between.last() != Some(&open) {
            in_between.push(open);
        }
    }
    // One after the other, none earlier than its turn.
    assert!(!in_between.is_empty(), "all were closed in one turn");
    let began = begins.recv().unwrap();
    let ended: Vec<Moment> = ended.try_iter().collect();
    assert_eq!(ended.len(), CLIENTS);
    for (number, end) in (1..).zip(ended) {
        let earliest_ms = number * 1000 / u64::from(RATE);
        assert!(end.since(began) >= earliest_ms, "{number}: {} ms", end.since(began));
    }
    for client in clients {
        client.join().unwrap();
    }
}

#[test]
fn drain_timeout_ends_a_drain_although_clients_do_not_answer() {
    let never = Duration::from_secs(600);
    let cases = [
        (
            "all at once",
            with(config(), |config| {
                config.drain.timeout = Some(SHORT);
                config.timers.close = never;
            }),
        ),
        (
            "at a pace that the time does not suffice for",
            with(config(), |config| {
                config.drain.timeout = Some(SHORT);
                config.timers.close = never;
                config.drain.rate = Some(1);
            }),
        ),
    ];
    for (name, config) in cases {
        let mut server = ArenaServer::new(&config);
        let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(server.address)).collect();
        // One of them never even upgrades, and one has a reply outstanding.
        let _silent = Client::raw(server.address);
        clients[0].send(&join(&[&packet(ECHO, 1, b"in"), &packet(DEFER, 2, b"")]));
        assert_eq!(clients[0].reply().data, b"in");
        let _ticket = server.ticket();
        server.handle.drain();
        server.join();
        for client in &mut clients {
            client.expect_close(1001, name);
        }
        let causes = server
            .events
            .try_iter()
            .filter(|event| matches!(event, arena::Event::Closed(_, Cause::GoingAway)));
        assert_eq!(causes.count(), 20, "{name}");
    }
}

#[test]
fn a_drain_without_clients_ends_at_once() {
    let mut hand = Hand::new(&with(config(), |config| config.drain.rate = Some(1)));
    hand.reactor.handle().drain();
    let mut turns = 0;
    while hand.reactor.turn(None).unwrap() == Turn::Running {
        turns += 1;
        assert!(turns < 10);
    }
    assert_eq!(hand.reactor.local_addr(), None);
}
