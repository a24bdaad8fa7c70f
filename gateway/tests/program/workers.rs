//! Several workers, and the cores that they run on.

use std::net::TcpStream;
use std::process::Command;

use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::common::{Client, Program, eventually, still_serves};
use crate::serve;

#[test]
fn several_workers_are_one_program() {
    let mut program = serve(&["--workers", "4"]);
    // All workers share the port that the system chose, and it is free again at once.
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
    // No machine has so many cores.
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
fn only_workers_are_pinned() {
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
