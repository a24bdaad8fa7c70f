//! Connecting, edges, buffers, and the ends of connections.

use super::*;

#[test]
fn a_client_knows_when_it_was_accepted() {
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
fn an_edge_comes_once_for_what_is_new() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!(server.tokens(0), []);
    for _ in 0..2 {
        client.send(b"ab");
        client.send(b"cd");
        assert_eq!(server.tokens(0), [SOCKET]);
        assert_eq!(server.tokens(0), [], "unread bytes are not reported again");
    }
    assert_eq!(client.unread(), 8);
    assert_eq!(read(&mut socket).unwrap(), b"abcdabcd");
    assert_eq!(read(&mut socket), Err(ErrorKind::WouldBlock));
    assert_eq!((server.tokens(0), client.unread()), (vec![], 0));
}

#[test]
fn what_is_ready_before_registration_is_reported() {
    let mut server = Server::new(1);
    let mut client = server.connect();
    assert_eq!(server.tokens(0), [LISTENER]);
    client.send(b"early");
    let (mut socket, _) = server.listener.accept().unwrap();
    socket.register(server.poll, SOCKET).unwrap();
    let [event] = server.poll(0) else { panic!("{:?}", server.events) };
    assert!(event.readable && event.writable && !event.read_closed && !event.error && !event.priority);
}

#[test]
fn buffers_have_their_capacity_in_both_directions() {
    let mut server = Server::new(1);
    let (mut client, mut socket) = server.pair();
    assert_eq!((client.send(&[1; 100]), client.send(&[1; 100])), (40, 20));
    assert_eq!(read(&mut socket).unwrap().len(), 20);
    assert_eq!(server.tokens(0), [SOCKET], "reading makes space for more");
    assert_eq!(read(&mut socket).unwrap().len(), 20);

    // 30 bytes are on their way, and 10 are with the client.
    assert_eq!(write(&mut socket, 25), Ok(25));
    assert_eq!(write(&mut socket, 100), Ok(15));
    assert_eq!(write(&mut socket, 1), Err(ErrorKind::WouldBlock));
    server.poll(0);
    assert_eq!(received(&mut client), (10, StreamState::Open));
    assert_eq!(server.poll(0).iter().filter(|event| event.writable).count(), 1, "a third is free");
    assert_eq!(write(&mut socket, 100), Ok(10));
    client.set_window(0);
    assert_eq!(received(&mut client), (10, StreamState::Open));
    assert_eq!(received(&mut client), (0, StreamState::Open));
    assert_eq!(server.tokens(0), []);
    client.set_window(100);
    assert_eq!((received(&mut client), server.tokens(0)), ((30, StreamState::Open), vec![SOCKET]));
}

#[test]
fn an_end_is_seen_behind_the_bytes_before_it() {
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
    assert_eq!(received(&mut client), (10, StreamState::Open));
    assert_eq!(received(&mut client), (5, StreamState::Ended));
    drop(socket);
    assert_eq!((received(&mut client), client.is_held()), ((0, StreamState::Ended), false));
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
fn a_server_that_closes_with_unread_input_resets_the_client() {
    for (sent, late, expected) in
        [(0, 0, (30, StreamState::Ended)), (1, 0, (10, StreamState::Reset)), (0, 1, (10, StreamState::Reset))]
    {
        let mut server = Server::new(1);
        let (mut client, mut socket) = server.pair();
        assert_eq!(write(&mut socket, 30), Ok(30));
        client.send(&[1; 10][..sent]);
        drop(socket);
        client.send(&[1; 10][..late]);
        let mut all = vec![];
        let mut line = StreamState::Open;
        while line == StreamState::Open {
            line = client.receive(&mut all);
        }
        assert_eq!((all.len(), line), expected, "{sent} bytes before, {late} after");
    }
}

#[test]
fn a_client_that_is_dropped_ends_its_connection() {
    for (written, error) in [(0, false), (1, true)] {
        let mut server = Server::new(1);
        let (client, mut socket) = server.pair();
        write(&mut socket, written).ok();
        drop(client);
        let [event] = server.poll(0) else { panic!("{:?}", server.events) };
        assert_eq!((event.read_closed, event.error), (true, error), "{written} bytes are not received");
        if !error {
            // A write to a client that is gone causes a reset.
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
