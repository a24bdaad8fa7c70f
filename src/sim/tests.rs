//! What the network promises, seen from both ends without a reactor between them.

use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use mio::Token;

use super::*;
use crate::config::Listen;
use crate::record::Peer;

const LISTENER: Token = Token(1);
const SOCKET: Token = Token(2);
const WAKER: Token = Token(3);

const SMALL: Buffers = Buffers { client_send: 40, server_receive: 20, server_send: 30, client_receive: 10 };

/// A server's calls, one at a time.
struct Server {
    network: Network,
    listener: SimulatedListener,
    events: Vec<Readiness>,
}

impl Server {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        network.set_buffers(SMALL);
        let listener = network.listen(&Listen::Tcp(([127, 0, 0, 1], 80).into())).unwrap();
        listener.register(LISTENER);
        Server { network, listener, events: vec![] }
    }

    fn connect(&self) -> Client {
        self.network.connect(Peer::Ip([10, 0, 0, 1].into(), 1)).unwrap()
    }

    /// A connection that is registered, and of which the poll has told that it can be written to.
    fn pair(&mut self) -> (Client, SimulatedSocket) {
        let client = self.connect();
        let (mut socket, _) = self.listener.accept().unwrap();
        socket.register(SOCKET).unwrap();
        self.poll(0);
        (client, socket)
    }

    /// The events of a poll that waits so many milliseconds, each looked at.
    fn poll(&mut self, ms: u64) -> &[Readiness] {
        self.poll_only(ms);
        self.look();
        &self.events
    }

    fn poll_only(&mut self, ms: u64) {
        self.network.poll(&mut self.events, 1024, Some(Duration::from_millis(ms))).unwrap();
    }

    fn look(&self) {
        self.events.iter().for_each(|&event| self.network.note_told(event));
    }

    fn tokens(&mut self, ms: u64) -> Vec<Token> {
        self.poll(ms).iter().map(|event| event.token).collect()
    }
}

fn read(socket: &mut SimulatedSocket) -> Result<Vec<u8>, ErrorKind> {
    let mut buffer = [0; 100];
    let count = socket.read(&mut buffer).map_err(|error| error.kind())?;
    Ok(buffer[..count].to_vec())
}

fn write(socket: &mut SimulatedSocket, count: usize) -> Result<usize, ErrorKind> {
    let bytes = vec![7; count];
    let (front, back) = bytes.split_at(count / 2);
    socket.write_vectored(&[IoSlice::new(front), IoSlice::new(back)]).map_err(|error| error.kind())
}

fn received(client: &mut Client) -> (usize, Line) {
    let mut bytes = vec![];
    let line = client.receive(&mut bytes);
    (bytes.len(), line)
}

#[test]
fn a_client_knows_since_when_it_is_accepted() {
    let server = Server::new(1);
    let client = server.connect();
    server.network.advance(Duration::from_secs(7));
    assert_eq!((client.accepted_at(), client.is_held()), (None, false));
    let (socket, _) = server.listener.accept().unwrap();
    server.network.advance(Duration::from_secs(1));
    assert_eq!((client.accepted_at(), client.is_held()), (Some(Duration::from_secs(7)), true));
    drop(socket);
    assert_eq!((client.accepted_at(), client.is_held()), (Some(Duration::from_secs(7)), false));
}

#[test]
fn an_edge_comes_once_for_what_is_new_and_never_for_what_is_old() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!(server.tokens(0), []);
    for _ in 0..2 {
        client.send(b"ab");
        client.send(b"cd");
        assert_eq!(server.tokens(0), [SOCKET]);
        assert_eq!(server.tokens(0), [], "what was not read is not told again");
    }
    assert_eq!(client.unread(), 8);
    assert_eq!(read(&mut socket).unwrap(), b"abcdabcd");
    assert_eq!(read(&mut socket), Err(ErrorKind::WouldBlock));
    assert_eq!((server.tokens(0), client.unread()), (vec![], 0));
}

#[test]
fn what_is_ready_before_it_is_registered_is_told() {
    let mut server = Server::new(1);
    let mut client = server.connect();
    assert_eq!(server.tokens(0), [LISTENER]);
    client.send(b"early");
    let (mut socket, _) = server.listener.accept().unwrap();
    socket.register(SOCKET).unwrap();
    let [event] = server.poll(0) else { panic!("{:?}", server.events) };
    assert!(event.readable && event.writable && !event.read_closed && !event.error && !event.priority);
}

#[test]
fn buffers_hold_what_they_hold_both_ways() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!((client.send(&[1; 100]), client.send(&[1; 100])), (40, 20));
    assert_eq!(read(&mut socket).unwrap().len(), 20);
    assert_eq!(server.tokens(0), [SOCKET], "as there is room more arrives");
    assert_eq!(read(&mut socket).unwrap().len(), 20);

    // 30 bytes are on their way, and 10 are with the client.
    assert_eq!(write(&mut socket, 25), Ok(25));
    assert_eq!(write(&mut socket, 100), Ok(15));
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::WouldBlock));
    server.poll(0);
    assert_eq!(received(&mut client), (10, Line::Open));
    assert_eq!(server.poll(0).iter().filter(|event| event.writable).count(), 1, "a third is free");
    assert_eq!(write(&mut socket, 100), Ok(10));
    client.set_window(0);
    assert_eq!(received(&mut client), (10, Line::Open));
    assert_eq!(received(&mut client), (0, Line::Open));
    assert_eq!(server.tokens(0), []);
    client.set_window(100);
    assert_eq!((received(&mut client), server.tokens(0)), ((30, Line::Open), vec![SOCKET]));
}

#[test]
fn ends_are_seen_behind_what_came_before_them() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"last");
    client.finish();
    assert_eq!(client.send(b"more"), 0);
    let [event] = server.poll(0) else { panic!("{:?}", server.events) };
    assert!(event.readable && event.read_closed && !event.error);
    assert_eq!([read(&mut socket), read(&mut socket)], [Ok(b"last".to_vec()), Ok(vec![])]);
    assert_eq!(write(&mut socket, 15), Ok(15));
    socket.shutdown_write();
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::BrokenPipe));
    assert_eq!(received(&mut client), (10, Line::Open));
    assert_eq!(received(&mut client), (5, Line::Ended));
    drop(socket);
    assert_eq!((received(&mut client), client.is_held()), ((0, Line::Ended), false));
}

#[test]
fn a_reset_is_an_error_once_and_then_an_end() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"last");
    client.reset();
    let [event] = server.poll(0) else { panic!("{:?}", server.events) };
    assert!(event.readable && event.writable && event.read_closed && event.error);
    assert_eq!(read(&mut socket).unwrap(), b"last");
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::ConnectionReset));
    assert_eq!((write(&mut socket, 1), read(&mut socket)), (Err(ErrorKind::BrokenPipe), Ok(vec![])));
}

#[test]
fn a_server_that_closes_with_input_unread_cuts_the_client_off() {
    for (sent, late, expected) in
        [(0, 0, (30, Line::Ended)), (1, 0, (10, Line::Reset)), (0, 1, (10, Line::Reset))]
    {
        let mut server = Server::new(1);
        let (mut client, mut socket) = server.pair();
        assert_eq!(write(&mut socket, 30), Ok(30));
        client.send(&[1; 10][..sent]);
        drop(socket);
        client.send(&[1; 10][..late]);
        let mut all = vec![];
        let mut line = Line::Open;
        while line == Line::Open {
            line = client.receive(&mut all);
        }
        assert_eq!((all.len(), line), expected, "{sent} bytes before, {late} after");
    }
}

#[test]
fn clients_that_go_are_noticed() {
    for (written, error) in [(0, false), (1, true)] {
        let mut server = Server::new(1);
        let (client, mut socket) = server.pair();
        write(&mut socket, written).ok();
        drop(client);
        let [event] = server.poll(0) else { panic!("{:?}", server.events) };
        assert_eq!((event.read_closed, event.error), (true, error), "{written} bytes are not received");
        if !error {
            // The answer to somebody who is not there any more comes back as a reset.
            assert_eq!(write(&mut socket, 1), Ok(1));
            assert!(server.poll(0).iter().all(|event| event.error));
        }
        drop(socket);
        let Ledger { accepted, opened, closed, gone, .. } = server.network.ledger();
        // The listener is open.
        assert_eq!((accepted, opened, closed, gone.written), (1, 2, 1, 1));
    }
}

#[test]
fn a_read_ends_before_the_urgent_byte() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"before");
    client.send_urgent();
    client.send(b"behind");
    let [event] = server.poll(0) else { panic!("{:?}", server.events) };
    assert!(event.readable && event.priority);
    assert_eq!([read(&mut socket), read(&mut socket)], [Ok(b"before".to_vec()), Ok(b"behind".to_vec())]);
    client.send(b"more");
    assert!(server.poll(0).iter().all(|event| !event.priority));
}

#[test]
fn time_passes_while_nothing_happens() {
    let mut server = Server::new(1);
    let network = server.network.clone();
    let began = network.now();
    assert_eq!(server.tokens(250), []);
    assert_eq!((network.now() - began).as_millis(), 250);
    let timeout = Duration::from_micros(10);
    network.poll(&mut server.events, 1024, Some(timeout)).unwrap();
    assert_eq!((network.now() - began).as_millis(), 251, "rounded up, as epoll's is");
    let error = network.poll(&mut server.events, 1024, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);

    network.set_faults(Faults::NONE.with(Fault::LateWake, 1.0));
    network.wake(WAKER);
    network.wake(WAKER);
    let began = network.now();
    assert_eq!(server.tokens(1000), [WAKER], "it does not sleep longer than it has to");
    assert!((network.now() - began).as_millis() < 20);
    assert_eq!(server.tokens(1000), [WAKER]);
    assert_eq!(server.tokens(1000), []);
}

#[test]
fn what_is_held_up_comes_later_and_in_order() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    server.network.set_faults(Faults::NONE.with(Fault::Stall, 1.0));
    client.send(b"a");
    server.network.set_faults(Faults::NONE);
    client.send(b"b");
    client.finish();
    assert_eq!((server.tokens(0), read(&mut socket)), (vec![], Err(ErrorKind::WouldBlock)));
    assert_eq!(server.tokens(60), [SOCKET]);
    assert_eq!((read(&mut socket), read(&mut socket)), (Ok(b"ab".to_vec()), Ok(vec![])));
}

#[test]
fn a_call_that_is_refused_for_no_reason_is_made_good() {
    let reading = [Fault::ShortRead, Fault::ReadWouldBlock, Fault::Storm];
    let writing = [Fault::ShortWrite, Fault::WriteWouldBlock, Fault::Storm];
    for (fault, reads) in
        reading.map(|fault| (fault, true)).into_iter().chain(writing.map(|fault| (fault, false)))
    {
        let mut server = Server::new(5);
        let (mut client, mut socket) = server.pair();
        client.send(&[1; 20]);
        assert_eq!(server.tokens(0), [SOCKET]);
        server.network.set_faults(Faults::NONE.with(fault, 1.0));
        let count = if reads { read(&mut socket).map(|bytes| bytes.len()) } else { write(&mut socket, 20) };
        assert!(count.is_err() || count.is_ok_and(|count| count < 20), "{fault:?}: {count:?}");
        assert_eq!(server.network.injected().of(fault), 1);
        assert_eq!((client.unread(), client.unused_room()), (0, false), "{fault:?}: an event is to come");
        server.network.set_faults(Faults::NONE);
        let [event] = server.poll(4) else { panic!("{fault:?}: {:?}", server.events) };
        assert!(event.readable && event.writable, "{fault:?}");
    }
}

#[test]
fn who_is_refused_the_last_of_the_room_is_told_when_there_is_more() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!((write(&mut socket, 25), write(&mut socket, 10)), (Ok(25), Ok(10)));
    server.network.set_faults(Faults::NONE.with(Fault::WriteWouldBlock, 1.0));
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::WouldBlock));
    assert_eq!(server.tokens(4), [], "5 bytes are no room that is worth an event");
    received(&mut client);
    assert_eq!(server.tokens(0), [SOCKET]);
}

#[test]
fn a_client_that_could_not_be_accepted_waits() {
    let failures = [
        (Fault::AcceptInterrupted, ErrorKind::Interrupted),
        (Fault::AcceptWouldBlock, ErrorKind::WouldBlock),
        (Fault::AcceptAborted, ErrorKind::ConnectionAborted),
        (Fault::NoMemory, ErrorKind::OutOfMemory),
    ];
    for (fault, kind) in failures {
        let mut server = Server::new(1);
        let client = server.connect();
        assert_eq!(server.tokens(0), [LISTENER]);
        server.network.set_faults(Faults::NONE.with(fault, 1.0));
        assert_eq!(server.listener.accept().unwrap_err().kind(), kind);
        server.network.set_faults(Faults::NONE);
        if fault == Fault::AcceptWouldBlock {
            assert_eq!(server.tokens(4), [LISTENER]);
        }
        let _socket = server.listener.accept().unwrap();
        assert!(client.is_held());
    }
}

#[test]
fn descriptors_are_counted_and_can_run_out() {
    let server = Server::new(1);
    server.network.set_descriptor_limit(2);
    let _client = server.connect();
    let spare = server.network.spare().unwrap();
    assert!(server.network.spare().is_none());
    let is_out = |error: io::Error| error.raw_os_error() == Some(24);
    assert!(server.listener.accept().is_err_and(is_out));
    drop(spare);
    let accepted = server.listener.accept().unwrap();
    assert_eq!(server.network.ledger().open(), 2);
    drop((accepted, server.listener));
    assert_eq!((server.network.ledger().open(), server.network.ledger().closed_twice), (0, 0));
}

#[test]
fn reads_and_writes_that_nobody_asked_for_are_counted() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"ab");
    server.poll(0);
    read(&mut socket).ok();
    assert_eq!(server.network.ledger().unasked_reads, 0);
    read(&mut socket).ok();
    assert_eq!(server.network.ledger().unasked_reads, 1);
    write(&mut socket, 1000).ok();
    assert_eq!(server.network.ledger().unasked_writes, 0);
    write(&mut socket, 1000).ok();
    assert_eq!(server.network.ledger().unasked_writes, 1);
}

#[test]
fn an_event_asks_for_nothing_until_it_is_looked_at() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"ab");
    server.poll_only(0);
    // An event ahead of it has led to this write, and the server takes it that there is room again.
    assert_eq!(write(&mut socket, 1000), Ok(30));
    server.look();
    assert_eq!(write(&mut socket, 1000), Ok(10));
    assert_eq!(server.network.ledger().unasked_writes, 0);
    write(&mut socket, 1000).ok();
    assert_eq!(server.network.ledger().unasked_writes, 1);

    read(&mut socket).ok();
    client.send(b"cd");
    server.poll_only(0);
    assert_eq!(server.network.ledger().unasked_reads, 0);
    read(&mut socket).ok();
    assert_eq!(server.network.ledger().unasked_reads, 1);
}

#[test]
fn events_can_be_false() {
    let mut server = Server::new(1);
    let (_client, socket) = server.pair();
    server.network.set_faults(Faults::NONE.with(Fault::SpuriousEvent, 1.0));
    assert_eq!(server.tokens(0), [SOCKET]);
    server.network.set_faults(Faults::NONE.with(Fault::StaleEvent, 1.0));
    assert_eq!(server.tokens(0), [], "nobody is gone yet");
    drop(socket);
    assert_eq!(server.tokens(0), [SOCKET]);
}

#[test]
fn what_befalls_a_client_is_known_until_it_is_dropped() {
    for fault in [Fault::Reset, Fault::Vanish, Fault::HalfClose] {
        let mut server = Server::new(1);
        let (mut client, mut socket) = server.pair();
        server.network.set_faults(Faults::NONE.with(fault, 1.0));
        assert!(client.send(b"0123456789") < 10);
        write(&mut socket, 5).ok();
        drop(socket);
        assert_eq!((client.fault(), client.send(b"0")), (Some(fault), 0));
        // A server that closes without having read what came cuts off who still listens.
        assert_eq!(received(&mut client).1, Line::Reset);
    }
}

#[test]
fn news_is_told_once() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    let news = |network: &Network| {
        let mut numbers = vec![];
        network.news(&mut numbers);
        numbers
    };
    let other = server.connect();
    assert_ne!(client.number(), other.number());
    assert_eq!(news(&server.network), []);
    write(&mut socket, 1).ok();
    write(&mut socket, 1).ok();
    assert_eq!(news(&server.network), [client.number()]);
    assert_eq!(news(&server.network), []);
    client.send(&[0; 100]);
    read(&mut socket).ok();
    assert_eq!(news(&server.network), [client.number()], "there is room again");
    drop(socket);
    assert_eq!(news(&server.network), [client.number()], "the end");
    received(&mut client);
    received(&mut client);
    assert_eq!(news(&server.network), []);
}
