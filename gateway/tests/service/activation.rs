//! Socket activation: who may connect, which sockets are taken, and restarts under clients.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use rustix::process::Signal;

use crate::activated;
use crate::common::{Client, PATIENCE, Program, UPGRADE, still_serves};

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn a_restart_refuses_nobody() {
    for workers in ["1", "3"] {
        let (listener, address) = listener();
        let start = || {
            let arguments = ["serve", "--listen", "systemd", "--workers", workers];
            Program::start_as(&mut activated(&listener, 1, &arguments))
        };
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
                            // 503 if the request comes when the program has begun to drain.
                            let statuses = ["HTTP/1.1 101 ", "HTTP/1.1 503 "];
                            assert!(statuses.iter().any(|status| head.starts_with(status)), "{head}");
                            let _ = answered.try_send(());
                        }
                    })
                })
                .collect();
            for round in 0..5 {
                let mut program = start();
                assert_eq!(program.address(), address);
                for _ in 0..10 {
                    answers.recv_timeout(PATIENCE).unwrap();
                }
                if round == 4 {
                    done.store(true, Ordering::Relaxed);
                    while !clients.iter().all(thread::ScopedJoinHandle::is_finished) {
                        thread::yield_now();
                    }
                }
                program.signal(Signal::TERM);
                assert_eq!(program.wait().0.code(), Some(0));
            }
        });
    }
}

#[test]
fn sockets_are_taken_by_name_and_others_are_named_in_the_log() {
    let (listener, address) = listener();
    let warning = "1 sockets of systemd are not used";
    for (listen, count, warns) in
        [("systemd", 2, false), ("systemd:other", 2, true), ("systemd:game", 1, false)]
    {
        let program = Program::start_as(&mut activated(&listener, count, &["--listen", listen]));
        let expected = vec![address.to_string(); if listen == "systemd" { 2 } else { 1 }];
        assert_eq!(program.listening, expected.join(", "), "{listen}");
        still_serves(address);
        let log = String::from_utf8(program.log()).unwrap();
        assert_eq!(log.contains(warning), warns, "{listen}: {log}");
    }
    // Beside an address of its own.
    let both = ["--listen", "127.0.0.1:0", "--listen", "systemd"];
    let program = Program::start_as(&mut activated(&listener, 1, &both));
    let (own, passed) = program.listening.split_once(", ").unwrap();
    assert_eq!(passed, address.to_string());
    still_serves(own.parse().unwrap());
    still_serves(address);
}

#[test]
fn sockets_that_are_not_there_or_open_to_all_end_the_program_with_one_line() {
    let (local, _) = listener();
    let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
    let cases: [(&TcpListener, u32, &[&str], &str); 4] = [
        (&local, 0, &["--listen", "systemd"], "sysconn: --listen: systemd has passed no socket (LISTEN_FDS)"),
        (
            &local,
            1,
            &["--listen", "systemd:admin"],
            "sysconn: --listen: systemd has passed no socket with FileDescriptorName=admin (LISTEN_FDS)",
        ),
        (
            &everywhere,
            1,
            &["--listen", "systemd"],
            "sysconn: --listen: expected a socket of systemd with a loopback",
        ),
        (
            &everywhere,
            1,
            &["--listen", "systemd", "--dev", "--auth", "open", "--listen", "127.0.0.1:0"],
            "sysconn: --listen: expected a socket of systemd with a loopback",
        ),
    ];
    for (listener, count, arguments, expected) in cases {
        let mut command = activated(listener, count, arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut error) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments:?}: {error}");
        let last = error.lines().last().unwrap();
        assert!(out.is_empty() && last.starts_with(expected), "{arguments:?}: {error}");
    }
    let open = ["--listen", "systemd", "--auth", "open"];
    let program = Program::start_as(&mut activated(&everywhere, 1, &open));
    still_serves(([127, 0, 0, 1], program.address().port()).into());
}
