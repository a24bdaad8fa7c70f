//! Clients on a Unix domain socket: the same service, and a path that is there as long as it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use common::{Client, Event, Frame, PATIENCE, Reply, Server, UPGRADE, config, frame, join, packet};
use sysconn::config::Listen;
use sysconn::frame::Opcode;
use sysconn::{BindError, Cause, Config, Peer, Reactor};

fn path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sysconn-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

fn at(path: &Path) -> Config {
    Config { listen: vec![Listen::Unix(path.to_owned())], ..Config::default() }
}

fn connect(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(stream);
    client.upgrade(UPGRADE);
    client
}

#[test]
fn packets_go_both_ways_and_the_path_goes_with_the_server() {
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
fn tcp_and_unix_side_by_side() {
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

#[cfg(feature = "program")]
mod program {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::process::Command;

    use rustix::process::Signal;

    use super::*;
    use common::Program;

    fn serve(path: &Path, more: &[&str]) -> Program {
        let listen = format!("unix:{}", path.display());
        Program::start(&[&["serve", "--listen", &listen], more].concat())
    }

    fn end(mut program: Program) {
        program.signal(Signal::TERM);
        assert_eq!(program.wait().0.code(), Some(0));
    }

    #[test]
    fn a_server_that_ends_removes_its_own_path_only() {
        for workers in ["1", "3"] {
            let path = path("newer");
            let older = serve(&path, &["--workers", workers]);
            // As a deployment does: the older server keeps its clients, and a newer one takes the path.
            fs::remove_file(&path).unwrap();
            let newer = serve(&path, &["--workers", workers]);
            end(older);
            connect(&path).echo(b"served by the newer one");
            end(newer);
            assert!(!path.exists());

            let older = serve(&path, &["--workers", workers]);
            fs::remove_file(&path).unwrap();
            fs::write(&path, "precious").unwrap();
            end(older);
            assert_eq!(fs::read(&path).unwrap(), b"precious");
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_path_that_is_taken_ends_it_with_one_line_and_status_2() {
        let (file, socket) = (path("a-file"), path("a-server"));
        fs::write(&file, "precious").unwrap();
        let running = serve(&socket, &[]);
        let cases =
            [(&file, "something is there that is not a socket"), (&socket, "another server listens there")];
        for (path, why) in cases {
            let before = fs::metadata(path).unwrap().ino();
            let listen = format!("unix:{}", path.display());
            let output = Command::new(env!("CARGO_BIN_EXE_sysconn"))
                .args(["serve", "--listen", &listen])
                .env_clear()
                .output()
                .unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(error, format!("sysconn: cannot listen on {listen}: {why}\n"));
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(fs::metadata(path).unwrap().ino(), before);
        }
        connect(&socket).echo(b"still there");
        end(running);
        fs::remove_file(&file).unwrap();
    }

    #[test]
    fn what_a_killed_server_left_is_taken_over_by_one_of_many() {
        let path = path("killed");
        drop(serve(&path, &[]));
        assert!(path.exists(), "it was killed");
        let listen = format!("unix:{}", path.display());
        let log =
            |number| std::env::temp_dir().join(format!("sysconn-{}-start-{number}", std::process::id()));
        let mut starts: Vec<_> = (0..6)
            .map(|number| {
                Command::new(env!("CARGO_BIN_EXE_sysconn"))
                    .args(["serve", "--listen", &listen])
                    .env_clear()
                    .stdout(fs::File::create(log(number)).unwrap())
                    .stderr(std::process::Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let listens = |number| fs::read(log(number)).unwrap().starts_with(b"listening");
        common::eventually("each of them has decided", || {
            (0..6).all(|number| listens(number) || starts[number].try_wait().unwrap().is_some())
        });
        assert_eq!((0..6).filter(|&number| listens(number)).count(), 1);
        connect(&path).echo(b"served by one of them");
        for (number, mut start) in starts.into_iter().enumerate() {
            start.kill().unwrap();
            start.wait().unwrap();
            fs::remove_file(log(number)).unwrap();
        }
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_socket_has_the_mode_of_the_option() {
        for (mode, expected) in [("660", 0o660), ("0606", 0o606), ("777", 0o777)] {
            let path = path("mode");
            let server = serve(&path, &["--socket-mode", mode]);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, expected);
            connect(&path).echo(b"as before");
            end(server);
        }
    }
}
