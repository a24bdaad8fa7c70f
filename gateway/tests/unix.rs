//! The program on a Unix domain socket: taking over a path, removing it, and its mode.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Client, PATIENCE, Program, UPGRADE};
use rustix::process::Signal;

fn path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sysconn-{}-{name}", std::process::id()));
    let _ = fs::remove_file(&path);
    path
}

fn connect(path: &Path) -> Client<UnixStream> {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(stream);
    client.upgrade(UPGRADE);
    client
}

fn serve(path: &Path, more: &[&str]) -> Program {
    let listen = format!("unix:{}", path.display());
    Program::start(&[&["serve", "--listen", &listen], more].concat())
}

fn end(mut program: Program) {
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_server_removes_only_its_own_socket_file() {
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
fn a_path_in_use_ends_the_program_with_one_line_and_status_2() {
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
fn one_of_several_servers_takes_over_the_path_of_a_killed_one() {
    let path = path("killed");
    drop(serve(&path, &[]));
    assert!(path.exists(), "it was killed");
    let listen = format!("unix:{}", path.display());
    let log = |number| std::env::temp_dir().join(format!("sysconn-{}-start-{number}", std::process::id()));
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
