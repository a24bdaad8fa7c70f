//! What the program tells its service manager.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;

use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

use crate::common::{Client, PATIENCE, Program, eventually};
use crate::temporary;

/// The manager's end.
struct Manager(UnixDatagram);

impl Manager {
    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(socket)
    }

    /// The assignments of the next message.
    fn next(&self) -> Vec<(String, String)> {
        let mut buffer = [0; 4096];
        let len = self.0.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..len]).unwrap();
        text.lines().map(|line| line.split_once('=').unwrap()).map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn expect(&self, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(self.next(), expected);
    }
}

fn start(socket: &str, arguments: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    Program::start_as(
        command.args(["--listen", "127.0.0.1:0"]).args(arguments).env_clear().env("NOTIFY_SOCKET", socket),
    )
}

fn micros() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

#[test]
fn it_tells_when_it_serves_reloads_and_drains() {
    let path = temporary("notify");
    let keys = temporary("notify-keys");
    std::fs::write(&keys, "5a".repeat(32) + "\n").unwrap();
    let manager = Manager::new(UnixDatagram::bind(&path).unwrap());
    // With and without files to read again.
    for files in [&[][..], &["--token-keys", keys.to_str().unwrap()]] {
        let drain = ["--drain-delay", "100ms", "--drain-timeout", "7s"];
        let mut program = start(path.to_str().unwrap(), &[&drain, files].concat());
        let status = format!("listening on {}", program.listening);
        let serving = [("READY", "1"), ("STATUS", status.as_str())];
        manager.expect(&serving);
        for _ in 0..2 {
            let asked = micros();
            program.signal(Signal::HUP);
            let reloading = manager.next();
            let keys: Vec<_> = reloading.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, ["RELOADING", "MONOTONIC_USEC", "STATUS"]);
            let at: i64 = reloading[1].1.parse().unwrap();
            assert!((asked..=micros()).contains(&at), "{asked} {at}");
            manager.expect(&serving);
        }
        let client = Client::connect(program.address());
        program.signal(Signal::TERM);
        manager.expect(&[("STOPPING", "1"), ("STATUS", "draining"), ("EXTEND_TIMEOUT_USEC", "12100000")]);
        // A reload goes on, but would hide the drain.
        let reloads =
            |program: &Program| String::from_utf8(program.log()).unwrap().matches("reload: ").count();
        let before = reloads(&program);
        program.signal(Signal::HUP);
        eventually("SIGHUP is taken", || reloads(&program) > before);
        drop(client);
        assert_eq!(program.wait().0.code(), Some(0));
        manager.0.set_nonblocking(true).unwrap();
        assert_eq!(manager.0.recv(&mut [0; 64]).unwrap_err().kind(), ErrorKind::WouldBlock);
        manager.0.set_nonblocking(false).unwrap();
    }
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(keys).unwrap();
}

#[test]
fn the_watchdog_is_fed_if_the_manager_waits_for_this_process() {
    let path = temporary("watchdog");
    let manager = Manager::new(UnixDatagram::bind(&path).unwrap());
    let start = |watchdog_pid: &str| {
        let mut command = Command::new("sh");
        let script = format!(r#"export WATCHDOG_PID={watchdog_pid}; exec "$0" "$@""#);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_sysconn"), "--listen", "127.0.0.1:0"]).env_clear();
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
        Program::start_as(&mut command)
    };
    // 1 is another process.
    for (watchdog_pid, is_fed) in [("$$", true), ("''", true), ("1", false)] {
        let mut program = start(watchdog_pid);
        let mut told = vec![];
        for _ in 0..10 {
            told.push(manager.next().remove(0).0);
            if told.len() == 1 && !is_fed {
                break;
            }
        }
        program.signal(Signal::TERM);
        while told.last().is_none_or(|last| last != "STOPPING") {
            told.push(manager.next().remove(0).0);
        }
        assert_eq!(program.wait().0.code(), Some(0));
        // What came after the signal.
        manager.0.set_nonblocking(true).unwrap();
        while manager.0.recv(&mut [0; 64]).is_ok() {}
        manager.0.set_nonblocking(false).unwrap();
        let fed = told.iter().filter(|first| *first == "WATCHDOG").count();
        assert!(if is_fed { fed >= 5 } else { fed == 0 }, "{watchdog_pid}: {told:?}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_manager_without_a_path_is_told_and_one_that_is_gone_is_not_missed() {
    let name = format!("sysconn-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = Manager::new(UnixDatagram::bind_addr(&address).unwrap());
    let mut program = start(&format!("@{name}"), &["--drain-timeout", "0"]);
    manager.expect(&[("READY", "1"), ("STATUS", &format!("listening on {}", program.listening))]);
    program.signal(Signal::TERM);
    manager.expect(&[("STOPPING", "1"), ("STATUS", "draining")]);
    assert_eq!(program.wait().0.code(), Some(0));
    drop(manager);
    // One that is busy at first.
    let full = temporary("full");
    let manager = Manager::new(UnixDatagram::bind(&full).unwrap());
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"x=x", &full).is_ok() {}
    let mut program = start(full.to_str().unwrap(), &[]);
    while manager.next()[0].0 != "READY" {}
    program.signal(Signal::TERM);
    assert_eq!(program.wait().0.code(), Some(0));
    drop(manager);
    std::fs::remove_file(&full).unwrap();
    // One that reads nothing, or cannot be: each is one line of the log, however often it is told.
    let reader = UnixDatagram::bind(&full).unwrap();
    while sender.send_to(b"x", &full).is_ok() {}
    for socket in [format!("@{name}"), full.to_str().unwrap().to_owned(), "/".repeat(200)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.args(["--listen", "127.0.0.1:0"]).env_clear().env("NOTIFY_SOCKET", socket);
        let mut program = Program::start_as(command.env("WATCHDOG_USEC", "8000"));
        crate::common::still_serves(program.address());
        program.signal(Signal::HUP);
        program.signal(Signal::TERM);
        assert_eq!(program.wait().0.code(), Some(0));
        let log = String::from_utf8(program.log()).unwrap();
        assert_eq!(log.matches("the service manager cannot be told").count(), 1, "{log}");
    }
    drop(reader);
    std::fs::remove_file(full).unwrap();
}
