//! The real program: what it prints, how it ends, and what it logs of those who misbehave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use common::{
    Client, Frame, PATIENCE, Program, Reply, UPGRADE, eventually, frame, join, packet, still_echoes,
    still_serves,
};
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity};
use sysconn::frame::Opcode;

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn serve(more: &[&str]) -> Program {
    Program::start(&[&SERVE, more].concat())
}

#[test]
fn module_11_answers() {
    let program = serve(&["--diagnostics"]);
    let mut client = Client::connect(program.address());
    client.send(&join(&[
        &packet(1101, 1, b"echo"),
        &packet(1102, 2, b"sink"),
        &packet(1103, 3, &[0x12, 0x34]),
        &packet(1104, 4, &[0, 3]),
        &packet(1105, 5, b"\0\0\0\x05later"),
        &packet(1101, 6, b"behind"),
    ]));
    let expected = [
        Reply::new(1101, 1, b"echo"),
        Reply::refusal(1103, 3, 0x1234),
        Reply::new(1104, 4, &[0, 0, 0, 0]),
        Reply::new(1104, 4, &[0, 0, 0, 1]),
        Reply::new(1104, 4, &[0, 0, 0, 2]),
        Reply::new(1105, 5, b"later"),
        Reply::new(1101, 6, b"behind"),
    ];
    for reply in expected {
        assert_eq!(client.reply(), reply);
    }
    let mut other = Client::connect(program.address());
    other.send_packet(1106, 1, b"");
    other.expect_close(1011, "1106");
    for (cmd, data) in [(1103, &b"\0"[..]), (1103, b"\0\0"), (1104, b"\0\0\0"), (1105, b"\0\0\0")] {
        let mut other = Client::connect(program.address());
        other.send_packet(cmd, 1, data);
        other.expect_close(4001, &format!("{cmd} {data:?}"));
    }
    client.echo(b"untouched");

    // Without the switch there is no such command.
    let program = serve(&[]);
    let mut client = Client::connect(program.address());
    client.send_packet(1106, 1, b"");
    assert_eq!(client.reply(), Reply::refusal(1106, 1, 1));
    client.close();
}

#[test]
fn echo_echoes_text_and_binary_up_to_64_mib() {
    let program = Program::start(&["echo", "--listen", "127.0.0.1:0", "--max-len", "64MiB"]);
    let mut client = Client::connect(program.address());
    client.send(&frame(Opcode::Text, "κόσμε".as_bytes()));
    assert_eq!(client.next(), Frame::Text("κόσμε".into()));
    let large = vec![0x5a; 3 << 20];
    client.send(&frame(Opcode::Binary, &large));
    assert_eq!(client.next(), Frame::Binary(large));
    client.close();
    still_echoes(program.address());
}

#[test]
fn one_line_on_standard_output_and_a_drain_at_the_first_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = serve(&[]);
        let mut clients = [Client::connect(program.address()), Client::connect(program.address())];
        let [busy, _] = &mut clients;
        busy.send_packet(1104, 1, &60_000u16.to_be_bytes());
        assert_eq!(busy.reply().data, 0u32.to_be_bytes());
        let address = program.address();
        program.signal(signal);
        let [mut busy, mut quiet] = clients;
        quiet.expect_close(1001, "draining");
        for index in 1..60_000u32 {
            assert_eq!(busy.reply().data, index.to_be_bytes());
        }
        busy.expect_close(1001, "draining");
        drop((quiet, busy));
        let (status, more) = program.wait();
        assert_eq!(status.code(), Some(0));
        assert_eq!(more, Vec::<String>::new());
        assert!(TcpStream::connect(address).is_err());
    }
}

#[test]
fn clients_that_wait_at_the_signal_are_answered() {
    let mut program = serve(&["--drain-timeout", "60s"]);
    program.signal(Signal::STOP);
    eventually("it stands still", || program.is_stopped());
    let mut waiting: Vec<_> = (0..1500).map(|_| Client::raw(program.address())).collect();
    program.signal(Signal::TERM);
    program.signal(Signal::CONT);
    let mut refused = 0;
    for client in &mut waiting {
        client.send(UPGRADE);
        // Some may have been let in before the program heard of the signal.
        let head = client.read_head();
        refused += usize::from(head.starts_with("HTTP/1.1 503 "));
        assert!(head.starts_with("HTTP/1.1 503 ") || head.starts_with("HTTP/1.1 101 "), "{head}");
    }
    assert!(refused > 0, "the drain began late");
    drop(waiting);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_drain_that_is_delayed_is_announced() {
    let mut program = serve(&["--drain-delay", "200ms", "--log", "info"]);
    let address = program.address();
    let mut client = Client::connect(address);
    program.signal(Signal::TERM);
    let draining = || String::from_utf8(program.log()).unwrap();
    eventually("the drain is announced", || draining().contains("draining in 200 ms"));
    client.expect_close(1001, "after the delay");
    drop(client);
    assert_eq!(program.wait().0.code(), Some(0));
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_client_that_stays_does_not_keep_the_program() {
    // It does not read either, so the Close cannot even go out to it.
    let mut program = serve(&["--drain-timeout", "200ms"]);
    let mut client = Client::connect(program.address());
    client.send_packet(1104, 1, &60_000u16.to_be_bytes());
    assert_eq!(client.reply().data, 0u32.to_be_bytes());
    let silent = Client::raw(program.address());
    program.signal(Signal::TERM);
    let (status, _) = program.wait();
    assert_eq!(status.code(), Some(0));
    drop((client, silent));
}

#[test]
fn a_program_that_was_stopped_reads_before_it_judges() {
    let timers = ["--read-timeout", "2s", "--client-check", "2s", "--ping-interval", "0"];
    for workers in ["1", "3"] {
        let program = serve(&[&timers[..], &["--workers", workers]].concat());
        let mut clients: Vec<_> = (0..6).map(|_| Client::connect(program.address())).collect();
        let mut silent = Client::connect(program.address());
        for client in &mut clients {
            client.echo(b"before");
        }
        program.signal(Signal::STOP);
        eventually("it stands still", || program.is_stopped());
        for client in &mut clients {
            client.send_packet(1101, 7, b"meanwhile");
        }
        // Longer than the timers, in which nothing comes.
        clients[0].stream.set_read_timeout(Some(Duration::from_millis(2500))).unwrap();
        clients[0].stream.read_exact(&mut [0]).unwrap_err();
        program.signal(Signal::CONT);
        clients[0].stream.set_read_timeout(Some(PATIENCE)).unwrap();
        for client in &mut clients {
            assert_eq!(client.reply(), Reply::new(1101, 7, b"meanwhile"));
        }
        // Without this one the timers might have been off.
        assert_eq!(silent.next(), Frame::Ping(vec![]));
        assert!(matches!(silent.next(), Frame::Close(Some(4003 | 4009))));
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    // With no limit for draining only the second signal can end it while a client owes its answer.
    let mut program = serve(&["--drain-timeout", "0", "--drain-rate", "1"]);
    let clients: Vec<_> = (0..100).map(|_| Client::connect(program.address())).collect();
    let address = program.address();
    program.signal(Signal::TERM);
    eventually("new clients are turned away", || TcpStream::connect(address).is_err());
    program.signal(Signal::INT);
    let (status, _) = program.wait();
    assert!(!status.success(), "{status}");
    assert_eq!(status.code(), Some(128 + 2), "{status}, signal {:?}", status.signal());
    drop(clients);
}

#[test]
fn a_burst_comes_whole_or_is_refused() {
    // A reply of 4 bytes takes 17.
    let cases: [(&[&str], u16, bool); 8] = [
        (&[], 61_680, true),
        (&[], 61_681, false),
        (&[], 65_535, false),
        (&["--overflow", "drop"], 65_535, false),
        (&["--outbox-limit", "600000", "--compress-above", "1"], 35_294, true),
        (&["--outbox-limit", "600000", "--compress-above", "1"], 35_295, false),
        (&["--outbox-limit", "0"], 65_535, true),
        (&[], 0, true),
    ];
    for (options, count, whole) in cases {
        let program = serve(options);
        let mut client = Client::connect(program.address());
        client.send_packet(1104, 7, &count.to_be_bytes());
        if whole {
            for index in 0..u32::from(count) {
                assert_eq!(client.reply(), Reply::new(1104, 7, &index.to_be_bytes()), "{options:?}");
            }
        } else {
            assert_eq!(client.reply(), Reply::refusal(1104, 7, 6), "{options:?} {count}");
        }
        client.echo(b"behind it");
    }
}

#[test]
fn an_address_in_use_ends_it_with_one_line_and_status_2() {
    for first in ["1", "2"] {
        let program = serve(&["--workers", first]);
        for (mode, workers) in [("serve", "1"), ("echo", "1"), ("serve", "2"), ("echo", "3")] {
            let output = Command::new(env!("CARGO_BIN_EXE_sysconn"))
                .args([mode, "--listen", &program.listening, "--workers", workers])
                .env_clear()
                .output()
                .unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{error}");
            assert!(output.stdout.is_empty());
            assert!(error.starts_with("sysconn: ") && error.contains(&program.listening), "{error}");
            assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
        }
        still_serves(program.address());
    }
}

#[test]
fn several_workers_are_one_program() {
    let mut program = serve(&["--workers", "4"]);
    // The port that the system gave is that of all, and can be had again at once.
    for _ in 0..2 {
        let address = program.address();
        let mut clients: Vec<_> = (0..40).map(|_| Client::connect(address)).collect();
        for client in &mut clients {
            client.echo(b"from one of them");
        }
        program.signal(Signal::TERM);
        for client in &mut clients {
            client.expect_close(1001, "draining");
        }
        drop(clients);
        let (status, more) = program.wait();
        assert_eq!((status.code(), more), (Some(0), vec![]));
        assert!(TcpStream::connect(address).is_err());
        program = Program::start(&["serve", "--workers", "3", "--listen", &address.to_string()]);
    }
}

#[test]
fn workers_are_pinned_one_by_one_or_not_at_all() {
    let program = serve(&["--workers", "1", "--cpu", "0"]);
    still_serves(program.address());
    // There are not so many cores, wherever this is run.
    let output = Command::new(env!("CARGO_BIN_EXE_sysconn"))
        .args(["echo", "--listen", "127.0.0.1:0", "--workers", "255", "--cpu", "1000"])
        .env_clear()
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(output.stdout.is_empty());
    assert!(error.starts_with("sysconn: --cpu: there is no CPU 1254 "), "{error}");
    assert_eq!(error.find('\n'), Some(error.len() - 1), "{error}");
}

#[test]
fn nobody_can_flood_the_log() {
    let program = serve(&[]);
    for _ in 0..1000 {
        let mut client = Client::connect(program.address());
        client.send(b"\x82\x04data");
        client.expect_close(1002, "not masked");
    }
    let log = String::from_utf8(program.log()).unwrap();
    let before: usize = log.lines().filter(|line| line.contains("bad input")).map(str::len).sum();
    assert!(before > 0, "the first of them are logged");
    assert!(before <= 16 * 1024, "{before} bytes");

    // One connection costs ten lines at most, the one that says why it closed included.
    let program = serve(&[]);
    let mut client = Client::connect(program.address());
    for flag in 0..11 {
        client.send_packet(2000, flag, b"");
    }
    for flag in 0..10 {
        assert_eq!(client.reply(), Reply::refusal(2000, flag, 1));
    }
    client.expect_close(4002, "bad requests");
    still_serves(program.address());
    let log = String::from_utf8(program.log()).unwrap();
    let lines = log.lines().filter(|line| line.contains("cmd=2000 reason=")).count();
    assert_eq!(lines, 10, "{log}");
}

/// The name of each thread of a process, and the cores that it may run on (proc(5)).
fn cores(process: u32) -> Vec<(String, String)> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let field =
                |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
            (field("Name:"), field("Cpus_allowed_list:"))
        })
        .collect()
}

#[test]
fn workers_are_pinned_and_no_other_thread_is() {
    let given = sched_getaffinity(None).unwrap();
    let is_given = |cpu: &usize| given.is_set(*cpu);
    let Some(first) = (0..CpuSet::MAX_CPU - 1).find(|cpu| is_given(cpu) && is_given(&(cpu + 1))) else {
        // With one core all threads share it.
        return;
    };
    let (_, all) = cores(std::process::id()).pop().unwrap();
    let directory = std::env::temp_dir();
    let options = ["--workers", "2", "--cpu", &first.to_string(), "--record", directory.to_str().unwrap()];
    let program = serve(&options);
    let mut expected =
        [("sysconn", first), ("worker-1", first + 1)].map(|(name, cpu)| (name.to_owned(), cpu.to_string()));
    expected.sort();
    // A thread names itself, and a worker pins itself, a moment after it was started.
    eventually("only workers are pinned", || {
        let (mut workers, others): (Vec<_>, Vec<_>) = cores(program.id())
            .into_iter()
            .partition(|(name, _)| expected.iter().any(|(worker, _)| worker == name));
        workers.sort();
        workers == expected && others.len() >= 3 && others.iter().all(|(_, cores)| *cores == all)
    });
}

#[test]
fn options_that_work_against_each_other_are_logged_once_at_the_start() {
    let cases: [(&[&str], &str); 5] = [
        (&["--workers", "2"], ""),
        (&["--ping-interval", "90s", "--workers", "2"], "ping-interval 90s is not below read-timeout 60s: "),
        (
            &["--liveness", "frames", "--client-check", "10s"],
            "ping-interval 25s is not below client-check 10s: ",
        ),
        (
            &["--liveness", "frames", "--ping-interval", "0"],
            "liveness frames counts Pongs, and ping-interval 0 ",
        ),
        (&["--drain-rate", "100"], "drain-rate 100 tells 500 clients to leave within drain-timeout 5s: "),
    ];
    for (options, expected) in cases {
        let log = String::from_utf8(serve(options).log()).unwrap();
        let warnings: Vec<_> = log.lines().filter(|line| line.contains("WARN")).collect();
        assert_eq!(warnings.len(), usize::from(!expected.is_empty()), "{options:?}: {log}");
        assert!(warnings.iter().all(|line| line.contains(expected)), "{options:?}: {log}");
    }
}

#[test]
fn nothing_that_clients_send_is_logged_raw() {
    let program = serve(&["--log", "debug"]);
    let head = std::str::from_utf8(UPGRADE).unwrap();
    for evil in ["\x1b[31m", "\x07", "\rinjected", "\x0binjected", "\u{9b}31m", "%0d%0ainjected"] {
        let requests = [
            head.replace("/chat", &format!("/{evil}")),
            head.replace("\r\n\r\n", &format!("\r\nX: {evil}\r\n\r\n")),
            head.replace("\r\n\r\n", &format!("\r\nOrigin: {evil}\r\n\r\n")),
            head.replace("localhost", &format!("localhost{evil}")),
            head.replace("dGhl", evil),
            head.replace("GET", evil),
        ];
        for request in requests {
            let mut client = Client::raw(program.address());
            client.send(request.as_bytes());
            client.shutdown_write();
            // Refused or accepted, and then the end.
            client.read_head();
        }
        for message in [evil.as_bytes(), b"0123456789\x1b[31m\r\n"] {
            let mut client = Client::connect(program.address());
            client.send(&frame(Opcode::Binary, message));
            client.send(&frame(Opcode::Close, &join(&[&1000u16.to_be_bytes(), evil.as_bytes()])));
            while client.next() != Frame::End {}
        }
    }
    still_serves(program.address());
    let log = program.log();
    assert!(!log.is_empty());
    let raw = log.iter().find(|&&byte| byte != b'\n' && !(0x20..0x7f).contains(&byte));
    assert_eq!(raw, None, "{}", String::from_utf8_lossy(&log));
    assert!(!String::from_utf8_lossy(&log).lines().any(|line| line.starts_with("injected")));
}
