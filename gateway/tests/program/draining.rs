//! SIGTERM and SIGINT: the drain, and its end.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;
use sysconn::client::{self, ClientError};

use crate::common::{Client, UPGRADE, eventually};
use crate::serve;

#[test]
fn the_program_prints_one_line_and_drains_at_the_first_signal() {
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
fn clients_waiting_to_be_accepted_at_the_signal_are_answered() {
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
fn drain_timeout_ends_the_program_although_clients_stay() {
    // It does not read either, so not even the Close can be sent.
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
fn a_paced_drain_says_when_to_come_back() {
    for (options, reason, seconds) in
        [(&[][..], "going away", None), (&["--drain-rate", "100"][..], "going away retry=1", Some(1))]
    {
        let program = serve(options);
        let url = format!("ws://{}", program.address()).parse().unwrap();
        let mut client = client::Client::connect(&url).unwrap();
        program.signal(Signal::TERM);
        let Err(ClientError::Ended(ended)) = client.receive() else { panic!("{options:?}: no end") };
        assert_eq!((ended.code, &*ended.reason), (1001, reason), "{options:?}");
        assert_eq!(ended.retry_seconds(), seconds, "{options:?}");
    }
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    // Without a drain timeout only the second signal can end the program while a client has not answered.
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
