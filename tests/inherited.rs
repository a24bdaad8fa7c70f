//! Listeners that the process was given: their queue outlives a server, and so does their path.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::thread;

use common::{Client, Game, PATIENCE, ROUTER, UPGRADE, config, with};
use sysconn::config::{Inherited, Listen};
use sysconn::{BindError, Config, ServerHandle, Workers};

/// A server with these listeners alone.
fn server(listener: &Inherited, workers: usize) -> Workers<Game> {
    Workers::bind(&only(listener, workers), &ROUTER, |_| Game::new(channel().0)).unwrap()
}

fn only(listener: &Inherited, workers: usize) -> Config {
    with(config(), |config| {
        (config.listen, config.workers) = (vec![], workers);
        config.listeners.inherited = vec![listener.clone()];
    })
}

/// Serves until `handle` drains.
fn run(mut server: Workers<Game>) -> (ServerHandle, thread::JoinHandle<std::io::Result<()>>) {
    (server.handle(), thread::spawn(move || server.run()))
}

/// Clients that have connected and sent nothing; then a server that drains, and one after it.
fn waits_for_the_next_server<S: Read + Write>(
    inherited: &Inherited,
    workers: usize,
    connect: impl Fn() -> S,
    expected: &Listen,
) {
    let mut first = server(inherited, workers);
    assert!(first.listening().eq([expected.clone()]));
    let mut clients: Vec<_> = (0..50).map(|_| Client::over(connect())).collect();
    // The drain is the first thing that this server is told.
    first.handle().drain();
    first.run().unwrap();
    let late = Client::over(connect());
    clients.push(late);
    let (handle, thread) = run(server(inherited, workers));
    for client in &mut clients {
        client.upgrade(UPGRADE);
        client.echo(b"served by the second one");
    }
    handle.drain();
    for client in &mut clients {
        client.expect_close(1001, "draining");
    }
    drop(clients);
    thread.join().unwrap().unwrap();
}

#[test]
fn clients_in_the_queue_are_served_by_the_next_server() {
    for workers in [1, 3] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        };
        waits_for_the_next_server(&listener.into(), workers, connect, &Listen::Tcp(address));

        let path = std::env::temp_dir().join(format!("sysconn-{}-inherited", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let connect = || {
            let stream = UnixStream::connect(&path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream
        };
        waits_for_the_next_server(&listener.into(), workers, connect, &Listen::Unix(path.clone()));
        assert!(path.exists(), "the path is not the server's to remove");
        std::fs::remove_file(&path).unwrap();
    }
}

/// Whoever connects is answered, whichever of the servers that follow each other gets the connection.
#[test]
fn nobody_is_refused_while_servers_follow_each_other() {
    for workers in [1, 3] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inherited = Inherited::from(listener);
        let done = AtomicBool::new(false);
        let (answered, answers) = sync_channel(0);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..3)
                .map(|_| {
                    let (done, answered) = (&done, answered.clone());
                    scope.spawn(move || {
                        while !done.load(Ordering::Relaxed) {
                            let mut client = Client::raw(address);
                            client.send(UPGRADE);
                            let head = client.read_head();
                            // 503 if the request comes when the server has begun to drain.
                            let statuses = ["HTTP/1.1 101 ", "HTTP/1.1 503 "];
                            assert!(statuses.iter().any(|status| head.starts_with(status)), "{head}");
                            let _ = answered.try_send(());
                        }
                    })
                })
                .collect();
            for round in 0..10 {
                let (handle, thread) = run(server(&inherited, workers));
                for _ in 0..10 {
                    answers.recv_timeout(PATIENCE).unwrap();
                }
                if round == 9 {
                    done.store(true, Ordering::Relaxed);
                    while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
                        thread::yield_now();
                    }
                }
                handle.drain();
                thread.join().unwrap().unwrap();
            }
        });
    }
}

#[test]
fn a_socket_that_does_not_listen_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let inherited = TcpListener::from(OwnedFd::from(stream)).into();
    let error = Workers::bind(&only(&inherited, 1), &ROUTER, |_| Game::new(channel().0)).err().unwrap();
    assert!(matches!(error, BindError::Inherited(_)), "{error}");
    assert_eq!(error.to_string(), "an inherited listener cannot be used: the socket does not listen");
}
