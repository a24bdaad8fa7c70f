//! Connections that make way for others: with bytes that still wait, and where no other can be opened.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tungstenite::accept;

use crate::common::PATIENCE;
use crate::floods::upgrade;
use crate::{command, count, listen, run_briefly, wait};

/// Longer than what the sockets of a connection take at once.
const LONG: &str = "16MiB";
/// Bytes of the server's part of that.
const RECV_BUFFER_BYTES: usize = 64 * 1024;

/// A server that reads only. Tells of each connection that has ended how many requests came whole.
fn reading() -> (String, Receiver<io::Result<u64>>) {
    let (listener, url) = listen();
    set_socket_recv_buffer_size(&listener, RECV_BUFFER_BYTES).unwrap();
    let (sender, ended) = channel();
    thread::spawn(move || {
        // It ends some time after the last client has come.
        while let Ok((tcp, _)) = listener.accept() {
            // The test may have seen enough.
            let _ = sender.send(requests(tcp));
        }
    });
    (url, ended)
}

/// How many long requests a connection has. An error: it ended within one.
fn requests(mut tcp: TcpStream) -> io::Result<u64> {
    upgrade(&mut tcp)?;
    for whole in 0.. {
        let mut head = [0; 14];
        // The last one ends with a Close.
        if tcp.read(&mut head[..1])? == 0 || head[0] == 0x88 {
            return Ok(whole);
        }
        tcp.read_exact(&mut head[1..])?;
        assert_eq!(head[..2], [0x82, 0xff], "a long binary frame with a mask");
        let len = head[2..10].iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
        if io::copy(&mut tcp.by_ref().take(len), &mut io::sink())? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    unreachable!()
}

#[test]
fn what_waits_goes_out_before_a_connection_ends_without_a_close() {
    let (url, ended) = reading();
    let load = ["--cmd", "echo.sink", "--replies", "0", "--rate", "20", "--size", LONG, "--connections", "1"];
    let (status, figures) = run_briefly(&url, &[&load[..], &["--churn", "1", "--without-close"]].concat());
    let (opened, sent) = (count(&figures, "opened"), count(&figures, "sent"));
    assert!(status == 0 && sent > 1, "{figures}");
    // All but the last have had their request.
    for _ in 1..opened {
        assert_eq!(ended.recv_timeout(PATIENCE).unwrap().unwrap(), 1, "{figures}");
    }
}

#[test]
fn a_place_whose_connection_fails_at_once_is_tried_again() {
    let (listener, url) = listen();
    let load = ["--echo", "--connections", "1", "--churn", "1", "--without-close", "--output", "json"];
    let arguments = [&load[..], &["--warmup", "0", "--duration", "1s"]].concat();
    let bench = command(&url, &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut socket = accept(listener.accept().unwrap().0).unwrap();
    let message = socket.read().unwrap();
    // It can make no socket from now on.
    let none = Rlimit { current: Some(0), ..getrlimit(Resource::Nofile) };
    prlimit(Some(Pid::from_child(&bench)), Resource::Nofile, none).unwrap();
    socket.send(message).unwrap();
    let ended = wait(bench, "no descriptors");
    let (status, figures) = (ended.status, ended.json());
    assert_eq!((status, &figures["ended_early"]), (1, &false.into()), "{figures}");
    let failed = figures["failed"]["Too many open files (os error 24)"].as_u64();
    assert!(failed > Some(1) && figures["opened"] == 1, "{figures}");
}
