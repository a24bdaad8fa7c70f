//! Clients on a Unix domain socket: the same service, and a path that exists as long as the server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use common::{Client, Event, Frame, PATIENCE, Reply, Server, UPGRADE, config, frame, join, packet, with};
use sysconn::config::Listen;
use sysconn::frame::Opcode;
use sysconn::{BindError, Cause, Config, Peer, Reactor};

fn path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sysconn-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn at(path: &Path) -> Config {
    with(Config::default(), |config| config.listen = vec![Listen::Unix(path.to_owned())])
}

fn connect(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(stream);
    client.upgrade(UPGRADE);
    client
}

#[test]
fn a_unix_socket_serves_packets_and_is_removed_at_the_end() {
    let path = path("both-ways");
    let mut server = Server::packets(&at(&path));
    let mut client = connect(&path);
    client.echo(b"over a path");
    client.echo(&vec![7; 300_000]);
    client.send_packet(2000, 1, b"");
    assert_eq!(client.reply(), Reply::refusal(2000, 1, 1));
    client.close();
    drop(client);
    match server.event() {
        Event::Closed(Peer::Local, Cause::PeerClosed(_)) => {}
        other => panic!("{other:?}"),
    }

    let mut client = connect(&path);
    client.send(&frame(Opcode::Binary, b"short"));
    client.expect_close(4000, "short");
    drop(client);
    let mut client = connect(&path);
    client.send(&join(&[&packet(1101, 1, b"half"), &packet(1101, 2, b"closed")]));
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.reply(), Reply::new(1101, 1, b"half"));
    assert_eq!(client.reply(), Reply::new(1101, 2, b"closed"));
    assert_eq!(client.next(), Frame::End);
    drop(client);

    let mut client = connect(&path);
    server.handle.drain();
    client.expect_close(1001, "draining");
    drop(client);
    server.join();
    assert!(!path.exists());
}

#[test]
fn only_an_abandoned_path_is_taken_over() {
    let path = path("abandoned");
    // Dropping a listener leaves its path, as a process does that was killed.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    {
        let _server = Server::packets(&at(&path));
        connect(&path).echo(b"taken over");
        let taken =
            Reactor::bind(&at(&path), &common::ROUTER, common::Game::new(std::sync::mpsc::channel().0));
        assert!(matches!(taken, Err(BindError::Listen(Listen::Unix(_), _))));
        connect(&path).echo(b"still there");
    }
    std::fs::write(&path, b"a file").unwrap();
    let taken = Reactor::bind(&at(&path), &common::ROUTER, common::Game::new(std::sync::mpsc::channel().0));
    assert!(matches!(taken, Err(BindError::Listen(Listen::Unix(_), _))));
    assert_eq!(std::fs::read(&path).unwrap(), b"a file");
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn tcp_and_unix_listeners_coexist() {
    let path = path("side-by-side");
    let mut config = config();
    config.listen.push(Listen::Unix(path.clone()));
    let server = Server::packets(&config);
    let mut unix = connect(&path);
    let mut tcp = Client::connect(server.address);
    unix.echo(b"unix");
    tcp.echo(b"tcp");
    unix.close();
    tcp.close();
}
