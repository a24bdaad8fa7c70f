//! The end of a server: drained, or because a worker failed.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::{Cause, Workers};

use super::common::{Client, PATIENCE, Reply, UPGRADE, config, eventually, join, packet, with};
use super::server::{Citizen, Server};
use super::town::{ASK, CLOSE, ECHO, Event, KICK, TOWN, Town};

#[test]
fn a_drain_ends_all_workers() {
    let mut server = Server::new(&with(config(), |config| config.workers = 3));
    let mut citizens: Vec<Citizen> = server.settle(4).into_iter().flatten().collect();
    server.handle.drain();
    for citizen in &mut citizens {
        citizen.client.expect_close(1001, "draining");
    }
    drop(citizens);
    server.join().unwrap();
    let causes = server.events.try_iter().filter(|event| matches!(event, Event::Closed(_, Cause::GoingAway)));
    assert_eq!(causes.count(), 12);
    assert_eq!(TcpStream::connect(server.address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_connection_that_closes_itself_handles_no_later_packet() {
    for workers in 1..=2 {
        let server = Server::new(&with(config(), |config| config.workers = workers));
        for (cmd, code) in [(CLOSE, 4200), (KICK, 4010)] {
            let mut citizen = server.settle(1).swap_remove(workers - 1).swap_remove(0);
            let id = citizen.id.to_u64().to_be_bytes();
            // In one read.
            citizen.client.send(&join(&[&packet(cmd, 1, &id), &packet(ECHO, 2, b"too late")]));
            assert_eq!(citizen.client.reply(), Reply::new(cmd, 1, b""));
            citizen.client.expect_close(code, "by itself");
        }
    }
}

#[test]
fn workers_without_clients_end_at_once() {
    let mut server = Server::new(&with(config(), |config| {
        config.workers = 4;
        config.drain.rate = Some(1);
    }));
    server.handle.drain();
    server.join().unwrap();
}

#[test]
fn a_worker_without_clients_serves_the_others_until_they_are_drained() {
    // At one client a second, the second one belongs to the second worker.
    let config = with(config(), |config| {
        config.workers = 2;
        config.drain.rate = Some(1);
        config.drain.timeout = Some(Duration::from_secs(60));
    });
    let mut server = Server::new(&config);
    let mut citizen = server.settle(1).swap_remove(1).swap_remove(0);
    eventually("the first worker has no clients", || server.connections() == [0, 1]);
    server.handle.drain();
    eventually("it drains", || TcpStream::connect(server.address).is_err());
    let mut asked = 0;
    loop {
        citizen.client.send_packet(ASK, 1, &[0]);
        match citizen.client.next() {
            super::common::Frame::Binary(message) => {
                assert_eq!(sysconn::packet::Reply::parse(&message).unwrap().data, [0]);
                asked += 1;
            }
            other => {
                assert_eq!(other, super::common::Frame::Close(Some(1001)));
                break;
            }
        }
    }
    assert_ne!(asked, 0);
    drop(citizen);
    server.join().unwrap();
}

#[test]
fn a_worker_that_fails_ends_the_others_and_is_reported() {
    for failing in 0..2 {
        let (events, _seen) = channel();
        let config = with(config(), |config| config.workers = 2);
        let mut workers = Workers::bind(&config, &TOWN, |worker| Town::new(worker, events.clone())).unwrap();
        let (address, (go, goes)) = (workers.local_addr().unwrap(), channel::<()>());
        let goes = std::sync::Mutex::new(goes);
        let running = thread::spawn(move || {
            let result = workers.run_with(|worker| {
                if worker == failing {
                    goes.lock().unwrap().recv_timeout(PATIENCE).unwrap();
                    panic!("as the test asked");
                }
            });
            // Its sockets are closed with it.
            drop(workers);
            result
        });
        // The other one serves.
        let mut clients: Vec<Client> = (0..20)
            .map(|_| {
                let mut client = Client::raw(address);
                client.send(UPGRADE);
                client
            })
            .collect();
        go.send(()).unwrap();
        let error = running.join().unwrap().unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        // Clients of the failed worker were cut off, and the others got a Close.
        for client in &mut clients {
            let mut buffer = vec![];
            let _ = std::io::Read::read_to_end(&mut client.stream, &mut buffer);
        }
        assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn workers_share_a_unix_domain_socket() {
    let path = format!("{}/workers-{}.sock", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let config = with(config(), |config| {
        config.workers = 3;
        config.listen = vec![Listen::Unix(path.clone().into())];
    });
    let mut server = Server::new(&config);
    for _ in 0..200 {
        let mut client = Client::over(UnixStream::connect(&path).unwrap());
        client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        client.upgrade(UPGRADE);
        client.send_packet(ECHO, 1, b"through a path");
        assert_eq!(client.reply().data, b"through a path");
    }
    assert!(Workers::bind(&config, &TOWN, |worker| Town::new(worker, channel().0)).is_err(), "in use");
    server.handle.drain();
    server.join().unwrap();
    assert!(!std::path::Path::new(&path).exists());
}
