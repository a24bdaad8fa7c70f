//! Time, delays, refused calls, and counts.

use super::*;

#[test]
fn time_passes_while_nothing_happens() {
    let mut server = Server::new(1);
    let network = server.network.clone();
    let began = network.now();
    assert_eq!(server.tokens(250), []);
    assert_eq!((network.now() - began).as_millis(), 250);
    let timeout = Duration::from_micros(10);
    network.poll(server.poll, &mut server.events, 1024, Some(timeout)).unwrap();
    assert_eq!((network.now() - began).as_millis(), 251, "rounded up, as epoll's is");
    let error = network.poll(server.poll, &mut server.events, 1024, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);

    network.set_faults(Faults::NONE.with(Fault::LateWake, 1.0));
    network.wake(server.poll, WAKER);
    network.wake(server.poll, WAKER);
    let began = network.now();
    assert_eq!(server.tokens(1000), [WAKER], "it does not sleep longer than it has to");
    assert!((network.now() - began).as_millis() < 20);
    assert_eq!(server.tokens(1000), [WAKER]);
    assert_eq!(server.tokens(1000), []);
}

#[test]
fn delayed_bytes_arrive_in_order() {
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
fn a_call_that_is_refused_without_a_reason_is_followed_by_an_event() {
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
        assert_eq!((client.unread(), client.unused_space()), (0, false), "{fault:?}: an event is to come");
        server.network.set_faults(Faults::NONE);
        let [event] = server.poll(4) else { panic!("{fault:?}: {:?}", server.events) };
        assert!(event.readable && event.writable, "{fault:?}");
    }
}

#[test]
fn a_server_that_is_refused_the_last_space_is_told_when_there_is_more() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!((write(&mut socket, 25), write(&mut socket, 10)), (Ok(25), Ok(10)));
    server.network.set_faults(Faults::NONE.with(Fault::WriteWouldBlock, 1.0));
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::WouldBlock));
    assert_eq!(server.tokens(4), [], "5 bytes are too little for an event");
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
fn reads_and_writes_without_an_event_are_counted() {
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
fn an_event_counts_once_the_server_looks_at_it() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    client.send(b"ab");
    server.poll_only(0);
    // An earlier event of the batch has led to this write. The socket's own event, looked at later, allows
    // another.
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
fn the_poll_may_report_spurious_events() {
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
fn a_fault_of_a_client_is_known_until_the_client_is_dropped() {
    for fault in [Fault::Reset, Fault::Vanish, Fault::HalfClose] {
        let mut server = Server::new(1);
        let (mut client, mut socket) = server.pair();
        server.network.set_faults(Faults::NONE.with(fault, 1.0));
        assert!(client.send(b"0123456789") < 10);
        write(&mut socket, 5).ok();
        drop(socket);
        assert_eq!((client.fault(), client.send(b"0")), (Some(fault), 0));
        // A server that closes with unread input resets a client that still receives.
        assert_eq!(received(&mut client).1, StreamState::Reset);
    }
}

#[test]
fn news_is_reported_once() {
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
    assert_eq!(news(&server.network), [client.number()], "there is space again");
    drop(socket);
    assert_eq!(news(&server.network), [client.number()], "the end");
    received(&mut client);
    received(&mut client);
    assert_eq!(news(&server.network), []);
}
